# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What RStudio Server may be told: no wish opens it to more people, to the network, or to another option."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._rstudio._files import (
    DROPIN,
    PAM,
    RSERVER_CONF,
    RSESSION_CONF,
    SESSION,
    render,
)
from ansible_collections.labfleet.identity.plugins.module_utils._rstudio._settings import parse_settings

USUAL: dict[str, Any] = {
    "address": "127.0.0.1",
    "port": 8787,
    "origins": [],
    "behind_tls": False,
    "groups": ["research"],
    "minimum_uid": 1000,
    "server_user": "rstudio-server",
    "sign_in_minutes": 60,
    "session_minutes": 120,
    "session_settings": {},
    "r_program": None,
    "homes": ["/home"],
    "reaches": [],
    "limits": {},
}


def written(path: str, **wishes: Any) -> list[str]:
    """The lines of a file, without comments."""
    text = render(parse_settings({**USUAL, **wishes}))[path][0].decode()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_usual_server_is_on_loopback_and_asks_who_comes() -> None:
    lines = written(RSERVER_CONF)
    assert "www-address=127.0.0.1" in lines
    assert "auth-none=0" in lines
    assert "auth-required-user-group=research" in lines
    assert "auth-minimum-user-id=1000" in lines
    assert "rsession-path=" + SESSION in lines
    assert not [line for line in lines if line.startswith("rsession-which-r")]


def test_wishes_reach_their_files() -> None:
    lines = written(
        RSERVER_CONF, port=9000, groups=["research", "staff"], behind_tls=True, origins=["r.lab.example"],
        r_program="/opt/R/bin/R",
    )  # fmt: skip
    assert {
        "www-port=9000", "auth-required-user-group=research,staff", "auth-cookies-force-secure=1",
        "www-allow-origin=r.lab.example", "rsession-which-r=/opt/R/bin/R",
    } <= set(lines)  # fmt: skip
    session = written(
        RSESSION_CONF, session_minutes=0, session_settings={"allow-publish": False, "limit-cpu-time-minutes": 5}
    )
    assert session == ["session-timeout-minutes=0", "allow-publish=0", "limit-cpu-time-minutes=5"]
    assert "account requisite pam_succeed_if.so quiet_success user ingroup research:staff" in written(
        PAM, groups=["research", "staff"]
    )


def test_the_unit_waits_for_homes_and_has_limits() -> None:
    lines = written(
        DROPIN, homes=["/efs/home", "/home"], limits={"cores": 1.5, "memory": "2G"}, reaches=["10.1.0.0/16"]
    )
    assert lines[:3] == ["[Unit]", "RequiresMountsFor=/efs/home /home", "[Service]"]
    assert "IPAddressAllow=localhost 10.1.0.0/16" in lines
    assert lines[-2:] == ["CPUQuota=150%", "MemoryMax=%d" % (2 << 30)]


def test_a_unit_without_homes_waits_for_none() -> None:
    assert written(DROPIN, homes=[])[:2] == ["[Unit]", "[Service]"]


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"address": "0.0.0.0"}, "address '0.0.0.0' is not one of 127.0.0.1 and ::1"),
        ({"address": "127.0.0.1\nauth-none=1"}, "address '127.0.0.1"),
        ({"port": 443}, "port 443 is not between 1024 and 65535"),
        ({"port": 65536}, "port 65536"),
        ({"groups": []}, "groups is empty, which would let every account"),
        ({"groups": ["research,root"]}, "group name 'research,root' is not valid"),
        ({"groups": ["research:root"]}, "is not valid"),
        ({"groups": ["research\nauth-none=1"]}, "is not valid"),
        ({"minimum_uid": 0}, "0 would let root in"),
        ({"minimum_uid": -1}, "minimum_uid -1"),
        ({"sign_in_minutes": 0}, "0 would keep people signed in for 30 days"),
        ({"session_minutes": -1}, "session_minutes -1"),
        ({"server_user": "root"}, "server_user root would give every request root's rights"),
        ({"server_user": "a b"}, "is not valid"),
        ({"origins": ["*"]}, "origin '*' is no host name"),
        ({"origins": ["lab.example\nauth-none=1"]}, "is no host name"),
        ({"origins": [""]}, "is no host name"),
        ({"r_program": "R"}, "r_program: 'R' is not an absolute path"),
        ({"r_program": "/opt/R\nauth-none=1"}, "is not an absolute path"),
        ({"homes": ["/home\nPrivateUsers=no"]}, "is not an absolute path"),
        ({"homes": ["/home /etc"]}, "is not an absolute path"),
        ({"homes": ["/home/%u"]}, "is not an absolute path"),
        ({"homes": ["/home/../etc"]}, "without '..'"),
        ({"homes": ["/"]}, "is not an absolute path"),
        ({"reaches": ["any"]}, "reaches: 'any' is no address or network"),
        ({"reaches": ["10.1.0.0/16\nCapabilityBoundingSet=~"]}, "is no address or network"),
        ({"reaches": ["fe80::1%\nExecStartPre=+id"]}, "names an interface"),
        ({"reaches": ["fe80::1%a AmbientCapabilities=~"]}, "names an interface"),
        ({"limits": {"sessions": 3}}, "sessions is nothing a service can have"),
        ({"limits": {"memory": "2 apples"}}, "memory '2 apples' is no size"),
        ({"session_settings": {"session-preflight-script": "/tmp/x"}}, "is not known in the open source edition"),
        ({"session_settings": {"auth-pam-sessions-enabled": True}}, "is not known in the open source edition"),
        ({"session_settings": {"allow-publish": 1}}, "allow-publish must be true or false, not 1"),
        ({"session_settings": {"limit-cpu-time-minutes": True}}, "must be a whole number from 0, not True"),
        ({"session_settings": {"limit-cpu-time-minutes": -1}}, "must be a whole number from 0, not -1"),
        ({"session_settings": {"r-libs-user": "~/R\nallow-shell=1"}}, "must be text of one line"),
        ({"session_settings": {"r-libs-user": "~/R # x"}}, "must be text of one line"),
    ],
)
def test_what_is_refused_is_named(wish: dict[str, Any], says: str) -> None:
    with pytest.raises(IdentityError) as refusal:
        parse_settings({**USUAL, **wish})
    assert says in str(refusal.value)


TEXTS = st.text(max_size=20) | st.sampled_from(["\n", "a\nauth-none=1", "\r", "\x85x", "%h", "a b", "\u2028"])


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_no_text_becomes_another_line(group: str, home: str, origin: str, library: str) -> None:
    """Either it is refused, or every file has exactly the lines that it has with usual texts."""
    usual = {"groups": ["g"], "homes": ["/h"], "origins": ["o"], "session_settings": {"r-libs-user": "l"}}
    wishes = {"groups": [group], "homes": [home], "origins": [origin], "session_settings": {"r-libs-user": library}}
    for key in usual:
        try:
            files = render(parse_settings({**USUAL, **usual, key: wishes[key]}))
        except IdentityError:
            continue
        expected = render(parse_settings({**USUAL, **usual}))
        for path, (text, _mode) in files.items():
            lines = [line.partition("=")[0] for line in text.decode().splitlines() if "=" in line]
            assert lines == [line.partition("=")[0] for line in expected[path][0].decode().splitlines() if "=" in line]
