# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not as it should be with one account: number, state, groups, power, home (private, pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._audit._access import (
    PRIVILEGED_GROUPS,
    groups_of_root,
    names_in_rules,
    rules_of,
    ways_in,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import DISABLED, RETIRED
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import FIRST_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.labfleet.identity.plugins.module_utils._audit._finding import Finding, Subject

__all__ = ["account_findings"]

_SITE = "run the playbook site for this host"
_WRITE_DOWN = "write it down as wanted: sudo in the roster, or the option admins"
_SHOWN = 3


def account_findings(subject: Subject) -> Iterator[Finding]:
    """Everything about one account but its keys."""
    yield from _number(subject)
    yield from _state(subject)
    yield from _extra(subject)
    yield from _groups(subject)
    yield from _power(subject)
    yield from _password(subject)
    yield from _home(subject)


def _number(subject: Subject) -> Iterator[Finding]:
    account, should, owner = subject.account, subject.should, subject.owner
    if should is not None and should.uid not in (-1, account.uid):
        whose = "the ledger gave them" if should.profile else "the variables of the host give it"
        yield subject.finding(
            "wrong_number",
            "high",
            f"{account.name} has the number {account.uid}, {whose} {should.uid}",
            f"move the files to {should.uid} (playbook migrate_uids); usermod -u would leave most of them behind",
        )
    if owner is not None and owner.person is not None:
        is_former = owner.number != account.uid
        # a number that somebody had elsewhere, outside the bands, can rightly be a local user's here
        if account.name not in owner.names and (subject.is_in_a_band or not is_former):
            former = ", formerly" if is_former else ""
            yield subject.finding(
                "number_of_somebody_else",
                "critical",
                f"{account.name} has the number {account.uid} of {owner.text}{former}, and so their files",
                "remove the account or give it a number of its own, then look at what it did",
            )
        elif account.name in owner.names and is_former and should is None:
            yield subject.finding(
                "wrong_number",
                "medium",
                f"{account.name} has {account.uid}, a former number of {owner.text}",
                f"move the files to {owner.number} (playbook migrate_uids)",
            )
    elif owner is not None:
        yield subject.finding(
            "number_of_somebody_else" if owner.kind == "group" else "unknown_account",
            "high" if owner.kind == "group" else "medium",
            f"{account.name} has {account.uid}, which the ledger has for {owner.text}",
            "remove the account, or give it a number outside the bands of the ledger",
        )
    elif subject.is_in_a_band and should is None:
        yield subject.finding(
            "unknown_account",
            "high",
            f"{account.name} has {account.uid}, a number of the ledger that it never gave to anybody",
            "remove the account; or name the person in the roster, and withhold the number if it has files",
        )


def _state(subject: Subject) -> Iterator[Finding]:
    """People who are to get in nowhere."""
    account, should, owner = subject.account, subject.should, subject.owner
    why = ""
    if should is not None and should.state != "present":
        why = f"the roster of {should.profile} has them as {should.state}" if should.profile else "it is to be closed"
    person = owner.person if owner else None
    # the ledger knows better than a roster, and alone knows who is in none
    if person is not None and person.state in (DISABLED, RETIRED) and account.name in (owner.names if owner else ()):
        why = f"the ledger has them as {person.state}"
    if not why:
        return
    ways = ways_in(account, is_person=True)
    if ways:
        told = ", ".join(str(way) for way in ways[:_SHOWN])
        yield subject.finding(
            "retired_or_disabled_can_enter",
            "critical",
            f"{account.name} can get in by {told}, but {why}",
            _SITE,
        )
    elif not account.expired:
        yield subject.finding(
            "retired_or_disabled_can_enter",
            "medium",
            f"{account.name} has no way in but is not closed (no day of expiry), and {why}",
            _SITE,
        )
    left = [f"{account.processes} processes"] if account.processes else []
    left += ["a crontab"] if account.crontab else []
    left += ["a lingering manager"] if account.linger else []
    if left:
        yield subject.finding(
            "retired_or_disabled_can_enter",
            "high",
            f"{account.name} still has {' and '.join(left)}, but {why}",
            f"{_SITE}; it ends what runs",
        )


def _extra(subject: Subject) -> Iterator[Finding]:
    """Accounts that the collection made and that nothing names any more."""
    account, should, owner = subject.account, subject.should, subject.owner
    orphaned = "say what becomes of orphans (variable research_users_orphans), or name them in the roster"
    if should is not None and should.profile and should.state == "absent":
        yield subject.finding("extra_account", "medium", f"{account.name} is absent in the roster, but is here", _SITE)
    elif should is not None and should.profile and not should.selected:
        text = f"{account.name} is not selected for this host, but has an account"
        yield subject.finding("extra_account", "low", text, orphaned)
    elif should is None and account.owner.startswith("research:"):
        text = f"{account.name} was made for {account.owner}, and no roster names them for this host"
        yield subject.finding("extra_account", "medium", text, orphaned)
    elif should is None and owner is not None and owner.person is not None and account.name in owner.names:
        text = f"{account.name} is {owner.text}, whom no roster names for this host"
        yield subject.finding(
            "extra_account", "medium", text, "name them in the roster of this host, or remove the account"
        )


def _groups(subject: Subject) -> Iterator[Finding]:
    """Groups that nobody asked for; those that make somebody root are told of elsewhere."""
    account, should = subject.account, subject.should
    if should is None or should.groups is None or not should.may_enter:
        return
    primary = account.groups[:1]
    extra = sorted(set(account.groups) - should.groups - {account.name, *should.former_names} - PRIVILEGED_GROUPS)
    if primary and account.gid == account.uid:
        extra = [name for name in extra if name != primary[0]]
    managed = [name for name in extra if _is_managed(subject, name)]
    others = [name for name in extra if name not in managed]
    for names, severity in ((managed, "medium"), (others, "low")):
        if names:
            yield subject.finding(
                "extra_groups",
                severity,
                f"{account.name} is also in {', '.join(names)}",
                f"take them out ({_SITE})" if severity == "medium" else "take them out, or add the group to the roster",
            )
    missing = sorted(should.groups - set(account.groups))
    if missing:
        text = f"{account.name} is not in {', '.join(missing)}, as they should be"
        yield subject.finding("extra_groups", "low", text, _SITE)


def _is_managed(subject: Subject, name: str) -> bool:
    number = subject.answer.groups.get(name)
    return number is not None and any(number in band for band in subject.expected.group_bands())


def _power(subject: Subject) -> Iterator[Finding]:
    """Who can become root."""
    account, should, answer = subject.account, subject.should, subject.answer
    if account.uid == 0 and account.name != "root":
        yield subject.finding(
            "privileged",
            "critical",
            f"{account.name} has the number 0: it is root under another name",
            "find out who made it, remove it, and take the host for broken into",
        )
        return
    if account.name in subject.admins or account.uid == 0:
        return
    severity = "high" if subject.is_a_persons else "low"
    way_out = f"take it away, or {_WRITE_DOWN}"
    given = should.groups if should is not None and should.groups is not None else frozenset()
    for group in groups_of_root(account, answer):
        # the system's own accounts are as the distribution made them
        if group not in given and (severity != "low" or account.uid >= FIRST_ID):
            text = f"{account.name} can become root: it is in the group {group}"
            yield subject.finding("privileged", severity, text, way_out)
    # told of once, at the group: rules for those that make somebody root anyway, and for all people
    elsewhere = {f"%{name}" for name in PRIVILEGED_GROUPS | subject.expected.shared_groups(answer.host)} | {"ALL"}
    for rule in rules_of(account, answer):
        if rule.ours and should is not None and should.sudo:
            continue
        if (set(rule.who) - elsewhere) & names_in_rules(account, answer):
            text = f"{rule.file} lets {account.name} use sudo: {rule.what}"
            yield subject.finding("privileged", severity, text, f"take the rule out of {rule.file}, or {_WRITE_DOWN}")


def _password(subject: Subject) -> Iterator[Finding]:
    account, should = subject.account, subject.should
    if account.password == "empty" and not account.expired:
        yield subject.finding(
            "password_set",
            "critical",
            f"{account.name} has an empty password: anybody becomes this user on the host without one",
            f"lock it (passwd -l {account.name}), then find out who made it so",
        )
    elif account.password == "set" and subject.is_a_persons and not (should and should.password):
        severity = "high" if account.sshd.passwords and not account.expired else "medium"
        yield subject.finding(
            "password_set",
            severity,
            f"{account.name} has a password, which nothing asks for",
            f"take it away (usermod -p '*' {account.name}), or give it in the roster",
        )


def _home(subject: Subject) -> Iterator[Finding]:
    account, should = subject.account, subject.should
    if not subject.is_a_persons or (should is not None and not should.may_enter):
        return
    kind = account.home_kind
    if kind == "directory" and account.home_uid not in (-1, account.uid):
        owner = subject.expected.owner(account.home_uid)
        whose = f" ({owner.text})" if owner and owner.person else ""
        yield subject.finding(
            "home_owner",
            "high",
            f"{account.home} belongs to {account.home_uid}{whose}, not to {account.name} ({account.uid})",
            "find out whose files they are, then give the home its owner (chown)",
        )
    elif kind == "directory" and account.home_mode and int(account.home_mode, 8) & 0o022:
        text = f"{account.home} can be changed by others than {account.name} (mode {account.home_mode})"
        yield subject.finding("home_owner", "medium", text, f"chmod go-w {account.home}")
    elif kind in ("link", "other"):
        text = f"{account.home} is a {kind if kind == 'link' else 'file'}, not the directory of {account.name}"
        yield subject.finding("home_owner", "medium", text, "find out who put it there, and make it a directory again")
    elif kind == "missing" and should is not None and should.profile:
        yield subject.finding("home_owner", "low", f"{account.home} of {account.name} is not there", _SITE)
