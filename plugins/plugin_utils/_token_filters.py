# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filters and the actions for invitations share (private: no stable interface)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import without_secrets
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import TokenRefused
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import read_jwks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import KeySet

__all__ = ["refusal_text", "shown_claims", "trusted_keys"]


def trusted_keys(trusted: Any) -> dict[str, KeySet]:
    """The public keys of each issuer, from a mapping to the paths of their files."""
    if not isinstance(trusted, dict) or not trusted:
        raise IdentityError(
            "Nobody is trusted to invite: give trusted, the JWKS file of each cluster by its id, such as"
            " {cluster-a: signing-keys/jwks.json}."
        )
    if not all(isinstance(text, str) and text for pair in trusted.items() for text in pair):
        raise IdentityError(
            "In trusted there is an id or a path that is none: give the path of a JWKS file for each id."
        )
    return {issuer: read_jwks(path) for issuer, path in trusted.items()}


def shown_claims(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The claims without the token that they were delegated from, with which somebody could come in."""
    return {name: value for name, value in claims.items() if name != "prt"}


def refusal_text(error: IdentityError) -> str:
    """The refusal with its code."""
    text = without_secrets(str(error))
    return f"{text} ({error.reason})" if isinstance(error, TokenRefused) else text
