# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an invitation counts: it, and everything that it was delegated from (private; runs on the controller)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import TokenRefused
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._invitations import (
    INVITATION_TYPE,
    LONGEST_LIFE,
    Invitation,
    check_invitation,
    check_narrower,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import verify_compact
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._offers import MOST_DEPTH

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import Verified
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import KeySet

__all__ = ["DEFAULT_LEEWAY", "VerifiedInvitation", "verify_invitation"]

DEFAULT_LEEWAY = 60


@dataclass(frozen=True)
class VerifiedInvitation:
    """An invitation that counts. ``chain`` has the ids of those it was delegated from, the first one first."""

    invitation: Invitation
    claims: dict[str, Any]
    chain: tuple[str, ...]
    issuer: str
    kid: str


def verify_invitation(
    token: str,
    trusted: Mapping[str, KeySet],
    audience: str,
    now: int,
    *,
    leeway: int = DEFAULT_LEEWAY,
    longest_life: int = LONGEST_LIFE,
    roots: Collection[str] | None = None,
) -> VerifiedInvitation:
    """Verify an invitation with public keys alone.

    :param trusted: the public keys by issuer.
    :param audience: the profile that somebody wants to come into.
    :param roots: the issuers that may invite on their own; the others may only pass on what these issued. None: all.
    :raises TokenRefused: with the reason; that of an invitation which it was delegated from begins with parent_.
    """

    def verified(one: str) -> tuple[Verified, Invitation]:
        found = verify_compact(
            one,
            trusted,
            audience,
            INVITATION_TYPE,
            now,
            leeway=leeway,
            longest_life=longest_life,
            canonical=True,
        )
        return found, check_invitation(found.claims)

    told, invitation = verified(token)
    chain: list[str] = []
    last = invitation
    while last.parent:
        if len(chain) == MOST_DEPTH:
            raise TokenRefused("chain_too_long", f"The invitation was passed on more than {MOST_DEPTH} times.")
        try:
            _found, parent = verified(last.parent)
        except TokenRefused as refusal:
            raise TokenRefused(
                f"parent_{refusal.reason}", f"The invitation was made of one that is refused: {refusal}"
            ) from None
        check_narrower(parent, last)
        chain.insert(0, parent.jti)
        last = parent
    if roots is not None and last.issuer not in roots:
        raise TokenRefused(
            "not_a_root",
            f"{quoted(last.issuer)} may pass on invitations here, but not invite on its own: ask for an invitation by"
            f" {', '.join(sorted(roots))}.",
        )
    return VerifiedInvitation(invitation, told.claims, tuple(chain), told.issuer, told.kid)
