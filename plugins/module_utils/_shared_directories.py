# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local directories in which a group works together (private: no stable interface).

All are looked at before one is made. Everything goes through descriptors of directories that only root can change, so
that nobody can put a link in the way. What holds homes is never made one: who can write there can exchange them.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import re
import stat
from dataclasses import dataclass

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_group_name, is_system_path, quoted
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    fsync_directory,
    open_trusted_directory,
)
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import FIRST_ID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

__all__ = ["settle_shared_directories"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_HOMES = ("home", "homes")  # as bases are called, wherever their file system is mounted
_EFS_MARKER = ".labfleet-efs"  # in the root of a file system that the role efs looks after


@dataclass(frozen=True)
class _Plan:
    """What is to be done with one directory; a gid of -1 is that of a group that is made by then."""

    path: str
    gid: int
    mode: int
    found: bool
    changes: tuple[str, ...]


def settle_shared_directories(
    wanted: Sequence[dict[str, Any]], groups_by_then: Sequence[str], check_mode: bool
) -> dict[str, Any]:
    """Bring the directories to their state, or in check mode say what would be done.

    :param wanted: mappings of ``path``, ``group`` and ``mode``.
    :param groups_by_then: groups that check mode may miss, because the same play makes them.
    :raises IdentityError: one of them cannot be made, or is somebody else's; nothing was written.
    """
    plans: list[_Plan] = []
    homes = _homes() if wanted else ()
    for entry in wanted:
        plans.append(_planned(entry, groups_by_then if check_mode else (), [plan.path for plan in plans], homes))
    if not check_mode:
        for plan in plans:
            if plan.changes:
                _bring_about(plan)
    changed = [plan for plan in plans if plan.changes]
    return {
        "changed": bool(changed),
        "directories": [{"path": plan.path, "action": _action(plan), "changes": list(plan.changes)} for plan in plans],
        "diff": {
            "before": "",
            "after": "".join("%s: %s\n" % (plan.path, ", ".join(plan.changes)) for plan in changed),
        },
    }


def _action(plan: _Plan) -> str:
    return "none" if not plan.changes else "change" if plan.found else "create"


def _planned(
    entry: dict[str, Any], by_then: Sequence[str], made: Sequence[str], homes: Sequence[tuple[str, str]]
) -> _Plan:
    path, mode = _checked_path(entry["path"]), _checked_mode(entry["path"], entry["mode"])
    if path in made:
        raise IdentityError("the directory %s is named twice: name it once" % path)
    group = check_group_name(entry["group"])
    gid = _gid(group, path, by_then)
    new = _Plan(path, gid, mode, False, ("made as root:%s %04o" % (group, mode),))
    parent, name = os.path.split(path)
    _refuse_above_homes(path, parent, name, homes)
    if parent in made and not os.path.lexists(parent):
        return new
    above = open_trusted_directory(parent)
    try:
        _refuse_base_of_efs(above, name, path)
        here = _open(above, name, path)
    finally:
        os.close(above)
    if here < 0:
        return new
    try:
        status = os.fstat(here)
        _refuse_others(status, path)
        changes = []
        if status.st_gid != gid:
            changes.append("group %s -> %s" % (_group_name(status.st_gid), group))
        if stat.S_IMODE(status.st_mode) != mode:
            changes.append("mode %04o -> %04o" % (stat.S_IMODE(status.st_mode), mode))
        if changes:
            _refuse_to_open_homes(here, status, gid, path)
    finally:
        os.close(here)
    return _Plan(path, gid, mode, True, tuple(changes))


def _bring_about(plan: _Plan) -> None:
    parent, name = os.path.split(plan.path)
    above = open_trusted_directory(parent)
    try:
        if not plan.found:
            os.mkdir(name, 0o700, dir_fd=above)
        here = _open(above, name, plan.path)
        if here < 0:
            raise IdentityError("the directory %s went away while it was changed: run again" % plan.path)
        try:
            status = os.fstat(here)
            _refuse_others(status, plan.path)
            _refuse_to_open_homes(here, status, plan.gid, plan.path)
            # in this order: nobody gets in meanwhile, and a new owner would clear the set-gid bit
            os.fchmod(here, 0o700)
            os.fchown(here, 0, plan.gid)
            os.fchmod(here, plan.mode)
            fsync_directory(here)
        finally:
            os.close(here)
        fsync_directory(above)
    finally:
        os.close(above)


def _open(above: int, name: str, path: str) -> int:
    """The directory, or -1 for none; a link is none that root follows."""
    try:
        return os.open(name, _DIRECTORY, dir_fd=above)
    except FileNotFoundError:
        return -1
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise IdentityError("%s is a link or a file and not a directory: move it away" % path) from error
        raise


def _refuse_others(status: os.stat_result, path: str) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise IdentityError(
            "the directory %s belongs to uid %d: a shared directory is root's, so that no member can shut the others"
            " out; give it to root, or choose another path" % (path, status.st_uid)
        )


def _homes() -> tuple[tuple[str, str], ...]:
    """Where the homes of people are, and whose: asked for once, because a directory service may be slow."""
    people = [entry for entry in pwd.getpwall() if entry.pw_uid >= FIRST_ID]
    return tuple(("/" + os.path.normpath(entry.pw_dir).lstrip("/"), entry.pw_name) for entry in people)


def _refuse_above_homes(path: str, parent: str, name: str, homes: Sequence[tuple[str, str]]) -> None:
    """Homes are compared by their paths alone: they may be on a file server that does not answer."""
    if name in _HOMES:
        raise IdentityError(
            "%s is where homes are: whoever shares it could put their own home in another's place; choose a path such"
            " as /srv/plots" % path
        )
    below = {path + "/", os.path.join(os.path.realpath(parent), name) + "/"}
    for home, owner in homes:
        if any(home.startswith(start) for start in below):
            raise IdentityError(
                "the directory %s is above the home of %s: whoever shares it could put their own home in its place;"
                " choose a path that has no homes below it" % (path, owner)
            )


def _refuse_base_of_efs(above: int, name: str, path: str) -> None:
    """The directories of all groups; that of the homes is known by its name."""
    if name != "shared":
        return
    try:
        os.stat(_EFS_MARKER, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise IdentityError(
        "%s is where the role efs keeps the directories of all groups: name the group in efs_shared_groups, or choose"
        " another path" % path
    )


def _refuse_to_open_homes(here: int, status: os.stat_result, gid: int, path: str) -> None:
    """Directories of people in it are homes, unless the same group could exchange them before."""
    if status.st_gid == gid and status.st_mode & stat.S_IWGRP and not status.st_mode & stat.S_ISVTX:
        return
    with os.scandir(here) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                owner = entry.stat(follow_symlinks=False).st_uid
                if owner >= FIRST_ID:
                    raise IdentityError(
                        "the directory %s holds one of uid %d, as one that has homes in it: whoever shares it could put"
                        " their own in its place; choose another path, or move what is in it" % (path, owner)
                    )


def _checked_path(path: str) -> str:
    parts = path.split("/")
    if len(parts) < 3 or parts[0] or not path.isprintable() or any(part in ("", ".", "..") for part in parts[1:]):
        raise IdentityError("the path %s is not valid: write a plain absolute one such as /srv/plots" % quoted(path))
    if is_system_path(path):
        raise IdentityError("the path %s is where the system keeps its files: choose one such as /srv/plots" % path)
    return path


def _checked_mode(path: str, mode: str) -> int:
    if not re.match(r"[0-7]{3,4}\Z", mode) or int(mode, 8) & 0o002:
        raise IdentityError(
            "the mode %s of %s is not valid: write one such as 2770, in which not everybody may write"
            % (quoted(mode), quoted(path))
        )
    return int(mode, 8)


def _gid(group: str, path: str, by_then: Sequence[str]) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        if group in by_then:
            return -1
        raise IdentityError("the group %s of %s is not there: make it first" % (group, path)) from None


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
