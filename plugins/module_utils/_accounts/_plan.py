# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner: from what a host has and what it should have to what is done (private, pure).

It opens no file. Check mode prints its answer, apply executes it, diff and receipt are drawn from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._draft import Draft, members_of
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._local_ids import pin_local_ids
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._plan_belongings import (
    finish_belongings,
    plan_former_belongings,
    plan_group_rules,
)
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._plan_departures import (
    plan_absent,
    plan_disabled,
    plan_stray_keys,
    plan_unselected,
)
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._plan_users import plan_present
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import Owned, Record
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._renames import rename_accounts
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import SHOWN_PROBLEMS, UserSpec
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import Plan
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._renames import Renaming
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import Request
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HostState

__all__ = ["make_plan", "orphans_of"]


def orphans_of(request: Request, state: HostState) -> list[UserSpec]:
    """Accounts the record says are this owner's, and that the request does not name."""
    named = {user.name for user in request.users}
    wanted = {"report": "present", "disable": "disabled", "absent": "absent"}[request.orphans]
    found = []
    for name, owned in sorted(state.record.users.items()):
        fields = state.tables["passwd"].entries.get(name)
        if owned.owner != request.owner or name in named or (fields is None and wanted == "present"):
            continue
        gid = int(fields[3]) if fields and fields[3].isdecimal() else owned.number
        home, shell = (fields[5], fields[6]) if fields else ("", "")
        found.append(UserSpec(name, owned.number, gid, name, home, shell, wanted, create_home=False))
    return found


def make_plan(request: Request, state: HostState) -> Plan:
    """Compare and decide.

    :returns: the plan; an empty one when the host is as it should be.
    :raises IdentityError: one message with everything that cannot be done safely; then nothing may be done.
    """
    renaming = rename_accounts(request, state)
    draft = Draft(request, renaming.state)
    _tell_of_names(draft, renaming)
    if request.pin_local_ids:
        lowest = min(request.bands, key=lambda band: band.first)
        draft.texts, changes, problems = pin_local_ids(state.login_defs, state.adduser_conf, lowest, request.group_band)
        draft.changes += changes
        draft.problems += problems
    _plan_shared_groups(draft)
    steps = {"present": plan_present, "disabled": plan_disabled, "absent": plan_absent}
    for user in request.users:
        steps[user.state](draft, user)
    unselected = {user.name: user for user in request.unselected if user.state == "present"}
    for orphan in orphans_of(request, renaming.state):
        if orphan.name in draft.passwd:
            draft.orphans.append(orphan.name)
        if orphan.state != "present" and orphan.name in request.protected_users:
            draft.warnings.append("%s is an orphan that protected_users names, so it was let be" % orphan.name)
        elif orphan.state != "present":
            steps[orphan.state](draft, orphan)
        elif orphan.name in unselected:
            plan_unselected(draft, unselected[orphan.name])
    plan_stray_keys(draft)
    for user in request.users:
        if user.state == "present" and user.groups is not None:
            _plan_memberships(draft, user)
    _apply_members(draft)
    _leave_first(draft)
    finish_belongings(draft)
    _check_cap(draft)
    if draft.problems:
        raise IdentityError("nothing was changed on this host: %s" % in_one_sentence(draft.problems, SHOWN_PROBLEMS))
    return _finished(draft, state, renaming)


def _tell_of_names(draft: Draft, renaming: Renaming) -> None:
    draft.problems += renaming.problems
    draft.warnings += renaming.warnings
    for former, name in renaming.names.items():
        draft.change("user", name, "username", former, name)
        plan_former_belongings(draft, former, name)
    for name in renaming.stray_keys:
        draft.key_files[name] = b""
        draft.change("user", name, "key file of that name", "not theirs", "absent")
    for former, name in renaming.stale.items():
        draft.change("user", name, "former name in the record", former, "")


def _finished(draft: Draft, state: HostState, renaming: Renaming) -> Plan:
    """The plan of a draft in which nothing is wrong."""
    first, last = _records(draft)
    _note_ownership(draft, last)
    if renaming.names:
        # until all files have the new name, the account is ours under both
        first = Record({**first.users, **{name: state.record.users[name] for name in renaming.names}}, first.groups)
    first_key_files = {
        name: draft.key_files.get(name, renaming.state.key_files.get(name, b"")) for name in renaming.names.values()
    }
    first_key_files.update((name, data) for name, data in draft.key_files.items() if name not in draft.new)
    return Plan(
        changes=tuple(draft.changes),
        record_first=first if first != state.record else None,
        record_last=last if last != first else None,
        texts=draft.texts,
        homes=tuple(draft.homes),
        key_files=draft.key_files,
        closings=draft.closings,
        edits=draft.edits,
        stop=tuple(draft.stop),
        orphans=tuple(draft.orphans),
        warnings=tuple(draft.warnings),
        tables=renaming.state.tables if renaming.names else {},
        first_key_files={name: data for name, data in first_key_files.items() if data},
        former_key_files=renaming.key_files,
        files=draft.files,
        linger=draft.linger,
        jobs=tuple(draft.jobs),
    )


def _plan_shared_groups(draft: Draft) -> None:
    for group in draft.request.groups:
        fields = draft.group.get(group.name)
        holder = draft.gid_names.get(str(group.gid)) or draft.state.directory_groups.get(group.gid)
        owned = draft.state.record.groups.get(group.name)
        if fields is not None and fields[2] != str(group.gid):
            draft.problems.append(
                "group %s has gid %s on this host and should have %d: numbers are never changed in passing"
                % (group.name, fields[2], group.gid)
            )
        elif fields is None and holder:
            draft.problems.append(
                "gid %d of group %s is taken on this host by group %s" % (group.gid, group.name, holder)
            )
        elif fields is None and group.name in draft.state.directory_gids:
            draft.problems.append(
                "group %s is known to this host's directory service with gid %d: a local group would hide it"
                % (group.name, draft.state.directory_gids[group.name])
            )
        elif fields is not None and not group.adopt and (owned is None or owned.owner != draft.request.owner):
            draft.problems.append(
                "group %s exists on this host and %s: set adopt: true to take it over"
                % (group.name, "belongs to %s" % owned.owner if owned else "was not made by this collection")
            )
        else:
            draft.group_claims[group.name] = Owned(group.gid, draft.request.owner)
            if draft.ensure_group(group.name, group.gid):
                draft.change("group", group.name, "group", "absent", "gid %d" % group.gid)
            plan_group_rules(draft, group)


def _plan_memberships(draft: Draft, user: UserSpec) -> None:
    """Exact in the groups we manage, additions only in the host's own."""
    wanted = set(user.groups or ())
    managed = draft.managed_groups()
    added, removed = [], []
    for group in managed:
        if group in draft.group or group in draft.edits["group"]:
            members = draft.members_now(group)
            if group in wanted and user.name not in members:
                members[user.name] = None
                added.append(group)
            elif group not in wanted and user.name in members:
                draft.leave_group(group, user.name)
                removed.append(group)
    for group in sorted(wanted.difference(managed)):
        forbidden = draft.forbidden_group(group, user.name)
        if group not in draft.group or (group in draft.edits["group"] and draft.edits["group"][group] is None):
            draft.problems.append(
                "%s: group %s does not exist on this host: create it, or name it in groups" % (user.name, group)
            )
        elif forbidden:
            draft.problems.append("%s: %s" % (user.name, forbidden))
        elif user.name not in draft.members_now(group):
            draft.members_now(group)[user.name] = None
            added.append(group)
    if (added or removed) and user.name in draft.passwd:
        signs = ["+" + group for group in added] + ["-" + group for group in removed]
        draft.change("user", user.name, "groups", "", " ".join(signs))


def _apply_members(draft: Draft) -> None:
    """Put the new member lists into group and gshadow, which must name the same people."""
    for group, members in draft.members.items():
        fields = draft.edits["group"].get(group, draft.group.get(group))
        if fields is None:
            continue
        listed = _listed(members_of(fields), members)
        touched = members_of(fields) != listed
        if touched:
            draft.edits["group"][group] = [*fields[:3], ",".join(listed)]
        if draft.gshadow is None:
            continue
        old = draft.edits["gshadow"].get(group) or draft.gshadow.get(group)
        secret = old or [group, "!", "", ""]
        kept = _listed(members_of(secret), members)
        admins = [name for name in secret[2].split(",") if name and name not in draft.gone and name not in draft.new]
        new = [*secret[:2], ",".join(admins), ",".join(kept)]
        if old is None or members_of(old) != kept or len(admins) != len([name for name in old[2].split(",") if name]):
            draft.edits["gshadow"][group] = new
            if old is None and not touched:
                draft.change("group", group, "gshadow entry", "missing", "members %s" % (new[3] or "(none)"))
            elif not touched:
                draft.change("group", group, "gshadow", ":".join(secret[2:]), ":".join(new[2:]))


def _leave_first(draft: Draft) -> None:
    """Whoever is in a group no more leaves it before anything that can fail is done; who is new in it enters later."""
    for database, there in (("group", draft.group), ("gshadow", draft.gshadow or {})):
        for name, fields in list(draft.edits[database].items()):
            if fields is None or name not in there:
                continue
            stay = set(members_of(fields))
            left = [*fields[:3], ",".join(member for member in members_of(there[name]) if member in stay)]
            if left != there[name]:
                draft.closings[database][name] = left
            if left == fields:
                del draft.edits[database][name]


def _listed(before: list[str], members: dict[str, None]) -> list[str]:
    """Who stays, as it was written, and then who is new."""
    stay = [name for name in before if name in members]
    known = set(stay)
    return stay + [name for name in members if name not in known]


def _check_cap(draft: Draft) -> None:
    if len(draft.removed_now) > draft.request.removal_cap:
        draft.problems.append(
            "this run would disable or remove %d accounts (%s%s), more than removal_cap %d: check the roster, then"
            " raise it"
            % (
                len(draft.removed_now),
                ", ".join(draft.removed_now[:5]),
                ", ..." if len(draft.removed_now) > 5 else "",
                draft.request.removal_cap,
            )
        )


def _note_ownership(draft: Draft, last: Record) -> None:
    """An account or group that changes hands without any other difference is a change too."""
    old = draft.state.record
    for kind, before, after in (("user", old.users, last.users), ("group", old.groups, last.groups)):
        told = {change.name for change in draft.changes if change.kind == kind}
        for name in sorted(set(before).union(after).difference(told)):
            if before.get(name) != after.get(name):
                draft.change(kind, name, "managed by", *_owners(before.get(name), after.get(name)))


def _owners(before: Owned | None, after: Owned | None) -> list[str]:
    """Both owners in words, with what else sets them apart."""
    if before is None or after is None or before.owner != after.owner:
        return [owned.owner if owned else "" for owned in (before, after)]
    return ["%s (%d, %s)" % (owned.owner, owned.number, owned.state) for owned in (before, after)]


def _records(draft: Draft) -> tuple[Record, Record]:
    """What is ours before anything is written (old and new), and when everything is done (without what is gone)."""
    old = draft.state.record
    users = dict(old.users)
    users.update(draft.claims)
    groups = dict(old.groups)
    groups.update(draft.group_claims)
    last = Record({name: own for name, own in users.items() if name not in draft.gone}, groups)
    for name, own in old.users.items():
        # until an account is open again, a run has to know that it was us who shut it
        if own.state == "disabled" and users[name].state != "disabled":
            users[name] = Owned(users[name].number, users[name].owner, "disabled")
    return Record(users, groups), last
