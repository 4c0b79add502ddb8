# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which ways somebody gets into an account, and who can reach what (private, pure; runs on the controller)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._audit._answers import (
        HostAccount,
        HostAnswer,
        Rule,
    )
    from ansible_collections.labfleet.identity.plugins.module_utils._audit._expected import Expected

__all__ = ["PRIVILEGED_GROUPS", "Way", "access", "cells", "groups_of_root", "names_in_rules", "rules_of", "ways_in"]

# Who is in one of these can become root.
PRIVILEGED_GROUPS = frozenset(
    ("disk", "docker", "incus", "incus-admin", "kmem", "libvirt", "lxd", "root", "shadow", "sudo", "wheel")
)


@dataclass(frozen=True)
class Way:
    """One way in: C(key), C(home key), C(certificate), C(password), C(console) for one that sshd does not take, or
    C(no password).
    """

    kind: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}".rstrip()


def ways_in(account: HostAccount, is_person: bool = False) -> list[Way]:
    """How somebody gets in. An account that has expired is closed whatever it has."""
    if account.expired:
        return []
    ways = []
    if account.key_file is not None and account.sshd.central_keys:
        ways += [Way("key", str(key)) for key in account.key_file.keys]
    for file in account.home_key_files:
        if file.name in account.sshd.home_keys:
            ways += [Way("home key", str(key)) for key in file.keys]
            if file.unseen or file.problem:
                ways.append(Way("home key", "that was not read"))
    # a certificate names the accounts that it opens; nothing on the host says whether there is one
    if is_person and account.sshd.certificates:
        ways.append(Way("certificate"))
    if account.password == "set":
        ways.append(Way("password" if account.sshd.passwords else "console"))
    if account.password == "empty":
        ways.append(Way("no password"))
    return ways


def names_in_rules(account: HostAccount, answer: HostAnswer) -> set[str]:
    """Everything by which a rule of sudo can mean an account."""
    numbers = {answer.groups.get(group) for group in account.groups} | {account.gid}
    names = {account.name, f"#{account.uid}", "ALL"}
    return names | {f"%{group}" for group in account.groups} | {f"%#{number}" for number in numbers}


def rules_of(account: HostAccount, answer: HostAnswer) -> list[Rule]:
    """The rules of sudo that are for an account."""
    names = names_in_rules(account, answer)
    return [rule for rule in answer.rules if names & set(rule.who)]


def groups_of_root(account: HostAccount, answer: HostAnswer) -> list[str]:
    """The groups of an account in which one can become root."""
    # the kernel heeds the number of a group, not its name
    risky = {answer.groups[name] for name in PRIVILEGED_GROUPS & answer.groups.keys()} | {0}
    return [
        group
        for group in account.groups
        if group in PRIVILEGED_GROUPS or answer.groups.get(group, account.gid) in risky
    ]


def access(answers: Sequence[HostAnswer], expected: Expected) -> list[dict[str, Any]]:
    """For every account of a person, and every other one that somebody gets into: how."""
    rows = [row for answer in answers for account in answer.accounts for row in _row(answer, account, expected)]
    return sorted(rows, key=lambda row: (not row["person"], row["person"], row["account"], row["host"]))


def _row(answer: HostAnswer, account: HostAccount, expected: Expected) -> Iterator[dict[str, Any]]:
    owner = expected.owner(account.uid)
    should = expected.should(answer.host, account.name)
    person = ""
    if owner is not None and owner.person is not None and account.name in owner.names:
        person = owner.text
    elif should is not None and should.profile:
        person = f"{should.name} ({should.profile}, {should.uid})"
    is_person = bool(person) or (owner is not None and owner.person is not None)
    ways = ways_in(account, is_person)
    rules = [rule.what for rule in rules_of(account, answer)]
    is_root = account.uid == 0 or bool(groups_of_root(account, answer))
    if not (is_person or ways):
        return
    yield {
        "account": account.name,
        "person": person,
        "host": answer.host,
        "ways": [{"way": way.kind, "detail": way.detail} for way in ways],
        "sudo": rules,
        "root": is_root,
        "closed": not ways,
    }


def cells(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """What the matrix shows, by account and host."""
    found = {}
    for row in rows:
        kinds = list(dict.fromkeys(way["way"] for way in row["ways"]))
        # who is in a group such as sudo or docker is as good as root; a rule can be for one program
        if row["root"] or row["sudo"]:
            kinds.append("root" if row["root"] else "sudo")
        found[row["account"], row["host"]] = "+".join(kinds) if row["ways"] else "closed"
    return found
