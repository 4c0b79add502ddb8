# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the users of a host (private, pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._draft import members_of
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HomeJob

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._draft import Draft
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import UserSpec

__all__ = [
    "KEY_FILE_HEADER",
    "key_lines",
    "plan_absent",
    "plan_disabled",
    "plan_present",
    "plan_stray_keys",
    "plan_unselected",
]

KEY_FILE_HEADER = "# Written by labfleet.identity: what is changed here is lost.\n"
NO_PASSWORD = "*"  # unlike "!", it lets keys in with UsePAM no
DISABLED_SINCE = "1"  # day 1 of shadow's calendar
DEFAULT_HOME_MODE = 0o700
NAME, PASSWORD, UID, GID, GECOS, HOME, SHELL = range(7)
EXPIRES = 7  # in shadow


def plan_present(draft: Draft, user: UserSpec) -> None:
    """The account exists, works and looks as asked for."""
    fields = draft.passwd.get(user.name)
    problems = _create_problems(draft, user) if fields is None else _keep_problems(draft, user, fields)
    if user.shell not in draft.state.shells:
        problem = "shell %s cannot be executed on this host: install it, or name another" % user.shell
        # one that was there, in a home for example, may be gone: nobody may stop the run on a host that way
        known = fields is not None and fields[SHELL] == user.shell
        (draft.warnings if known else problems).append("%s: %s" % (user.name, problem) if known else problem)
    problems += _home_problems(draft, user)
    if fields is not None and _locks_out(draft, user):
        problems += _protected_problems(draft, user)
    if problems:
        draft.problems += ["%s: %s" % (user.name, problem) for problem in problems]
        return
    draft.claim(user.name, user.uid)
    if fields is None:
        _create(draft, user)
    else:
        _update(draft, user, fields)
    _plan_home(draft, user)
    if user.keys is not None or fields is None:
        _plan_keys(draft, user.name, user.keys or (), quiet=fields is None)
    elif user.name in draft.state.loose_key_files:
        draft.key_files[user.name] = draft.state.key_files[user.name]
    if user.name in draft.state.loose_key_files and fields is not None and draft.key_files.get(user.name):
        draft.change("user", user.name, "key file", "can be changed by others, or not be read", "root, 0644")


def _locks_out(draft: Draft, user: UserSpec) -> bool:
    """Would an account that stays lose its last key, or be over?"""
    loses_keys = user.keys == () and key_lines(draft.state.key_files.get(user.name, b"")) != []
    return loses_keys or _is_over(user.expires or "", draft.state.today)


def _create_problems(draft: Draft, user: UserSpec) -> list[str]:
    problems = []
    taken = draft.uid_names.get(str(user.uid)) or draft.state.directory_names.get(user.uid)
    if taken:
        problems.append(
            "uid %d is taken on this host by %s: the number stays hers or his; remove or migrate that account"
            % (user.uid, taken)
        )
    if user.name in draft.state.directory_uids:
        problems.append(
            "the name is known to this host's directory service with uid %d: a local account would hide it"
            % draft.state.directory_uids[user.name]
        )
    return problems + _group_problems(draft, user)


def _group_problems(draft: Draft, user: UserSpec) -> list[str]:
    """Why the primary group cannot be had."""
    there = draft.group.get(user.group) or draft.edits["group"].get(user.group)
    holder = draft.gid_names.get(str(user.gid)) or draft.state.directory_groups.get(user.gid)
    if there is None and user.group in draft.state.directory_gids:
        known = draft.state.directory_gids[user.group]
        return ["group %s is known to this host's directory service with gid %d" % (user.group, known)]
    if there is not None and there[2] != str(user.gid):
        return ["group %s has gid %s on this host, not %d" % (user.group, there[2], user.gid)]
    if there is None and holder:
        return ["gid %d is taken on this host by group %s" % (user.gid, holder)]
    if there is None and user.group != user.name:
        return ["its primary group %s does not exist: name it in groups, or create it first" % user.group]
    if there is None and user.gid not in draft.request.band and user.gid not in draft.request.group_band:
        return [
            "its private group would have gid %d, outside %s and %s"
            % (user.gid, draft.request.band, draft.request.group_band)
        ]
    if user.group in draft.group and user.group != user.name and user.group not in draft.managed_groups():
        forbidden = draft.forbidden_group(user.group, user.name)
        if forbidden:
            return [forbidden]
    # a leftover of a run that was killed is ours; any other group of this name has members we know nothing of
    ours = user.adopt or user.name in draft.state.record.users
    if there is not None and user.group == user.name and not ours:
        return ["group %s exists on this host and was not made by this collection: set adopt: true" % user.name]
    return []


def _keep_problems(draft: Draft, user: UserSpec, fields: list[str]) -> list[str]:
    if fields[UID] != str(user.uid):
        return [
            "it has uid %s on this host and should have %d: numbers are never changed in passing; migrate the account"
            " and its files first" % (fields[UID], user.uid)
        ]
    if fields[GID] != str(user.gid):
        return ["it has primary gid %s on this host and should have %d: migrate it first" % (fields[GID], user.gid)]
    holder = draft.gid_names.get(str(user.gid))
    if user.state == "present" and user.group == user.name and user.name not in draft.group and holder:
        return ["gid %d of its private group is taken on this host by group %s: name that group" % (user.gid, holder)]
    reason = draft.not_ours(user.name, user.adopt)
    return [reason] if reason else []


def _home_problems(draft: Draft, user: UserSpec) -> list[str]:
    if not user.create_home:
        return []
    home = draft.state.homes[user.home]
    if home.kind == "missing":
        return ["its home cannot be made: %s" % home.problem] if home.problem else []
    if home.kind == "hidden":
        # no user can stop the run on a host: only an account that does not use this home yet waits for it
        fields = draft.passwd.get(user.name)
        return [] if fields and fields[HOME] == user.home else [home.problem]
    if home.kind != "directory":
        return ["home %s is not a directory (a link or a file): move it away" % user.home]
    if home.uid != user.uid:
        owner = draft.uid_names.get(str(home.uid), "nobody known here")
        return [
            "home %s belongs to uid %d (%s), not to %d: files are not given away; move it, or migrate them"
            % (user.home, home.uid, owner, user.uid)
        ]
    return []


def _create(draft: Draft, user: UserSpec) -> None:
    gecos = user.gecos or ""
    number, group = str(user.uid), str(user.gid)
    draft.edits["passwd"][user.name] = [user.name, "x", number, group, gecos, user.home, user.shell]
    # fresh, whatever an earlier account of this name left behind
    draft.edits["shadow"][user.name] = _fresh_shadow(draft, user.name, user.expires or "")
    draft.uid_names[number] = user.name
    _forget_memberships(draft, user)
    if user.group == user.name:
        draft.ensure_group(user.name, user.gid)
    described = ["uid %s" % number, "gid %s" % group, "home %s" % user.home, "shell %s" % user.shell]
    if user.gecos:
        described.append("gecos %s" % user.gecos)
    if user.groups:
        described.append("groups %s" % ",".join(user.groups))
    described.append("%d keys" % len(user.keys or ()))
    draft.change("user", user.name, "account", "absent", ", ".join(described))


def _forget_memberships(draft: Draft, user: UserSpec) -> None:
    """A name that groups list before its account exists is that of somebody else, or of an earlier life."""
    draft.new.add(user.name)
    stale = [
        group for group in draft.memberships(user.name) if group in draft.group and group not in (user.groups or ())
    ]
    for group in stale:
        draft.leave_group(group, user.name)
    if stale:
        draft.warnings.append(
            "%s: taken out of %s, where the name stood before the account was made" % (user.name, ", ".join(stale))
        )


def _update(draft: Draft, user: UserSpec, fields: list[str]) -> None:
    wanted = list(fields)
    wanted[PASSWORD] = "x"
    wanted[HOME], wanted[SHELL] = user.home, user.shell
    if user.gecos is not None:
        wanted[GECOS] = user.gecos
    _describe(draft, fields, wanted)
    if wanted != fields:
        draft.edits["passwd"][user.name] = wanted
    _update_shadow(draft, user)
    if user.group == user.name and draft.ensure_group(user.name, user.gid):
        draft.change("user", user.name, "private group", "missing", "gid %d" % user.gid)


def _describe(draft: Draft, fields: list[str], wanted: list[str]) -> None:
    for index, attribute in ((GECOS, "gecos"), (HOME, "home"), (SHELL, "shell")):
        if wanted[index] != fields[index]:
            draft.change("user", fields[NAME], attribute, fields[index], wanted[index])
    if wanted[PASSWORD] != fields[PASSWORD]:
        draft.change("user", fields[NAME], "password field", "not shadowed", "shadowed")


def _fresh_shadow(draft: Draft, name: str, expires: str) -> list[str]:
    return [name, NO_PASSWORD, str(draft.state.today), "", "", "", "", expires, ""]


def _update_shadow(draft: Draft, user: UserSpec) -> None:
    old = draft.shadow.get(user.name)
    if old is None:
        draft.change("user", user.name, "shadow entry", "missing", "without a password")
        draft.edits["shadow"][user.name] = _fresh_shadow(draft, user.name, user.expires or "")
        return
    wanted = list(old)
    if old[1] == "":
        wanted[1] = NO_PASSWORD
        draft.change("user", user.name, "password", "empty", "none (keys only)")
    owned = draft.state.record.users.get(user.name)
    if user.expires is not None:
        wanted[EXPIRES] = user.expires
    elif owned and owned.state == "disabled" and old[EXPIRES] == DISABLED_SINCE:
        wanted[EXPIRES] = ""
    elif old[EXPIRES] == DISABLED_SINCE:
        draft.warnings.append("%s is expired on this host by somebody else: set expires to open it again" % user.name)
    if wanted[EXPIRES] != old[EXPIRES]:
        draft.change("user", user.name, "expires", _day(old[EXPIRES]), _day(wanted[EXPIRES]))
        if _is_over(wanted[EXPIRES], draft.state.today) and not _is_over(old[EXPIRES], draft.state.today):
            draft.removed_now.append(user.name)  # a day that is past shuts an account as well
    if wanted != old:
        draft.edits["shadow"][user.name] = wanted


def _is_over(expires: str, today: int) -> bool:
    return expires.isdigit() and int(expires) <= today


def _day(days: str) -> str:
    return "day %s" % days if days else "never"


def _plan_home(draft: Draft, user: UserSpec) -> None:
    if not user.create_home:
        return
    home, mode = draft.state.homes[user.home], draft.request.home_mode
    if home.kind == "missing":
        job_mode = DEFAULT_HOME_MODE if mode is None else mode
        draft.homes.append(HomeJob(user.name, user.home, user.uid, user.gid, job_mode, True))
        if user.name in draft.passwd:
            draft.change("user", user.name, "home directory", "missing", "%04o" % job_mode)
    elif home.problem:
        draft.warnings.append("%s: the home was left as it is: %s" % (user.name, home.problem))
    elif mode is not None and home.mode != mode:
        draft.homes.append(HomeJob(user.name, user.home, user.uid, user.gid, mode, False))
        draft.change("user", user.name, "home mode", "%04o" % home.mode, "%04o" % mode)


def key_lines(data: bytes) -> list[str]:
    """The lines of a key file that count."""
    return [line for line in data.decode("utf-8", "replace").split("\n") if line and not line.startswith("#")]


def _plan_keys(draft: Draft, name: str, keys: tuple[str, ...], quiet: bool = False) -> None:
    """The key file holds exactly these lines; a user without keys has no file."""
    data = (KEY_FILE_HEADER + "\n".join(keys) + "\n").encode("ascii") if keys else b""
    old = draft.state.key_files.get(name, b"")
    if data == old and keys and name in draft.state.loose_key_files:
        draft.key_files[name] = data
    if data == old and not (not keys and name in draft.state.key_files):
        return
    draft.key_files[name] = data
    if not quiet:
        before, after = set(key_lines(old)), set(keys)
        draft.change(
            "user", name, "keys", "%d keys" % len(before), "+%d -%d" % (len(after - before), len(before - after))
        )


def plan_unselected(draft: Draft, user: UserSpec) -> None:
    """An account that stays on a host its owner is no longer meant for: a key taken from them must not work there."""
    fields = draft.passwd[user.name]
    if draft.state.record.users[user.name].state == "disabled":
        return
    problems = _keep_problems(draft, user, fields)
    if _locks_out(draft, user):
        problems += _protected_problems(draft, user)
    if problems:
        draft.problems += ["%s: %s" % (user.name, problem) for problem in problems]
        return
    if user.keys is not None:
        _plan_keys(draft, user.name, user.keys)
    if user.expires is not None:
        _update_shadow(draft, user)


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
    if owned is None or owned.owner != draft.request.owner or owned.number != user.uid or not others:
        return ""
    return "the account made for uid %d is called %s on this host now: rename it back (usermod -l), or remove it" % (
        user.uid, ", ".join(others),
    )  # fmt: skip


def plan_disabled(draft: Draft, user: UserSpec) -> None:
    """The account stays, and nothing gets in: expired, nologin, no keys, nothing of it running."""
    fields = draft.passwd.get(user.name)
    if fields is None:
        if _renamed(draft, user):
            draft.problems.append("%s: %s" % (user.name, _renamed(draft, user)))
        return
    problems = _keep_problems(draft, user, fields) + _protected_problems(draft, user)
    if problems:
        draft.problems += ["%s: %s" % (user.name, problem) for problem in problems]
        return
    draft.claim(user.name, user.uid, "disabled")
    count = len(draft.changes)
    shadow = list(draft.shadow.get(user.name) or _fresh_shadow(draft, user.name, ""))
    if not _is_over(shadow[EXPIRES], draft.state.today):
        draft.removed_now.append(user.name)
    if shadow[EXPIRES] != DISABLED_SINCE:
        draft.change("user", user.name, "expires", _day(shadow[EXPIRES]), _day(DISABLED_SINCE))
        shadow[EXPIRES] = DISABLED_SINCE
    if shadow[1] == "":
        draft.change("user", user.name, "password", "empty", "none (keys only)")
        shadow[1] = NO_PASSWORD
    if shadow != draft.shadow.get(user.name):
        draft.closings["shadow"][user.name] = shadow
    wanted = list(fields)
    # PAM looks at the expiry of those only whose password is in shadow
    wanted[PASSWORD], wanted[SHELL] = "x", draft.state.nologin
    _describe(draft, fields, wanted)
    if wanted != fields:
        draft.closings["passwd"][user.name] = wanted
    _plan_keys(draft, user.name, ())
    _plan_stop(draft, user)
    if len(draft.changes) > count:
        draft.change("user", user.name, "state", "present", "disabled")


def plan_absent(draft: Draft, user: UserSpec) -> None:
    """The account is gone from the account files; its home stays, because it belongs to the fleet."""
    fields = draft.passwd.get(user.name)
    owned = draft.state.record.users.get(user.name)
    if fields is None and (owned is None or owned.owner != draft.request.owner):
        return
    if fields is None and _renamed(draft, user):
        draft.problems.append("%s: %s" % (user.name, _renamed(draft, user)))
        return
    if fields is not None:
        problems = _keep_problems(draft, user, fields) + _protected_problems(draft, user)
        if problems:
            draft.problems += ["%s: %s" % (user.name, problem) for problem in problems]
            return
        draft.closings["passwd"][user.name] = None
        if not _is_over((draft.shadow.get(user.name) or [""] * 9)[EXPIRES], draft.state.today):
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


def _protected_problems(draft: Draft, user: UserSpec) -> list[str]:
    if user.name in draft.state.protected:
        return ["this run is connected as this user: it would lock itself out; remove it from another login"]
    return []
