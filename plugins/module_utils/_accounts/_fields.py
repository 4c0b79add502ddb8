# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of a request, read one by one: each is what it should be or refused in a sentence (private, pure)."""

from __future__ import annotations

import datetime
import os
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    check_group_name,
    check_username,
    is_system_path,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import KeyEntry, parse_key_entry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "NO_AGEING",
    "read_absolute",
    "read_boolean",
    "read_expires",
    "read_former",
    "read_gecos",
    "read_home",
    "read_keys",
    "read_known",
    "read_mode",
    "read_names",
    "read_number",
    "read_password",
]

NO_AGEING: tuple[str | None, ...] = (None, None, None, None)
_EPOCH = datetime.date(1970, 1, 1)
_LARGEST_ID = 4294967294  # the number above it means "leave the owner as it is" to chown


def read_number(entry: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """A number that a user or a group can have."""
    value = entry.get(key, default)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise IdentityError("%s must be a whole number, not %s" % (key, ascii(str(value)[:40])))
    if not 0 <= value <= _LARGEST_ID:
        raise IdentityError("%s %d is no number that a user or group can have" % (key, value))
    return value


def read_mode(key: str, text: Any) -> int | None:
    """The mode of a home; None when it is not said."""
    if text is None:
        return None
    if not isinstance(text, str) or len(text) not in (3, 4) or not set(text) <= set("01234567"):
        raise IdentityError("%s %s is not an octal mode such as '0700', in quotes" % (key, ascii(str(text)[:20])))
    mode = int(text, 8)
    if mode & 0o022:
        raise IdentityError("%s %s would let others write into a home: give '0700' or '0750'" % (key, text))
    return mode


def read_absolute(key: str, path: Any) -> str:
    """An absolute path, written plainly."""
    if not isinstance(path, str) or not path.startswith("/") or os.path.normpath(path) != path or path.startswith("//"):
        raise IdentityError(
            "%s %s must be an absolute path without '..' or double slashes" % (key, ascii(str(path)[:60]))
        )
    if ":" in path or not path.isprintable() or len(path) > 1024:
        raise IdentityError("%s %s has a colon or a character that cannot be printed" % (key, ascii(path[:60])))
    return path


def read_known(entry: Any, keys: frozenset[str]) -> Mapping[str, Any]:
    """A mapping without keys that nobody knows."""
    if not isinstance(entry, dict):
        raise IdentityError("must be a mapping, not %s" % type(entry).__name__)
    unknown = [key for key in entry if key not in keys]
    if unknown:
        raise IdentityError("unknown key %s (known: %s)" % (ascii(str(unknown[0])[:40]), ", ".join(sorted(keys))))
    # "key: null" says the same as leaving the key out
    return {key: value for key, value in entry.items() if value is not None}


def read_boolean(entry: Mapping[str, Any], key: str, default: bool) -> bool:
    """True or false, never a text that looks like it."""
    value = entry.get(key, default)
    if not isinstance(value, bool):
        raise IdentityError("%s must be true or false, not %s" % (key, ascii(str(value)[:40])))
    return value


def read_home(path: Any, for_system: bool, create: bool) -> str:
    """A directory that can be somebody's home."""
    home = read_absolute("home", path)
    if is_system_path(home) and not (for_system and (home.startswith(("/var/", "/opt/")) or not create)):
        raise IdentityError(
            "home %s belongs to the operating system: choose a directory below a base such as /home" % ascii(home)
        )
    if home == "/" or os.path.dirname(home) == "/":
        raise IdentityError("home %s is not a directory of its own below a base such as /home" % ascii(home))
    return home


def read_gecos(text: Any) -> str | None:
    """A text for the comment field; None when it is not said."""
    if text is None:
        return None
    if not isinstance(text, str) or ":" in text or not text.isprintable() or len(text) > 256:
        raise IdentityError(
            "gecos %s must be one line of at most 256 characters without a colon" % ascii(str(text)[:40])
        )
    return text


def read_names(groups: Any) -> tuple[str, ...] | None:
    """Names of groups, sorted, each once; None when they are not said."""
    if groups is None:
        return None
    if not isinstance(groups, list):
        raise IdentityError("groups must be a list, not %s" % type(groups).__name__)
    return tuple(sorted({check_group_name(group) for group in groups}))


def read_former(names: Any, name: str) -> tuple[str, ...]:
    """Names that somebody had before, without the present one."""
    if names is None:
        return ()
    if not isinstance(names, list):
        raise IdentityError("formerly must be a list, not %s" % type(names).__name__)
    return tuple(former for former in dict.fromkeys(map(check_username, names)) if former != name)


def read_keys(keys: Any) -> tuple[str, ...] | None:
    """The lines of a key file, each key once; None when they are not said."""
    if keys is None:
        return None
    if not isinstance(keys, list):
        raise IdentityError("keys must be a list, not %s" % type(keys).__name__)
    lines: dict[str, str] = {}
    for raw in keys:
        entry = parse_key_entry(raw)
        if lines.setdefault(entry.key.blob, entry.line) != entry.line and _differs(lines[entry.key.blob], entry):
            raise IdentityError(
                "SSH key %s is there twice with different options: sshd would take the first, so give it once"
                % entry.key.fingerprint
            )
    return tuple(lines.values())


def read_expires(text: Any) -> str | None:
    """A day as shadow counts it, "" for never; None when it is not said."""
    if text is None:
        return None
    if isinstance(text, datetime.date):
        text = text.isoformat()[:10]
    if text == "never":
        return ""
    try:
        days = (datetime.date(*(int(part) for part in _date_parts(text))) - _EPOCH).days
    except ValueError:
        days = 0
    if days <= 1:  # 0 is ambiguous in shadow(5), 1 means disabled
        raise IdentityError("expires %s is not a day such as 2027-01-31, nor 'never'" % ascii(str(text)[:40]))
    return str(days)


def _date_parts(text: Any) -> tuple[str, str, str]:
    parts = text.split("-") if isinstance(text, str) and text.isascii() else []
    if [len(part) for part in parts] != [4, 2, 2] or not "".join(parts).isdigit():
        raise ValueError(text)
    return (parts[0], parts[1], parts[2])


def read_password(entry: Mapping[str, Any]) -> tuple[str | None, tuple[str | None, ...]]:
    """The password field of shadow and the four of its ageing; None for what is not said."""
    if "password" not in entry and "password_ageing" not in entry:
        return None, NO_AGEING
    from ansible_collections.labfleet.identity.plugins.module_utils._belongings._passwords import (
        check_ageing,
        parse_ageing,
        parse_password,
    )

    password = parse_password(entry["password"]) if "password" in entry else None
    if "password_ageing" not in entry:
        return password, NO_AGEING
    ageing = parse_ageing(entry["password_ageing"])
    if password is not None:
        check_ageing(ageing, password)
    return password, (ageing.min_days, ageing.max_days, ageing.warn_days, ageing.inactive_days)


def _differs(line: str, entry: KeyEntry) -> bool:
    """Is this line that of the same key with other options? Another comment makes no difference."""
    return line.split(" " + entry.key.blob)[0] != entry.line.split(" " + entry.key.blob)[0]
