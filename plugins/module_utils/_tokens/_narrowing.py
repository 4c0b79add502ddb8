# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is passed on offers the same or less, and demands the same or more, in everything (private, pure)."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import TokenRefused
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._offers import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import Limits
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._invitations import Invitation
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._offers import Offer, Policy

__all__ = ["check_narrower"]

_WAYS_OUT = {"role": ", so say the same role again, or a lower one"}


def check_narrower(parent: Invitation, child: Invitation) -> None:
    """Refuse an invitation that its parent does not cover.

    :raises TokenRefused: not_a_delegate, not_delegable, or wider_ and the term that is wider.
    """
    signers = {parent.issuer, *parent.offer.delegates}
    if child.issuer not in signers:
        raise TokenRefused(
            "not_a_delegate",
            f"The invitation was passed on by {quoted(child.issuer)}, who may not do so: it allows"
            f" {', '.join(sorted(signers))}.",
        )
    if not parent.offer.depth:
        raise TokenRefused("not_delegable", "The invitation must not be passed on (any further): its depth is used up.")
    for term, is_covered in _terms(parent, child, signers):
        if not is_covered:
            raise TokenRefused(
                f"wider_{term}",
                f"The invitation that was passed on gives more than the one it was made of ({term}): it can only give"
                f" the same or less{_WAYS_OUT.get(term, '')}.",
            )


def _terms(parent: Invitation, child: Invitation, signers: set[str]) -> Iterator[tuple[str, bool]]:
    """Each term, and whether the parent covers what the child says of it."""
    above, below = parent.offer, child.offer
    yield "audience", child.audience == parent.audience
    yield "time", child.begins >= parent.begins and child.ends <= parent.ends
    yield "depth", below.depth < above.depth
    yield "delegates", signers.issuperset(below.delegates)
    # a role bounds too, by the shell and the limits that it brings
    yield "role", _rank(below) <= _rank(above) and (bool(below.role) or not above.role)
    yield "groups", set(above.groups).issuperset(below.groups)
    yield "username", not above.username_fixed or (below.username_fixed and below.username == above.username)
    yield "access_until", not above.access_until or "" < below.access_until <= above.access_until
    yield "quota", _is_quota_covered(above.quota, below.quota)
    yield "institutions", not above.institutions or _is_part(below.institutions or None, above.institutions)
    # what the parent leaves to the role or the host stays with them
    yield "shell", below.shell == above.shell if above.shell else not below.shell
    yield "policy", _is_policy_covered(above.policy, below.policy)
    for term, demanded, kept in (
        ("orcid", above.orcid, below.orcid),
        ("idp", above.idp, below.idp),
        ("key", parent.key, child.key),
    ):
        yield term, not demanded or kept == demanded


def _rank(offer: Offer) -> int:
    return ROLES.index(offer.role) if offer.role else -1


def _is_part(part: tuple[str, ...] | None, whole: tuple[str, ...] | None) -> bool:
    """Whether a list that limits something limits it at least as much as another; None limits nothing."""
    return whole is None or (part is not None and set(whole).issuperset(part))


def _is_quota_covered(above: Limits, below: Limits) -> bool:
    return all(_is_limit_covered(getattr(above, field.name), getattr(below, field.name)) for field in fields(above))


def _is_limit_covered(above: Any, below: Any) -> bool:
    """Whether one limit covers another: None leaves it to the host, whom nobody may overrule who was not told so."""
    if above is None:
        return below is None
    return above == 0 or (below is not None and 0 < below <= above)


def _is_policy_covered(above: Policy, below: Policy) -> bool:
    lists = ("templates", "instance_types", "regions")
    return all(_is_part(getattr(below, name), getattr(above, name)) for name in lists) and (
        not above.max_cost_per_day
        or (below.max_cost_per_day != "" and _cents(below.max_cost_per_day) <= _cents(above.max_cost_per_day))
    )


def _cents(amount: str) -> int:
    return int(amount.replace(".", ""))
