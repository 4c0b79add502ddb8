# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken from the claims of a provider (private, pure; runs on the controller).

An institution is known by the id of its identity provider. Names and organizations are text that somebody typed: they
decide nothing and are not kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._login._identity import VerifiedIdentity
from ansible_collections.labfleet.identity.plugins.module_utils._login._orcid import orcid_of, orcid_of_username
from ansible_collections.labfleet.identity.plugins.module_utils._login._urls import is_plain

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._login._session import Session

__all__ = ["identity_of_claims"]

_MOST_IDENTITIES = 100
_LONGEST_ID = 255
_LONGEST_EMAIL = 254


def identity_of_claims(session: Session, id_claims: dict[str, Any], user: dict[str, Any], now: int) -> VerifiedIdentity:
    """Who logged in.

    :param id_claims: those of the verified id_token.
    :param user: the answer of the userinfo endpoint.
    :raises IdentityError: the two are about different people, or the provider contradicts itself.
    """
    subject = id_claims["sub"]
    if user.get("sub") != subject:
        raise _contradiction("its userinfo is about somebody else than its id_token")
    provider = _provider(user.get("identity_provider", id_claims.get("identity_provider")))
    if _provider(id_claims.get("identity_provider", provider)) != provider:
        raise _contradiction("its userinfo names another identity provider than its id_token")
    linked = _linked(user.get("identity_set", id_claims.get("identity_set")))
    if linked and (subject, provider) not in [(sub, idp) for sub, idp, _username in linked]:
        raise _contradiction("the identity that logged in is not in its identity_set")
    providers = {idp for _sub, idp, _username in linked} | ({provider} if provider else set())
    email = user.get("email")
    is_email = is_plain(email, _LONGEST_EMAIL) and "@" in str(email) and user.get("email_verified", True) is True
    return VerifiedIdentity(
        issuer=session.issuer,
        subject=subject,
        identity_provider=provider,
        identity_providers=tuple(sorted(providers)),
        orcid=_orcid(session, user, linked),
        email=str(email) if is_email else "",
        verified_at=now,
        invitation=session.invitation,
    )


def _linked(identity_set: object) -> list[tuple[str, str, str]]:
    """The linked identities as subject, id of the identity provider and username."""
    if identity_set is None:
        return []
    if not isinstance(identity_set, list) or len(identity_set) > _MOST_IDENTITIES:
        raise _contradiction("its identity_set is no list of identities")
    found = []
    for one in identity_set:
        if not isinstance(one, dict) or not is_plain(one.get("sub"), _LONGEST_ID):
            raise _contradiction("its identity_set is no list of identities")
        found.append((one["sub"], _provider(one.get("identity_provider")), str(one.get("username", ""))))
    return found


def _provider(given: object) -> str:
    """The id of an identity provider; empty where there is none."""
    if given is None or given == "":
        return ""
    if not is_plain(given, _LONGEST_ID):
        raise _contradiction("it names an identity provider whose id is no id")
    return str(given)


def _orcid(session: Session, user: dict[str, Any], linked: list[tuple[str, str, str]]) -> str:
    """The ORCID iD that the person showed to be theirs, empty without one."""
    found = {
        orcid_of_username(username)
        for _sub, idp, username in linked
        if session.orcid_provider and idp == session.orcid_provider
    }
    if session.orcid_claim:
        found.add(orcid_of(user.get("orcid")))
    found.discard("")
    if len(found) > 1:
        raise _contradiction("it links two ORCID iDs to one person: have one of them unlinked there")
    return "".join(found)


def _contradiction(why: str) -> IdentityError:
    return IdentityError(f"The answer of the provider cannot be believed: {why}. Nobody was verified.")
