# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a shared file system, checked (private, pure)."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    check_group_name,
    check_username,
    is_system_path,
    quoted,
)
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import FIRST_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

__all__ = ["Person", "Request", "SharedDirectory", "parse_request", "read_mount_point"]

_LARGEST_ID = 4294967294
_SHOWN = 20


@dataclass(frozen=True)
class Person:
    """Somebody whose home is a directory of the base of the homes."""

    name: str
    uid: int
    gid: int
    directory: str
    mode: int | None  # None: 0700 for a new home, and one that exists is left to its owner
    skel: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class SharedDirectory:
    """A directory of the base of the shared directories, of one group; its number if the host need not know it."""

    directory: str
    group: str
    gid: int | None
    mode: int


@dataclass(frozen=True)
class Request:
    """Everything that is asked."""

    mount_point: str
    file_system_id: str
    sources: tuple[str, ...]  # any when empty
    kinds: tuple[str, ...]
    marker: str
    adopt: bool
    create: bool
    home_base: str  # names in the root of the file system
    shared_base: str
    base_mode: int
    people: tuple[Person, ...]
    shared: tuple[SharedDirectory, ...]
    skel: str
    patience: float


def parse_request(params: Mapping[str, Any]) -> Request:
    """Check the parameters of the module.

    :raises IdentityError: names everything that cannot be accepted.
    """
    point = read_mount_point(params["mount_point"])
    home_base = _base("home_base", params["home_base"])
    shared_base = _base("shared_base", params["shared_base"])
    if home_base == shared_base:
        raise IdentityError("home_base and shared_base are both %s: give them two names" % quoted(home_base))
    file_system = params["file_system_id"]
    if not file_system or not file_system.isprintable() or " " in file_system or len(file_system) > 255:
        raise IdentityError(
            "file_system_id %s is not one word such as fs-0123456789abcdef0: name the file system that is expected"
            % quoted(file_system)
        )
    if params["timeout"] < 1:
        raise IdentityError("timeout %d is no time: give a second at least" % params["timeout"])
    home_mode = _mode("home_mode", params["home_mode"] or None, 0o022)
    shared_mode = _mode("shared_mode", params["shared_mode"], 0o002)
    homes = "%s/%s" % (point, home_base)
    people = _each("users", params["users"], lambda entry: _person(entry, homes, home_mode))
    shared = _each("shared_directories", params["shared_directories"], lambda entry: _shared(entry, shared_mode))
    _refuse_twins("users", [person.directory for person in people])
    _refuse_twins("users", [str(person.uid) for person in people])
    _refuse_twins("shared_directories", [entry.directory for entry in shared])
    return Request(
        mount_point=point,
        file_system_id=file_system,
        sources=tuple(params["sources"]),
        kinds=tuple(params["file_system_types"]),
        marker=_base("marker", params["marker"]),
        adopt=params["adopt"],
        create=params["create"],
        home_base=home_base,
        shared_base=shared_base,
        base_mode=_base_mode(params["base_mode"]),
        people=tuple(people),
        shared=tuple(shared),
        skel=params["skel"],
        patience=float(params["timeout"]),
    )


def read_mount_point(path: str) -> str:
    """A directory where something may be mounted, or refuse it."""
    plain = path.startswith("/") and not path.startswith("//") and os.path.normpath(path) == path
    if not plain or not path.isprintable() or not path.isascii() or set(path) & set(" \"'\\:$`#%*"):
        raise IdentityError(
            "mount_point %s is not a plain absolute path of letters, digits and dashes: write one such as /efs"
            % quoted(path)
        )
    if path == "/" or (is_system_path(path) and not path.startswith(("/var/", "/opt/"))):
        raise IdentityError("mount_point %s belongs to the system: choose one such as /efs" % quoted(path))
    return path


def _base(key: str, name: str) -> str:
    if not name or name in (".", "..") or "/" in name or not name.isprintable() or not name.isascii():
        raise IdentityError("%s %s is not the name of one thing in the root of the file system" % (key, quoted(name)))
    return name


def _mode(key: str, text: Any, forbidden: int) -> int | None:
    if text is None:
        return None
    if not isinstance(text, str) or len(text) not in (3, 4) or not set(text) <= set("01234567"):
        raise IdentityError("%s %s is not an octal mode such as '0700': put it in quotes" % (key, quoted(text)))
    mode = int(text, 8)
    if mode & forbidden:
        raise IdentityError("%s %s would let others write there: give one such as '0700', '0750'" % (key, text))
    return mode


def _base_mode(text: Any) -> int:
    """Where others than root may write, the sticky bit is what keeps everybody's home theirs."""
    mode = _mode("base_mode", text, 0) or 0o755
    if mode & 0o022 and not mode & stat.S_ISVTX:
        raise IdentityError(
            "base_mode %s lets users exchange each other's homes: give '0755', or '1777' where the file server keeps"
            " root out" % text
        )
    return mode


def _each(key: str, entries: Iterable[Any], read: Callable[[Any], Any]) -> list[Any]:
    """All entries, or one sentence with everything that is wrong with them."""
    found, problems = [], []
    for number, entry in enumerate(entries, 1):
        try:
            one = read(entry)
        except IdentityError as error:
            problems.append("entry %d (%s): %s" % (number, quoted(_name_of(entry)), error))
            continue
        if one is not None:
            found.append(one)
    if problems:
        raise IdentityError("nothing was done: of %s, %s" % (key, in_one_sentence(problems, _SHOWN)))
    return found


def _name_of(entry: Any) -> Any:
    return entry.get("name") if isinstance(entry, dict) else entry


def _person(entry: Mapping[str, Any], base: str, mode: int | None) -> Person | None:
    """One of ``users``; None for who has a home on another file system."""
    name = check_username(entry["name"])
    uid = _number("uid", entry["uid"])
    gid = uid if entry.get("gid") is None else _number("gid", entry["gid"])
    home = entry.get("home") or "%s/%s" % (base, name)
    if not home.startswith(os.path.dirname(base) + "/"):
        return None  # a local home
    if os.path.dirname(home) != base or os.path.normpath(home) != home or not home.isprintable():
        raise IdentityError(
            "home %s is on this file system and not directly in %s: move it there" % (quoted(home), base)
        )
    own = _mode("home_mode", entry.get("home_mode"), 0o022)
    groups = tuple(check_group_name(group) for group in entry.get("groups") or ())
    return Person(name, uid, gid, os.path.basename(home), mode if own is None else own, entry.get("skel") or "", groups)


def _shared(entry: Any, mode: int | None) -> SharedDirectory:
    """One of ``shared_directories``: the name of a group, or a mapping."""
    if isinstance(entry, str):
        entry = {"group": entry}
    known = {"group", "name", "gid", "mode"}
    if not isinstance(entry, dict) or not known.issuperset(entry) or not entry.get("group"):
        raise IdentityError("write the name of a group, or a mapping with group and some of name, gid, mode")
    group = check_group_name(entry["group"])
    own = _mode("mode", entry.get("mode"), 0o002)
    gid = None if entry.get("gid") is None else _number("gid", entry["gid"])
    chosen = mode if own is None else own
    return SharedDirectory(
        _base("name", str(entry.get("name") or group)), group, gid, 0o2770 if chosen is None else chosen
    )


def _number(key: str, value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not FIRST_ID <= value <= _LARGEST_ID:
        raise IdentityError("%s %s is no number of a person or a shared group" % (key, quoted(value)))
    return value


def _refuse_twins(key: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise IdentityError("nothing was done: %s has %s twice" % (key, in_one_sentence([quoted(n) for n in twice], 5)))
