# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two steps of a login: send a person to a provider, and find out who came back (private; on the controller)."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._login._claims import identity_of_claims
from ansible_collections.labfleet.identity.plugins.module_utils._login._id_token import (
    Expected,
    need_jwt,
    verify_id_token,
)
from ansible_collections.labfleet.identity.plugins.module_utils._login._identity import IDENTITY_SECONDS, keep_identity
from ansible_collections.labfleet.identity.plugins.module_utils._login._private_files import (
    IDENTITY,
    SESSION,
    PrivateFiles,
)
from ansible_collections.labfleet.identity.plugins.module_utils._login._provider import Provider, authorize_url
from ansible_collections.labfleet.identity.plugins.module_utils._login._session import (
    SESSION_SECONDS,
    find_session,
    use_up,
)
from ansible_collections.labfleet.identity.plugins.module_utils._login._urls import (
    answer_of,
    check_state,
    parse_answer,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._login._identity import VerifiedIdentity
    from ansible_collections.labfleet.identity.plugins.module_utils._login._session import Session
    from ansible_collections.labfleet.identity.plugins.module_utils._login._urls import Answer

__all__ = ["answered", "begin", "complete"]


def begin(directory: str, session_id: str, session: Session) -> str:
    """Write a login down, and return the address at which the person logs in."""
    need_jwt()
    url = authorize_url(session)
    with contextlib.closing(PrivateFiles(directory, make=True)) as files:
        files.sweep(SESSION, session.began - SESSION_SECONDS)
        files.sweep(IDENTITY, session.began - IDENTITY_SECONDS)
        files.write(session_id + SESSION, dataclasses.asdict(session))
    return url


def answered(
    files: PrivateFiles, session_id: str, answer: str, code: str, state: str, client_secret: str, now: int
) -> tuple[Session, Answer]:
    """The login that an answer is for; nothing was sent yet and nothing is used up.

    :param answer: the whole address that the person was sent to, or empty with code and state.
    """
    session = find_session(files, session_id, now)
    if session.has_secret != bool(client_secret):
        raise IdentityError(
            "The login began with a client_secret: give it here, too."
            if session.has_secret
            else "The login began without a client_secret: leave it out here, too."
        )
    given = parse_answer(answer, session.redirect_uri) if answer else answer_of(code, state)
    check_state(given, session.state)
    if given.issuer is not None and given.issuer != session.issuer:
        raise IdentityError(
            "The answer is of another provider than the one that this login began at: begin the login again."
        )
    return session, given


def complete(
    files: PrivateFiles, session_id: str, session: Session, answer: Answer, client_secret: str, timeout: float, now: int
) -> tuple[VerifiedIdentity, bool]:
    """Find out who logged in, keep it, and say whether the provider forgot its tokens.

    :raises IdentityError: it is not certain who that is. The login is used up once the code was sent.
    """
    need_jwt()
    provider = Provider(session, client_secret, timeout)
    keys = provider.keys()
    if provider.names_itself and answer.is_whole and answer.issuer is None:
        raise IdentityError(
            "The answer does not say of which provider it is, as it should: copy the whole address again."
        )
    use_up(files, session_id)
    tokens = provider.exchange(answer.code)
    try:
        access_token = tokens["access_token"]
        expected = Expected(session.issuer, session.client_id, session.nonce, access_token, session.began, now)
        claims = verify_id_token(tokens.get("id_token"), keys, expected)
        identity = identity_of_claims(session, claims, provider.user(access_token), now)
    finally:
        forgotten = provider.revoke(tokens)
    keep_identity(files, session_id, identity)
    return identity, forgotten
