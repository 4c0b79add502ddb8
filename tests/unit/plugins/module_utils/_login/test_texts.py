# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, answers, ORCID iDs and tokens that people bring: what is taken of them, and what is refused."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._login._json import json_object
from ansible_collections.labfleet.identity.plugins.module_utils._login._orcid import orcid_of, orcid_of_username
from ansible_collections.labfleet.identity.plugins.module_utils._login._session import invitation_mark, mark_of_token
from ansible_collections.labfleet.identity.plugins.module_utils._login._urls import (
    Answer,
    answer_of,
    check_state,
    check_url,
    parse_answer,
    same_origin,
)

PAGE = "https://auth.globus.org/v2/web/auth-code"


@pytest.mark.parametrize(
    "url",
    [
        "https://auth.globus.org",
        "https://auth.globus.org/",
        "https://login.example:8443/realms/lab",
        "http://127.0.0.1:9412",
        "http://127.200.0.1",
        "http://[::1]:80/a",
        "http://localhost:1/cb",
    ],
)
def test_an_address_that_can_be_used(url: str) -> None:
    assert check_url("auth_url", url) == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://auth.globus.org", "is not encrypted"),
        ("http://127.0.0.1.evil.example", "is not encrypted"),
        ("http://localhost.evil.example", "is not encrypted"),
        ("http://128.0.0.1", "is not encrypted"),
        ("http://2130706433", "is not encrypted"),
        ("http://0.0.0.0", "is not encrypted"),
        ("", "is no address"),
        ("auth.globus.org", "is no address"),
        ("//auth.globus.org", "is no address"),
        ("https://", "is no address"),
        ("https:///path", "is no address"),
        ("ftp://auth.globus.org", "is no address"),
        ("file:///etc/passwd", "is no address"),
        ("javascript:alert(1)", "is no address"),
        ("https://user@auth.globus.org", "is no address"),
        ("https://auth.globus.org@evil.example", "is no address"),
        ("https://auth.globus.org?", "is no address"),
        ("https://auth.globus.org/?a=b", "is no address"),
        ("https://auth.globus.org#", "is no address"),
        ("https://auth.globus.org:port", "is no address"),
        ("https://auth.globus.org:99999", "is no address"),
        ("https://auth.globus.org:0", "is no address"),
        ("https://auth.globus.org\\evil.example", "is no address"),
        ("https://auth.globus.org/a b", "is no address"),
        ("https://auth.globus.org/\n", "is no address"),
        ("https://auth.gl\u043ebus.org", "is no address"),
        ("https://[::1", "is no address"),
        ("https://" + "a" * 2048, "is no address"),
    ],
)
def test_an_address_that_cannot(url: str, why: str) -> None:
    with pytest.raises(IdentityError, match=why):
        check_url("auth_url", url)


@given(st.text())
def test_any_text_is_an_address_or_a_refusal(text: str) -> None:
    told = ""
    try:
        assert check_url("auth_url", text).startswith(("https://", "http://"))
    except IdentityError as refusal:
        told = str(refusal)
    assert not told or told.startswith("The auth_url ")


def test_servers_that_are_the_same() -> None:
    assert same_origin("https://a.example", "https://a.example:443/x")
    assert same_origin("https://A.example/", "https://a.example")
    for other in ("http://a.example", "https://a.example:444", "https://b.example", "https://a.example.evil.example"):
        assert not same_origin("https://a.example", other)


def test_what_a_person_brings_back() -> None:
    for text in (f"{PAGE}?code=c-1&state=s-1", f"  {PAGE}?state=s-1&code=c-1&session_state=x\n"):
        assert parse_answer(text, PAGE) == Answer("c-1", "s-1", None, is_whole=True)
    assert parse_answer(f"{PAGE}?code=c&state=s&iss=https%3A%2F%2Fauth.globus.org", PAGE).issuer == (
        "https://auth.globus.org"
    )
    assert answer_of(" c-1 \n", " s-1") == Answer("c-1", "s-1")
    assert "c-1" not in repr(Answer("c-1", "s-1"))
    check_state(Answer("c-1", "s-1"), "s-1")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no address"),
        ("c-1", "another page"),
        (f"{PAGE} ?code=c&state=s", "no address"),
        (f"{PAGE}/?code=c&state=s", "another page"),
        ("https://[auth.globus.org/v2/web/auth-code?code=c&state=s", "another page"),
        ("https://[1]/?code=c&state=s", "another page"),
        (f"{PAGE}.evil.example?code=c&state=s", "another page"),
        ("https://auth.globus.org.evil.example/v2/web/auth-code?code=c&state=s", "another page"),
        ("https://auth.globus.org@evil.example/v2/web/auth-code?code=c&state=s", "another page"),
        (PAGE, "no code and no state"),
        (f"{PAGE}?code=c", "no code and no state"),
        (f"{PAGE}?state=s", "no code and no state"),
        (f"{PAGE}?code=&state=s", "no code and no state"),
        (f"{PAGE}#code=c&state=s", "no code and no state"),
        (f"{PAGE}?code=c&code=d&state=s", "the same thing twice"),
        (f"{PAGE}?code=c&state=s&state=s", "the same thing twice"),
        (f"{PAGE}?code=a%0Ab&state=s", "The code is not one"),
        (f"{PAGE}?code={'c' * 2049}&state=s", "The code is not one"),
        (f"{PAGE}?error=access_denied&state=s", "with access_denied"),
        (f"{PAGE}?error=%1B%5B31m&state=s", "with an error"),
        (f"{PAGE}?error={'a' * 41}&state=s", "with an error"),
        (f"{PAGE}?{'&'.join(f'a{number}=1' for number in range(40))}", "no code and no state"),
    ],
)
def test_what_is_no_answer(text: str, why: str) -> None:
    with pytest.raises(IdentityError, match=why):
        parse_answer(text, PAGE)


@pytest.mark.parametrize("state", ["", "s", "s-1 ", "S-1", "\u0455-1", "\ud800", "s-1" * 9999])
def test_the_state_is_that_of_the_login(state: str) -> None:
    with pytest.raises(IdentityError, match="The state in the answer is not that of this login"):
        check_state(Answer("c", state), "s-1")


@pytest.mark.parametrize(
    "text",
    ["0000-0002-1825-0097", "https://orcid.org/0000-0002-1825-0097", "http://orcid.org/0000-0002-1825-0097"],
)
def test_an_orcid(text: str) -> None:
    assert orcid_of(text) == "0000-0002-1825-0097"
    assert orcid_of("0000-0002-1694-233X") == "0000-0002-1694-233X"
    assert orcid_of_username("0000-0002-1825-0097@orcid.org") == "0000-0002-1825-0097"


@pytest.mark.parametrize(
    "text",
    [
        None,
        1,
        "",
        "0000-0002-1825-0098",
        "0000-0002-1825-009X",
        "0000-0002-1694-233x",
        "0000000218250097",
        "0000-0002-1825-0097 ",
        "0000-0002-1825-00970",
        "000-00002-1825-0097",
        "0000-0002-1825-\u0660\u0660\u0669\u0667",
        "0000-0002-1825-009\u0667",
        "https://orcid.org.evil.example/0000-0002-1825-0097",
        "https://evil.example/0000-0002-1825-0097",
        "----",
    ],
)
def test_no_orcid(text: object) -> None:
    assert orcid_of(text) == ""


@pytest.mark.parametrize(
    "username",
    [
        None,
        "0000-0002-1825-0097",
        "0000-0002-1825-0097@orcid.org.evil.example",
        "0000-0002-1825-0097@evil-orcid.org@orcid.org",
        "0000-0002-1825-0098@orcid.org",
        "@orcid.org",
    ],
)
def test_no_username_of_orcid(username: object) -> None:
    assert orcid_of_username(username) == ""


@given(st.integers(0, 10**15 - 1), st.integers(0, 14), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(number: int, place: int, more: int) -> None:
    digits = f"{number:015d}"
    (check,) = [one for one in "0123456789X" if orcid_of(dashed(digits + one))]
    wrong = str((int(digits[place]) + more) % 10)
    assert orcid_of(dashed(digits[:place] + wrong + digits[place + 1 :] + check)) == ""


def dashed(digits: str) -> str:
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def token(payload: bytes) -> str:
    return f"e30.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.c2ln"


def test_a_login_is_for_the_invitation_that_was_given() -> None:
    assert mark_of_token(token(b'{"jti": "one"}')) == invitation_mark("one")
    assert mark_of_token(token(json.dumps({"jti": "one", "inv": {}}).encode()) + "\n") == invitation_mark("one")
    assert invitation_mark("one") != invitation_mark("One")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        token(b""),
        token(b"[]"),
        token(b"{}"),
        token(b'{"jti": 1}'),
        token(b'{"jti": ""}'),
        token(b'{"jti": "\xc3\xa9"}'),
        token(b'{"jti": "' + b"j" * 256 + b'"}'),
        token(b'{"jti": "one", "jti": "two"}'),
        token(b"\xff"),
        token(b'{"jti": "one"}' + b" " * 16384),
        "e30.\u0435.c2ln",
    ],
)
def test_what_is_no_invitation(text: str) -> None:
    with pytest.raises(IdentityError, match="The invitation is no token") as refusal:
        mark_of_token(text)
    assert len(text) < 4 or text not in str(refusal.value)


@given(st.binary())
def test_any_bytes_are_an_object_or_a_refusal(data: bytes) -> None:
    try:
        found = json_object(data)
    except ValueError:
        return
    assert isinstance(found, dict)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"[" * 100000, "nested too deeply"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1, "a": 1}', "a key is there twice"),
        (b'{"a": {"b": 1, "b": 2}}', "a key is there twice"),
        (b"\xff", "codec"),
        (b"1", "no object"),
        (b"{} {}", "Extra data"),
    ],
)
def test_no_json_object(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        json_object(data)
