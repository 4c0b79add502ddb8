# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ledger may say, but a person should look at (private, pure; runs on the controller)."""

from __future__ import annotations

import datetime
from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    DISABLED,
    GRANTED,
    RESERVED,
    RETIRED,
    REVOKED,
    GrantChanged,
    GroupIssued,
    Redirected,
    Renamed,
    Renumbered,
    StateChanged,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._findings import Found
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitation_smells import (
    look_at_names_of_invitations,
    look_at_revoked_invitations,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    check_research_username,
    check_shared_group_name,
    quoted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._findings import Finding
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

__all__ = ["smells"]

FULL_PERCENT = 80
LONG_DAYS = 365
CLOCKS_DIFFER_SECONDS = 60
_FORM = "%Y-%m-%dT%H:%M:%SZ"


def smells(ledger: Ledger, lines: Sequence[int], now: datetime.datetime) -> list[Finding]:
    """What should be looked at in a ledger that breaks no rule.

    :param lines: the line of each of its events.
    :param now: the time, in UTC.
    """
    found = Found(ledger.events, lines)
    _stamps(ledger, found, now)
    _full_bands(ledger, found)
    _long_reserves(ledger, found, now)
    _let_in_by_one_branch(ledger, found)
    _guests_who_left(ledger, found)
    _redirects_to_who_left(ledger, found)
    _names_of_the_system(ledger, found)
    _numbers_of_others(ledger, found)
    look_at_revoked_invitations(ledger, found)
    look_at_names_of_invitations(ledger, found, int(now.timestamp()))
    return found.findings


def _stamps(ledger: Ledger, found: Found, now: datetime.datetime) -> None:
    """Times that cannot be right."""
    latest = (now + datetime.timedelta(seconds=CLOCKS_DIFFER_SECONDS)).strftime(_FORM)
    invalid: list[Event] = []
    future: defaultdict[str, list[Event]] = defaultdict(list)
    known: dict[str, bool] = {}
    for event in ledger.events:
        at = event.stamp.at
        if at not in known:
            known[at] = _is_time(at)
        if not known[at]:
            invalid.append(event)
        elif at > latest:
            future[event.stamp.by].append(event)
    if invalid:
        why = f"{invalid[0].stamp.at} is not in the calendar, so it is not known when this was written"
        found.add("a time that never is", invalid, why, "look at the program that wrote it")
    for by, events in future.items():
        found.add(
            "a time in the future",
            events,
            f"{quoted(by)} wrote {max(event.stamp.at for event in events)}, and it is {now.strftime(_FORM)}",
            "set the clock of that controller, or of this one; revisions, not times, decide what holds",
        )
    backward = list(_backward(ledger))
    if backward:
        found.add(
            "clocks that differ",
            backward,
            "these have an earlier time than what came before them",
            "set the clocks of the controllers; until then what held when is known only as well as they agree",
        )


def _is_time(at: str) -> bool:
    try:
        datetime.datetime.strptime(at, _FORM).replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return False
    return True


def _backward(ledger: Ledger) -> Iterator[Event]:
    """Events that are earlier than the issue of the number, or than the revision before them."""
    registers: defaultdict[tuple[object, ...], dict[int, Event]] = defaultdict(dict)
    for event in ledger.events:
        if isinstance(event, (StateChanged, Renamed, GrantChanged, Redirected)):
            into = event.into if isinstance(event, GrantChanged) else ""
            register = registers[event.__class__, event.profile, event.subject, into]
            known = register.setdefault(event.rev, event)
            if event.stamp.at < known.stamp.at:
                register[event.rev] = event
    for key, register in registers.items():
        latest = ledger.profiles[str(key[1])].by_subject[str(key[2])].stamp.at
        for rev in sorted(register):
            if register[rev].stamp.at < latest:
                yield register[rev]
            latest = max(latest, register[rev].stamp.at)


def _full_bands(ledger: Ledger, found: Found) -> None:
    numbers = sorted(ledger.numbers)
    for profile in ledger.profiles.values():
        for what, band in (("UID", profile.uid_band), ("group", profile.group_band)):
            used = bisect_right(numbers, band.last) - bisect_left(numbers, band.first)
            if used * 100 > band.size * FULL_PERCENT:
                found.add(
                    "a band that is nearly full",
                    [profile.registered],
                    f"of the {what} band {band} of the profile {profile.id} {band.size - used} of {band.size} are left",
                    "register another profile with a wider band before it is full",
                )


def _long_reserves(ledger: Ledger, found: Found, now: datetime.datetime) -> None:
    longest = (now - datetime.timedelta(days=LONG_DAYS)).strftime(_FORM)
    for profile in ledger.profiles.values():
        long = [event for event in profile.states.values() if event.state == RESERVED and event.stamp.at < longest]
        if long:
            found.add(
                "numbers in reserve for more than a year",
                long,
                f"{_people(long)} of {profile.id} never came",
                "retire them, or put them into the roster",
            )


def _let_in_by_one_branch(ledger: Ledger, found: Found) -> None:
    """People whom two branches kept out: the one that let them in again may not have known of the other one."""
    registers: defaultdict[tuple[str, str, str], dict[int, list[StateChanged | GrantChanged]]] = defaultdict(dict)
    for event in ledger.events:
        if isinstance(event, (StateChanged, GrantChanged)):
            into = event.into if isinstance(event, GrantChanged) else ""
            registers[event.profile, event.subject, into].setdefault(event.rev, []).append(event)
    for register in registers.values():
        rev = max((rev for rev, said in register.items() if _keeps_out(said[0])), default=max(register))
        last = register[max(register)]
        if rev < max(register) and len({event.stamp for event in register[rev]}) > 1:
            found.add(
                "people who were kept out on two branches and are in",
                [*register[rev], *last],
                f"{_people(last[:1])} was let in again, perhaps by somebody who knew of one of the two only",
                "keep them out again, and let them in once more if they are meant to be in",
            )


def _keeps_out(event: StateChanged | GrantChanged) -> bool:
    if isinstance(event, GrantChanged):
        return event.grant == REVOKED
    return event.state in (DISABLED, RETIRED)


def _guests_who_left(ledger: Ledger, found: Found) -> None:
    for profile in ledger.profiles.values():
        left = [
            event for key, event in profile.grants.items() if event.grant == GRANTED and _state(ledger, key) == RETIRED
        ]
        if left:
            found.add(
                "guests who are retired at home",
                left,
                f"{_people(left)} may still be used in {profile.id}",
                "revoke the grants with ledger_grant",
            )


def _redirects_to_who_left(ledger: Ledger, found: Found) -> None:
    left = [
        event
        for key, event in ledger.redirects.items()
        if event.to_profile and _state(ledger, ledger.present(key).key) == RETIRED
    ]
    if left:
        found.add(
            "redirects to somebody who is retired",
            left,
            f"{_people(left)} stand for people who left",
            "revive the person who is meant, or take the redirect back with ledger_redirect",
        )


def _names_of_the_system(ledger: Ledger, found: Found) -> None:
    """Names that hosts have for themselves."""
    for event in ledger.events:
        try:
            if isinstance(event, (UserIssued, Renamed)):
                check_research_username(event.username)
            elif isinstance(event, GroupIssued):
                check_shared_group_name(event.name)
        except IdentityError as refusal:
            found.add(
                "a name of the system",
                [event],
                str(refusal).partition(":")[0],
                "rename the person with ledger_rename, or use another group",
            )


def _numbers_of_others(ledger: Ledger, found: Found) -> None:
    """Numbers that were given out after it was noted whose they had been; only a merge of branches does that."""
    for event in ledger.events:
        holder = ledger.numbers.get(event.was) if isinstance(event, Renumbered) else None
        if holder is None or holder is event or isinstance(holder, Renumbered) or holder.stamp.at <= event.stamp.at:
            continue
        found.add(
            "a number that was somebody else's before",
            [event, holder],
            f"{getattr(event, 'was', '')} was given out after it was noted that the subject"
            f" {quoted(getattr(event, 'subject', ''))} ({event.profile}) had it, so their files are somebody else's",
            "move these files before the new owner has an account on their hosts",
        )


def _state(ledger: Ledger, key: tuple[str, str]) -> str:
    changed = ledger.profiles[key[0]].states.get(key[1])
    return changed.state if changed else ""


def _people(events: Sequence[StateChanged | GrantChanged | Redirected]) -> str:
    some = ", ".join(quoted(event.subject) for event in events[:3])
    return some if len(events) <= 3 else f"{some} and {len(events) - 3} more"
