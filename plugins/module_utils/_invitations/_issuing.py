# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which invitations are to be issued, and which were issued already (private, pure; runs on the controller).

An invitation has a name, by which who invites knows it again. The same name with the same terms is the same invitation:
it is signed from the claims that the ledger has, and so comes out byte for byte as the first time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import REVOKED
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitation_fields import parse_claims
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitation_records import (
    ACCEPTED,
    EXPIRED,
    OPEN,
    state_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitations import (
    invitation_problems,
    invite,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Invited, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

__all__ = ["ACCEPTED", "OPEN", "Decision", "Outcome", "Wish", "decide"]

_TIMES = ("iat", "nbf", "exp", "jti")


@dataclass(frozen=True)
class Wish:
    """One invitation that is wanted: its name, and what it would say if it were issued now."""

    name: str
    claims: Mapping[str, Any]
    life: int | None = None  # in seconds, when who invites asked for one


@dataclass(frozen=True)
class Outcome:
    """What became of a wish: claims to sign, or why not."""

    name: str
    state: str = ""  # open or accepted
    claims: Mapping[str, Any] | None = None
    is_new: bool = False
    refusal: str = ""

    @property
    def jti(self) -> str:
        """The id of the invitation, empty when there is none."""
        return str(self.claims["jti"]) if self.claims else ""


@dataclass(frozen=True)
class Decision:
    """What becomes of all wishes, in their order, and what the ledger has to note for it."""

    events: tuple[Event, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


def decide(ledger: Ledger, profile: str, wishes: Sequence[Wish], now: int, stamp: Stamp) -> Decision:
    """Find or issue every invitation; what cannot be is refused alone, and spoils no other."""
    ledger.profile(profile)
    issued = _by_name(ledger, profile)
    outcomes = [_outcome(ledger, issued.get(wish.name), wish, now) for wish in wishes]
    places = [place for place, outcome in enumerate(outcomes) if not outcome.refusal]
    problems = invitation_problems(ledger, profile, [_noted(outcomes[place]) for place in places], now)
    for place, problem in zip(places, problems):
        if problem:
            outcomes[place] = Outcome(outcomes[place].name, refusal=f"{problem[0].upper()}{problem[1:]}.")
    fresh = [_noted(outcome) for outcome in outcomes if outcome.is_new]
    change = invite(ledger, profile, fresh, now, stamp) if fresh else None
    return Decision(change.events if change else (), tuple(outcomes))


def _noted(outcome: Outcome) -> tuple[str, str, str]:
    """An invitation as the ledger notes it."""
    return outcome.jti, outcome.name, canonical_json(dict(outcome.claims or {})).decode("ascii")


def _by_name(ledger: Ledger, profile: str) -> dict[str, Invited]:
    """The invitations of a profile by their names; of those with one name the one that was issued last."""
    found: dict[str, Invited] = {}
    for invited in ledger.invitations.values():
        if invited.profile == profile:
            known = found.get(invited.name)
            if known is None or _age(known) < _age(invited):
                found[invited.name] = invited
    return found


def _age(invited: Invited) -> tuple[int, str]:
    return int(parse_claims(invited.claims)["iat"]), invited.jti


def _outcome(ledger: Ledger, known: Invited | None, wish: Wish, now: int) -> Outcome:
    """What becomes of one wish."""
    state = state_of(ledger, known, now) if known is not None else EXPIRED
    if known is None or state == EXPIRED:
        return Outcome(wish.name, OPEN, wish.claims, is_new=True)
    name = quoted(wish.name)
    if state == REVOKED:
        return Outcome(
            wish.name,
            refusal=f"The invitation {name} was revoked, and that is for good: give a new one another name.",
        )
    before = parse_claims(known.claims)
    differing = _differing(before, wish)
    if differing:
        done = "accepted" if state == ACCEPTED else "issued"
        return Outcome(
            wish.name,
            refusal=f"The invitation {name} was {done} with other terms ({', '.join(differing)}): revoke it first, and"
            " give the new one another name.",
        )
    return Outcome(wish.name, state, before)


def _differing(before: Mapping[str, Any], wish: Wish) -> list[str]:
    """The names of the terms that are not what they were."""
    old, new = _terms(before), _terms(wish.claims)
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    if wish.life not in (None, before["exp"] - before["nbf"]):
        names.append("how long it is valid")
    return names


def _terms(claims: Mapping[str, Any]) -> dict[str, Any]:
    """What is offered, without when."""
    terms = {name: value for name, value in claims.items() if name not in (*_TIMES, "inv")}
    return {**terms, **claims.get("inv", {})}
