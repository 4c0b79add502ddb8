# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How hosts differ from the ledger and the rosters (private, pure; runs on the controller).

Each check looks at one account, or at one host, and says what is not as it should be and what to do about it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._audit._account_findings import account_findings
from ansible_collections.labfleet.identity.plugins.module_utils._audit._finding import SEVERITIES, Finding, Subject
from ansible_collections.labfleet.identity.plugins.module_utils._audit._key_findings import (
    key_findings,
    stray_key_findings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._audit._answers import HostAnswer, Strangers
    from ansible_collections.labfleet.identity.plugins.module_utils._audit._expected import Expected

__all__ = ["Sorted", "find", "sort_out"]

_PATTERNS = ("host", "account", "kind")


@dataclass(frozen=True)
class Sorted:
    """The findings that count, the worst first, and how many were accepted."""

    findings: tuple[Finding, ...]
    accepted: int = 0

    def worst(self, severity: str) -> list[Finding]:
        """Those that are at least so bad."""
        return [one for one in self.findings if SEVERITIES.index(one.severity) >= SEVERITIES.index(severity)]


def find(answers: Sequence[HostAnswer], expected: Expected, admins: Iterable[str] = ()) -> list[Finding]:
    """Everything that is not as it should be.

    :param admins: accounts that are known to become root. Those that the audit came in as are known as well.
    """
    known = frozenset(admins) | {"root"}
    found: list[Finding] = []
    for answer in answers:
        found += _of_host(answer, expected, known)
    return found


def sort_out(findings: Iterable[Finding], accepted: Sequence[Mapping[str, str]] = ()) -> Sorted:
    """The findings in their order, without those that somebody accepted.

    :param accepted: mappings of C(host), C(account) and C(kind); what one leaves out can be anything.
    """
    every = list(dict.fromkeys(findings))
    counted = [one for one in every if not any(_is_accepted(one, pattern) for pattern in accepted)]
    counted.sort(key=lambda one: (-SEVERITIES.index(one.severity), one.host, one.account, one.kind, one.text))
    return Sorted(tuple(counted), len(every) - len(counted))


def _is_accepted(finding: Finding, pattern: Mapping[str, str]) -> bool:
    return all(pattern[name] == getattr(finding, name) for name in _PATTERNS if pattern.get(name))


def _of_host(answer: HostAnswer, expected: Expected, admins: frozenset[str]) -> Iterator[Finding]:
    if answer.unknown:
        way_out = "bring the host up and run again"
        yield Finding(
            answer.host, "", "not_looked_at", "high", f"nothing is known of this host: {answer.unknown}", way_out
        )
        return
    for gap in answer.gaps:
        yield Finding(answer.host, "", "not_looked_at", "medium", gap, "look at it on the host")
    for account in answer.accounts:
        subject = Subject(answer, account, expected, admins | set(answer.connecting))
        yield from account_findings(subject)
        yield from key_findings(subject)
    yield from stray_key_findings(answer, expected)
    yield from _shared_numbers(answer)
    yield from _missing(answer, expected)
    yield from _groups(answer, expected)
    yield from _rules_for_many(answer, expected)
    yield from _record(answer)
    owned = {(strangers.root, strangers.number) for strangers in answer.strangers if strangers.kind == "uid"}
    for strangers in answer.strangers:
        # a private group has the number of its user: one finding says enough
        if strangers.kind == "uid" or (strangers.root, strangers.number) not in owned:
            yield _unowned(answer.host, strangers, expected)


def _shared_numbers(answer: HostAnswer) -> Iterator[Finding]:
    names: dict[int, list[str]] = {}
    for account in answer.accounts:
        names.setdefault(account.uid, []).append(account.name)
    for uid, shared in names.items():
        if len(shared) > 1 and uid != 0:
            text = f"{' and '.join(shared)} have the same number {uid}: to the system they are one user"
            for name in shared[1:]:
                way_out = "give the account that is not theirs a number of its own, or remove it"
                yield Finding(answer.host, name, "duplicate_uid", "high", text, way_out)


def _missing(answer: HostAnswer, expected: Expected) -> Iterator[Finding]:
    there = {account.name for account in answer.accounts}
    for name, should in expected.hosts.get(answer.host, {}).items():
        if name in there or not should.may_enter or there & set(should.former_names):
            continue
        number = str(should.uid)
        if (should.profile, name) in expected.not_issued:
            number = "no number in the ledger yet"
        whose = f"the roster of {should.profile}" if should.profile else "the system users"
        text = f"{whose} wants {name} ({number}) here, who has no account"
        yield Finding(answer.host, name, "missing_account", "medium", text, "run the playbook site for this host")


def _groups(answer: HostAnswer, expected: Expected) -> Iterator[Finding]:
    numbers = expected.groups_of(answer.host)
    private = {(account.name, account.uid) for account in answer.accounts}
    for name, gid in answer.groups.items():
        if (name, gid) in private:
            continue  # what is wrong with it is told of the account
        if name in numbers and gid != numbers[name]:
            text = f"the group {name} has the number {gid}, the ledger gave it {numbers[name]}"
            way_out = f"move its files to {numbers[name]} and correct the group (groupmod)"
            yield Finding(answer.host, f"%{name}", "wrong_number", "high", text, way_out)
        if name not in numbers and any(gid in band for band in expected.group_bands()):
            owner = expected.owner(gid)
            if owner is None:
                text = f"the group {name} has {gid}, a number of the ledger that it never gave to anybody"
            elif owner.kind == "group" and owner.text.startswith(f"the group {name} ("):
                continue  # of another profile, or of a roster that is not in this audit
            else:
                text = f"the group {name} has {gid}, the number of {owner.text}"
            yield Finding(
                answer.host, f"%{name}", "unknown_account", "medium", text, "give it a number outside the bands"
            )


def _rules_for_many(answer: HostAnswer, expected: Expected) -> Iterator[Finding]:
    """Rules of sudo for everybody, and for groups of people."""
    shared = expected.shared_groups(answer.host)
    for rule in answer.rules:
        for who in rule.who:
            if who == "ALL":
                text = f"{rule.file} lets everybody use sudo: {rule.what}"
                yield Finding(answer.host, "ALL", "privileged", "critical", text, f"take the rule out of {rule.file}")
            elif who[:1] == "%" and not rule.ours and who[1:] in shared:
                text = f"{rule.file} lets the group {who[1:]} of people use sudo: {rule.what}"
                way_out = f"take the rule out of {rule.file}; what is wanted belongs into the variables of the role"
                yield Finding(answer.host, who, "privileged", "high", text, way_out)


def _record(answer: HostAnswer) -> Iterator[Finding]:
    accounts = {account.name: account for account in answer.accounts}
    for one in answer.recorded:
        account = accounts.get(one.name)
        if account is None:
            text = f"the record of the host has {one.name} ({one.number}) for {one.owner}, but there is no such account"
        elif account.uid != one.number:
            text = f"the record of the host has {one.number} for {one.name}, who has {account.uid}"
        elif one.state == "disabled" and not account.expired:
            text = f"the record of the host has {one.name} as disabled, but the account has not expired"
        else:
            continue
        way_out = "find out who changed it, then run the playbook site for this host"
        yield Finding(answer.host, one.name, "record_disagrees", "medium", text, way_out)


def _unowned(host: str, strangers: Strangers, expected: Expected) -> Finding:
    files = f"{strangers.count} file{'s' if strangers.count != 1 else ''} in {strangers.root}"
    some = f", for example {strangers.examples[0]}" if strangers.examples else ""
    owner = expected.owner(strangers.number)
    kind = "number" if strangers.kind == "uid" else "group number"
    if owner is not None:
        text = f"{files} have the {kind} {strangers.number} of {owner.text}, who has no account here{some}"
        way_out = "keep, archive or hand over what they left; nobody else will ever get the number"
        return Finding(host, "", "unowned_files", "low", text, way_out)
    text = f"{files} have the {kind} {strangers.number}, which nobody has{some}"
    way_out = "find out whose they are and give them to somebody; whoever gets the number next has the files"
    if any(strangers.number in band for band in [*expected.uid_bands(), *expected.group_bands()]):
        way_out = "find out whose they are; meanwhile keep the number from everybody with ledger_withhold"
    return Finding(host, "", "unowned_files", "medium", text, way_out)


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many there are of each severity, the worst first."""
    found = Counter(one.severity for one in findings)
    return {severity: found[severity] for severity in reversed(SEVERITIES)}


def records(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """As plain data."""
    return [one.record() for one in findings]
