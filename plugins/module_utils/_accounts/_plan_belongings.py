# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan what users have beside the account files: rights, limits, sub-ids, surroundings (private, pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._belongings import (
    ALWAYS,
    NO_PASSWORD,
    NO_UTMP,
    OWN_HEADER,
    user_files,
)
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._shadow import has_password
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._shared_files import (
    SHARED_FILES,
    joined,
    parts_of,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._draft import Draft
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import GroupSpec, UserSpec

__all__ = [
    "finish_belongings",
    "plan_belongings",
    "plan_former_belongings",
    "plan_group_rules",
    "plan_no_belongings",
    "plan_revocations",
]

_SHOWN = 200


def plan_belongings(draft: Draft, user: UserSpec, quiet: bool = False) -> list[str]:
    """What is asked for; what is not said is left alone.

    :param quiet: of somebody who is new: told as a part of the account.
    :returns: what there will be, in words.
    """
    wanted = user.belongings
    conditions = {ALWAYS} if draft.state.counts_logins else {ALWAYS, NO_UTMP}
    if not has_password(draft, user.name):
        conditions.add(NO_PASSWORD)
    draft.warnings += [warning for condition, warning in wanted.warnings if condition in conditions]
    about = user_files(user.name, user.uid)
    there = []
    for path, data in wanted.files.items():
        _set_file(draft, user.name, about[path], path, data, quiet)
        if data:
            there.append(about[path])
    for path, part in wanted.parts.items():
        _set_part(draft, user.name, path, part, quiet)
        if part:
            there.append(SHARED_FILES[path])
    if wanted.subids is not None:
        draft.subids[user.name], draft.numbers[user.name] = wanted.subids, user.uid
        there += ["sub-ids"] if wanted.subids else []
    if wanted.mail_alias is not None:
        draft.aliases[user.name] = wanted.mail_alias
        there += ["mail alias"] if wanted.mail_alias else []
    if wanted.linger is not None:
        draft.linger.pop(user.name, None)
    if wanted.linger is not None and wanted.linger != (user.name in draft.state.lingering):
        draft.linger[user.name] = wanted.linger
        there += ["lingering"] if wanted.linger else []
        if not quiet:
            draft.change("user", user.name, "lingering", *(("no", "yes") if wanted.linger else ("yes", "no")))
    return there


def plan_revocations(draft: Draft, user: UserSpec) -> None:
    """Of an account that is let be: rights that were taken from its owner go, and nothing else changes."""
    about = user_files(user.name, user.uid)
    for path, data in user.belongings.files.items():
        if not data:
            _set_file(draft, user.name, about[path], path, b"", quiet=False)


def plan_no_belongings(draft: Draft, user: UserSpec, gone: bool) -> None:
    """Nothing is left of somebody who goes; with the account itself, jobs of cron and at go as well."""
    for path, attribute in user_files(user.name, user.uid).items():
        _set_file(draft, user.name, attribute, path, b"", quiet=False)
    for path in SHARED_FILES:
        _set_part(draft, user.name, path, b"", quiet=False)
    draft.subids[user.name], draft.numbers[user.name] = (), user.uid
    draft.aliases[user.name] = ""
    jobs = draft.state.jobs.get(user.name)
    if gone and jobs and not draft.others_with(user.uid, user.name):
        draft.jobs.append((user.name, user.uid))
        draft.change("user", user.name, "jobs", jobs, "none")


def plan_former_belongings(draft: Draft, former: str, name: str) -> None:
    """Nothing holds for a name that somebody had before; their files of that name are strays by now."""
    draft.subids[former] = ()
    draft.aliases[former] = ""
    if former in draft.state.lingering:
        draft.linger[former] = False
        draft.linger[name] = True


def plan_group_rules(draft: Draft, group: GroupSpec) -> None:
    """The rules of sudo that hold for a group."""
    draft.warnings += [warning for _condition, warning in group.belongings.warnings]
    for path, data in group.belongings.files.items():
        _set_file(draft, group.name, "sudo", path, data, quiet=False, kind="group")


def finish_belongings(draft: Draft) -> None:
    """What can be said when all users were planned: strays, and the files that many share."""
    _plan_strays(draft)
    _plan_shared_files(draft)
    if draft.subids:
        _plan_subids(draft)
    if draft.aliases:
        _plan_aliases(draft)


def _set_file(draft: Draft, name: str, attribute: str, path: str, data: bytes, quiet: bool, kind: str = "user") -> None:
    old = draft.state.files.get(path, b"")
    if data == old and not (data and path in draft.state.loose_files):
        return
    draft.files[path] = data
    if quiet:
        return
    if data == old:
        draft.change(kind, name, "%s file" % attribute, "can be changed by others, or not be read", "root's alone")
    else:
        draft.change(kind, name, attribute, _told(attribute, old), _told(attribute, data))


def _told(attribute: str, data: bytes) -> str:
    """A file in one line; of an environment only the names, because values can be secrets."""
    lines = [
        line.strip()
        for line in data.decode("utf-8", "replace").split("\n")
        if line.strip() and not line.startswith(("#", "["))
    ]
    if attribute == "login environment":
        lines = [line.split("=")[0].replace("export ", "") for line in lines]
    text = "; ".join(lines)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _plan_strays(draft: Draft) -> None:
    """A file of ours whose account is gone would hold for the next account of that name or number."""
    names = {*draft.passwd, *draft.edits["passwd"]}.difference(draft.gone)
    uids = {fields[2] for name, fields in draft.passwd.items() if name not in draft.gone}
    uids.update(fields[2] for fields in draft.edits["passwd"].values() if fields)
    groups = {name for name in {*draft.group, *draft.edits["group"]} if draft.edits["group"].get(name, ()) is not None}
    for path, data in sorted(draft.state.files.items()):
        if path in draft.files or path in SHARED_FILES or not data.startswith(OWN_HEADER):
            continue
        kind, owner = _owner_of(path)
        if owner not in {"user": names, "uid": uids, "group": groups}[kind]:
            draft.files[path] = b""
            draft.change("host", "/etc/" + path, "file of somebody who is gone", "present", "absent")


def _owner_of(path: str) -> tuple[str, str]:
    """Whose file it is: ``user`` or ``group`` with a name, or ``uid`` with a number."""
    folder, _slash, name = path.rpartition("/")
    if folder.endswith(".slice.d"):
        return "uid", folder[folder.rindex("/") + len("/user-") : -len(".slice.d")]
    kind, _dash, owner = name[len("labfleet-") :].partition("-")
    return ("group" if kind == "group" else "user"), owner


def _plan_shared_files(draft: Draft) -> None:
    """Write a file that has a part for each user, if any part of it changes; parts of who is gone go with it."""
    names = {*draft.passwd, *draft.edits["passwd"]}.difference(draft.gone)
    for path in SHARED_FILES:
        old = draft.state.files.get(path, b"")
        new = joined(path, {name: part for name, part in _parts(draft, path).items() if name in names})
        if new == old and not (new and path in draft.state.loose_files):
            continue
        draft.files[path] = new
        strays = sorted(set(parts_of(path, old)).difference(names, draft.gone))
        if strays:
            draft.change("host", "/etc/" + path, "parts of who is gone", ", ".join(strays), "")
        if joined(path, parts_of(path, old)) != old or path in draft.state.loose_files:
            draft.change("host", "/etc/" + path, "file", "not as it was written", "ours")


def _set_part(draft: Draft, name: str, path: str, part: bytes, quiet: bool) -> None:
    parts = _parts(draft, path)
    old = parts.get(name, b"")
    if part == old:
        return
    parts[name] = part
    if not quiet:
        attribute = SHARED_FILES[path]
        draft.change("user", name, attribute, _told(attribute, old), _told(attribute, part))


def _parts(draft: Draft, path: str) -> dict[str, bytes]:
    if path not in draft.parts:
        draft.parts[path] = parts_of(path, draft.state.files.get(path, b""))
    return draft.parts[path]


def _plan_subids(draft: Draft) -> None:
    texts = {name: text for name, text in draft.state.subids.items() if text or any(draft.subids.values())}
    if not texts:
        return
    from ansible_collections.labfleet.identity.plugins.module_utils._belongings._subids import with_ranges

    uids = [int(fields[2]) for fields in draft.passwd.values() if fields[2].isdecimal()]
    wanted = {name: (found[0], found[1]) if found else None for name, found in draft.subids.items()}
    for file, text in sorted(texts.items()):
        new, changes, problems = with_ranges(text, wanted, uids, draft.numbers)
        draft.problems += ["/etc/%s: %s" % (file, problem) for problem in problems]
        for name, change in changes.items():
            if name not in draft.new:
                draft.change("user", name, file, *change.split(" -> "))
        if new != (text or b""):
            draft.texts["/etc/" + file] = new


def _plan_aliases(draft: Draft) -> None:
    text = draft.state.aliases
    if not text and not any(draft.aliases.values()):
        return
    from ansible_collections.labfleet.identity.plugins.module_utils._belongings._aliases import with_aliases

    new, changes, problems = with_aliases(text, {name: alias or None for name, alias in draft.aliases.items()})
    draft.problems += ["/etc/aliases: %s" % problem for problem in problems]
    for name, change in changes.items():
        if name not in draft.new:
            draft.change("user", name, "mail alias", *change.split(" -> "))
    if new != (text or b""):
        draft.texts["/etc/aliases"] = new
