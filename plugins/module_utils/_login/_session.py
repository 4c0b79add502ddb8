# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A login between its two steps: what was asked of the provider, kept until the person is back (private).

The verifier, the state and the nonce of a login are random and used once. They are in no result and no message.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import secrets
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._login._json import is_a, json_object
from ansible_collections.labfleet.identity.plugins.module_utils._login._private_files import SESSION, check_session_id

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._login._private_files import PrivateFiles

__all__ = ["SESSION_SECONDS", "Session", "find_session", "invitation_mark", "mark_of_token", "new_session", "use_up"]

SESSION_SECONDS = 900
_SKEW = 60
_LONGEST_TOKEN = 16384
_RANDOM_BYTES = 32  # 43 characters, the fewest that a PKCE verifier has


@dataclasses.dataclass(frozen=True)
class Session:
    """What the second step has to know of the first one."""

    issuer: str
    client_id: str
    redirect_uri: str
    has_secret: bool
    orcid_provider: str
    orcid_claim: bool
    invitation: str  # invitation_mark of the one that the login is for, empty without one
    began: int
    verifier: str = dataclasses.field(repr=False)
    state: str = dataclasses.field(repr=False)
    nonce: str = dataclasses.field(repr=False)


def new_session(
    issuer: str,
    client_id: str,
    redirect_uri: str,
    has_secret: bool,
    orcid_provider: str,
    orcid_claim: bool,
    invitation: str,
    now: int,
) -> tuple[str, Session]:
    """A login that begins, and its id."""
    verifier, state, nonce = (secrets.token_urlsafe(_RANDOM_BYTES) for _one in range(3))
    session = Session(
        issuer,
        client_id,
        redirect_uri,
        has_secret,
        orcid_provider,
        orcid_claim,
        invitation,
        now,
        verifier=verifier,
        state=state,
        nonce=nonce,
    )
    return secrets.token_hex(16), session


def find_session(files: PrivateFiles, session_id: str, now: int) -> Session:
    """The login of this id, which is left as it is.

    :raises IdentityError: there is none any more, or it began too long ago.
    """
    found = files.read(check_session_id(session_id) + SESSION)
    if found is None:
        raise IdentityError(_gone(session_id))
    kinds = {"has_secret": bool, "orcid_claim": bool, "began": int}
    names = [field.name for field in dataclasses.fields(Session)]
    if sorted(found) != sorted(names) or not all(is_a(found[name], kinds.get(name, str)) for name in names):
        raise IdentityError(f"The session {session_id} is not as this program writes it: begin the login again.")
    session = Session(**found)
    if not session.began - _SKEW <= now <= session.began + SESSION_SECONDS:
        raise IdentityError(
            f"The session {session_id} began more than {SESSION_SECONDS // 60} minutes ago: begin the login again."
        )
    return session


def use_up(files: PrivateFiles, session_id: str) -> None:
    """Take a login away, so that nobody can send a code for it any more.

    :raises IdentityError: somebody else was faster.
    """
    if not files.take_away(check_session_id(session_id) + SESSION):
        raise IdentityError(_gone(session_id))


def invitation_mark(jti: str) -> str:
    """What a login keeps of the invitation that it was begun for."""
    return hashlib.sha256(jti.encode()).hexdigest()


def mark_of_token(token: str) -> str:
    """The mark of the invitation in a token, whose signature is checked by whoever accepts it.

    :raises IdentityError: it is no token with a jti in it.
    """
    parts = token.strip().split(".") if len(token) <= _LONGEST_TOKEN else []
    try:
        if len(parts) != 3:
            raise ValueError
        jti = json_object(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))["jti"]
        if not isinstance(jti, str) or not 0 < len(jti) <= 255 or not jti.isascii():
            raise ValueError
    except (ValueError, KeyError):
        raise IdentityError("The invitation is no token: copy the whole of it, its three parts in one line.") from None
    return invitation_mark(jti)


def _gone(session_id: str) -> str:
    return (
        f"There is no login with the session {session_id}: it was finished or is too old, and each is used once. Begin"
        " the login again."
    )
