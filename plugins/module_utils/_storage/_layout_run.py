# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call: prove, look, plan, do, tell (private)."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._storage._layout_plan import make_plan
from ansible_collections.labfleet.identity.plugins.module_utils._storage._layout_work import do_jobs, look
from ansible_collections.labfleet.identity.plugins.module_utils._storage._request import parse_request
from ansible_collections.labfleet.identity.plugins.module_utils._storage._states import HostUsers, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._storage._request import Request
    from ansible_collections.labfleet.identity.plugins.module_utils._storage._states import Seen

__all__ = ["lay_out", "read_host"]

_SHOWN = 20


def lay_out(
    params: Mapping[str, Any], check: bool, host: Callable[[Request], HostUsers] | None = None
) -> dict[str, Any]:
    """Prove that the file system is there, and bring it to the layout asked for.

    :param params: the module's parameters.
    :param check: say what would be done and do nothing.
    :param host: tells what the host knows of the people.
    :returns: ``changed``, ``proved``, ``made``, ``modified``, ``missing``, ``diff``, ``warnings`` as documented.
    :raises IdentityError: it is not the file system, or something cannot be done safely.
    """
    request = parse_request(params)
    users = (host or read_host)(request)
    seen = look(request)
    if check and not (seen.marked or request.create):
        told = "%s: what other hosts would do first is not done in check mode" % request.mount_point
        return _answer(request, seen, Plan((), (), (), (told,)))
    plan = make_plan(request, seen, users)
    if not check:
        do_jobs(plan.jobs, request)
    if plan.problems:
        raise IdentityError(_told_problems(plan, check))
    return _answer(request, seen, plan)


def read_host(request: Request) -> HostUsers:
    """What the host says of the people and groups that are asked for."""
    uids, homes, groups = {}, {}, {}
    for person in request.people:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(person.name)
            uids[person.name], homes[person.name] = entry.pw_uid, entry.pw_dir
            groups[person.name] = tuple(os.getgrouplist(person.name, entry.pw_gid))
    gids, members = {}, {}
    for group in {entry.group for entry in request.shared}:
        with contextlib.suppress(KeyError):
            found = grp.getgrnam(group)
            gids[group], members[group] = found.gr_gid, tuple(found.gr_mem)
    everybody = {entry.pw_uid: entry.pw_name for entry in pwd.getpwall()}
    names = {person.uid: person.name for person in request.people}
    return HostUsers(
        uids=uids,
        homes=homes,
        names={**names, **everybody},
        groups=groups,
        gids=gids,
        group_names={entry.gr_gid: entry.gr_name for entry in grp.getgrall()},
        members=members,
    )


def _told_problems(plan: Plan, check: bool) -> str:
    done = "%d other things %s" % (len(plan.jobs), "would be done" if check else "were done")
    return "%s. %s" % (in_one_sentence(plan.problems, _SHOWN), done if plan.jobs else "Nothing else was to be done.")


def _answer(request: Request, seen: Seen, plan: Plan) -> dict[str, Any]:
    def path(name: str) -> str:
        return "%s/%s" % (request.mount_point, name)

    made = [path(job.path) for job in plan.jobs if job.before == "missing"]
    modified = {path(job.path): "%s -> %s" % (job.before, job.after) for job in plan.jobs if job.before != "missing"}
    lines = {"before": "", "after": ""}
    for job in plan.jobs:
        lines["before"] += "%s: %s\n" % (path(job.path), job.before)
        lines["after"] += "%s: %s\n" % (path(job.path), job.after)
    return {
        "changed": bool(plan.jobs),
        "proved": {
            "mount_point": request.mount_point,
            "file_system_id": request.file_system_id,
            "type": seen.kind,
            "source": seen.source,
            "root_is_let_in": seen.root_writes,
        },
        "made": made,
        "modified": modified,
        "missing": list(plan.missing),
        "diff": lines,
        "warnings": list(plan.warnings),
    }
