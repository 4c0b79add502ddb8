# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host should have: the module's parameters, checked entry by entry (private, pure)."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    RESERVED_NAMES,
    check_group_name,
    check_username,
    is_system_path,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import (
    SYSTEM_BAND,
    Band,
    check_group_band,
    check_uid_band,
    parse_band,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["PRIVILEGED_GROUPS", "GroupSpec", "Request", "UserSpec", "parse_request"]

# Whoever is in one of these can become root, or read what only root may.
PRIVILEGED_GROUPS = frozenset(
    [
        "root",
        "wheel",
        "sudo",
        "admin",
        "adm",
        "staff",
        "disk",
        "shadow",
        "kmem",
        "docker",
        "podman",
        "lxd",
        "lxc",
        "incus",
        "incus-admin",
        "libvirt",
        "kvm",
        "systemd-journal",
        "sys",
        "mem",
        "operator",
        "ssl-cert",
        "utmp",
        "src",
        "tape",
        "input",
        "lpadmin",
        "ssh_keys",
        "microk8s",
        "haclient",
    ]
)
STATES = ("present", "disabled", "absent")
SHOWN_PROBLEMS = 20
_EPOCH = datetime.date(1970, 1, 1)
_LARGEST_ID = 4294967294  # the number above it means "leave the owner as it is" to chown


@dataclass(frozen=True)
class UserSpec:
    """One user as it should be. None means: leave alone what is there."""

    name: str
    uid: int
    gid: int
    group: str
    home: str
    shell: str
    state: str = "present"
    gecos: str | None = None
    groups: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None
    expires: str | None = None  # days since 1970-01-01 as shadow has it, "" for never
    adopt: bool = False
    create_home: bool = True
    selected: bool = True
    formerly: tuple[str, ...] = ()  # names that the same person had before


@dataclass(frozen=True)
class GroupSpec:
    """One shared group that the collection manages."""

    name: str
    gid: int
    adopt: bool = False


@dataclass(frozen=True)
class Request:
    """The whole desired state of a host, as far as one owner (label) speaks for it."""

    users: tuple[UserSpec, ...]
    groups: tuple[GroupSpec, ...]
    owner: str
    band: Band
    group_band: Band
    orphans: str
    removal_cap: int
    pin_local_ids: bool
    home_mode: int | None
    keys_directory: str
    skel: str
    allow_privileged_groups: bool
    guest_bands: tuple[Band, ...] = ()  # of other profiles, some of whose people are guests here
    unselected: tuple[UserSpec, ...] = ()  # people who are not meant for this host, for the sake of their keys

    @property
    def bands(self) -> tuple[Band, ...]:
        """Where the numbers of users may lie."""
        return (self.band, *self.guest_bands)


def parse_request(params: Mapping[str, Any]) -> Request:
    """Check the module's parameters as a whole.

    :param params: as documented in the module; ``users`` and ``groups`` are lists of mappings.
    :raises IdentityError: names every entry that cannot be accepted, why, and what to do.
    """
    band, group_band = parse_band(params["band"]), parse_band(params["group_band"])
    for_system = _within(band, SYSTEM_BAND)
    if not for_system:
        check_uid_band(band)
    if not (for_system and _within(group_band, SYSTEM_BAND)):
        check_group_band(group_band)
    guest_bands = tuple(check_uid_band(parse_band(text)) for text in params.get("guest_bands") or ())
    for own in (band, *guest_bands):
        if not for_system and own.overlaps(group_band):
            raise IdentityError(
                "band %s and group_band %s overlap: a shared group could get the number of somebody's private group"
                % (own, group_band)
            )
    problems: list[str] = []
    groups = _each("groups", params["groups"], lambda entry: _group(entry, group_band), problems)
    users = _each("users", params["users"], lambda entry: _user(entry, (band, *guest_bands), for_system), problems)
    _distinct("users", users, ("name", "uid", "home"), problems)
    _distinct("groups", groups, ("name", "gid"), problems)
    names = {user.name for user in users}
    for user in users:
        taken = [former for former in user.formerly if former in names]
        if taken:
            problems.append("%s: its former name %s is another user's: correct formerly" % (user.name, taken[0]))
    shared = {group.name: group.gid for group in groups}
    for user in users:
        if user.name in shared and user.group == user.name:
            problems.append("%s: a user and a shared group have this name: rename the group" % user.name)
    if params["removal_cap"] < 0:
        problems.append("removal_cap %d: must be 0 or more" % params["removal_cap"])
    owner = params["owner"]
    if not owner or len(owner) > 128 or not owner.isprintable():
        problems.append("owner %s: must be 1 to 128 printable characters" % ascii(owner[:60]))
    _raise(problems)
    return Request(
        users=tuple(user for user in users if user.selected),
        unselected=tuple(user for user in users if not user.selected),
        groups=tuple(groups),
        owner=owner,
        band=band,
        group_band=group_band,
        guest_bands=guest_bands,
        orphans=params["orphans"],
        removal_cap=params["removal_cap"],
        pin_local_ids=params["pin_local_ids"],
        home_mode=_mode(params["home_mode"]),
        keys_directory=_absolute("keys_directory", params["keys_directory"]),
        skel=_absolute("skel", params["skel"]),
        allow_privileged_groups=params["allow_privileged_groups"],
    )


def _within(band: Band, other: Band) -> bool:
    return other.first <= band.first and band.last <= other.last


def _raise(problems: list[str]) -> None:
    if problems:
        raise IdentityError(
            "nothing was written, because the request cannot be accepted: %s"
            % in_one_sentence(problems, SHOWN_PROBLEMS)
        )


def _each(where: str, entries: list[Any], read: Callable[[Any], Any], problems: list[str]) -> list[Any]:
    accepted = []
    for index, entry in enumerate(entries):
        try:
            accepted.append(read(entry))
        except IdentityError as error:
            name = entry.get("name") if isinstance(entry, dict) else None
            shown = " (%s)" % ascii(name[:40]) if isinstance(name, str) else ""
            problems.append("%s[%d]%s: %s" % (where, index, shown, error))
    return accepted


def _distinct(where: str, entries: list[Any], fields: tuple[str, ...], problems: list[str]) -> None:
    for field in fields:
        seen: dict[Any, str] = {}
        for entry in entries:
            value = getattr(entry, field)
            if field == "home" and not (entry.create_home and entry.selected and entry.state == "present"):
                continue
            if value in seen:
                problems.append("%s: %s and %s both have %s %s" % (where, seen[value], entry.name, field, value))
            seen[value] = entry.name


def _number(entry: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = entry.get(key, default)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise IdentityError("%s must be a whole number, not %s" % (key, ascii(str(value)[:40])))
    if not 0 <= value <= _LARGEST_ID:
        raise IdentityError("%s %d is no number that a user or group can have" % (key, value))
    return value


def _mode(text: str | None) -> int | None:
    if text is None:
        return None
    if len(text) not in (3, 4) or not set(text) <= set("01234567"):
        raise IdentityError("home_mode %s is not an octal mode such as '0700'" % ascii(text[:20]))
    mode = int(text, 8)
    if mode & 0o022:
        raise IdentityError("home_mode %s would let others write into a home: give '0700' or '0750'" % text)
    return mode


def _absolute(key: str, path: Any) -> str:
    if not isinstance(path, str) or not path.startswith("/") or os.path.normpath(path) != path or path.startswith("//"):
        raise IdentityError(
            "%s %s must be an absolute path without '..' or double slashes" % (key, ascii(str(path)[:60]))
        )
    if ":" in path or not path.isprintable() or len(path) > 1024:
        raise IdentityError("%s %s has a colon or a character that cannot be printed" % (key, ascii(path[:60])))
    return path


def _known(entry: Any, keys: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(entry, dict):
        raise IdentityError("must be a mapping, not %s" % type(entry).__name__)
    unknown = [key for key in entry if key not in keys]
    if unknown:
        raise IdentityError("unknown key %s (known: %s)" % (ascii(str(unknown[0])[:40]), ", ".join(sorted(keys))))
    # "key: null" says the same as leaving the key out
    return {key: value for key, value in entry.items() if value is not None}


_GROUP_KEYS = frozenset(("name", "gid", "adopt"))
_USER_KEYS = frozenset(
    (
        "name",
        "uid",
        "gid",
        "group",
        "gecos",
        "home",
        "shell",
        "groups",
        "keys",
        "state",
        "expires",
        "adopt",
        "create_home",
        "selected",
        "formerly",
    )
)


def _boolean(entry: Mapping[str, Any], key: str, default: bool) -> bool:
    value = entry.get(key, default)
    if not isinstance(value, bool):
        raise IdentityError("%s must be true or false, not %s" % (key, ascii(str(value)[:40])))
    return value


def _group(raw: Any, group_band: Band) -> GroupSpec:
    entry = _known(raw, _GROUP_KEYS)
    name = check_group_name(entry.get("name", ""))
    gid = _number(entry, "gid")
    if gid not in group_band:
        raise IdentityError("gid %d is outside the group band %s" % (gid, group_band))
    if name in PRIVILEGED_GROUPS or name in RESERVED_NAMES:
        raise IdentityError("this name belongs to the operating system: choose another")
    return GroupSpec(name, gid, _boolean(entry, "adopt", False))


def _user(raw: Any, bands: tuple[Band, ...], for_system: bool) -> UserSpec:
    entry = _known(raw, _USER_KEYS)
    name = check_username(entry.get("name", ""))
    uid = _number(entry, "uid")
    if not any(uid in band for band in bands):
        raise IdentityError("uid %d is outside the band %s" % (uid, " and ".join(map(str, bands))))
    if not for_system and name in RESERVED_NAMES:
        raise IdentityError("this name belongs to the operating system or to a template: choose another")
    state = entry.get("state", "present")
    if state not in STATES:
        raise IdentityError("state %s is not one of %s" % (ascii(str(state)[:20]), ", ".join(STATES)))
    group = check_group_name(entry.get("group", name))
    create_home = _boolean(entry, "create_home", True)
    return UserSpec(
        name=name,
        uid=uid,
        gid=_number(entry, "gid", uid),
        group=group,
        home=_home(entry.get("home", "/home/" + name), for_system, create_home),
        shell=_absolute("shell", entry.get("shell", "/bin/bash")),
        state=state,
        gecos=_gecos(entry.get("gecos")),
        groups=_names(entry.get("groups")),
        keys=_keys(entry.get("keys")),
        expires=_expires(entry.get("expires")),
        adopt=_boolean(entry, "adopt", False),
        create_home=create_home,
        selected=_boolean(entry, "selected", True),
        formerly=_former(entry.get("formerly"), name),
    )


def _home(path: Any, for_system: bool, create: bool) -> str:
    home = _absolute("home", path)
    if is_system_path(home) and not (for_system and (home.startswith(("/var/", "/opt/")) or not create)):
        raise IdentityError(
            "home %s belongs to the operating system: choose a directory below a base such as /home" % ascii(home)
        )
    if home == "/" or os.path.dirname(home) == "/":
        raise IdentityError("home %s is not a directory of its own below a base such as /home" % ascii(home))
    return home


def _gecos(text: Any) -> str | None:
    if text is None:
        return None
    if not isinstance(text, str) or ":" in text or not text.isprintable() or len(text) > 256:
        raise IdentityError(
            "gecos %s must be one line of at most 256 characters without a colon" % ascii(str(text)[:40])
        )
    return text


def _names(groups: Any) -> tuple[str, ...] | None:
    if groups is None:
        return None
    if not isinstance(groups, list):
        raise IdentityError("groups must be a list, not %s" % type(groups).__name__)
    return tuple(sorted({check_group_name(group) for group in groups}))


def _former(names: Any, name: str) -> tuple[str, ...]:
    if names is None:
        return ()
    if not isinstance(names, list):
        raise IdentityError("formerly must be a list, not %s" % type(names).__name__)
    return tuple(former for former in dict.fromkeys(map(check_username, names)) if former != name)


def _keys(keys: Any) -> tuple[str, ...] | None:
    if keys is None:
        return None
    if not isinstance(keys, list):
        raise IdentityError("keys must be a list, not %s" % type(keys).__name__)
    lines: dict[str, str] = {}
    for text in keys:
        key = parse_public_key(text)
        lines.setdefault(key.blob, key.line)
    return tuple(lines.values())


def _expires(text: Any) -> str | None:
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
