# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens that must be refused, each with where it comes from and the reason that it must be refused for.

Nearly all of them carry a good signature by a key that is trusted: it must be the named rule that refuses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import jwk_of
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens.forgeries import (
    as_b_with_its_id,
    attacker_head,
    delegated,
    exactly,
    exchanged,
    flattened,
    general,
    head,
    hmac_with,
    inv,
    mixed,
    nested,
    old_key,
    plus_order,
    public_text,
    raw,
    raw_head,
    reordered,
    rsa,
    text_of,
    three_generations,
    told,
    told_odd,
    with_last_bits,
    with_signature,
    without,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens.token_samples import (
    AUDIENCE,
    DAY,
    NOW,
    TYPE,
    claims,
    header,
    invitation,
    invitation_claims_of,
    json_bytes,
    loose,
    pair,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Bad:
    """One token: what it is, who warns of it, why it is refused, and how it is made."""

    name: str
    source: str
    reason: str
    make: Callable[[], Any]


SSH, RAW = PublicFormat.OpenSSH, PublicFormat.Raw
SPKI, PKCS1 = PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1
ALGORITHM = "RFC 8725 section 3.1"
KIND = "RFC 8725 section 3.11"
KEY_ID = "RFC 8725 section 3.10"
ENCODED = "RFC 7515 section 2"
NAMES = "RFC 7519 section 4"
DELEGATION = "rule of delegation"

BAD = [
    # who says how it is verified
    Bad("none", "CVE-2018-1000531, RFC 8725 section 2.1", "no_algorithm", lambda: head(alg="none")),
    Bad("none, not signed", "CVE-2022-23540", "no_algorithm", lambda: head(alg="none").rpartition(".")[0] + "."),
    Bad("None", "RFC 8725 section 2.1", "no_algorithm", lambda: head(alg="None")),
    Bad("nOnE", "RFC 8725 section 2.1", "no_algorithm", lambda: head(alg="nOnE")),
    Bad("empty algorithm", ALGORITHM, "no_algorithm", lambda: head(alg="")),
    Bad("no algorithm", "RFC 7515 section 4.1.1", "no_algorithm", lambda: head(alg=None)),
    Bad("list of algorithms", ALGORITHM, "no_algorithm", lambda: head(alg=["EdDSA"])),
    Bad("number as algorithm", ALGORITHM, "no_algorithm", lambda: head(alg=0)),
    Bad(
        "PEM as secret", "CVE-2015-9235", "wrong_algorithm", lambda: hmac_with(public_text("rsa-a", Encoding.PEM, SPKI))
    ),
    Bad(
        "DER as secret",
        "CVE-2026-85394",
        "wrong_algorithm",
        lambda: hmac_with(public_text("rsa-a", Encoding.DER, SPKI)),
    ),
    Bad(
        "PKCS1 as secret",
        "CVE-2017-11424",
        "wrong_algorithm",
        lambda: hmac_with(public_text("rsa-a", Encoding.PEM, PKCS1)),
    ),
    Bad(
        "PEM with other line ends as secret",
        "CVE-2026-102268",
        "wrong_algorithm",
        lambda: hmac_with(public_text("rsa-a", Encoding.PEM, SPKI).replace(b"\n", b"\r\n")),
    ),
    Bad(
        "SSH key as secret",
        "CVE-2022-29217",
        "wrong_algorithm",
        lambda: hmac_with(public_text("a", Encoding.OpenSSH, SSH), "a", "cluster-a"),
    ),
    Bad(
        "SSH key of RSA as secret",
        "CVE-2024-33663",
        "wrong_algorithm",
        lambda: hmac_with(public_text("rsa-a", Encoding.OpenSSH, SSH)),
    ),
    Bad("JWK as secret", "CVE-2026-48526", "wrong_algorithm", lambda: hmac_with(json_bytes(jwk_of(pair("rsa-a")[1])))),
    Bad(
        "raw key as secret",
        "CVE-2016-10555",
        "wrong_algorithm",
        lambda: hmac_with(public_text("a", Encoding.Raw, RAW), "a", "cluster-a"),
    ),
    Bad(
        "HS512 with a public key",
        "CVE-2016-5431",
        "wrong_algorithm",
        lambda: hmac_with(public_text("rsa-a", Encoding.PEM, SPKI), algorithm="HS512"),
    ),
    Bad("empty secret", "CVE-2026-44351", "wrong_algorithm", lambda: hmac_with(b"")),
    Bad(
        "ECDSA of zeros",
        "CVE-2022-21449",
        "wrong_algorithm",
        lambda: head(alg="ES256").rpartition(".")[0] + "." + "A" * 86,
    ),
    Bad("Ed25519 of zeros", "CVE-2022-21449", "bad_signature", lambda: with_signature(lambda data: bytes(len(data)))),
    Bad(
        "PS256 with a key for RS256",
        "RFC 8725 section 3.2",
        "wrong_algorithm",
        lambda: rsa("PS256", SHA256(), padding.PSS(padding.MGF1(SHA256()), 32)),
    ),
    Bad("RS512 with a key for RS256", ALGORITHM, "wrong_algorithm", lambda: rsa("RS512", SHA512(), padding.PKCS1v15())),
    Bad(
        "RS256 that is SHA-1", "RFC 7518 section 3.3", "bad_signature", lambda: rsa("RS256", SHA1(), padding.PKCS1v15())
    ),
    Bad("RS256 with a key of Ed25519", "CVE-2021-46743", "wrong_algorithm", lambda: head(alg="RS256")),
    Bad("eddsa", "RFC 7515 section 4.1.1", "wrong_algorithm", lambda: head(alg="eddsa")),
    Bad("Ed25519 as algorithm", "RFC 9864", "wrong_algorithm", lambda: head(alg="Ed25519")),
    # signatures
    Bad("no signature", "CVE-2020-28042", "no_signature", lambda: told().rpartition(".")[0] + "."),
    Bad("short signature", "CVE-2020-28042", "bad_signature", lambda: with_signature(lambda data: data[:1])),
    Bad("signature without its end", ENCODED, "bad_signature", lambda: with_signature(lambda data: data[:-1])),
    Bad("signature with more", ENCODED, "bad_signature", lambda: with_signature(lambda data: data + b"\0")),
    Bad(
        "RSA signature with a zero before it",
        "RFC 8017 section 8.2.2",
        "bad_signature",
        lambda: with_signature(lambda data: b"\0" + data, "rsa-a", "cluster-r"),
    ),
    Bad("signature plus the order", "RFC 8032 section 5.1.7", "bad_signature", lambda: with_signature(plus_order)),
    Bad("content of another token", "RFC 7515 section 5.2", "bad_signature", lambda: exchanged(1)),
    Bad("signature of another token", "RFC 7515 section 5.2", "bad_signature", lambda: exchanged(2)),
    Bad("another key under the right id", "RFC 8725 section 3.10", "bad_signature", attacker_head),
    # keys that a token brings along or points to
    Bad(
        "key in the token",
        "CVE-2018-0114",
        "header_not_allowed",
        lambda: attacker_head(jwk=jwk_of(pair("attacker")[1]), kid=pair("attacker")[0].kid),
    ),
    Bad(
        "key in the token, known id",
        "CVE-2018-0114",
        "header_not_allowed",
        lambda: attacker_head(jwk=jwk_of(pair("a")[1])),
    ),
    Bad("jku", KEY_ID, "header_not_allowed", lambda: attacker_head(jku="https://attacker.example/jwks.json")),
    Bad("x5u", KEY_ID, "header_not_allowed", lambda: attacker_head(x5u="file:///etc/ssl/cert.pem")),
    Bad("x5c", "RFC 7515 section 4.1.6", "header_not_allowed", lambda: attacker_head(x5c=["AAAA"])),
    Bad("x5t", "RFC 7515 section 4.1.7", "header_not_allowed", lambda: head(x5t="AAAA")),
    Bad("x5t#S256", "RFC 7515 section 4.1.8", "header_not_allowed", lambda: head({"x5t#S256": "AAAA"})),
    Bad(
        "unknown crit", "CVE-2026-32597, CVE-2025-59420", "header_not_allowed", lambda: head(crit=["exp"], exp=NOW + 9)
    ),
    Bad("empty crit", "RFC 7515 section 4.1.11", "header_not_allowed", lambda: head(crit=[])),
    Bad("crit of alg", "RFC 7515 section 4.1.11", "header_not_allowed", lambda: head(crit=["alg"])),
    Bad("content as it is", "RFC 7797, CVE-2026-48990", "header_not_allowed", lambda: head(b64=False, crit=["b64"])),
    Bad("content as it is, not critical", "RFC 7797 section 6", "header_not_allowed", lambda: head(b64=False)),
    Bad("compressed", "CVE-2024-33664, RFC 8725 section 3.6", "header_not_allowed", lambda: head(zip="DEF")),
    Bad("token in a token", "RFC 7519 section 5.2", "header_not_allowed", lambda: head(cty="JWT")),
    Bad("header of an encrypted token", "RFC 7516 section 4.1.2", "header_not_allowed", lambda: head(enc="A256GCM")),
    Bad("claim in the header", "RFC 7519 section 5.3", "header_not_allowed", lambda: head(iss="cluster-a")),
    # made for something else
    Bad("another type", KIND, "wrong_type", lambda: head(typ="JWT")),
    Bad("access token", "RFC 9068 section 2.1", "wrong_type", lambda: head(typ="at+jwt")),
    Bad("no type", KIND, "wrong_type", lambda: head(typ=None)),
    Bad("type in capitals", KIND, "wrong_type", lambda: head(typ=TYPE.upper())),
    Bad("type with its family", "RFC 7515 section 4.1.9", "wrong_type", lambda: head(typ=f"application/{TYPE}")),
    Bad("list of types", KIND, "wrong_type", lambda: head(typ=[TYPE])),
    # which key
    Bad("no key id", KEY_ID, "unknown_key", lambda: head(kid=None)),
    Bad("empty key id", KEY_ID, "unknown_key", lambda: head(kid="")),
    Bad("number as key id", "RFC 7515 section 4.1.4", "unknown_key", lambda: head(kid=0)),
    Bad("path as key id", KEY_ID, "unknown_key", lambda: head(kid="../../../../dev/null")),
    Bad("SQL as key id", KEY_ID, "unknown_key", lambda: head(kid="x' UNION SELECT 'AAAA")),
    Bad("key id with NUL", KEY_ID, "unknown_key", lambda: head(kid=pair("a")[0].kid + "\0")),
    Bad("key id with a blank", KEY_ID, "unknown_key", lambda: head(kid=" " + pair("a")[0].kid)),
    Bad("key id with padding", "RFC 7638 section 3", "unknown_key", lambda: head(kid=pair("a")[0].kid + "=")),
    Bad("id that is no thumbprint", "RFC 7638", "unknown_key", told_odd),
    Bad("A signs as B", "RFC 8725 section 3.8", "unknown_key", lambda: invitation("a", "cluster-b")),
    Bad("A signs as B with the id of B", "RFC 8725 section 3.8", "bad_signature", as_b_with_its_id),
    Bad(
        "used after it was rotated out",
        "NIST SP 800-57 part 1 section 5.3",
        "key_rotated_out",
        lambda: old_key(iat=NOW - 3599),
    ),
    Bad(
        "rotated out too long ago",
        "NIST SP 800-57 part 1 section 5.3",
        "key_over",
        lambda: old_key("over", iat=NOW - 2 * DAY),
    ),
    Bad("retired key", "NIST SP 800-57 part 1 section 5.3", "unknown_key", lambda: old_key("retired", iat=NOW)),
    # how it is put together
    Bad("nothing", "RFC 7515 section 7.1", "malformed", lambda: ""),
    Bad("no text", "RFC 7515 section 7.1", "malformed", lambda: None),
    Bad("bytes", "RFC 7515 section 7.1", "malformed", lambda: told().encode("ascii")),
    Bad("two parts", "RFC 7515 section 7.1", "malformed", lambda: told().rpartition(".")[0]),
    Bad("four parts", "RFC 7515 section 7.1", "malformed", lambda: told() + ".AAAA"),
    Bad("five parts", "RFC 7516 section 7.1", "malformed", lambda: told() + ".AAAA.AAAA"),
    Bad("points alone", "RFC 7515 section 7.1", "malformed", lambda: ".."),
    Bad("no header", "RFC 7515 section 7.1", "malformed", lambda: "." + told().partition(".")[2]),
    Bad(
        "content elsewhere",
        "RFC 7515 appendix F",
        "malformed",
        lambda: ".".join([told().split(".", maxsplit=1)[0], "", "AAAA"]),
    ),
    Bad("JSON, one signature", "RFC 7515 section 7.2.2", "malformed", flattened),
    Bad("JSON, many signatures", "RFC 7515 section 7.2.1", "malformed", general),
    Bad("compact in JSON", "CVE-2022-39227", "bad_encoding", mixed),
    Bad("too large", "CVE-2024-33664, RFC 8725 section 3.6", "too_large", lambda: told(ref="x" * 13000)),
    Bad("huge", "CVE-2026-48990", "too_large", lambda: "A" * 10**6 + ".A.A"),
    # base64url
    Bad("padding in the header", ENCODED, "bad_encoding", lambda: told().replace(".", "=.", 1)),
    Bad("padding of the signature", "CVE-2026-102269", "bad_encoding", lambda: told() + "=="),
    Bad(
        "bits after the signature",
        "RFC 4648 section 3.5, authlib/joserfc#51",
        "bad_encoding",
        lambda: with_last_bits(2),
    ),
    Bad("bits after the content", "RFC 4648 section 3.5", "bad_encoding", lambda: with_last_bits(1)),
    Bad("one character more", "RFC 4648 section 4", "bad_encoding", lambda: told() + "AAA"),
    Bad("blank before", "RFC 4648 section 3.3", "bad_encoding", lambda: " " + told()),
    Bad("line end after", "RFC 4648 section 3.3", "bad_encoding", lambda: told() + "\n"),
    Bad("line end within", "RFC 4648 section 3.3", "bad_encoding", lambda: told()[:40] + "\r\n" + told()[40:]),
    Bad("NUL within", "RFC 4648 section 3.3", "bad_encoding", lambda: told()[:40] + "\0" + told()[40:]),
    Bad("alphabet of base64", "RFC 4648 section 5", "bad_encoding", lambda: told()[:-2] + "+/"),
    Bad("junk within", "CVE-2026-102269", "bad_encoding", lambda: told().replace(".", ".!!!!", 1)),
    Bad(
        "wide letters",
        "RFC 8725 section 3.7",
        "bad_encoding",
        lambda: "\N{FULLWIDTH LATIN SMALL LETTER E}" + told()[1:],
    ),
    Bad("scheme before it", "RFC 6750 section 2.1", "bad_encoding", lambda: "Bearer " + told()),
    # JSON
    Bad("algorithm twice", "RFC 7515 section 4", "duplicate_name", lambda: raw_head(b'{"alg":"none","alg":"EdDSA"}')),
    Bad(
        "claim twice",
        NAMES,
        "duplicate_name",
        lambda: text_of(lambda text: text.replace('"exp"', '"exp":9999999999,"exp"')),
    ),
    Bad(
        "claim twice, once escaped", NAMES, "duplicate_name", lambda: text_of(lambda text: '{"\\u0065xp":1,' + text[1:])
    ),
    Bad(
        "term twice",
        NAMES,
        "duplicate_name",
        lambda: text_of(lambda text: text.replace('{"role"', '{"role":"lead","role"')),
    ),
    Bad(
        "fraction", "RFC 7519 section 2", "bad_number", lambda: text_of(lambda text: text.replace(str(NOW), f"{NOW}.5"))
    ),
    Bad("exponent", "RFC 7519 section 2", "bad_number", lambda: text_of(lambda text: text.replace(str(NOW), "1e9"))),
    Bad("NaN", "RFC 8259 section 6", "bad_number", lambda: text_of(lambda text: text.replace(str(NOW), "NaN"))),
    Bad(
        "Infinity", "RFC 8259 section 6", "bad_number", lambda: text_of(lambda text: text.replace(str(NOW), "Infinity"))
    ),
    Bad(
        "-Infinity",
        "RFC 8259 section 6",
        "bad_number",
        lambda: text_of(lambda text: text.replace(str(NOW), "-Infinity")),
    ),
    Bad("number beyond 2**53", "RFC 7493 section 2.2", "bad_number", lambda: told(exp=2**53)),
    Bad("number of 40 digits", "RFC 7493 section 2.2", "bad_number", lambda: told(exp=10**40)),
    Bad(
        "number of 5,000 digits",
        "CVE-2020-10735",
        "bad_number",
        lambda: text_of(lambda text: text.replace(str(NOW), "9" * 5000)),
    ),
    Bad("minus nothing", "canonical JSON", "not_canonical", lambda: text_of(lambda text: text.replace(str(NOW), "-0"))),
    Bad("nested 5,000 deep", "RFC 8259 section 9", "too_deep", lambda: raw(b'{"a":' + nested(5000).encode() + b"}")),
    Bad("nested 13 deep", "RFC 8259 section 9", "too_deep", lambda: raw(b'{"a":' + nested(13).encode() + b"}")),
    Bad("not UTF-8", "RFC 8725 section 3.7", "bad_json", lambda: raw(b'{"iss":"\xff"}')),
    Bad("UTF-16", "RFC 8725 section 3.7", "bad_json", lambda: raw('{"iss":"cluster-a"}'.encode("utf-16"))),
    Bad("byte order mark", "RFC 8259 section 8.1", "bad_json", lambda: raw(b"\xef\xbb\xbf{}")),
    Bad("more after the end", "RFC 7519 section 7.2", "bad_json", lambda: text_of(lambda text: text + "{}")),
    Bad("no end", "RFC 7519 section 7.2", "bad_json", lambda: text_of(lambda text: text[:-1])),
    Bad("list of claims", "RFC 7519 section 7.2", "bad_json", lambda: raw(b"[]")),
    Bad("text as claims", "RFC 7519 section 7.2", "bad_json", lambda: raw(b'"claims"')),
    Bad("null as claims", "RFC 7519 section 7.2", "bad_json", lambda: raw(b"null")),
    Bad("list as header", "RFC 7515 section 5.2", "bad_json", lambda: raw_head(b'["alg","EdDSA"]')),
    Bad("blanks", "canonical JSON", "not_canonical", lambda: raw(loose(invitation_claims_of()))),
    Bad("blanks in the header", "canonical JSON", "not_canonical", lambda: raw_head(loose(header(pair("a")[0])))),
    Bad("blank after the end", "canonical JSON", "not_canonical", lambda: text_of(lambda text: text + " ")),
    Bad("another order", "canonical JSON", "not_canonical", lambda: raw(reordered())),
    Bad(
        "escaped letter",
        "canonical JSON",
        "not_canonical",
        lambda: text_of(lambda text: text.replace("cluster-a", "\\u0063luster-a")),
    ),
    Bad(
        "escaped slash", "canonical JSON", "not_canonical", lambda: text_of(lambda text: text.replace("member", "\\/"))
    ),
    Bad(
        "letters beyond ASCII",
        "canonical JSON",
        "not_canonical",
        lambda: text_of(lambda text: text.replace("member", "Å")),
    ),
    # claims
    *(Bad(f"no {name}", "RFC 8725 section 3.8", "missing_claim", partial(without, name)) for name in claims()),
    Bad("no offer", "form of invitations", "missing_claim", lambda: without("inv")),
    *(
        Bad(
            f"{name} is {value!r}",
            "RFC 7519 section 2",
            "bad_claim",
            partial(exactly, **{name: value}),
        )
        for name in ("exp", "nbf", "iat")
        for value in (str(NOW), True, None, -1, [NOW])
    ),
    Bad("expired", "RFC 7519 section 4.1.4", "expired", lambda: told(iat=NOW - DAY, nbf=NOW - DAY, exp=NOW)),
    Bad("expires now", "RFC 7519 section 4.1.4", "expired", lambda: told(exp=NOW + 10)),
    Bad("begins later", "RFC 7519 section 4.1.5", "not_yet_valid", lambda: told(nbf=NOW + 11)),
    Bad("issued in the future", "RFC 7519 section 4.1.6", "issued_in_future", lambda: told(iat=NOW + 11, nbf=NOW + 11)),
    Bad("begins before it was issued", "form of invitations", "bad_claim", lambda: told(nbf=NOW - 1)),
    Bad("counts too long", "RFC 8725 section 3.8", "lives_too_long", lambda: told(exp=NOW + 7 * DAY + 1)),
    Bad("counts for ever", "RFC 8725 section 3.8", "lives_too_long", lambda: told(exp=2**53 - 1)),
    Bad("another audience", "RFC 8725 section 3.9", "wrong_audience", lambda: told(aud="lab-shared")),
    Bad("beginning of the audience", "RFC 8725 section 3.9", "wrong_audience", lambda: told(aud="personal")),
    Bad("longer audience", "RFC 8725 section 3.9", "wrong_audience", lambda: told(aud=AUDIENCE + "-2")),
    Bad("audience in capitals", "RFC 7519 section 4.1.3", "wrong_audience", lambda: told(aud=AUDIENCE.upper())),
    Bad("two audiences", "RFC 8725 section 3.9", "bad_claim", lambda: told(aud=[AUDIENCE, "lab-shared"])),
    Bad("audience in a list", "RFC 8725 section 3.9", "bad_claim", lambda: told(aud=[AUDIENCE])),
    Bad("empty audience", "RFC 8725 section 3.9", "bad_claim", lambda: told(aud="")),
    Bad("unknown issuer", "RFC 8725 section 3.8", "wrong_issuer", lambda: told(issuer="cluster-x")),
    Bad("part of the issuer", "CVE-2024-53861", "wrong_issuer", lambda: told(issuer="cluster")),
    Bad("longer issuer", "CVE-2024-53861", "wrong_issuer", lambda: told(issuer="cluster-ab")),
    Bad("issuer in capitals", "RFC 7519 section 4.1.1", "wrong_issuer", lambda: told(issuer="CLUSTER-A")),
    Bad(
        "issuer that looks alike",
        "RFC 8725 section 3.7, UTS 39",
        "wrong_issuer",
        lambda: told(issuer="\N{CYRILLIC SMALL LETTER ES}luster-a"),
    ),
    Bad("issuer with a blank", "RFC 7519 section 7.3", "wrong_issuer", lambda: told(issuer="cluster-a ")),
    Bad("issuer with NUL", "RFC 7519 section 7.3", "bad_claim", lambda: told(issuer="cluster-a\0")),
    Bad("issuer with what nobody sees", "UTS 39", "bad_claim", lambda: told(issuer="cluster-a\N{ZERO WIDTH SPACE}")),
    Bad("list of issuers", "RFC 7519 section 4.1.1", "bad_claim", lambda: told(issuer=["cluster-a"])),
    Bad("subject", "RFC 8725 section 3.8", "claim_not_allowed", lambda: told(sub="root")),
    Bad("claim of others", "form of invitations", "claim_not_allowed", lambda: told(admin=True)),
    Bad("no digest as id", "RFC 7519 section 4.1.7", "wrong_jti", lambda: told(jti="A" * 22)),
    Bad(
        "id of another invitation",
        "RFC 7519 section 4.1.7",
        "wrong_jti",
        lambda: told(jti=invitation_claims_of(ref="x")["jti"]),
    ),
    Bad(
        "id that is longer",
        "RFC 7519 section 4.1.7",
        "wrong_jti",
        lambda: told(jti=invitation_claims_of()["jti"] + "A"),
    ),
    Bad("number as id", "RFC 7519 section 4.1.7", "bad_claim", lambda: told(jti=7)),
    # terms
    Bad("list as offer", "form of invitations", "bad_claim", lambda: told(inv=["member"])),
    Bad("unknown term", "form of invitations", "bad_claim", lambda: inv(sudo=True)),
    Bad("unknown role", "form of invitations", "bad_claim", lambda: inv(role="admin")),
    Bad("list of roles", "form of invitations", "bad_claim", lambda: inv(role=["member"])),
    Bad("user of the system", "CWE-266", "bad_claim", lambda: inv(username="root")),
    Bad("username that looks alike", "UTS 39", "bad_claim", lambda: inv(username="\N{CYRILLIC SMALL LETTER A}lice")),
    Bad("username that is a path", "CWE-22", "bad_claim", lambda: inv(username="../root")),
    Bad("username with a line end", "CWE-93", "bad_claim", lambda: inv(username="alice\nroot")),
    Bad("group of the system", "CWE-266", "bad_claim", lambda: inv(groups=["sudo"])),
    Bad("groups out of order", "form of invitations", "bad_claim", lambda: inv(groups=["proteins", "genomics"])),
    Bad("group twice", "form of invitations", "bad_claim", lambda: inv(groups=["genomics", "genomics"])),
    Bad("empty list of groups", "form of invitations", "bad_claim", lambda: inv(groups=[])),
    Bad("true as depth", "form of invitations", "bad_claim", lambda: inv(depth=True)),
    Bad("1 as true", "form of invitations", "bad_claim", lambda: inv(username="heidi", username_fixed=1)),
    Bad("nothing, said", "form of invitations", "bad_claim", lambda: inv(depth=0)),
    Bad("null as term", "form of invitations", "bad_claim", lambda: inv(role=None)),
    Bad("shell with arguments", "CWE-78", "bad_claim", lambda: inv(shell="/bin/sh -c id")),
    Bad("quota in words", "form of invitations", "bad_claim", lambda: inv(quota={"memory": "4G"})),
    Bad("cost in another form", "form of invitations", "bad_claim", lambda: inv(policy={"max_cost_per_day": "12.5"})),
    Bad("cost below nothing", "form of invitations", "bad_claim", lambda: inv(policy={"max_cost_per_day": "-1.00"})),
    Bad("day that is none", "form of invitations", "bad_claim", lambda: inv(access_until="2027-02-30")),
    Bad("key of another kind", "RFC 7800 section 3.1", "bad_claim", lambda: told(cnf={"kid": "x"})),
    Bad("two keys", "RFC 7800 section 3.1", "bad_claim", lambda: told(cnf={"jkt": "SHA256:" + "A" * 43, "jwk": {}})),
    Bad(
        "fingerprint in other bits",
        "RFC 4648 section 3.5",
        "bad_claim",
        lambda: told(cnf={"jkt": "SHA256:" + "A" * 42 + "B"}),
    ),
    Bad("MD5 as fingerprint", "CWE-328", "bad_claim", lambda: told(cnf={"jkt": "MD5:" + ":".join(["aa"] * 16)})),
    Bad("ref with a line end", "form of invitations", "bad_claim", lambda: told(ref="a\nb")),
    # what it was delegated from
    Bad("empty parent", DELEGATION, "bad_claim", lambda: told(prt="")),
    Bad("mapping as parent", DELEGATION, "bad_claim", lambda: told(prt={})),
    Bad("parent that is no token", DELEGATION, "parent_malformed", lambda: told(prt="parent")),
    Bad("parent that nobody signed", DELEGATION, "parent_bad_signature", lambda: delegated(token=exchanged(2))),
    Bad("parent of another type", DELEGATION, "parent_wrong_type", lambda: delegated(token=head(typ="JWT"))),
    Bad("parent that expired", DELEGATION, "parent_expired", lambda: delegated(exp=NOW + 5)),
    Bad("parent that begins later", DELEGATION, "parent_not_yet_valid", lambda: delegated(nbf=NOW + 50)),
    Bad("parent for another profile", DELEGATION, "parent_wrong_audience", lambda: delegated(aud="lab-shared")),
    Bad("parent by somebody unknown", DELEGATION, "parent_wrong_issuer", lambda: delegated(by="cluster-x")),
    Bad("parent with a made up id", DELEGATION, "parent_wrong_jti", lambda: delegated(jti="A" * 22)),
    Bad("parent that counts too long", DELEGATION, "parent_lives_too_long", lambda: delegated(exp=NOW + 8 * DAY)),
    Bad(
        "parent with a retired key",
        DELEGATION,
        "parent_unknown_key",
        lambda: delegated(token=old_key("retired", iat=NOW)),
    ),
    Bad("not named as delegate", DELEGATION, "not_a_delegate", lambda: delegated(inv={"role": "lead", "depth": 1})),
    Bad("no depth", DELEGATION, "not_delegable", lambda: told(prt=told(), inv={"role": "guest"})),
    Bad("as deep as its parent", DELEGATION, "wider_depth", lambda: delegated({"inv": {"role": "guest", "depth": 2}})),
    Bad(
        "no role though one is bounded", DELEGATION, "wider_role", lambda: delegated({"inv": {"groups": ["genomics"]}})
    ),
    Bad("higher role", DELEGATION, "wider_role", lambda: delegated({"inv": {"role": "lead"}})),
    Bad(
        "another group",
        DELEGATION,
        "wider_groups",
        lambda: delegated({"inv": {"role": "guest", "groups": ["proteins"]}}),
    ),
    Bad("ends later", DELEGATION, "wider_time", lambda: delegated({"exp": NOW + DAY + 1})),
    Bad("begins earlier", DELEGATION, "wider_time", lambda: delegated({"iat": NOW - 5, "nbf": NOW - 5})),
    Bad("no key though one is demanded", DELEGATION, "wider_key", lambda: delegated(cnf={"jkt": "SHA256:" + "A" * 43})),
    Bad(
        "more delegates",
        DELEGATION,
        "wider_delegates",
        lambda: delegated({"inv": {"depth": 1, "delegates": ["cluster-c"]}}),
    ),
    Bad(
        "quota that the parent leaves to hosts",
        DELEGATION,
        "wider_quota",
        lambda: delegated({"inv": {"role": "guest", "quota": {"tasks": 0}}}),
    ),
    Bad("wider in the middle", DELEGATION, "wider_role", three_generations),
]
