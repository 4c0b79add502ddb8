# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the users that a host has or gets, and what those who go share with them (private, pure)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._plan_belongings import plan_belongings
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._shadow import (
    NO_PASSWORD,
    fresh_shadow,
    is_over,
    update_shadow,
)
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HomeJob

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._draft import Draft
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import UserSpec

__all__ = [
    "HOME",
    "KEY_FILE_HEADER",
    "PASSWORD",
    "SHELL",
    "UID",
    "describe",
    "keep_problems",
    "key_lines",
    "locks_out",
    "plan_keys",
    "plan_present",
    "protected_problems",
]

KEY_FILE_HEADER = "# Written by labfleet.identity: what is changed here is lost.\n"
DEFAULT_HOME_MODE = 0o700
NAME, PASSWORD, UID, GID, GECOS, HOME, SHELL = range(7)


def plan_present(draft: Draft, user: UserSpec) -> None:
    """The account exists, works and looks as asked for."""
    fields = draft.passwd.get(user.name)
    problems = _create_problems(draft, user) if fields is None else keep_problems(draft, user, fields)
    if user.shell not in draft.state.shells:
        problem = "shell %s cannot be executed on this host: install it, or name another" % user.shell
        # one that was there, in a home for example, may be gone: nobody may stop the run on a host that way
        known = fields is not None and fields[SHELL] == user.shell
        (draft.warnings if known else problems).append("%s: %s" % (user.name, problem) if known else problem)
    problems += _home_problems(draft, user)
    if fields is not None and locks_out(draft, user):
        problems += protected_problems(draft, user)
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
        plan_keys(draft, user.name, user.keys or (), quiet=fields is None)
    elif user.name in draft.state.loose_key_files:
        draft.key_files[user.name] = draft.state.key_files[user.name]
    if user.name in draft.state.loose_key_files and fields is not None and draft.key_files.get(user.name):
        draft.change("user", user.name, "key file", "can be changed by others, or not be read", "root, 0644")


def locks_out(draft: Draft, user: UserSpec) -> bool:
    """Would an account that stays lose its last key, or be over?"""
    there = draft.state.key_files.get(user.name, b"")
    loses_keys = user.keys == () and key_lines(there) != []
    return loses_keys or is_over(user.expires or "", draft.state.today) or _keeps_no_way_in(draft, user, there)


def _keeps_no_way_in(draft: Draft, user: UserSpec, there: bytes) -> bool:
    """Would of somebody who must not be shut out only keys be left that are over, or force a command?"""
    if not user.keys or user.name not in draft.state.protected.union(draft.request.protected_users):
        return False
    # only who comes in as somebody of the roster pays for this import
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._shell_keys import keys_in

    now = time.strftime("%Y%m%d%H%M%S", time.gmtime(draft.state.today * 86400))
    return bool(keys_in(there.decode("utf-8", "replace"), now)) and not keys_in("\n".join(user.keys), now)


def _create_problems(draft: Draft, user: UserSpec) -> list[str]:
    problems = []
    taken = draft.uid_names.get(str(user.uid)) or draft.state.directory_names.get(user.uid)
    if taken:
        problems.append(
            "uid %d is taken on this host by %s: the number stays hers or his; remove or migrate that account"
            % (user.uid, taken)
        )
    # whose account somebody removed by hand: files of theirs may be left
    former = [
        name
        for name, owned in draft.state.record.users.items()
        if owned.number == user.uid and name != user.name and name not in user.formerly
    ]
    if former and not taken:
        problems.append(
            "uid %d is %s's on this host, whose account is gone: correct the number, or end that account first, with"
            " state: absent" % (user.uid, former[0])
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
    bands = (*draft.request.bands, draft.request.group_band)
    if there is None and not any(user.gid in band for band in bands):
        return ["its private group would have gid %d, outside %s" % (user.gid, " and ".join(map(str, bands)))]
    if user.group in draft.group and user.group != user.name and user.group not in draft.managed_groups():
        forbidden = draft.forbidden_group(user.group, user.name)
        if forbidden:
            return [forbidden]
    # a leftover of a run that was killed is ours; any other group of this name has members we know nothing of
    ours = user.adopt or user.name in draft.state.record.users
    if there is not None and user.group == user.name and not ours:
        return ["group %s exists on this host and was not made by this collection: set adopt: true" % user.name]
    return []


def keep_problems(draft: Draft, user: UserSpec, fields: list[str]) -> list[str]:
    """Why an account that exists cannot be kept as this one."""
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
        return [] if _has_this_home(draft, user) else [home.problem]
    if home.kind != "directory":
        return ["home %s is not a directory (a link or a file): move it away" % user.home]
    if home.uid != user.uid:
        # whoever has sub-ids can give the own home to one of them, and must not stop the run on a host that way
        is_theirs = _has_this_home(draft, user) and user.name in draft.state.record.users
        if not is_theirs or str(home.uid) in draft.uid_names:
            return ["%s: files are not given away; move it, or migrate them" % _whose_home(draft, user)]
    return []


def _has_this_home(draft: Draft, user: UserSpec) -> bool:
    fields = draft.passwd.get(user.name)
    return fields is not None and fields[HOME] == user.home


def _whose_home(draft: Draft, user: UserSpec) -> str:
    uid = draft.state.homes[user.home].uid
    owner = draft.uid_names.get(str(uid), "nobody known here")
    return "home %s belongs to uid %d (%s), not to %d" % (user.home, uid, owner, user.uid)


def _create(draft: Draft, user: UserSpec) -> None:
    gecos = user.gecos or ""
    number, group = str(user.uid), str(user.gid)
    draft.edits["passwd"][user.name] = [user.name, "x", number, group, gecos, user.home, user.shell]
    # fresh, whatever an earlier account of this name left behind
    draft.edits["shadow"][user.name] = fresh_shadow(draft.state.today, user)
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
    described += ["a password"] if user.password not in (None, NO_PASSWORD) else []
    described += plan_belongings(draft, user, quiet=True)
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
    describe(draft, fields, wanted)
    if wanted != fields:
        draft.edits["passwd"][user.name] = wanted
    update_shadow(draft, user)
    plan_belongings(draft, user)
    if user.group == user.name and draft.ensure_group(user.name, user.gid):
        draft.change("user", user.name, "private group", "missing", "gid %d" % user.gid)


def describe(draft: Draft, fields: list[str], wanted: list[str]) -> None:
    """Write down what of a passwd entry changes."""
    for index, attribute in ((GECOS, "gecos"), (HOME, "home"), (SHELL, "shell")):
        if wanted[index] != fields[index]:
            draft.change("user", fields[NAME], attribute, fields[index], wanted[index])
    if wanted[PASSWORD] != fields[PASSWORD]:
        draft.change("user", fields[NAME], "password field", "not shadowed", "shadowed")


def _plan_home(draft: Draft, user: UserSpec) -> None:
    if not user.create_home:
        return
    home = draft.state.homes[user.home]
    mode = draft.request.home_mode if user.home_mode is None else user.home_mode
    if home.kind == "missing":
        job_mode = DEFAULT_HOME_MODE if mode is None else mode
        draft.homes.append(HomeJob(user.name, user.home, user.uid, user.gid, job_mode, True, user.skel))
        if user.name in draft.passwd:
            draft.change("user", user.name, "home directory", "missing", "%04o" % job_mode)
    elif home.problem:
        draft.warnings.append("%s: the home was left as it is: %s" % (user.name, home.problem))
    elif home.uid not in (-1, user.uid):
        draft.warnings.append(
            "%s: %s: it was left as it is; give it back with chown" % (user.name, _whose_home(draft, user))
        )
    elif mode is not None and home.mode != mode:
        draft.homes.append(HomeJob(user.name, user.home, user.uid, user.gid, mode, False))
        draft.change("user", user.name, "home mode", "%04o" % home.mode, "%04o" % mode)


def key_lines(data: bytes) -> list[str]:
    """The lines of a key file that count."""
    return [line for line in data.decode("utf-8", "replace").split("\n") if line and not line.startswith("#")]


def plan_keys(draft: Draft, name: str, keys: tuple[str, ...], quiet: bool = False) -> None:
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


def protected_problems(draft: Draft, user: UserSpec) -> list[str]:
    """Why the connecting user is let be."""
    if user.name in draft.request.protected_users:
        return ["protected_users names it, so it is not closed: take it out of there first"]
    if user.name in draft.state.protected:
        return ["this run is connected as this user: it would lock itself out; remove it from another login"]
    return []
