# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody may accept an invitation, and as whom (private, pure; runs on the controller)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_research_username, quoted
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._invitations import check_invitation
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import read_compact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import KeyEntry
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._invitations import Invitation

__all__ = ["ancestors_by", "check_key", "chosen_username", "needs_identity"]

_NEEDS_IDENTITY = ("orcid", "idp", "institutions")


def chosen_username(offered: Mapping[str, Any], wanted: str) -> str:
    """The username of who accepts.

    :raises IdentityError: the invitation says another one, or neither says any.
    """
    proposed = str(offered.get("username", ""))
    if wanted and offered.get("username_fixed") and wanted != proposed:
        raise IdentityError(
            f"The invitation is for the username {proposed} and for no other, not for {quoted(wanted)}: accept it as"
            f" {proposed}, or ask for another invitation."
        )
    username = wanted or proposed
    if not username:
        raise IdentityError("The invitation proposes no username: choose one and give it with username.")
    return check_research_username(username)


def check_key(claims: Mapping[str, Any], entry: KeyEntry) -> None:
    """Refuse another key than the one that the invitation is bound to."""
    bound = claims.get("cnf")
    if bound is not None and bound["jkt"] != entry.key.fingerprint:
        raise IdentityError(
            f"The invitation can be accepted with the key {bound['jkt']} alone, and this one is"
            f" {entry.key.fingerprint}: accept it with that key, or ask for another invitation."
        )


def needs_identity(offered: Mapping[str, Any]) -> list[str]:
    """What of an invitation asks who somebody is."""
    return [name for name in _NEEDS_IDENTITY if offered.get(name)]


def ancestors_by(invitation: Invitation, issuer: str) -> tuple[str, ...]:
    """The ids of those that an invitation was delegated from and that one issuer signed; all of them are verified."""
    found: list[str] = []
    while invitation.parent:
        invitation = check_invitation(read_compact(invitation.parent)[1])
        if invitation.issuer == issuer:
            found.append(invitation.jti)
    return tuple(found)
