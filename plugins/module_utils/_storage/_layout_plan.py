# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide what is to be done on a shared file system (private, pure)."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._storage._states import Job, Plan, Thing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.labfleet.identity.plugins.module_utils._storage._request import (
        Person,
        Request,
        SharedDirectory,
    )
    from ansible_collections.labfleet.identity.plugins.module_utils._storage._states import HostUsers, Seen

__all__ = ["CARRIED_GROUPS", "dropped_groups", "make_plan"]

CARRIED_GROUPS = 16  # of a user, in a request by AUTH_SYS
_OTHERS_WRITE = 0o022
_SHOWN = 20
_SQUASH = (
    "the file server keeps root out of %s (root_squash), and users may make nothing there either: let root in on the"
    " host that makes homes (on EFS elasticfilesystem:ClientRootAccess), or give %s the mode 1777"
)


def dropped_groups(groups: Iterable[int], primary: int) -> list[int]:
    """Which groups of a user a file server does not hear of.

    A client sends the primary group, and the first 16 of all groups in the order of their numbers.
    """
    return [gid for gid in sorted({*groups, primary})[CARRIED_GROUPS:] if gid != primary]


def make_plan(request: Request, seen: Seen, host: HostUsers) -> Plan:
    """What has to be done so that the file system is as asked for.

    :raises IdentityError: something cannot be done safely; nothing may be done then.
    """
    _refuse_people(request, host)
    draft = _Draft(request, seen, host)
    draft.plan_marker()
    modes = {}
    for base in (request.home_base, request.shared_base):
        modes[base] = draft.plan_base(base)
    for person in request.people:
        draft.plan_home(person, modes[request.home_base])
    for entry in request.shared:
        draft.plan_shared(entry, modes[request.shared_base])
    return draft.plan()


def _refuse_people(request: Request, host: HostUsers) -> None:
    """Whoever cannot be right, whatever there is on the file system."""
    problems = []
    for person in request.people:
        known = host.uids.get(person.name)
        if known is not None and known != person.uid:
            problems.append(
                "%s has uid %d on this host, not %d: mend the account first" % (person.name, known, person.uid)
            )
        dropped = dropped_groups(host.groups.get(person.name, ()), person.gid)
        if dropped:
            told = ", ".join("%s (%d)" % (host.group_names.get(gid, "a group"), gid) for gid in dropped)
            problems.append(
                "%s is in %d groups and NFS carries %d of them, so the file server would not see %s: take them out of"
                " some" % (person.name, len(host.groups[person.name]), CARRIED_GROUPS, told)
            )
    for entry in request.shared:
        if entry.gid is None and entry.group not in host.gids:
            problems.append("this host has no group %s for the shared directory: make it first" % entry.group)
    if problems:
        raise IdentityError("nothing was done: %s" % in_one_sentence(problems, _SHOWN))


class _Draft:
    """A plan while it is made."""

    def __init__(self, request: Request, seen: Seen, host: HostUsers) -> None:
        self.request = request
        self.seen = seen
        self.host = host
        self.jobs: list[Job] = []
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self._check_root()
        if seen.lacking:
            # what was mounted before keeps its options, whatever the table of file systems says now
            self.warnings.append(
                "%s is mounted without %s, so that a file which root of another machine left there can make people root"
                " here: unmount it and mount it anew, or reboot" % (request.mount_point, " and ".join(seen.lacking))
            )

    def _path(self, *names: str) -> str:
        return "/".join((self.request.mount_point, *names))

    def _check_root(self) -> None:
        root = self.seen.root
        if root.uid != 0 or (root.mode & _OTHERS_WRITE and not root.mode & stat.S_ISVTX):
            raise IdentityError(
                "the root of the file system at %s (owner %d, mode %04o) can be changed by others than root, who could"
                " exchange the homes: give it to root, and chmod go-w it"
                % (self.request.mount_point, root.uid, root.mode)
            )

    def plan_marker(self) -> None:
        """The first thing on a file system is the file that says which one it is."""
        request, seen = self.request, self.seen
        if seen.marked:
            return
        if not request.create:
            raise IdentityError(
                "nothing on the file system at %s says that it is %s (%s is not there): run this first on the host that"
                " makes homes" % (request.mount_point, request.file_system_id, request.marker)
            )
        if not (seen.empty or request.adopt):
            raise IdentityError(
                "the file system at %s has files and nothing that says it is %s (%s is not there), so it may be another"
                " one: look at it, and say adopt: true (efs_adopt) if it is the right one"
                % (request.mount_point, request.file_system_id, request.marker)
            )
        if not seen.root_writes:
            raise IdentityError(
                "the file server keeps root out of %s (root_squash), so nothing can be written there that says it is"
                " %s: have root make the file %s where root is let in, as docs/efs.md of the collection shows"
                % (request.mount_point, request.file_system_id, request.marker)
            )
        self.jobs.append(Job("mark", request.marker, 0o644, "missing", "file system %s" % request.file_system_id))

    def plan_base(self, name: str) -> str:
        """A directory that holds the others. Says who can make something in it: ``root``, ``user`` or ``nobody``."""
        thing, mode = self.seen.bases.get(name, Thing()), self.request.base_mode
        path = self._path(name)
        if thing.kind == "missing":
            if self.request.create and not self.seen.root_writes:
                raise IdentityError("%s is missing, and %s" % (path, _SQUASH % (self.request.mount_point, path)))
            self.jobs.append(Job("base", name, mode, "missing", "root %04o" % mode))
            return "root"
        if thing.kind != "directory":
            raise IdentityError("%s is not a directory (a link or a file): move it away" % path)
        if thing.uid != 0:
            raise IdentityError(
                "%s belongs to uid %d, who could exchange all that is in it: give it to root" % (path, thing.uid)
            )
        if self.seen.root_writes:
            if thing.mode != mode:
                self.jobs.append(Job("mode", name, mode, "%04o" % thing.mode, "%04o" % mode))
            return "root"
        loose, sticky = thing.mode & _OTHERS_WRITE, thing.mode & stat.S_ISVTX
        if loose and not sticky:
            raise IdentityError(
                "%s (mode %04o) lets users exchange what others have in it: chmod +t it" % (path, thing.mode)
            )
        return "user" if loose else "nobody"

    def plan_home(self, person: Person, maker: str) -> None:
        """A home: made, or its mode set; one that belongs to somebody else is a problem."""
        base = self.request.home_base
        path = self._path(base, person.directory)
        thing = self.seen.homes.get(person.directory, Thing())
        told = self.host.homes.get(person.name)
        if told not in (None, path):
            self.warnings.append("%s: the account's home is %s, not %s" % (person.name, told, path))
        as_user = not self.seen.root_writes
        groups = self.host.groups.get(person.name, (person.gid,)) if as_user else ()
        where = "%s/%s" % (base, person.directory)
        mode = 0o700 if person.mode is None else person.mode
        who = (person.name, person.uid, person.gid)
        job = Job("home", where, mode, "", "", *who, person.skel, groups, as_user)
        if thing.kind == "missing":
            if maker == "nobody" and self.request.create:
                self.problems.append("home %s cannot be made: %s" % (path, _SQUASH % ((self._path(base),) * 2)))
                return
            self._add(job, "missing", "%d:%d %04o" % (person.uid, person.gid, job.mode))
        elif thing.kind != "directory":
            self.problems.append("home %s is not a directory (a link or a file): move it away" % path)
        elif thing.uid != person.uid:
            self.problems.append(
                "home %s belongs to uid %d (%s), not to %s (%d): files are not given away; move it, or migrate them"
                % (path, thing.uid, self.host.names.get(thing.uid, "nobody known here"), person.name, person.uid)
            )
        elif person.mode is not None and thing.mode != person.mode:
            self._add(job, "%04o" % thing.mode, "%04o" % person.mode, create=False)

    def plan_shared(self, entry: SharedDirectory, maker: str) -> None:
        """A shared directory of a group: root's, or of a member where root is kept out."""
        path = self._path(self.request.shared_base, entry.directory)
        thing = self.seen.shared.get(entry.directory, Thing())
        gid = self.host.gids[entry.group] if entry.gid is None else entry.gid
        members = self._members(entry.group)
        keeper = self._keeper(members, thing)
        owners = {0} if self.seen.root_writes else {0, *(member.uid for member in members)}
        holders = (self.host.names.get(thing.uid, thing.uid), self.host.group_names.get(thing.gid, thing.gid))
        before = "%s:%s %04o" % (*holders, thing.mode)
        if thing.kind == "missing":
            if self.request.create and (maker == "nobody" or keeper is None):
                why = _SQUASH % ((self._path(self.request.shared_base),) * 2) if members else "its group has no members"
                self.problems.append("shared directory %s cannot be made: %s" % (path, why))
                return
            before = "missing"
        elif thing.kind != "directory":
            self.problems.append("shared directory %s is not a directory (a link or a file): move it away" % path)
            return
        elif thing.uid not in owners:
            self.problems.append(
                "shared directory %s belongs to uid %d (%s), not to root: look at it, then chown it"
                % (path, thing.uid, self.host.names.get(thing.uid, "nobody known here"))
            )
            return
        elif (thing.gid, thing.mode) == (gid, entry.mode):
            return
        elif self.request.create and keeper is None:
            self.problems.append("shared directory %s is root's, whom the file server keeps out: mend it there" % path)
            return
        name, uid, groups = keeper or ("root", 0, ())
        where = "%s/%s" % (self.request.shared_base, entry.directory)
        after = "%s:%s %04o" % (name, entry.group, entry.mode)
        job = Job("shared", where, entry.mode, "", "", name, uid, gid, "", (*groups, gid), uid != 0)
        self._add(job, before, after, create=thing.kind == "missing")

    def _members(self, group: str) -> list[Person]:
        named = self.host.members.get(group, ())
        return [person for person in self.request.people if group in person.groups or person.name in named]

    def _keeper(self, members: list[Person], thing: Thing) -> tuple[str, int, tuple[int, ...]] | None:
        """Who makes or changes a shared directory: its owner can, and who may be that of a new one."""
        if self.seen.root_writes:
            return "root", 0, ()
        for member in members:
            if thing.kind == "missing" or member.uid == thing.uid:
                return member.name, member.uid, self.host.groups.get(member.name, (member.gid,))
        return None

    def _add(self, job: Job, before: str, after: str, create: bool = True) -> None:
        self.jobs.append(Job(**{**job.as_words(), "before": before, "after": after, "create": create}))

    def plan(self) -> Plan:
        """All of it. A host that only checks has nothing to do but to tell."""
        told = []
        for job in self.jobs:
            told.append("%s: %s instead of %s" % (self._path(job.path), job.before, job.after))
        if self.request.create:
            return Plan(tuple(self.jobs), tuple(self.problems), (), tuple(self.warnings))
        missing = tuple(os.path.normpath(self._path(job.path)) for job in self.jobs)
        if told:
            self.warnings.append("%s; the host that makes homes has to run this role" % in_one_sentence(told, _SHOWN))
        return Plan((), tuple(self.problems), missing, tuple(self.warnings))
