# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of a provider that no honest one gives: each is refused for its own reason, and nobody is verified."""

from __future__ import annotations

import datetime
import gzip
import json
import time
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._login._provider import LARGEST_ANSWER
from ansible_collections.labfleet.identity.tests.login.hostile import (
    ACCESS_TOKEN,
    ANOTHER_RSA,
    CLIENT,
    ED25519,
    OTHER_TOKEN,
    P256,
    REFRESH_TOKEN,
    RSA,
    SMALL_RSA,
    Hostile,
    Reply,
    at_hash,
    encoded,
    hostile,
    public_jwk,
)
from ansible_collections.labfleet.identity.tests.login.people import ALICE_ORCID, ORCID, SECRET
from ansible_collections.labfleet.identity.tests.servers.oidc_provider import REDIRECT_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._login._identity import VerifiedIdentity
    from ansible_collections.labfleet.identity.plugins.module_utils._login._session import Session
    from ansible_collections.labfleet.identity.tests.login.people import Logins

    Change = Callable[[Hostile], None]

CODE = "CANARY-code-3b1f"
CONFIGURATION, KEYS = "/.well-known/openid-configuration", "/jwk.json"
TOKEN, USER, REVOKE = "/v2/oauth2/token", "/v2/oauth2/userinfo", "/v2/oauth2/token/revoke"
HTML = Reply(b"<html><body>CANARY: please sign in to the hotel's network</body></html>", headers={})


@pytest.fixture
def provider() -> Iterator[Hostile]:
    """An honest provider, until a test changes it."""
    with hostile() as server:
        yield server


def begun(logins: Logins, provider: Hostile, change: Change, secret: str) -> tuple[str, Session, str]:
    """A login at which the provider behaves as it does after a change, and its answer."""
    session_id, session, _url = logins.begin(provider.issuer, CLIENT, secret)
    provider.claims["nonce"] = session.nonce
    change(provider)
    return session_id, session, f"{provider.issuer}{REDIRECT_PATH}?code={CODE}&state={session.state}"


def log_in(logins: Logins, provider: Hostile, change: Change, secret: str = "") -> VerifiedIdentity:
    """Who the provider says that it is."""
    session_id, _session, answer = begun(logins, provider, change, secret)
    return logins.complete(session_id, answer, secret)


def refuse(logins: Logins, provider: Hostile, change: Change, why: str, secret: str = "", timeout: float = 5) -> None:
    """Nobody is verified, for this reason, and no secret is told."""
    session_id, session, answer = begun(logins, provider, change, secret)
    with pytest.raises(IdentityError, match=why) as refusal:
        logins.complete(session_id, answer, secret, timeout)
    for private in ("CANARY", session.verifier, session.state, session.nonce):
        assert private not in str(refusal.value)
    # the login is used up when the code was sent, and only then
    assert logins.files() == ([] if TOKEN in provider.asked else ["session.json"])


def unchanged(_provider: Hostile) -> None:
    """The provider stays as it is."""


def claims(**changes: Any) -> Change:
    """Other claims in the id_token; None takes one away."""

    def change(provider: Hostile) -> None:
        provider.claims.update(changes)
        provider.claims = {name: value for name, value in provider.claims.items() if value is not None}

    return change


def times(**seconds: int) -> Change:
    """Other times in the id_token, in seconds from the moment of the login, not of the collection of the tests."""

    def change(provider: Hostile) -> None:
        now = int(time.time())
        provider.claims.update({name: now + difference for name, difference in seconds.items()})

    return change


def signed(algorithm: str, key: Any, header: dict[str, Any] | None = None, keys: list[Any] | None = None) -> Change:
    """Signed in another way, with other public keys or the true one."""

    def change(provider: Hostile) -> None:
        provider.algorithm, provider.key, provider.header = algorithm, key, header or {}
        provider.claims.pop("at_hash")
        if keys is not None:
            provider.jwks = {"keys": keys}

    return change


def id_token(token: Any) -> Change:
    """Something else as id_token."""

    def change(provider: Hostile) -> None:
        provider.id_token = token

    return change


def by_hand(header: dict[str, Any], payload: str | None = None, **changes: Any) -> Change:
    """A token that no library would make, signed with the provider's key over what is written there."""

    def change(provider: Hostile) -> None:
        body = json.dumps({**provider.claims, **changes}) if payload is None else payload
        first = f"{encoded(json.dumps(header).encode())}.{encoded(body.encode())}"
        algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA512)
        provider.id_token = f"{first}.{encoded(algorithm.sign(first.encode(), provider.key))}"

    return change


def unsigned(algorithm: str) -> Change:
    """A token without a signature."""

    def change(provider: Hostile) -> None:
        header = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
        provider.id_token = f"{encoded(header)}.{encoded(json.dumps(provider.claims).encode())}."

    return change


def with_public_key_as_secret(provider: Hostile) -> None:
    """The public key as the secret of an HMAC (CVE-2015-9235, CVE-2022-29217)."""
    secret = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header, body = json.dumps({"alg": "HS256"}).encode(), json.dumps(provider.claims).encode()
    first = f"{encoded(header)}.{encoded(body)}"
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(first.encode(), secret)
    provider.id_token = f"{first}.{encoded(mac)}"


def with_small_key(provider: Hostile) -> None:
    """A key that somebody may have found out."""
    provider.key, provider.jwks = SMALL_RSA, {"keys": [public_jwk(SMALL_RSA)]}
    by_hand({"alg": "RS512"})(provider)


def tampered(provider: Hostile) -> None:
    """The signature of a true token on other claims."""
    head, _body, signature = provider.signed().split(".")
    provider.id_token = f"{head}.{encoded(json.dumps({**provider.claims, 'sub': 'subject-2'}).encode())}.{signature}"
    provider.user["sub"] = "subject-2"


def user(**changes: Any) -> Change:
    """Another answer about the person."""

    def change(provider: Hostile) -> None:
        provider.user.update(changes)

    return change


def tokens(**changes: Any) -> Change:
    """Another answer to the code."""

    def change(provider: Hostile) -> None:
        provider.tokens.update(changes)

    return change


def configuration(**changes: Any) -> Change:
    """The provider says other things of itself."""

    def change(provider: Hostile) -> None:
        provider.configuration.update(changes)

    return change


def replies(path: str, reply: Reply) -> Change:
    """One kind of request is answered in another way."""

    def change(provider: Hostile) -> None:
        provider.replies[path] = reply

    return change


def a_person(sub: str, provider: str, username: str) -> dict[str, str]:
    return {"sub": sub, "identity_provider": provider, "username": username}


ITSELF = a_person("subject-1", "university", "person@uni.example")
ORCID_ITSELF = a_person("subject-3", ORCID, f"{ALICE_ORCID}@orcid.org")
NO_KEY, NO_SIGNATURE = "a key that is not among its public keys", "not that of its public key"
BROUGHT, NOT_SIGNED = "brings a key or an extension of its own", "is not signed with one of"
NO_TIMES, MALFORMED = "does not say when it was made", "its id_token is malformed"
KID = public_jwk(RSA, alg="RS512", use="sig", kid="one")
PRIVATE_RSA: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(RSA, as_dict=True)

ACCEPTED: dict[str, Change] = {
    "as Globus signs, with a key that has no id": unchanged,
    "RS256": signed("RS256", RSA, {"kid": "k"}, [public_jwk(RSA, kid="k"), public_jwk(P256, kid="k")]),
    "ES256": signed("ES256", P256, {"kid": "e"}, [KID, public_jwk(P256, kid="e", alg="ES256")]),
    "EdDSA": signed("EdDSA", ED25519, {"kid": "o"}, [KID, public_jwk(ED25519, kid="o", use="sig")]),
    "one of two keys": signed("RS512", RSA, {"kid": "one"}, [public_jwk(ANOTHER_RSA, kid="two"), KID]),
    "a list of one audience": claims(aud=[CLIENT], azp=CLIENT),
    "no at_hash": claims(at_hash=None),
    "times within a minute": times(exp=-30, iat=-30, nbf=30),
    "no identity_set": user(identity_set=None),
    "a provider that forgets no tokens": configuration(revocation_endpoint=None),
}
REFUSED: dict[str, tuple[Change, str]] = {
    # made for something else
    "wrong nonce": (claims(nonce="another"), "the nonce in its id_token is not that of this login"),
    "no nonce": (claims(nonce=None), "the nonce in its id_token is not that of this login"),
    "nonce of another type": (claims(nonce=["x"]), "the nonce in its id_token is not that of this login"),
    "wrong audience": (claims(aud="another-client"), "was made for another client"),
    "no audience": (claims(aud=None), "was made for another client"),
    "one audience too many": (claims(aud=[CLIENT, "another-client"]), "was made for another client"),
    "the audience in another case": (claims(aud=CLIENT.upper()), "was made for another client"),
    "given to another client": (claims(azp="another-client"), "was given to another client"),
    "wrong issuer": (claims(iss="https://auth.globus.org"), "is of another issuer"),
    "issuer with a slash more": (lambda provider: claims(iss=provider.issuer + "/")(provider), "is of another issuer"),
    "no issuer": (claims(iss=None), "is of another issuer"),
    "another access token": (claims(at_hash=at_hash("another", "sha512")), "belongs to another access token"),
    "at_hash of another length": (claims(at_hash=at_hash(ACCESS_TOKEN, "sha256")), "belongs to another access token"),
    "no at_hash but null": (lambda provider: provider.claims.update(at_hash=None), "belongs to another access token"),
    # out of time
    "expired": (times(exp=-61), "its id_token has expired"),
    "of the future": (times(iat=3600), "is of the future"),
    "not yet valid": (times(nbf=3600), "is of the future"),
    "of an earlier login": (times(iat=-3600), "was made before this login began"),
    "no end": (claims(exp=None), NO_TIMES),
    "no beginning": (claims(iat=None), NO_TIMES),
    "an end that is text": (claims(exp="9999999999"), NO_TIMES),
    "an end beyond all numbers": (by_hand({"alg": "RS512"}, None, exp=1e999), MALFORMED),
    "an end that is true": (claims(exp=True), NO_TIMES),
    # signed by others, or not at all
    "alg none": (unsigned("none"), NOT_SIGNED),
    "alg NONE": (unsigned("NONE"), NOT_SIGNED),
    "no signature": (unsigned("RS512"), NO_SIGNATURE),
    "HS256 with the public key": (with_public_key_as_secret, NOT_SIGNED),
    "HS256 with a key that the set has": (
        signed("HS256", "s" * 32, {"kid": "s"}, [{"kty": "oct", "k": encoded(b"s" * 32), "kid": "s"}]),
        NOT_SIGNED,
    ),
    "PS256, which nobody asked for": (signed("PS256", RSA), NOT_SIGNED),
    "alg that is no text": (by_hand({"alg": ["RS512"]}), NOT_SIGNED),
    "no alg": (by_hand({"typ": "JWT"}), NOT_SIGNED),
    "RS256 with a key for RS512": (signed("RS256", RSA), NO_KEY),
    "ES256 with a key for RSA": (signed("ES256", P256), NO_KEY),
    "unknown kid": (signed("RS512", ANOTHER_RSA, {"kid": "unknown"}, [KID]), NO_KEY),
    "kid of no key": (signed("RS512", RSA, {"kid": "one"}), NO_KEY),
    "an empty kid": (by_hand({"alg": "RS512", "kid": ""}), NO_KEY),
    "a kid that is null": (by_hand({"alg": "RS512", "kid": None}), NO_KEY),
    "a kid that is a list": (by_hand({"alg": "RS512", "kid": ["one"]}), NO_KEY),
    "two keys and no kid": (signed("RS512", RSA, None, [KID, public_jwk(ANOTHER_RSA)]), NO_KEY),
    "two keys of one kid": (signed("RS512", RSA, {"kid": "one"}, [KID, KID]), NO_KEY),
    "a key for encryption": (signed("RS512", RSA, None, [public_jwk(RSA, use="enc")]), NO_KEY),
    "another key under a known kid": (signed("RS512", ANOTHER_RSA, {"kid": "one"}, [KID]), NO_SIGNATURE),
    "claims that were changed": (tampered, NO_SIGNATURE),
    "a key of 1024 bits": (with_small_key, "fewer than 2048 bits"),
    "a key that is none": (signed("RS512", RSA, None, [{"kty": "RSA", "n": "AQAB", "e": ""}]), "cannot be used"),
    "a key with its private half": (signed("RS512", RSA, None, [PRIVATE_RSA]), "published the private half"),
    "keys that are none": (lambda provider: provider.jwks.update(keys="all"), "are not a JWKS"),
    "no keys": (lambda provider: provider.jwks.update(keys=[]), NO_KEY),
    "more keys than anybody has": (lambda provider: provider.jwks.update(keys=[{}] * 33), "are not a JWKS"),
    "jwk": (by_hand({"alg": "RS512", "jwk": public_jwk(RSA)}), BROUGHT),
    "jku": (by_hand({"alg": "RS512", "jku": "https://evil.example/jwk.json"}), BROUGHT),
    "x5u": (by_hand({"alg": "RS512", "x5u": "https://evil.example/x"}), BROUGHT),
    "x5c": (by_hand({"alg": "RS512", "x5c": ["x"]}), BROUGHT),
    "crit": (by_hand({"alg": "RS512", "crit": ["exp"]}), BROUGHT),
    "b64": (by_hand({"alg": "RS512", "b64": False}), BROUGHT),
    # not a statement about a person
    "another kind of token": (by_hand({"alg": "RS512", "typ": "at+jwt"}), "a token of another type"),
    "an invitation": (by_hand({"alg": "RS512", "typ": "invitation+jwt"}), "a token of another type"),
    "no id_token": (id_token(""), "it has no id_token"),
    "id_token that is no text": (id_token({"a": 1}), "it has no id_token"),
    "encrypted": (id_token("a.b.c.d.e"), "it has no id_token"),
    "too large": (id_token(f"{'a' * 16384}.b.c"), "it has no id_token"),
    "a header that is no JSON": (id_token("a.b.c"), MALFORMED),
    "a header that is a list": (id_token(f"{encoded(b'[]')}.b.c"), MALFORMED),
    "a name twice": (by_hand({"alg": "RS512"}, '{"sub": "a", "sub": "b"}'), MALFORMED),
    "not a number": (by_hand({"alg": "RS512"}, '{"exp": NaN}'), MALFORMED),
    "nested without end": (by_hand({"alg": "RS512"}, "[" * 4000), MALFORMED),
    "nobody": (claims(sub=None), "names nobody"),
    "an empty name": (claims(sub=""), "names nobody"),
    "a name with a line end": (claims(sub="subject-1\n"), "names nobody"),
    "a name beyond ASCII": (claims(sub="\u0455ubject-1"), "names nobody"),
    "a name that never ends": (claims(sub="s" * 256), "names nobody"),
    # userinfo that does not belong to it
    "swapped identity": (user(sub="subject-2"), "about somebody else"),
    "userinfo about nobody": (user(sub=None), "about somebody else"),
    "another provider": (user(identity_provider="orcid"), "names another identity provider"),
    "not in its own set": (user(identity_set=[ORCID_ITSELF]), "is not in its identity_set"),
    "in its set at another provider": (
        user(identity_set=[a_person("subject-1", "other", "x")]),
        "is not in its identity_set",
    ),
    "a set that is none": (user(identity_set={"sub": "subject-1"}), "no list of identities"),
    "a set of texts": (user(identity_set=["subject-1"]), "no list of identities"),
    "a set without end": (user(identity_set=[ITSELF] * 101), "no list of identities"),
    "a provider that is no id": (user(identity_set=[ITSELF, a_person("x", "two words", "x")]), "whose id is no id"),
    "two ORCID iDs": (
        user(identity_set=[ITSELF, ORCID_ITSELF, a_person("subject-4", ORCID, "0000-0001-5109-3700@orcid.org")]),
        "links two ORCID iDs",
    ),
    # answers that are none
    "no access token": (tokens(access_token=None), "gave no access token"),
    "an access token with a line end": (tokens(access_token="a\r\nX-Evil: 1"), "gave no access token"),
    "another type of token": (tokens(token_type="mac"), "gave no access token"),
    "another issuer of itself": (configuration(issuer="https://auth.globus.org"), "says that it is another issuer"),
    "keys of another server": (configuration(jwks_uri="https://evil.example/jwk.json"), "on another server"),
    "keys of another port": (configuration(jwks_uri="http://127.0.0.1:9/jwk.json"), "on another server"),
    "keys over plain HTTP": (configuration(jwks_uri="http://uni.example/jwk.json"), "is not encrypted"),
    "no keys at all": (configuration(jwks_uri=None), "on another server"),
    "HTML about itself": (replies(CONFIGURATION, HTML), "something that is not JSON"),
    "HTML for keys": (replies(KEYS, HTML), "something that is not JSON"),
    "HTML for tokens": (replies(TOKEN, HTML), "something that is not JSON"),
    "HTML for a person": (replies(USER, HTML), "something that is not JSON"),
    "a list for tokens": (replies(TOKEN, Reply(b"[1]")), "something that is not JSON"),
    "a signed userinfo": (replies(USER, Reply(b'"a.b.c"')), "something that is not JSON"),
    "nothing": (replies(TOKEN, Reply(b"")), "something that is not JSON"),
    "packed": (
        replies(USER, Reply(gzip.compress(b" " * 10**7), headers={"Content-Encoding": "gzip"})),
        "something that is not JSON",
    ),
    "huge keys": (replies(KEYS, Reply(b"{" + b" " * LARGEST_ANSWER)), "answered with more than 262144 bytes"),
    "a huge person": (replies(USER, Reply(b"{" + b" " * LARGEST_ANSWER)), "answered with more than 262144 bytes"),
    "it fails": (replies(TOKEN, Reply(b"CANARY", status=503)), r"refused a request \(HTTP status 503\)"),
    "it is busy": (replies(CONFIGURATION, Reply(b"{}", status=429)), r"refused a request \(HTTP status 429\)"),
    "it knows no code": (
        replies(TOKEN, Reply(b'{"error": "invalid_grant", "error_description": "CANARY"}', status=400)),
        r"refuses the code \(invalid_grant\)",
    ),
    "it knows no client": (
        replies(TOKEN, Reply(b'{"error": "invalid_client"}', status=401)),
        "does not know the client",
    ),
    "an error with colours": (
        replies(TOKEN, Reply(b'{"error": "\\u001b[31mCANARY"}', status=400)),
        r"refused a request \(HTTP status 400\)",
    ),
    "it cuts the answer off": (
        replies(USER, Reply(b"{}", headers={"Transfer-Encoding": "chunked"})),
        "cannot be reached, or ended the connection",
    ),
}


@pytest.mark.parametrize("change", ACCEPTED.values(), ids=list(ACCEPTED))
def test_an_honest_answer_is_believed(logins: Logins, provider: Hostile, change: Change) -> None:
    identity = log_in(logins, provider, change)
    assert (identity.subject, identity.identity_provider) == ("subject-1", "university")
    assert logins.files() == ["identity.json"]
    path, form, authorization = next(request for request in provider.requests if request[0] == TOKEN)
    assert (form["code"], form["client_id"], authorization) == (CODE, CLIENT, "")
    assert provider.asked[:4] == [CONFIGURATION, KEYS, path, USER]


@pytest.mark.parametrize(("change", "why"), REFUSED.values(), ids=list(REFUSED))
def test_what_no_honest_provider_says_is_refused(logins: Logins, provider: Hostile, change: Change, why: str) -> None:
    refuse(logins, provider, change, why)
    # who made a token is told to forget it, whatever came of it
    got_tokens = TOKEN in provider.asked and USER in provider.asked
    assert provider.revoked >= ({ACCESS_TOKEN} if got_tokens else set())


@pytest.mark.parametrize(
    "changes",
    [
        {"email_verified": False},
        {"email_verified": "false"},
        {"email": None},
        {"email": "person"},
        {"email": "person@uni.example\nBcc: all@uni.example"},
        {"email": ["person@uni.example"]},
        {"email": "p" * 255 + "@uni.example"},
    ],
    ids=str,
)
def test_an_address_that_is_none_or_not_verified_is_left_out(
    logins: Logins, provider: Hostile, changes: dict[str, Any]
) -> None:
    assert log_in(logins, provider, unchanged).email == "person@uni.example"
    assert log_in(logins, provider, user(**changes)).email == ""


def test_every_token_is_taken_back(logins: Logins, provider: Hostile) -> None:
    log_in(logins, provider, unchanged)
    assert provider.revoked == {ACCESS_TOKEN, REFRESH_TOKEN, OTHER_TOKEN}
    assert logins.forgotten
    log_in(logins, provider, replies(REVOKE, Reply(b"", status=500)))
    assert not logins.forgotten


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", [CONFIGURATION, KEYS, TOKEN, USER])
def test_a_redirect_is_not_followed(logins: Logins, provider: Hostile, path: str, status: int) -> None:
    with hostile() as other:
        elsewhere = Reply(b"{}", status=status, headers={"Location": f"{other.issuer}{path}"})
        refuse(logins, provider, replies(path, elsewhere), "wants to send the request elsewhere", SECRET)
        assert other.requests == []


def test_a_secret_goes_to_the_token_endpoint_alone(logins: Logins, provider: Hostile) -> None:
    log_in(logins, provider, unchanged, SECRET)
    basic = {path for path, _form, authorization in provider.requests if authorization.startswith("Basic ")}
    assert basic == {TOKEN, REVOKE}
    assert all(SECRET not in json.dumps(form) for _path, form, _authorization in provider.requests)


@pytest.mark.parametrize("path", [CONFIGURATION, TOKEN, USER])
@pytest.mark.parametrize(
    "slow", [Reply(pause=30), Reply(b" " * 100, drip=0.3)], ids=["no answer", "a byte now and then"]
)
def test_a_slow_answer_is_given_up(logins: Logins, provider: Hostile, path: str, slow: Reply) -> None:
    began = time.monotonic()
    refuse(logins, provider, replies(path, slow), r"did not answer within 0\.5 s", timeout=0.5)
    assert time.monotonic() - began < 15


def test_nobody_is_there(logins: Logins) -> None:
    with hostile() as gone:
        pass
    refuse(logins, gone, unchanged, "cannot be reached")


def test_an_attempt_is_made_once(logins: Logins, provider: Hostile) -> None:
    refuse(logins, provider, replies(TOKEN, Reply(b"", status=503)), "HTTP status 503")
    assert provider.asked.count(TOKEN) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused_whatever_the_environment_says(
    logins: Logins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOBUS_SDK_VERIFY_SSL", "false")
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(P256.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(P256, hashes.SHA256())
    )
    key = P256.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key)
    with hostile(files) as provider:
        refuse(logins, provider, unchanged, "is not one that this controller trusts")
        assert provider.requests == []
