# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan who goes: disabled, absent, no longer selected, and what a removal that was cut short left (private, pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._draft import members_of
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._plan_belongings import (
    plan_no_belongings,
    plan_revocations,
)
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._plan_users import (
    HOME,
    KEY_FILE_HEADER,
    PASSWORD,
    SHELL,
    UID,
    describe,
    keep_problems,
    key_lines,
    locks_out,
    plan_keys,
    protected_problems,
)
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._shadow import (
    EXPIRES,
    disabled_shadow,
    is_over,
    update_shadow,
)
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import FIRST_ID

if TYPE_CHECKING:
    from collections.abc import Collection

    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._draft import Draft
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import UserSpec

__all__ = ["plan_absent", "plan_disabled", "plan_stray_keys", "plan_unselected"]


def plan_unselected(draft: Draft, user: UserSpec) -> None:
    """An account that stays on a host its owner is no longer meant for: what was taken from them is gone there, too."""
    fields = draft.passwd[user.name]
    if draft.state.record.users[user.name].state == "disabled":
        return
    problems = keep_problems(draft, user, fields)
    if locks_out(draft, user):
        problems += protected_problems(draft, user)
    if problems:
        draft.problems += ["%s: %s" % (user.name, problem) for problem in problems]
        return
    if user.keys is not None:
        plan_keys(draft, user.name, user.keys)
    if user.expires is not None:
        update_shadow(draft, user)
    plan_revocations(draft, user)
    if user.groups is not None:
        _leave_lost_groups(draft, user, user.groups)


def _leave_lost_groups(draft: Draft, user: UserSpec, kept: Collection[str]) -> None:
    """Whoever was taken out of a shared group leaves it here: a host that selects by it selects them no more."""
    lost = [group for group in draft.managed_groups() if group not in kept and user.name in draft.members_now(group)]
    for group in lost:
        draft.leave_group(group, user.name)
    if lost:
        draft.change("user", user.name, "groups", "", " ".join("-" + group for group in lost))


def plan_stray_keys(draft: Draft) -> None:
    """A key file of ours whose account is gone would open the next account of that name."""
    present = {user.name for user in draft.request.users if user.state == "present"}
    for name, data in sorted(draft.state.key_files.items()):
        written = data.startswith(KEY_FILE_HEADER.encode())
        if written and name not in draft.passwd and name not in present and name not in draft.key_files:
            draft.key_files[name] = b""
            draft.change("user", name, "keys", "%d keys" % len(key_lines(data)), "+0 -%d" % len(key_lines(data)))


def _renamed(draft: Draft, user: UserSpec) -> str:
    """Why somebody whose account is missing may still get in: under another name that the account was given."""
    owned = draft.state.record.users.get(user.name)
    others = draft.others_with(user.uid, user.name)
    former = [name for name in others if name in user.formerly]
    if former:
        return (
            "it is %s on this host, with its number, and that account is not ours: give it the new name (usermod -l,"
            " groupmod -n) and set adopt: true, or remove it" % ", ".join(former)
        )
    if owned is None or owned.owner != draft.request.owner or owned.number != user.uid or not others:
        return ""
    return "the account made for uid %d is called %s on this host now: rename it back (usermod -l), or remove it" % (
        user.uid, ", ".join(others),
    )  # fmt: skip


def _is_a_service(draft: Draft, user: UserSpec, fields: list[str]) -> bool:
    """Is the account that has the name one that no person ever had?

    Who is invited may choose the name of a service that some host has. What keeps them out must not stop there.
    """
    theirs = user.adopt or user.name in draft.state.record.users or draft.others_with(user.uid, user.name)
    # with 0 it would be another way to be root, and with more perhaps a person's
    if theirs or not fields[UID].isdigit() or not 0 < int(fields[UID]) < FIRST_ID:
        return False
    draft.warnings.append(
        "%s is kept out; the account of that name here is a service's, with uid %s: it was left as it is"
        % (user.name, fields[UID])
    )
    return True


def plan_disabled(draft: Draft, user: UserSpec) -> None:
    """The account stays, and nothing gets in: expired, nologin, no keys, nothing of it running."""
    fields = draft.passwd.get(user.name)
    if fields is not None and _is_a_service(draft, user, fields):
        return
    if fields is None:
        if _renamed(draft, user):
            draft.problems.append("%s: %s" % (user.name, _renamed(draft, user)))
        return
    problems = keep_problems(draft, user, fields) + protected_problems(draft, user)
    if problems:
        draft.problems += ["%s: %s" % (user.name, problem) for problem in problems]
        return
    draft.claim(user.name, user.uid, "disabled")
    count = len(draft.changes)
    if not is_over((draft.shadow.get(user.name) or [""] * 9)[EXPIRES], draft.state.today):
        draft.removed_now.append(user.name)
    shadow = disabled_shadow(draft, user)
    if shadow != draft.shadow.get(user.name):
        draft.closings["shadow"][user.name] = shadow
    wanted = list(fields)
    # PAM looks at the expiry of those only whose password is in shadow
    wanted[PASSWORD], wanted[SHELL] = "x", draft.state.nologin
    describe(draft, fields, wanted)
    if wanted != fields:
        draft.closings["passwd"][user.name] = wanted
    plan_keys(draft, user.name, ())
    plan_no_belongings(draft, user, gone=False)
    _plan_stop(draft, user)
    if len(draft.changes) > count:
        draft.change("user", user.name, "state", "present", "disabled")


def plan_absent(draft: Draft, user: UserSpec) -> None:
    """The account is gone from the account files; its home stays, because it belongs to the fleet."""
    fields = draft.passwd.get(user.name)
    owned = draft.state.record.users.get(user.name)
    if fields is not None and _is_a_service(draft, user, fields):
        return
    if fields is None and _renamed(draft, user):
        draft.problems.append("%s: %s" % (user.name, _renamed(draft, user)))
        return
    if fields is None and (owned is None or owned.owner != draft.request.owner):
        return
    if fields is not None:
        problems = keep_problems(draft, user, fields) + protected_problems(draft, user)
        if problems:
            draft.problems += ["%s: %s" % (user.name, problem) for problem in problems]
            return
        draft.closings["passwd"][user.name] = None
        if not is_over((draft.shadow.get(user.name) or [""] * 9)[EXPIRES], draft.state.today):
            draft.removed_now.append(user.name)
        draft.claim(user.name, user.uid)  # until the last step, so that a killed run can be finished
        draft.change("user", user.name, "account", "uid %s, home %s" % (fields[UID], fields[HOME]), "absent")
    if user.name in draft.shadow:
        draft.closings["shadow"][user.name] = None
    draft.gone.add(user.name)
    _leave_groups(draft, user, in_passwd=fields is not None)
    if user.name in draft.state.key_files:
        draft.key_files[user.name] = b""
    if fields is None and draft.left_over(user.name):
        draft.change("user", user.name, "leftovers", "of a removal that was cut short", "absent")
    plan_no_belongings(draft, user, gone=True)
    _plan_stop(draft, user)


def _leave_groups(draft: Draft, user: UserSpec, in_passwd: bool) -> None:
    private = draft.group.get(user.name)
    others = draft.primary_gids.get(str(user.gid), 0) - (1 if in_passwd else 0)
    if private is not None and private[2] == str(user.gid):
        if others or [name for name in members_of(private) if name != user.name]:
            draft.warnings.append("group %s stays, because others use it" % user.name)
        else:
            draft.drop_group(user.name)
    elif private is None and draft.gshadow is not None and user.name in draft.gshadow:
        draft.drop_group(user.name)
    for group in draft.memberships(user.name):
        if group in draft.group:
            draft.leave_group(group, user.name)


def _plan_stop(draft: Draft, user: UserSpec) -> None:
    others = draft.others_with(user.uid, user.name)
    if others:
        draft.warnings.append(
            "%s: %s has the same uid %d on this host and still gets in, so nothing that runs was ended: look at that"
            " account" % (user.name, ", ".join(others), user.uid)
        )
        return
    there = draft.state.busy.get(user.name)
    # that nothing of theirs runs on is part of closing an account; what runs comes and goes, so it is told only of one
    # that was closed before
    if there and user.name not in draft.removed_now:
        draft.change("user", user.name, "running", there, "stopped")
    if there or user.name in draft.removed_now:
        draft.stop.append((user.name, user.uid))
