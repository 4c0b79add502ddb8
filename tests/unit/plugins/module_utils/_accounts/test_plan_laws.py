# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of every plan, whatever the host looks like and whatever is asked for."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, event, given, note, settings

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import Table
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._shared_files import SHARED_FILES
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

from .build import HEADER, NOLOGIN, OWNER, after, fields, is_empty, ours, plan_for
from .strategies import PEOPLE, SHARED, hosts, requests

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import Request
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HostState, Plan

PRIVILEGED = ("sudo", "docker")
CONFIGURATION = {"/etc/login.defs", "/etc/adduser.conf"}
SHARED_TEXTS = ("/etc/subuid", "/etc/subgid", "/etc/aliases")


@dataclass(frozen=True)
class Case:
    """A plan that was accepted, with what it came from and where it leads."""

    wanted: Request
    state: HostState
    plan: Plan
    new: HostState

    @property
    def named(self) -> set[str]:
        """Everybody this run may touch."""
        names = {user.name for user in self.wanted.users}
        if self.wanted.orphans != "report":
            names |= {name for name, owned in self.state.record.users.items() if owned.owner == OWNER}
        return names

    @property
    def leaving(self) -> set[str]:
        """Those of them who are not to be in the account files."""
        return self.named - {user.name for user in self.wanted.users if user.state != "absent"}

    @property
    def managed(self) -> set[str]:
        """The shared groups whose members this owner speaks for."""
        names = {group.name for group in self.wanted.groups}
        for name, owned in self.state.record.groups.items():
            group = self.state.tables["group"].entries.get(name)
            if owned.owner == OWNER and group and group[2] == str(owned.number):
                names.add(name)
        return names

    def differs(self, database: str, name: str) -> bool:
        """Whether an entry is another than before."""
        return database in self.new.tables and fields(self.state, database, name) != fields(self.new, database, name)

    def told(self, kind: str) -> set[str]:
        """The names that changes speak of."""
        return {change.name for change in self.plan.changes if change.kind == kind}


def members(state: HostState, database: str, group: str) -> list[str]:
    """Who is in a group; nobody when there is none."""
    entry = state.tables[database].entries.get(group)
    return [name for name in entry[3].split(",") if name] if entry else []


def planned(wanted: Request, state: HostState) -> Case | None:
    """The plan and the host after it, or None when it was refused, in words that can be printed."""
    try:
        plan = plan_for(wanted, state)
        new = after(plan, state)
    except IdentityError as error:
        said = str(error)
    else:
        event("an empty plan" if is_empty(plan) else "a plan")
        return Case(wanted, state, plan, new)
    event("a refusal")
    assert said.isprintable()
    return None


def a_second_run_changes_nothing(case: Case) -> None:
    again = plan_for(case.wanted, case.new)
    assert again.changes == ()
    assert is_empty(again)


def planning_is_pure(case: Case) -> None:
    for database, table in case.state.tables.items():
        assert table.entries == Table(database, table.text.encode("utf-8", "surrogateescape")).entries
    assert plan_for(case.wanted, case.state) == case.plan


def owners(path: str) -> set[str]:
    """Everybody whose file this can be."""
    if path in SHARED_FILES:
        return set(PEOPLE)
    number = {f"user-{uid}.slice.d": name for name, uid in PEOPLE.items()}
    return {name for name in {**PEOPLE, **SHARED} if name in re.split(r"[-./]", path)} | {
        name for part, name in number.items() if part in path
    }


def beside(case: Case) -> set[str]:
    """Everybody of whom something changes beside the account files."""
    names = {name for path in case.plan.files for name in owners(path)}
    names |= {*case.plan.linger, *(name for name, _uid in case.plan.jobs)}
    texts = [case.plan.texts[path].decode() for path in SHARED_TEXTS if path in case.plan.texts]
    olds = [*(text or b"" for text in case.state.subids.values()), case.state.aliases or b""]
    return names | {
        name for name in PEOPLE if any(name in text for text in texts) or any(name.encode() in o for o in olds)
    }


def every_edit_has_a_change_and_none_is_idle(case: Case) -> None:
    users, groups = case.told("user"), case.told("group")
    for step in (case.plan.closings, case.plan.edits):
        for database, names in step.items():
            assert all(case.differs(database, name) for name in names)
            if database in ("passwd", "shadow"):
                assert users.issuperset(names)
            else:
                # without a change of its own, a group follows from those of the people who come or go
                for name in set(names).difference(users, groups):
                    moved = set(members(case.state, "group", name)) ^ set(members(case.new, "group", name))
                    assert moved
                    assert moved <= users
    touched = {job.name for job in case.plan.homes} | {name for name, _uid in case.plan.stop}
    assert users.issuperset(touched.union(case.plan.key_files))
    assert {path for path in case.plan.texts if path not in SHARED_TEXTS} == case.told("host") & CONFIGURATION
    owned = {path: f"/etc/{path}" for path in case.plan.files}
    assert all(path in case.told("host") or owners(short) & (users | groups) for short, path in owned.items())
    assert users.issuperset(case.plan.linger)
    assert users.issuperset(name for name, _uid in case.plan.jobs)
    old, new = case.state.record, case.new.record
    assert {name for name in {**old.users, **new.users} if old.users.get(name) != new.users.get(name)} <= users
    assert {name for name in {**old.groups, **new.groups} if old.groups.get(name) != new.groups.get(name)} <= groups


def every_change_is_carried_out(case: Case) -> None:
    done = {job.name for job in case.plan.homes} | {name for name, _uid in case.plan.stop} | set(case.plan.key_files)
    old, new = case.state.record, case.new.record
    for change in case.plan.changes:
        # of keys the number before and the difference is told
        assert change.before != change.after or change.attribute == "keys"
        name = change.name
        if change.kind == "host":
            assert name in case.plan.texts or name[len("/etc/") :] in case.plan.files
        elif name not in done:
            written = any(case.differs(database, name) for database in case.new.tables)
            moved = any(
                (name in members(case.state, "group", group)) != (name in members(case.new, "group", group))
                for group in case.new.tables["group"].entries
            )
            recorded = (old.users.get(name), old.groups.get(name)) != (new.users.get(name), new.groups.get(name))
            assert written or moved or recorded or name in beside(case)


def what_is_not_named_is_let_be(case: Case) -> None:
    for database in ("passwd", "shadow"):
        before, later = (
            [line for line in state.tables[database].text.split("\n") if line.split(":")[0] not in case.named]
            for state in (case.state, case.new)
        )
        assert before == later
    for name, entry in case.state.tables["group"].entries.items():
        if name not in case.named:
            new = fields(case.new, "group", name)
            assert new is not None
            assert entry[:3] == new[:3]
            old, now = members(case.state, "group", name), members(case.new, "group", name)
            assert [person for person in old if person not in case.named] == [x for x in now if x not in case.named]
            # a name that was listed before its account was made is that of an earlier one
            made = {person for person in case.named if fields(case.state, "passwd", person) is None}
            assert name in case.managed or set(old) - set(now) <= case.leaving | made
    for name, owned in case.state.record.users.items():
        assert name in case.named or case.new.record.users[name] == owned


def no_number_is_given_twice(case: Case) -> None:
    for database in ("passwd", "group"):
        counts = []
        for state in (case.state, case.new):
            table = state.tables[database]
            numbers = [entry[2] for entry in table.entries.values()] + [number for _name, number in table.strays]
            counts.append(Counter(numbers))
        assert not [number for number, count in counts[1].items() if count > max(1, counts[0][number])]


def group_and_gshadow_name_the_same_people(case: Case) -> None:
    if "gshadow" in case.state.tables:
        for name in {**case.plan.edits["group"], **case.plan.edits["gshadow"]}:
            assert set(members(case.new, "group", name)) == set(members(case.new, "gshadow", name))
            assert (fields(case.new, "group", name) is None) == (fields(case.new, "gshadow", name) is None)


def everybody_is_as_asked_for(case: Case) -> None:
    for user in case.wanted.users:
        passwd, shadow = fields(case.new, "passwd", user.name), fields(case.new, "shadow", user.name)
        owned = case.new.record.users.get(user.name)
        if user.state == "present":
            assert passwd is not None
            assert passwd[:4] == [user.name, "x", str(user.uid), str(user.gid)]
            assert passwd[5:] == [user.home, user.shell]
            assert shadow is not None
            assert shadow[1] != ""
            assert user.expires in (None, shadow[7])
            assert owned == ours(user.uid)
            assert fields(case.new, "group", user.group) is not None
            if user.keys is not None:
                data = HEADER + "".join(line + "\n" for line in user.keys).encode() if user.keys else None
                assert case.new.key_files.get(user.name) == data
            if user.groups is not None:
                member = {
                    name for name in case.new.tables["group"].entries if user.name in members(case.new, "group", name)
                }
                assert member.issuperset(user.groups)
                assert member & case.managed == case.managed.intersection(user.groups)
        elif user.state == "disabled" and passwd:
            assert passwd[6] == NOLOGIN
            assert shadow is not None
            assert shadow[7] == "1"
            assert user.name not in case.new.key_files
            assert owned == ours(user.uid, "disabled")
        elif user.state == "absent":
            assert passwd is None
            assert owned is None or owned.owner != OWNER


def works(state: HostState, name: str) -> bool:
    """Whether somebody can get in under this name."""
    shadow = fields(state, "shadow", name)
    return fields(state, "passwd", name) is not None and (shadow is None or shadow[7] != "1")


def the_guards_hold(case: Case) -> None:
    shut = {name for name in PEOPLE if works(case.state, name) and not works(case.new, name)}
    assert len(shut) <= case.wanted.removal_cap
    assert not case.state.protected & (shut | {name for name, _uid in case.plan.stop})
    if not case.wanted.allow_privileged_groups:
        for group in PRIVILEGED:
            assert set(members(case.new, "group", group)) <= set(members(case.state, "group", group))


LAWS = (
    a_second_run_changes_nothing,
    planning_is_pure,
    every_edit_has_a_change_and_none_is_idle,
    every_change_is_carried_out,
    what_is_not_named_is_let_be,
    no_number_is_given_twice,
    group_and_gshadow_name_the_same_people,
    everybody_is_as_asked_for,
    the_guards_hold,
)


# the laws share their examples, because making these takes most of the time
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(requests(), hosts())
def test_the_laws_hold(wanted: Request, state: HostState) -> None:
    for database, table in state.tables.items():
        note("%s:\n%s" % (database, table.text))
    case = planned(wanted, state)
    if case:
        for law in LAWS:
            law(case)
