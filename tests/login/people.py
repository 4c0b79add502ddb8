# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People and clients of the test provider, and a login in this process."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._login._private_files import PrivateFiles
from ansible_collections.labfleet.identity.plugins.module_utils._login._session import new_session
from ansible_collections.labfleet.identity.plugins.module_utils._login._steps import answered, begin, complete
from ansible_collections.labfleet.identity.tests.servers.oidc_provider import REDIRECT_PATH

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._login._identity import VerifiedIdentity
    from ansible_collections.labfleet.identity.plugins.module_utils._login._session import Session

UNIVERSITY = "0b6d1f2e-3c4a-4e5f-8a9b-7c6d5e4f3a2b"
ANYBODY = "41143743-f3c8-4d60-bbdb-eeecaba85bd9"  # where everybody can make an account, with any organization
ORCID = "5c1d7a90-8e2b-4f63-9a4d-1b2c3d4e5f60"
ALICE, BOB, CAROL, DORA = (f"{letter * 8}-1d3e-4f5a-9b7c-6d8e0f1a2b3c" for letter in "abcd")
ALICE_ORCID = "0000-0002-1825-0097"


def _identity(sub: str, provider: str, username: str) -> dict[str, str]:
    return {"sub": sub, "identity_provider": provider, "username": username, "organization": "Example University"}


PEOPLE: dict[str, dict[str, Any]] = {
    ALICE: {
        "name": "CANARY-NAME Alice",
        "email": "alice@uni.example",
        "organization": "CANARY-ORGANIZATION Example University",
        "identity_provider": UNIVERSITY,
        "identity_set": [
            _identity(ALICE, UNIVERSITY, "alice@uni.example"),
            _identity(ALICE.replace("a", "e"), ORCID, f"{ALICE_ORCID}@orcid.org"),
        ],
    },
    # calls himself what he likes, in every text that there is
    BOB: {
        "name": "Bob",
        "email": "bob@uni.example.evil.example",
        "organization": UNIVERSITY,
        "identity_provider": ANYBODY,
        "identity_provider_display_name": "Example University",
        "orcid": ALICE_ORCID,
        "identity_set": [_identity(BOB, ANYBODY, f"{ALICE_ORCID}@orcid.org")],
    },
    # of the university by a linked identity, without an ORCID iD
    CAROL: {
        "email": "carol@anywhere.example",
        "identity_provider": ANYBODY,
        "identity_set": [
            _identity(CAROL, ANYBODY, "carol@anywhere.example"),
            _identity(CAROL.replace("c", "e"), UNIVERSITY, "carol@uni.example"),
        ],
    },
    # of a provider that has none of Globus's claims
    DORA: {"email": "dora@other.example", "orcid": f"https://orcid.org/{ALICE_ORCID}"},
}
SECRET = "CANARY-client-secret-7f1e"
CLIENTS: list[dict[str, Any]] = [
    *(
        {
            "client_id": f"public-{algorithm.lower()}",
            "token_endpoint_auth_method": "none",
            "id_token_signed_response_alg": algorithm,
        }
        for algorithm in ("RS256", "RS512", "ES256", "EdDSA")
    ),
    {
        "client_id": "confidential",
        "client_secret": SECRET,
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": "RS512",
    },
]
GLOBUS_LIKE = "public-rs512"


def invitation_token(jti: str) -> str:
    """What looks like an invitation, with a jti; a login does not check its signature."""
    parts = ({"alg": "EdDSA", "typ": "invitation+jwt"}, {"jti": jti})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "CANARY-signature"])


class Logins:
    """A directory of logins, and the two steps."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def begin(
        self,
        issuer: str,
        client_id: str = GLOBUS_LIKE,
        secret: str = "",
        invitation: str = "",
        orcid_claim: bool = False,
        began: int = 0,
    ) -> tuple[str, Session, str]:
        """The id of a login that begins, what is kept of it, and where the person goes."""
        redirect_uri, now = issuer + REDIRECT_PATH, began or int(time.time())
        session_id, session = new_session(
            issuer, client_id, redirect_uri, bool(secret), ORCID, orcid_claim, invitation, now
        )
        return session_id, session, begin(str(self.directory), session_id, session)

    def complete(self, session_id: str, answer: str, secret: str = "", timeout: float = 5) -> VerifiedIdentity:
        """Who came back with an answer."""
        with contextlib.closing(PrivateFiles(str(self.directory))) as files:
            now = int(time.time())
            session, given = answered(files, session_id, answer, "", "", secret, now)
            identity, self.forgotten = complete(files, session_id, session, given, secret, timeout, now)
        return identity

    def files(self) -> list[str]:
        """What is in the directory, by kind."""
        return sorted(path.name.partition(".")[2] for path in self.directory.iterdir())
