# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an invitation offers and demands: every term has one way to be written (private, pure).

The same rules read what a person wants to offer and what a token says. A token has each term as it comes out here.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import Limits, parse_limits
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitation_fields import (
    check_fingerprint as check_key_fingerprint,
)
from ansible_collections.labfleet.identity.plugins.module_utils._login._orcid import orcid_of
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    check_profile_id,
    check_research_username,
    check_shared_group_name,
    quoted,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import TokenRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["ROLES", "Offer", "Policy", "check_fingerprint", "check_issuer", "offer_claims", "parse_offer"]

ROLES = ("guest", "member", "manager", "lead")
MOST_DEPTH = 8
MOST_GROUPS = 16  # AUTH_SYS NFS drops what is more, silently
MOST_WORDS = 64
LONGEST_WORD = 255
LONGEST_COST = 9  # digits before the point
_LISTS = ("templates", "instance_types", "regions")


@dataclass(frozen=True)
class Policy:
    """What a person may start: None and empty text allow anything, an empty list nothing."""

    templates: tuple[str, ...] | None = None
    instance_types: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    max_cost_per_day: str = ""


@dataclass(frozen=True)
class Offer:
    """The terms. Empty means: nothing is offered (role, groups), or nothing is demanded (all else)."""

    username: str = ""
    username_fixed: bool = False
    role: str = ""
    groups: tuple[str, ...] = ()
    shell: str = ""
    quota: Limits = field(default_factory=Limits)
    access_until: str = ""
    institutions: tuple[str, ...] = ()
    orcid: str = ""
    idp: str = ""
    depth: int = 0
    delegates: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)


def parse_offer(raw: Any) -> Offer:
    """Read terms.

    :param raw: a mapping; what is None in it is not said.
    :raises TokenRefused: bad_claim, with the term and the way out.
    """
    if not isinstance(raw, dict):
        raise _refusal("terms", raw, "write a mapping such as {role: member}")
    said = {name: value for name, value in raw.items() if value is not None}
    unknown = [name for name in said if name not in _READERS]
    if unknown:
        raise _refusal("terms", unknown[0], f"it has {', '.join(_READERS)} alone")
    offer = Offer(**{name: _READERS[name](value) for name, value in said.items()})
    if offer.username_fixed and not offer.username:
        raise _refusal("username_fixed", True, "give the username that is fixed")
    if offer.delegates and not offer.depth:
        raise _refusal("delegates", list(offer.delegates), "give a depth of at least 1, or leave them out")
    return offer


def offer_claims(offer: Offer) -> dict[str, Any]:
    """The one way in which a token says these terms."""
    told: dict[str, Any] = {}
    for term in fields(offer):
        value = getattr(offer, term.name)
        if term.name == "quota":
            value = _quota_claims(offer.quota)
        elif term.name == "policy":
            value = _policy_claims(offer.policy)
        elif isinstance(value, tuple):
            value = list(value)
        if value not in ("", [], {}, 0, False):
            told[term.name] = value
    return told


def check_issuer(value: Any) -> str:
    """Return the id of a cluster that signs, or refuse it."""
    try:
        return check_profile_id(value)
    except IdentityError:
        raise _refusal("id of a cluster", value, "write a-z or 0-9 first, then a-z, 0-9, '.', _ and -") from None


def check_fingerprint(value: Any) -> str:
    """Return the fingerprint of an SSH key, or refuse it."""
    try:
        return check_key_fingerprint(value)
    except IdentityError:
        raise _refusal("key", value, "write its fingerprint as ssh-keygen -l shows it, SHA256:...") from None


def _refusal(term: str, value: Any, way_out: str) -> TokenRefused:
    return TokenRefused("bad_claim", f"The {term} of the invitation cannot be {quoted(value)}: {way_out}.")


def _named(term: str, check: Callable[[Any], str]) -> Callable[[Any], str]:
    """A check of names, with a refusal that says of what."""

    def read(value: Any) -> str:
        try:
            return check(value)
        except IdentityError as refusal:
            raise TokenRefused("bad_claim", f"The {term} of the invitation is refused: {refusal}") from None

    return read


def _word(term: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        good = isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value
        if not good or not 0 < len(value) <= LONGEST_WORD:
            raise _refusal(term, value, f"write one word of at most {LONGEST_WORD} characters")
        return str(value)

    return read


def _list(term: str, check: Callable[[Any], str], most: int) -> Callable[[Any], tuple[str, ...]]:
    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) > most:
            raise _refusal(term, value, f"write a list of at most {most}")
        return tuple(sorted({check(item) for item in value}))

    return read


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refusal("username_fixed", value, "write true or false")
    return value


def _role(value: Any) -> str:
    if not isinstance(value, str) or value not in ROLES:
        raise _refusal("role", value, f"write one of {', '.join(ROLES)}")
    return value


def _shell(value: Any) -> str:
    path = _word("shell")(value)
    parts = path.split("/")
    if parts[0] or len(parts) < 2 or any(part in ("", ".", "..") for part in parts[1:]) or set(path) & set(":'\"\\$`"):
        raise _refusal("shell", value, "write the plain path of one, such as /bin/bash")
    return path


def _quota(value: Any) -> Limits:
    try:
        return parse_limits(value)
    except IdentityError as refusal:
        raise TokenRefused("bad_claim", f"The quota of the invitation is refused: {refusal}") from None


def _quota_claims(quota: Limits) -> dict[str, Any]:
    told = {limit.name: getattr(quota, limit.name) for limit in fields(quota)}
    percent = told.pop("cpu_percent")
    if percent is not None:
        told["cores"] = f"{percent // 100}.{percent % 100:02d}".rstrip("0").rstrip(".")
    return {name: value for name, value in told.items() if value is not None}


def _day(value: Any) -> str:
    # YAML makes a date of 2027-01-31; a datetime has a time of day, which is refused
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = value.isoformat()
    try:
        day = datetime.date.fromisoformat(value)
    except (TypeError, ValueError):
        day = datetime.date.min
    if day.isoformat() != value or day.year < 1971:
        raise _refusal("access_until", value, "write a day such as 2027-01-31")
    return str(value)


def _institutions(value: Any) -> tuple[str, ...]:
    return _list("institutions", _word("institutions"), MOST_WORDS)(value)


def _orcid(value: Any) -> str:
    orcid = orcid_of(value)
    if not orcid:
        raise _refusal("orcid", value, "write an ORCID iD such as 0000-0002-1825-0097")
    return orcid


def _depth(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_DEPTH:
        raise _refusal("depth", value, f"write a number from 0 to {MOST_DEPTH}")
    return value


def _policy(value: Any) -> Policy:
    if not isinstance(value, dict):
        raise _refusal("policy", value, "write a mapping such as {regions: [eu-central-1]}")
    said = {name: item for name, item in value.items() if item is not None}
    unknown = [name for name in said if name not in (*_LISTS, "max_cost_per_day")]
    if unknown:
        raise _refusal("policy", unknown[0], f"it has {', '.join(_LISTS)} and max_cost_per_day alone")
    lists = {name: _list(name, _word(name), MOST_WORDS)(said[name]) for name in _LISTS if name in said}
    cost = _cost(said["max_cost_per_day"]) if "max_cost_per_day" in said else ""
    return Policy(**lists, max_cost_per_day=cost)


def _cost(value: Any) -> str:
    """An amount with two digits after its point."""
    text = value if isinstance(value, str) and value.isascii() else ""
    whole, point, cents = text.partition(".")
    good = whole.isdigit() and len(whole) <= LONGEST_COST and (not point or (cents.isdigit() and len(cents) <= 2))
    if not good:
        raise _refusal("max_cost_per_day", value, 'write an amount in quotes, such as "12.50"')
    return f"{int(whole)}.{cents:0<2}"


def _policy_claims(policy: Policy) -> dict[str, Any]:
    told: dict[str, Any] = {
        name: list(value) for name in _LISTS for value in [getattr(policy, name)] if value is not None
    }
    if policy.max_cost_per_day:
        told["max_cost_per_day"] = policy.max_cost_per_day
    return told


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "username": _named("username", check_research_username),
    "username_fixed": _boolean,
    "role": _role,
    "groups": _list("groups", _named("group", check_shared_group_name), MOST_GROUPS),
    "shell": _shell,
    "quota": _quota,
    "access_until": _day,
    "institutions": _institutions,
    "orcid": _orcid,
    "idp": _word("idp"),
    "depth": _depth,
    "delegates": _list("delegates", check_issuer, MOST_GROUPS),
    "policy": _policy,
}
