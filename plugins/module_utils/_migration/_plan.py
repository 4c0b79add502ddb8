# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets which number, in which steps, and what speaks against it (private, pure).

Files of a number that is at once an old one and a new one (two people who exchange their numbers, a chain of them) are
first given to a number that nobody has. So in each step no old number is a new one, and a file that was changed is
never changed again in the same step, however often the step is broken off and begun anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import rewritten
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._migration._request import old_number_problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Collection, Mapping

    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import Record
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import Table
    from ansible_collections.labfleet.identity.plugins.module_utils._migration._request import Request

__all__ = ["Facts", "Phase", "Plan", "make_plan", "new_tables"]

# numbers that no band, no directory service and no container engine has
_FIRST_STAGE = 2000300000


@dataclass(frozen=True)
class Facts:
    """What a host has."""

    tables: Mapping[str, Table]
    record: Record
    # whom a directory service knows under numbers that the account files do not have
    directory_uids: Mapping[int, str] = field(default_factory=dict)
    directory_gids: Mapping[int, str] = field(default_factory=dict)
    protected: Collection[str] = ()


@dataclass(frozen=True)
class Phase:
    """One walk: new numbers by old ones."""

    uids: dict[int, int]
    gids: dict[int, int]


@dataclass(frozen=True)
class Plan:
    """Old and new numbers by name."""

    users: dict[str, tuple[int, int]]
    groups: dict[str, tuple[int, int]]
    primary: dict[str, tuple[int, int]]  # of accounts whose primary group is one of the groups
    settled: frozenset[str] = (
        frozenset()
    )  # users, and groups as "group NAME", that have their number: files may be left
    warnings: tuple[str, ...] = ()

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The walks, in their order."""
        first_uids, uids = _staged(self.users)
        first_gids, gids = _staged(self.groups)
        last = Phase(uids, gids)
        return (Phase(first_uids, first_gids), last) if first_uids or first_gids else (last,)

    @property
    def is_settled(self) -> bool:
        """Whether all accounts and groups have their numbers already."""
        return len(self.settled) == len(self.users) + len(self.groups)

    def to_be_free(self) -> tuple[frozenset[int], frozenset[int]]:
        """New uids and gids, and those of the way there, that no file may carry yet."""
        return _to_be_free(self.users, "%s", self.settled), _to_be_free(self.groups, "group %s", self.settled)


def _staged(moves: Mapping[str, tuple[int, int]]) -> tuple[dict[int, int], dict[int, int]]:
    """The changes of the first step and those of the last one."""
    wanted = {old: new for old, new in moves.values() if old != new}
    contested = sorted(set(wanted).intersection(wanted.values()))
    first = {old: _FIRST_STAGE + index for index, old in enumerate(contested)}
    return first, {first.get(old, old): new for old, new in wanted.items()}


def _to_be_free(moves: Mapping[str, tuple[int, int]], label: str, settled: Collection[str]) -> frozenset[int]:
    new = {to for name, (_old, to) in moves.items() if label % name not in settled}
    return frozenset(new.union(_staged(moves)[0].values()).difference(old for old, _to in moves.values()))


def make_plan(request: Request, facts: Facts) -> Plan:
    """Compare what is with what is wished.

    :raises IdentityError: with all that speaks against it.
    """
    problems: list[str] = []
    warnings: list[str] = []
    passwd, group = facts.tables["passwd"].entries, facts.tables["group"].entries
    users: dict[str, tuple[int, int]] = {}
    groups: dict[str, tuple[int, int]] = {}
    for user in request.users:
        if user.name not in passwd:
            continue
        uid, gid = _number(passwd[user.name][2]), _number(passwd[user.name][3])
        if user.name in facts.protected and uid != user.to_uid:
            problems.append("%s is who this run came in as: come in as somebody else" % user.name)
        if passwd[user.name][1] != "x" and uid != user.to_uid:
            # PAM heeds the expiry of those only whose password is in shadow
            problems.append(
                "%s has a password field in /etc/passwd, so expiry shuts nobody out: run pwconv" % user.name
            )
        _add(users, user.name, "uid", uid, user.from_uid, user.to_uid, problems)
        own = _number(group[user.group][2]) if user.group in group else None
        if own is not None and gid in (own, user.from_gid, user.to_gid):
            _add(groups, user.group, "gid", own, user.from_gid, user.to_gid, problems)
        elif user.from_gid is not None:
            problems.append(
                "the primary group of %s is not %s: say which group has the number %d with group"
                % (user.name, user.group, user.from_gid)
            )
        elif gid != user.to_gid:
            warnings.append(
                "the primary group of %s (gid %s) is not their own: it keeps its number, or name it in groups"
                % (user.name, gid)
            )
    for wish in request.groups:
        if wish.name in group:
            _add(groups, wish.name, "gid", _number(group[wish.name][2]), wish.from_gid, wish.to_gid, problems)
    _check_numbers("uid", users, {name: _number(fields[2]) for name, fields in passwd.items()}, facts, problems)
    _check_numbers("gid", groups, {name: _number(fields[2]) for name, fields in group.items()}, facts, problems)
    primary = _primary(groups, facts, problems)
    if problems:
        raise IdentityError("nothing was changed: " + in_one_sentence(list(dict.fromkeys(problems)), 10))
    settled = {name for name, (_old, new) in users.items() if passwd[name][2] == str(new)}
    settled.update("group " + name for name, (_old, new) in groups.items() if group[name][2] == str(new))
    return Plan(users, groups, primary, frozenset(settled), tuple(warnings))


def _primary(groups: Mapping[str, tuple[int, int]], facts: Facts, problems: list[str]) -> dict[str, tuple[int, int]]:
    """Whose primary group gets another number."""
    group = facts.tables["group"].entries
    new_gids = dict(groups.values())
    own = {_number(group[name][2]) for name in groups if name in group}
    primary = {}
    for name, fields in facts.tables["passwd"].entries.items():
        gid = _number(fields[3])
        if gid in new_gids:
            primary[name] = (gid, new_gids[gid])
        elif gid in new_gids.values() and gid not in own:
            problems.append("%s has the primary group %d, which is to be a new number: free it first" % (name, gid))
    return primary


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 else -1


def _add(
    moves: dict[str, tuple[int, int]], name: str, what: str, has: int, old: int | None, new: int, problems: list[str]
) -> None:
    """Note one change of a number, if there is one to make."""
    if has == new:
        if old is not None and old != new:
            moves[name] = (old, new)  # files may be left
        return
    if old is not None and has != old:
        problems.append("%s has the %s %d, neither %d nor %d: look who that is" % (name, what, has, old, new))
    elif name in moves and moves[name] != (has, new):
        problems.append("%s is to have two %ss: say it once" % (name, what))
    else:
        problem = old_number_problem(has)
        if problem:
            problems.append("%s: %s" % (name, problem))
        moves[name] = (has, new)


def _check_numbers(
    what: str, moves: dict[str, tuple[int, int]], there: dict[str, int], facts: Facts, problems: list[str]
) -> None:
    """Old numbers are those of the accounts that are named, and new ones are nobody's."""
    directory = facts.directory_uids if what == "uid" else facts.directory_gids
    owned = facts.record.users if what == "uid" else facts.record.groups
    holders: dict[int, list[str]] = {}
    for name, number in there.items():
        holders.setdefault(number, []).append(name)
    strays = {_number(number) for _name, number in facts.tables["passwd" if what == "uid" else "group"].strays}
    wanted: dict[int, str] = {}
    for name, (old, new) in moves.items():
        for number in (old, new):
            others = [other for other in holders.get(number, []) if other != name and not _leaves(other, number, moves)]
            if others:
                problems.append(
                    "the %s %d of %s is also that of %s: whose files are they? Name both, or free the number first"
                    % (what, number, name, ", ".join(sorted(others)))
                )
            if number in directory and directory[number] != name:
                problems.append(
                    "the %s %d of %s is that of %s in the directory service" % (what, number, name, directory[number])
                )
            if number in strays:
                problems.append("a malformed line of the account files has the %s %d: repair it" % (what, number))
        if old in wanted:
            problems.append(
                "%s and %s have the same %s %d: their files cannot be told apart" % (wanted[old], name, what, old)
            )
        wanted[old] = name
        if name in owned and owned[name].number not in (old, new):
            problems.append(
                "the record has the %s %d for %s, neither %d nor %d" % (what, owned[name].number, name, old, new)
            )
    for name, own in owned.items():
        if name not in moves and own.number in {new for _old, new in moves.values()}:
            problems.append("the %s %d was given to %s on this host" % (what, own.number, name))


def _leaves(name: str, number: int, moves: Mapping[str, tuple[int, int]]) -> bool:
    """Whether somebody gives a number up in the same run."""
    return name in moves and moves[name][0] == number != moves[name][1]


def new_tables(plan: Plan, tables: Mapping[str, Table]) -> dict[str, bytes]:
    """The account files with the new numbers, of those that differ; the order is that in which they are written.

    :raises IdentityError: somebody changed them meanwhile, or gave a new number to somebody else.
    """
    contents = {}
    for database, fields_of in (("group", {2: plan.groups}), ("passwd", {2: plan.users, 3: plan.primary})):
        _refuse_taken(database, fields_of[2], tables[database])
        changes: dict[str, list[str] | None] = {}
        for field_index, moves in fields_of.items():
            for name, (old, new) in moves.items():
                fields = changes.get(name) or tables[database].entries.get(name)
                if fields is None:
                    continue
                if _number(fields[field_index]) not in (old, new):
                    raise IdentityError(
                        "/etc/%s was changed meanwhile: %s has %s where %d was; put that back and run again"
                        % (database, name, fields[field_index], old)
                    )
                changes[name] = [*fields[:field_index], str(new), *fields[field_index + 1 :]]
        data = rewritten(tables[database], changes)
        if changes and data != tables[database].text.encode("utf-8", "surrogateescape"):
            contents[database] = data
    return contents


def _refuse_taken(database: str, moves: Mapping[str, tuple[int, int]], table: Table) -> None:
    """A walk takes hours, in which useradd may give a number away that was free when it began."""
    wanted = {new: name for name, (_old, new) in moves.items()}
    for other, text in [*table.numbers, *table.strays]:
        name = wanted.get(_number(text))
        if name is not None and other != name and not _leaves(other, _number(text), moves):
            raise IdentityError(
                "/etc/%s was changed meanwhile: %s has %s, which is to be the number of %s; give %s and its files"
                " another one and run again" % (database, other, text, name, other)
            )
