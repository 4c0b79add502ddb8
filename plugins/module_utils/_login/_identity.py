# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verified identity on the controller, and whether an invitation lets it in (private; runs on the controller).

Kept are the subject, the identity providers, the ORCID iD, the e-mail address and the time, and which invitation the
login was for. No name, no organization and no token of the provider is ever written.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hmac
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._federation import check_upstream
from ansible_collections.labfleet.identity.plugins.module_utils._login._json import is_a
from ansible_collections.labfleet.identity.plugins.module_utils._login._orcid import orcid_of
from ansible_collections.labfleet.identity.plugins.module_utils._login._private_files import (
    IDENTITY,
    PrivateFiles,
    check_session_id,
)
from ansible_collections.labfleet.identity.plugins.module_utils._login._session import invitation_mark

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["IDENTITY_SECONDS", "VerifiedIdentity", "check_identity", "keep_identity", "read_identity", "upstream_of"]

IDENTITY_SECONDS = 3600
_SKEW = 60


@dataclasses.dataclass(frozen=True)
class VerifiedIdentity:
    """Who a provider says that somebody is."""

    issuer: str
    subject: str
    identity_provider: str  # of the identity that logged in; empty when the provider names none
    identity_providers: tuple[str, ...]  # of all identities that are linked to it, itself among them
    orcid: str  # empty without one
    email: str  # empty without one
    verified_at: int
    invitation: str  # invitation_mark of the one that the login was for, empty without one


def keep_identity(files: PrivateFiles, session: str, identity: VerifiedIdentity) -> None:
    """Write it down for whoever accepts the invitation."""
    files.write(check_session_id(session) + IDENTITY, dataclasses.asdict(identity))


def read_identity(directory: str, session: str, now: int) -> VerifiedIdentity:
    """The identity that a login was finished with.

    :param directory: that of the logins, which nobody else can write into.
    :raises IdentityError: there is none, it is too old, or somebody else could have written it.
    """
    with contextlib.closing(PrivateFiles(directory)) as files:
        found = files.read(check_session_id(session) + IDENTITY)
    if found is None:
        raise IdentityError(
            f"There is no verified identity with the session {session}: finish the login first, or begin it again."
        )
    identity = _identity(session, found)
    if not identity.verified_at - _SKEW <= now <= identity.verified_at + IDENTITY_SECONDS:
        raise IdentityError(
            f"The login with the session {session} is more than {IDENTITY_SECONDS // 60} minutes old: log in again."
        )
    return identity


def check_identity(identity: VerifiedIdentity, inv: Mapping[str, Any], jti: str) -> None:
    """Refuse an identity that an invitation does not let in.

    :param inv: the claim C(inv) of the verified invitation; only idp, institutions and orcid are looked at.
    :param jti: that of the invitation.
    """
    if not hmac.compare_digest(identity.invitation.encode("utf-8", "replace"), invitation_mark(jti).encode()):
        raise IdentityError("The login was made for another invitation: begin one for this invitation.")
    wanted = inv.get("idp")
    if wanted is not None and (not identity.identity_provider or identity.identity_provider != wanted):
        raise IdentityError(
            f"The invitation is for people who log in with the identity provider {wanted}, and this login was made with"
            f" {identity.identity_provider or 'none that is named'}: log in with that one, or ask for another"
            " invitation."
        )
    institutions = inv.get("institutions")
    if institutions is not None and not set(institutions) & set(identity.identity_providers):
        raise IdentityError(
            "The invitation is for people of other institutions: none of the linked identities is of an identity"
            f" provider that it names ({', '.join(institutions) or 'none'}). Link the one of your institution to your"
            " account at the login provider, or ask for another invitation."
        )
    orcid = inv.get("orcid")
    if orcid is not None and (not identity.orcid or orcid_of(orcid) != identity.orcid):
        found = f"{identity.orcid} is linked" if identity.orcid else "none is linked"
        raise IdentityError(
            f"The invitation is for the person with the ORCID iD {orcid}, and {found} to this login: link that ORCID iD"
            " to your account at the login provider, or ask for another invitation."
        )


def upstream_of(identity: VerifiedIdentity) -> str:
    """What the identity is called in the ledger: the issuer and the subject, which is unique there."""
    return check_upstream(f"{identity.issuer} {identity.subject}")


def _identity(session: str, found: dict[str, Any]) -> VerifiedIdentity:
    names = [field.name for field in dataclasses.fields(VerifiedIdentity)]
    kinds = {"identity_providers": list, "verified_at": int}
    providers = found.get("identity_providers")
    if (
        sorted(found) != sorted(names)
        or not all(is_a(found[name], kinds.get(name, str)) for name in names)
        or not isinstance(providers, list)
        or not all(isinstance(one, str) for one in providers)
    ):
        raise IdentityError(
            f"The identity of the session {session} is not as this program writes it: begin the login again."
        )
    return VerifiedIdentity(**{**found, "identity_providers": tuple(providers)})
