# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a template may say, key by key (private, pure). What only the whole chain shows is for ``_whole``."""

from __future__ import annotations

import difflib
import re

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import parse_limits
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    check_group_name,
    check_shared_group_name,
    check_username,
    is_system_path,
    quoted,
)
from ansible_collections.labfleet.identity.plugins.module_utils._templates._document import check_template_name
from ansible_collections.labfleet.identity.plugins.module_utils._templates._merge import OVERRIDE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Collection

__all__ = ["RESEARCH_USER", "ROLE_BLOCKS", "TOP_KEYS", "USER_KEYS", "check_document"]

# who runs services where the template means the people themselves
RESEARCH_USER = "research_user"
MOST_ENTRIES = 500

# What goes to roles of the same name: a key here is a variable of the role without the role's name. What it means is
# for the role to check.
ROLE_BLOCKS: dict[str, frozenset[str]] = {
    "jupyter": frozenset(("users", "limits")),
    "rstudio": frozenset(
        ("groups", "limits", "r_packages", "r_program", "session_minutes", "session_settings", "sign_in_minutes")
    ),
    "resource_limits": frozenset(("users", "services", "disk_path", "disk", "report")),
}
TOP_KEYS = (
    "description", "extends", OVERRIDE, "packages", "services", "system_users", "system_groups",
    "shared_directories", "research_user", *ROLE_BLOCKS,
)  # fmt: skip

_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._:~-]{0,127}")
_SERVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:\\-]{0,199}")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:\\-]{0,199}")
_MODE = re.compile(r"[0-7]{3,4}")


def check_document(document: dict[str, Any]) -> None:
    """Refuse what no template may say.

    :param document: one template file, as data.
    :raises IdentityError: names the key, the reason and the way out.
    """
    _check_keys(document, TOP_KEYS, "")
    for key, value in document.items():
        if key in ROLE_BLOCKS:
            _mapping(value, key)
            _check_keys(value, ROLE_BLOCKS[key], key)
            _check_inner_keys(value, key)
        else:
            _TOP[key](value, key)


def _check_keys(mapping: dict[str, Any], known: Collection[str], where: str) -> None:
    at = f"{where}: " if where else ""
    for key in mapping:
        if key not in known and key != OVERRIDE:
            raise IdentityError(f"{at}there is no key {quoted(key)}{_nearest(key, known)}")
    for key in _anew(mapping, at):
        if key not in known or key in ("name", "path", "extends", OVERRIDE):
            raise IdentityError(
                f"{at}{OVERRIDE} names {quoted(key)}, which is no key to begin anew{_nearest(key, known)}"
            )


def _anew(mapping: dict[str, Any], at: str) -> list[str]:
    """The keys to begin anew, wherever they stand: of a text alone each part would count as one."""
    names = _list(mapping.get(OVERRIDE, []), f"{at}{OVERRIDE}")
    for name in names:
        if not isinstance(name, str):
            raise IdentityError(f"{at}{OVERRIDE} names {quoted(name)}, which is no key: write its name alone")
    return names


def _nearest(key: Any, known: Collection[str]) -> str:
    near = difflib.get_close_matches(str(key)[:64], sorted(known), 1)
    return f": did you mean {quoted(near[0])}?" if near else f" (known: {', '.join(sorted(known))})"


def _check_inner_keys(value: Any, where: str) -> None:
    """Refuse keys that could be mistaken for something of Python's or Ansible's, however deep."""
    if isinstance(value, list):
        for item in value:
            _check_inner_keys(item, where)
    elif isinstance(value, dict):
        _anew(value, f"{where}: ")
        for key, item in value.items():
            if not _KEY.fullmatch(key):
                raise IdentityError(f"{where}: the key {quoted(key)} is not valid: begin with a letter or a digit")
            _check_inner_keys(item, f"{where}.{key}")


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise IdentityError(f"{where} must be a mapping, not {quoted(value)}")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise IdentityError(f"{where} must be a list, not {quoted(value)}: begin its lines with '- '")
    if len(value) > MOST_ENTRIES:
        raise IdentityError(f"{where} has {len(value)} entries, and {MOST_ENTRIES} are the most")
    return value


def _text(value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise IdentityError(f"{where} must be text, not {quoted(value)}")


def _flag(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        raise IdentityError(f"{where} must be true or false, not {quoted(value)}")


def _choice(*choices: str) -> Callable[[Any, str], None]:
    def check(value: Any, where: str) -> None:
        if value not in choices:
            raise IdentityError(f"{where} must be one of {', '.join(choices)}, not {quoted(value)}")

    return check


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[Any, str], None]:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise IdentityError(f"{where}: {quoted(value)} is not {what}")

    return check


def _named(check_name: Callable[[Any], str]) -> Callable[[Any, str], None]:
    """A check of _names, whose sentences have a full stop of their own."""

    def check(value: Any, where: str) -> None:
        try:
            check_name(value)
        except IdentityError as refusal:
            raise IdentityError(f"{where}: {str(refusal).rstrip('.')}") from refusal

    return check


def _number(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise IdentityError(f"{where} must be a whole number, not {quoted(value)}")


def _anything(value: Any, where: str) -> None:
    """What the module checks that is given it; only keys are looked at."""
    _check_inner_keys(value, where)


def _no_password(_value: Any, where: str) -> None:
    raise IdentityError(f"{where}: a template is no place for a password: accounts with keys need none")


def _limits(value: Any, where: str) -> None:
    _anew(_mapping(value, where), f"{where}: ")
    try:
        parse_limits({key: limit for key, limit in value.items() if key != OVERRIDE})
    except IdentityError as refusal:
        raise IdentityError(f"{where}: {refusal}") from refusal


def _directory(value: Any, where: str) -> None:
    parts = value.split("/") if isinstance(value, str) else []
    if len(parts) < 2 or parts[0] or len(value) > 1024 or any(part in ("", ".", "..") for part in parts[1:]):
        raise IdentityError(f"{where}: {quoted(value)} is not a plain absolute path such as /srv/plots")
    if is_system_path(value) or len(parts) < 3:
        raise IdentityError(
            f"{where}: {quoted(value)} is where the system keeps its files or a whole file system: choose a directory"
            " such as /srv/plots"
        )


def _mode(value: Any, where: str) -> None:
    if not isinstance(value, str) or not _MODE.fullmatch(value):
        raise IdentityError(f"{where} must be a mode in quotes such as '2770', not {quoted(value)}")
    if int(value, 8) & 0o002:
        raise IdentityError(f"{where}: with mode {value} everybody could write there: take the group for it")


def _list_of(check: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    def check_all(value: Any, where: str) -> None:
        for entry in _list(value, where):
            check(entry, where)

    return check_all


def _entries(kinds: dict[str, Callable[[Any, str], None]], by: str) -> Callable[[Any, str], None]:
    """A list of mappings that are known by one of their keys."""

    def check(value: Any, where: str) -> None:
        seen = set()
        for place, entry in enumerate(_list(value, where), 1):
            _mapping(entry, f"{where}: entry {place}")
            if by not in entry:
                raise IdentityError(f"{where}: entry {place} has no {by}")
            kinds[by](entry[by], f"{where}: entry {place}")
            if entry[by] in seen:
                raise IdentityError(f"{where}: {quoted(entry[by])} is there twice: write one entry of both")
            seen.add(entry[by])
            _block(kinds)(entry, f"{where}: {entry[by]}")

    return check


def _block(kinds: dict[str, Callable[[Any, str], None]]) -> Callable[[Any, str], None]:
    def check(value: Any, where: str) -> None:
        _check_keys(_mapping(value, where), kinds, where)
        for key, item in value.items():
            if key != OVERRIDE:
                kinds[key](item, f"{where}: {key}")

    return check


_USER: dict[str, Callable[[Any, str], None]] = {
    **dict.fromkeys(("gecos", "home", "shell", "expires", "home_mode", "skel", "umask", "mail_alias"), _text),
    **dict.fromkeys(("create_home", "adopt", "subids", "linger"), _flag),
    **dict.fromkeys(("uid", "gid"), _number),
    "name": _named(check_username),
    "group": _named(check_group_name),
    "groups": _list_of(_named(check_group_name)),
    "state": _choice("present", "disabled", "absent"),
    "password_ageing": _anything,
    "environment": _anything,
    "sudo": _anything,
    "keys": _anything,
    "limits": _limits,
    "password": _no_password,
}
USER_KEYS = frozenset(_USER)
_GROUP: dict[str, Callable[[Any, str], None]] = {
    "name": _named(check_group_name),
    "gid": _number,
    "adopt": _flag,
    "sudo": _anything,
}
_SERVICE_ENTRY: dict[str, Callable[[Any, str], None]] = {
    "name": _matching(_SERVICE, "the name of a service such as cron"),
    "state": _choice("started", "stopped"),
    "enabled": _flag,
}
_DIRECTORY_ENTRY: dict[str, Callable[[Any, str], None]] = {
    "path": _directory,
    "group": _named(check_group_name),
    "mode": _mode,
}
_RESEARCH: dict[str, Callable[[Any, str], None]] = {
    "auto_create": _flag,
    "primary_user": _named(check_username),
    "system_user": _named(check_username),
    "shared_directories": _list_of(_named(check_shared_group_name)),
    "default_shell": _matching(re.compile(r"/[A-Za-z0-9_./+-]{1,255}"), "the path of a shell such as /bin/bash"),
    "default_groups": _list_of(_named(check_shared_group_name)),
}
_TOP: dict[str, Callable[[Any, str], None]] = {
    "description": _text,
    "extends": _named(check_template_name),
    OVERRIDE: _list_of(_text),
    "packages": _list_of(_matching(_PACKAGE, "the name of a package such as r-base")),
    "services": _entries(_SERVICE_ENTRY, "name"),
    "system_users": _entries(_USER, "name"),
    "system_groups": _entries(_GROUP, "name"),
    "shared_directories": _entries(_DIRECTORY_ENTRY, "path"),
    "research_user": _block(_RESEARCH),
}
