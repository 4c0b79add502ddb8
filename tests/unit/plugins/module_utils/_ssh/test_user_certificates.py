# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets a certificate, for how long, and for what."""

from __future__ import annotations

import base64
import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._user_certificates import user_certificates
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.keys import weak_line

NOW = datetime.datetime(2026, 11, 22, 4, 0, tzinfo=datetime.timezone.utc)


def key(number: int) -> str:
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes([number]) * 32
    return "ssh-ed25519 %s k%d" % (base64.b64encode(blob).decode(), number)


def person(name: str, *keys: Any, **others: Any) -> dict[str, Any]:
    return {"username": name, "uid": 5000, "gid": 5000, "state": "present", "public_keys": list(keys), **others}


def sign(*people: dict[str, Any], select: Any = "all", **others: Any) -> dict[str, Any]:
    return user_certificates(NOW, list(people), "lab", select, **others)


def only(plan: dict[str, Any]) -> dict[str, Any]:
    assert len(plan["certificates"]) == 1, plan
    found: dict[str, Any] = plan["certificates"][0]
    return found


def test_a_certificate_names_the_lab_and_the_person_and_ends_soon() -> None:
    found = only(sign(person("alice", key(1))))
    assert found["principals"] == ["lab:alice"]
    assert found["identifier"] == "lab:alice"
    assert (found["valid_from"], found["valid_to"]) == ("2026-11-22T03:55:00", "2026-11-22T16:00:00")
    assert found["valid_at"] == "2026-11-22T10:00:00"
    assert found["path"].startswith("lab/alice/ed25519-")
    assert found["fingerprint"] == parse_public_key(key(1)).fingerprint


def test_serial_numbers_differ_and_grow() -> None:
    first = sign(person("alice", key(1), key(2)), person("bob", key(3)))["certificates"]
    later = user_certificates(NOW + datetime.timedelta(seconds=1), [person("alice", key(1))], "lab")
    serials = [found["serial"] for found in [*first, *later["certificates"]]]
    assert serials == sorted(set(serials))
    assert all(0 < serial < 1 << 63 for serial in serials)


@pytest.mark.parametrize("state", ["disabled", "absent"])
def test_who_is_kept_out_gets_none_and_loses_what_is_there(state: str) -> None:
    plan = sign(person("alice", key(1), state=state))
    assert plan["certificates"] == plan["current"] == []
    assert plan["refused"] == [{"username": "alice", "key": "", "reason": "the account is %s" % state}]


def test_a_revoked_key_gets_none_whatever_its_comment() -> None:
    plan = sign(person("alice", key(1), key(2)), revoked_keys=[key(1).replace("k1", "other"), weak_line("old")])
    assert only(plan)["key"] == key(2)
    assert [refused["reason"] for refused in plan["refused"]] == ["the key is revoked"]


def test_who_is_not_selected_gets_none_and_keeps_theirs() -> None:
    plan = sign(person("alice", key(1)), person("bob", key(2)), select="bob")
    assert only(plan)["username"] == "bob"
    assert [path for path in plan["current"] if "/alice/" in path]
    with pytest.raises(IdentityError, match="carol"):
        sign(person("alice", key(1)), select="carol")


@pytest.mark.parametrize(
    ("entry", "account", "ends"),
    [
        ({"expires": "2026-11-22T09:00:00Z"}, {}, "2026-11-22T09:00:00"),
        ({"expires": "2027-01-01"}, {}, "2026-11-22T16:00:00"),
        ({}, {"expires": "2026-11-23"}, "2026-11-22T16:00:00"),
        ({}, {"expires": "never"}, "2026-11-22T16:00:00"),
    ],
)
def test_a_certificate_ends_no_later_than_key_and_account(
    entry: dict[str, Any], account: dict[str, Any], ends: str
) -> None:
    assert only(sign(person("alice", {"key": key(1), **entry}, **account)))["valid_to"] == ends


@pytest.mark.parametrize(
    ("entry", "account", "reason"),
    [
        ({"expires": "2026-11-22T04:00:00Z"}, {}, "the key has expired"),
        ({}, {"expires": "2026-11-22"}, "the account has expired"),
        ({"from": ["*.lab.example"]}, {}, "not the pattern"),
        ({"from": ["10.0.0.0/8", "!10.1.0.0/16"]}, {}, "not the pattern"),
        ({"permit_open": ["localhost:80"]}, {}, "cannot say its permit_open"),
        ({"restrict": True, "port_forwarding": True, "permit_listen": ["80"]}, {}, "cannot say its permit_listen"),
    ],
)
def test_what_cannot_be_said_is_not_signed(entry: dict[str, Any], account: dict[str, Any], reason: str) -> None:
    plan = sign(person("alice", {"key": key(1), **entry}, **account))
    assert plan["certificates"] == plan["current"] == []
    assert reason in plan["refused"][0]["reason"]


def test_the_restrictions_of_a_key_are_those_of_its_certificate() -> None:
    entry = {
        "key": key(1),
        "restrict": True,
        "pty": True,
        "command": "/usr/bin/id",
        "from": ["192.0.2.7", "10.0.0.0/8"],
    }
    assert only(sign(person("alice", entry)))["options"] == [
        "clear", "permit-pty", "force-command=/usr/bin/id", "source-address=192.0.2.7,10.0.0.0/8",
    ]  # fmt: skip
    entry = {"key": key(1), "port_forwarding": False}
    assert only(sign(person("alice", entry), forbid=["user_rc", "x11_forwarding"]))["options"] == [
        "clear", "permit-agent-forwarding", "permit-pty",
    ]  # fmt: skip


FLAGS = ("restrict", "agent_forwarding", "port_forwarding", "pty", "user_rc", "x11_forwarding")


@given(st.dictionaries(st.sampled_from(FLAGS), st.booleans()), st.sets(st.sampled_from(FLAGS[1:])))
def test_a_certificate_never_allows_what_the_key_may_not(flags: dict[str, bool], forbid: set[str]) -> None:
    options = only(sign(person("alice", {"key": key(1), **flags}), forbid=sorted(forbid)))["options"]
    assert options[0] == "clear"
    for flag in FLAGS[1:]:
        may = flags.get(flag, not flags.get("restrict", False)) and flag not in forbid
        assert ("permit-" + flag.replace("_", "-") in options) == may


@pytest.mark.parametrize(
    "text", ["", "12", "h", "0h", "-1h", "1w", "32d", "745h", "1.5h", "\u0661h", "9" * 40 + "m", 12, None]
)
def test_a_time_that_is_none_or_too_long_is_refused(text: Any) -> None:
    with pytest.raises(IdentityError, match="a certificate cannot be valid for"):
        sign(person("alice", key(1)), valid_for=text)


@pytest.mark.parametrize(("text", "ends"), [("30m", "2026-11-22T04:30:00"), ("7d", "2026-11-29T04:00:00")])
def test_how_long(text: str, ends: str) -> None:
    assert only(sign(person("alice", key(1)), valid_for=text))["valid_to"] == ends


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(IdentityError, match="profile id"):
        user_certificates(NOW, [], "a b")
    with pytest.raises(IdentityError, match="what a certificate can forbid"):
        sign(person("alice", key(1)), forbid=["everything"])
    with pytest.raises(IdentityError, match="is not an SSH public key"):
        sign(person("alice", key(1)), revoked_keys=["x"])
