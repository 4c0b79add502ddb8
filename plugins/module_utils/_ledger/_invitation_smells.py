# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ledger may say about invitations, but a person should look at (private, pure; runs on the controller)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    DISABLED,
    RETIRED,
    StateChanged,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitation_records import OPEN, state_of
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
        Event,
        Invited,
        Redeemed,
        Uninvited,
    )
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._findings import Found
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

__all__ = ["look_at_names_of_invitations", "look_at_revoked_invitations"]


def look_at_revoked_invitations(ledger: Ledger, found: Found) -> None:
    """People who accepted what another branch revoked."""
    silent: list[Event] = []
    inside: list[Event] = []
    people: list[Redeemed] = []
    put_out = _last_put_out(ledger) if ledger.uninvited else {}
    for used in ledger.redeemed.values():
        revoked = _first_revoked(ledger, used)
        state = ledger.profiles[used.profile].states.get(used.subject)
        if revoked is None or state is None:
            continue
        # whoever was disabled then and is back was revived on purpose
        is_back = state.state not in (DISABLED, RETIRED)
        if state.rev == 0:
            silent += [used, revoked]
            people.append(used)
        elif is_back and put_out.get((used.profile, used.subject), "") < revoked.stamp.at:
            inside += [used, revoked]
    if silent:
        found.add(
            "people who accepted what was revoked",
            silent,
            f"{_subjects(people)} accepted on one branch what was revoked on another, so they are disabled, and no line"
            " says so",
            "revoke the invitation again, which says so and names their keys",
        )
    if inside:
        found.add(
            "people who are in although their invitation was revoked",
            inside,
            "they were brought back on one branch before another one revoked what they had accepted",
            "revoke the invitation again, or disable and revive them, if they are to stay",
        )


def look_at_names_of_invitations(ledger: Ledger, found: Found, now: int) -> None:
    """Open invitations of one name, which two branches issued."""
    by_name: defaultdict[tuple[str, str], list[Invited]] = defaultdict(list)
    for invited in ledger.invitations.values():
        by_name[invited.profile, invited.name].append(invited)
    for (profile, name), several in by_name.items():
        still_open = [one for one in several if state_of(ledger, one, now) == OPEN] if len(several) > 1 else []
        if len(still_open) > 1:
            found.add(
                "several open invitations of one name",
                still_open,
                f"{len(still_open)} invitations into {profile} are called {quoted(name)}, and each lets somebody in",
                "revoke all but one of them by their jti",
            )


def _first_revoked(ledger: Ledger, used: Redeemed) -> Uninvited | None:
    revoked = [ledger.uninvited[jti] for jti in (used.jti, *used.chain.split()) if jti in ledger.uninvited]
    return min(revoked, key=lambda event: event.stamp.at) if revoked else None


def _last_put_out(ledger: Ledger) -> dict[tuple[str, str], str]:
    """When each person was disabled or retired last."""
    last: dict[tuple[str, str], str] = {}
    for event in ledger.events:
        if isinstance(event, StateChanged) and event.state in (DISABLED, RETIRED):
            key = event.profile, event.subject
            last[key] = max(event.stamp.at, last.get(key, ""))
    return last


def _subjects(used: Sequence[Redeemed]) -> str:
    some = ", ".join(quoted(event.subject) for event in used[:3])
    return some if len(used) <= 3 else f"{some} and {len(used) - 3} more"
