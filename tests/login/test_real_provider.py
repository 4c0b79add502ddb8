# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins at a real OpenID Connect provider, and what it refuses."""

from __future__ import annotations

import dataclasses
import json
import stat
import sys
import time
import urllib.parse
from typing import TYPE_CHECKING

import pytest
import requests

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._login._identity import (
    check_identity,
    read_identity,
    upstream_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._login._provider import default_issuer
from ansible_collections.labfleet.identity.plugins.module_utils._login._session import (
    SESSION_SECONDS,
    invitation_mark,
    mark_of_token,
)
from ansible_collections.labfleet.identity.tests.login.people import (
    ALICE,
    ALICE_ORCID,
    ANYBODY,
    BOB,
    CAROL,
    CLIENTS,
    DORA,
    GLOBUS_LIKE,
    ORCID,
    SECRET,
    UNIVERSITY,
    invitation_token,
)
from ansible_collections.labfleet.identity.tests.servers.oidc_provider import log_in

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._login._identity import VerifiedIdentity
    from ansible_collections.labfleet.identity.tests.login.people import Logins


def with_query(url: str, **values: str) -> str:
    """The address with other values in its query; an empty one is left out."""
    parts = urllib.parse.urlsplit(url)
    query = {**dict(urllib.parse.parse_qsl(parts.query)), **values}
    return parts._replace(query=urllib.parse.urlencode({key: value for key, value in query.items() if value})).geturl()


def counts(issuer: str) -> dict[str, int]:
    found: dict[str, int] = requests.get(f"{issuer}/of-tests/counts", timeout=5).json()
    return found


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: str(client["client_id"]))
def test_a_login_finds_out_who_it_is_and_leaves_nothing_else(
    logins: Logins, issuer: str, client: dict[str, str]
) -> None:
    secret = client.get("client_secret", "")
    mark = mark_of_token(invitation_token("one"))
    before = counts(issuer)
    session_id, session, url = logins.begin(issuer, client["client_id"], secret, mark)
    for private in (session.verifier, secret or "client_secret"):
        assert private not in url
    identity = logins.complete(session_id, log_in(url, ALICE), secret)
    assert dataclasses.asdict(identity) == {
        "issuer": issuer,
        "subject": ALICE,
        "identity_provider": UNIVERSITY,
        "identity_providers": tuple(sorted([UNIVERSITY, ORCID])),
        "orcid": ALICE_ORCID,
        "email": "alice@uni.example",
        "verified_at": identity.verified_at,
        "invitation": invitation_mark("one"),
    }
    assert abs(identity.verified_at - time.time()) < 30

    (kept,) = logins.directory.iterdir()
    assert kept.name == f"{session_id}.identity.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(logins.directory.stat().st_mode) == 0o700
    assert sorted(json.loads(kept.read_text())) == sorted(dataclasses.asdict(identity))
    assert "CANARY" not in kept.read_text()
    assert read_identity(str(logins.directory), session_id, int(time.time())) == identity
    assert upstream_of(identity) == f"{issuer} {ALICE}"

    # the token that was needed for this lets nobody in any more
    assert logins.forgotten
    after = counts(issuer)
    assert (after["issued"] - before["issued"], after["revoked"] - before["revoked"]) == (1, 1)


def test_two_logins_share_nothing(logins: Logins, issuer: str) -> None:
    begun = [logins.begin(issuer) for _login in range(2)]
    (one_id, _one, one_url), (other_id, _other, other_url) = begun
    secrets = {value for _id, session, _url in begun for value in (session.verifier, session.state, session.nonce)}
    assert len(secrets) == 6
    assert all(len(secret) == 43 for secret in secrets)
    # who is sent to one address cannot answer for the other login
    with pytest.raises(IdentityError, match="The state in the answer is not that of this login"):
        logins.complete(other_id, log_in(one_url, ALICE))
    assert logins.complete(one_id, log_in(one_url, BOB)).subject == BOB
    assert logins.complete(other_id, log_in(other_url, ALICE)).subject == ALICE
    assert logins.files() == ["identity.json"] * 2


def test_an_answer_is_refused_before_anything_is_sent(logins: Logins, issuer: str) -> None:
    session_id, session, url = logins.begin(issuer)
    answer = log_in(url, ALICE)
    for wrong, why in (
        (with_query(answer, state="_default"), "The state in the answer is not that of this login"),
        (with_query(answer, state=session.state[:-1]), "The state in the answer is not that of this login"),
        (with_query(answer, state=""), "no code and no state"),
        (with_query(answer, code=""), "no code and no state"),
        (answer + "&state=" + session.state, "says the same thing twice"),
        (with_query(answer, iss="https://auth.globus.org"), "of another provider"),
        (with_query(answer, iss=""), "does not say of which provider it is"),
        (answer.replace("/v2/web/", "/v2/other/"), "the address of another page"),
        (answer.replace("http:", "https:"), "the address of another page"),
        ("https://evil.example/?" + answer.partition("?")[2], "the address of another page"),
        (with_query(answer, code="", error="access_denied"), "ended the login with access_denied"),
        (with_query(answer, code="", error="CANARY \x1b[31m"), "ended the login with an error:"),
        ("any text that was in the clipboard", "The answer is no address"),
        ("x" * 9000, "The answer is no address"),
    ):
        with pytest.raises(IdentityError, match=why.replace("[", r"\[")) as refusal:
            logins.complete(session_id, wrong)
        assert session.state not in str(refusal.value)
    # so the person can still bring back the right one
    assert logins.complete(session_id, answer).subject == ALICE


def test_an_answer_is_used_once(logins: Logins, issuer: str) -> None:
    session_id, _session, url = logins.begin(issuer)
    answer = log_in(url, ALICE)
    logins.complete(session_id, answer)
    with pytest.raises(IdentityError, match=f"There is no login with the session {session_id}"):
        logins.complete(session_id, answer)
    # nor does the provider take the code again, if somebody had kept the session
    other_id, _other, _url = logins.begin(issuer)
    kept = logins.directory / f"{other_id}.session.json"
    state = json.loads(kept.read_text())["state"]
    with pytest.raises(IdentityError, match=r"refuses the code \(invalid_grant\)"):
        logins.complete(other_id, with_query(answer, state=state))
    assert logins.files() == ["identity.json"]


def test_the_provider_refuses_another_verifier_and_another_client(logins: Logins, issuer: str) -> None:
    for change, why in (
        ({"verifier": "v" * 43}, r"refuses the code \(invalid_grant\)"),
        ({"client_id": "public-rs256"}, r"refuses the code \(invalid_grant\)"),
        ({"client_id": "nobody"}, r"does not know the client \(invalid_client\)"),
    ):
        session_id, _session, url = logins.begin(issuer)
        answer = log_in(url, ALICE)
        kept = logins.directory / f"{session_id}.session.json"
        kept.write_text(json.dumps({**json.loads(kept.read_text()), **change}))
        with pytest.raises(IdentityError, match=why):
            logins.complete(session_id, answer)
        assert logins.files() == []  # the code went out, so the login is used up
    session_id, _session, url = logins.begin(issuer, "confidential", SECRET)
    answer = log_in(url, ALICE)
    with pytest.raises(IdentityError, match="began with a client_secret"):
        logins.complete(session_id, answer)
    with pytest.raises(IdentityError, match="does not know the client") as refusal:
        logins.complete(session_id, answer, "CANARY-wrong")
    assert "CANARY" not in str(refusal.value)


def test_a_login_ends_after_a_while(logins: Logins, issuer: str) -> None:
    began = int(time.time()) - SESSION_SECONDS - 5
    session_id, _session, url = logins.begin(issuer, began=began)
    with pytest.raises(IdentityError, match="began more than 15 minutes ago"):
        logins.complete(session_id, log_in(url, ALICE))


def verified(logins: Logins, issuer: str, who: str, orcid_claim: bool = False) -> VerifiedIdentity:
    session_id, _session, url = logins.begin(
        issuer, GLOBUS_LIKE, invitation=invitation_mark("one"), orcid_claim=orcid_claim
    )
    return logins.complete(session_id, log_in(url, who))


def test_an_invitation_lets_in_whom_it_names_and_believes_no_text(logins: Logins, issuer: str) -> None:
    alice, bob, carol, dora = (verified(logins, issuer, who) for who in (ALICE, BOB, CAROL, DORA))
    for allowed, inv in (
        (alice, {"idp": UNIVERSITY, "institutions": [UNIVERSITY], "orcid": ALICE_ORCID}),
        (alice, {"orcid": f"https://orcid.org/{ALICE_ORCID}"}),
        (bob, {"idp": ANYBODY}),
        (carol, {"institutions": ["another", UNIVERSITY]}),
        (dora, {}),
    ):
        check_identity(allowed, inv, "one")
    not_allowed = "log in with the identity provider"
    refusals: tuple[tuple[VerifiedIdentity, dict[str, Any], str], ...] = (
        (bob, {"idp": UNIVERSITY}, not_allowed),
        (bob, {"institutions": [UNIVERSITY]}, "people of other institutions"),
        (bob, {"institutions": ["Example University", "uni.example"]}, "people of other institutions"),
        (bob, {"orcid": ALICE_ORCID}, "none is linked to this login"),
        (carol, {"idp": UNIVERSITY}, not_allowed),
        (carol, {"orcid": ALICE_ORCID}, "none is linked to this login"),
        (dora, {"idp": UNIVERSITY}, "with none that is named"),
        (dora, {"institutions": [UNIVERSITY]}, "people of other institutions"),
        (dora, {"orcid": ALICE_ORCID}, "none is linked to this login"),
        (alice, {"orcid": "0000-0001-5109-3700"}, f"{ALICE_ORCID} is linked"),
        (alice, {"institutions": []}, "people of other institutions"),
    )
    for refused, asked, why in refusals:
        with pytest.raises(IdentityError, match=why):
            check_identity(refused, asked, "one")
    with pytest.raises(IdentityError, match="made for another invitation"):
        check_identity(alice, {}, "another")
    with pytest.raises(IdentityError, match="made for another invitation"):
        check_identity(dataclasses.replace(alice, invitation=""), {}, "")


def test_a_claim_about_orcid_counts_where_that_was_asked_for(logins: Logins, issuer: str) -> None:
    assert verified(logins, issuer, DORA).orcid == ""
    assert verified(logins, issuer, DORA, orcid_claim=True).orcid == ALICE_ORCID


def test_globus_is_asked_unless_something_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_issuer() == "https://auth.globus.org"
    monkeypatch.setenv("GLOBUS_SDK_ENVIRONMENT", "preview")
    assert default_issuer() == "https://auth.preview.globus.org"
    monkeypatch.setenv("GLOBUS_SDK_ENVIRONMENT", "moon")
    with pytest.raises(IdentityError, match="GLOBUS_SDK_ENVIRONMENT names no environment"):
        default_issuer()
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", "http://127.0.0.1:9/")
    assert default_issuer() == "http://127.0.0.1:9"


@pytest.mark.parametrize(("module", "package"), [("globus_sdk", "globus-sdk 4 or newer"), ("jwt", "PyJWT")])
def test_a_library_that_is_not_there_is_named(
    logins: Logins, issuer: str, monkeypatch: pytest.MonkeyPatch, module: str, package: str
) -> None:
    session_id, _session, url = logins.begin(issuer)
    answer = log_in(url, ALICE)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(IdentityError, match=f"A login needs the Python library {package}") as refusal:
        logins.complete(session_id, answer)
    assert sys.executable in str(refusal.value)
    # before the code was sent, so that it is still good when the library is there
    assert logins.files() == ["session.json"]
