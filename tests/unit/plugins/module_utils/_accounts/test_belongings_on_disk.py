# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users have beside the account files, on real files."""

from __future__ import annotations

import dataclasses
import os
import stat
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._accounts import _belongings_files
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._run import bring_about
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from .conftest import Host

RULE = {"commands": ["/usr/bin/systemctl restart scanner"], "nopasswd": True}
EVERYTHING: dict[str, Any] = {
    "sudo": [RULE], "limits": {"cores": 2, "processes": 50}, "subids": True, "linger": True, "umask": "0027",
}  # fmt: skip
VISUDO = '#!/bin/sh\ngrep -q scanner "$3" || exit 0\necho "$3: syntax error near line 2" >&2\nexit 1\n'


def run(command: list[str]) -> tuple[int, str, str]:
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    return answer.returncode, answer.stdout, answer.stderr


def alice(host: Host, **more: Any) -> list[dict[str, Any]]:
    return [host.user("alice", 5238, **more)]


def test_everything_is_written_with_its_mode_and_taken_away_again(host: Host) -> None:
    before = host.everything()
    users = alice(host, **EVERYTHING)
    first = host.run(users)
    expected = {
        "sudoers.d/labfleet-user-alice": 0o440,
        "systemd/system/user-5238.slice.d/50-labfleet.conf": 0o644,
        "security/limits.d/labfleet-identity.conf": 0o644,
        "profile.d/labfleet-identity.sh": 0o644,
        "subuid": 0o644,
        "subgid": 0o644,
    }
    for path, mode in expected.items():
        status = (host.etc / path).stat()
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (mode, 0, 0), path
        assert "/etc/" + path in first["receipt"]["files"]
    assert (host.root / "linger" / "alice").exists()
    assert not host.run(users)["changed"]
    again = host.run(alice(host, state="absent"))
    assert again["changed"]
    left = {path for path in host.everything() if path not in before}
    assert {path for path in left if "alice" in path} == {
        str(host.home / "alice"),
        *(path for path in left if path.startswith(str(host.home / "alice") + "/")),
    }
    assert (host.etc / "subuid").read_text() == ""
    assert os.listdir(host.etc / "systemd/system/user-5238.slice.d") == []


def test_check_mode_says_the_same_and_writes_nothing(host: Host) -> None:
    before = host.everything()
    predicted = host.run(alice(host, **EVERYTHING), check=True)
    assert host.everything() == before
    assert host.run(alice(host, **EVERYTHING)) == predicted


@pytest.mark.parametrize("check", [True, False])
def test_rules_that_the_sudo_of_a_host_does_not_understand_change_nothing(host: Host, check: bool) -> None:
    """Pain 16: invalid sudoers."""
    (host.root / "visudo").write_text(VISUDO)
    before = host.everything()
    users = [*alice(host, sudo=[RULE]), host.user("bob", 5831, sudo=[{"commands": ["/usr/bin/id"], "nopasswd": True}])]
    with pytest.raises(IdentityError, match="does not understand the rules of alice: line: syntax error") as caught:
        bring_about(host.params(users), check, run, host.places)
    assert "bob" not in str(caught.value)
    assert host.everything() == before


def test_rules_without_sudo_are_refused(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_belongings_files, "VISUDO", (str(host.root / "nowhere"),))
    before = host.everything()
    with pytest.raises(IdentityError, match=r"\(alice\) and sudo is not installed"):
        bring_about(host.params(alice(host, sudo=[RULE])), True, run, dataclasses.replace(host.places, visudo=""))
    assert host.everything() == before


def test_rules_that_sudo_would_not_read_are_refused(host: Host) -> None:
    (host.etc / "sudoers").write_text("root ALL=(ALL:ALL) ALL\n# @includedir /etc/sudoers.d\n")
    with pytest.raises(IdentityError, match=r"does not read /etc/sudoers\.d"):
        host.run(alice(host, sudo=[RULE]))
    assert host.entry("passwd", "alice") is None


@pytest.mark.parametrize("where", ["sudoers.d", "sudoers.d/labfleet-user-alice"])
def test_a_link_in_place_of_a_file_or_its_directory_is_not_followed(host: Host, where: str) -> None:
    """Pain 14: root does not follow links."""
    target = host.root / "target"
    target.mkdir()
    (target / "file").write_text("precious\n")
    path = host.etc / where
    if path.is_dir():
        path.rmdir()
        path.symlink_to(target)
        os.lchown(path, 5238, 5238)
    else:
        path.symlink_to(target / "file")
    with pytest.raises(IdentityError, match=r"link|cannot be read"):
        host.run(alice(host, sudo=[RULE]))
    assert (target / "file").read_text() == "precious\n"
    assert sorted(os.listdir(target)) == ["file"]


def test_a_rule_is_gone_before_anything_can_go_wrong_with_the_rest(host: Host) -> None:
    host.run(alice(host, sudo=[RULE]))
    (host.root / "skel" / "big").write_bytes(b"x" * (1 << 21))  # no home can be made of this
    users = [*alice(host, sudo=[]), host.user("bob", 5831)]
    with pytest.raises(IdentityError, match="more than 1 MiB"):
        host.run(users)
    assert not (host.etc / "sudoers.d/labfleet-user-alice").exists()


def test_jobs_of_cron_and_at_go_with_the_account(host: Host) -> None:
    """Pain 10: deletion is complete."""
    spool = host.root / "spool" / "cron"
    for folder in ("crontabs", "atjobs", "atspool"):
        (spool / folder).mkdir(parents=True)
    for name, uid in (("alice", 5238), ("bob", 5831)):
        for path in (spool / "crontabs" / name, *(spool / at / ("a0000%d" % uid) for at in ("atjobs", "atspool"))):
            path.write_text("job\n")
            os.chown(path, uid, uid)
    users = [*alice(host), host.user("bob", 5831)]
    host.run(users)
    host.run(alice(host, state="disabled"))
    assert (spool / "crontabs" / "alice").exists()
    gone = host.run(alice(host, state="absent"))
    assert "jobs crontab, 2 at jobs -> none" in str(gone["receipt"]["changed"])
    assert sorted(os.listdir(spool / "crontabs")) == ["bob"]
    assert os.listdir(spool / "atjobs") == ["a00005831"]
    assert os.listdir(spool / "atspool") == ["a00005831"]  # what jobs printed


def test_a_home_comes_from_the_directory_that_was_named_for_it(host: Host) -> None:
    other = host.root / "dotfiles"
    other.mkdir()
    (other / ".vimrc").write_text("set nu\n")
    host.run([*alice(host, skel=str(other), home_mode="0750"), host.user("bob", 5831)])
    assert sorted(os.listdir(host.home / "alice")) == [".vimrc"]
    assert (host.home / "alice" / ".vimrc").stat().st_uid == 5238
    assert stat.S_IMODE((host.home / "alice").stat().st_mode) == 0o750
    assert (host.home / "bob" / ".profile").exists()
    os.chown(other, 5238, 5238)  # what a user can change is no model for others
    with pytest.raises(IdentityError, match="belongs to uid 5238"):
        host.run([host.user("carol", 5404, skel=str(other))])


def test_programs_have_read_what_is_new_before_a_name_appears(host: Host) -> None:
    seen = []

    def slow(command: list[str]) -> tuple[int, str, str]:
        time.sleep(0.3)
        seen.append((command[0], host.entry("passwd", "alice")))
        raise FileNotFoundError(command[0])

    (host.etc / "aliases").write_text("postmaster: root\n")
    bring_about(host.params(alice(host, mail_alias="alice@lab.example")), False, slow, host.places)
    assert seen == [("newaliases", None)]
    assert host.entry("passwd", "alice")


def test_what_holds_for_all_comes_after_what_is_said_of_one(host: Host) -> None:
    users = [*alice(host, umask="0077"), host.user("bob", 5831), host.user("carol", 5100, selected=False)]
    everybody = {"limits": {"cores": 2}, "umask": "0027", "create_home": False, "home_mode": None}
    host.run(users, user_defaults=everybody)
    login = (host.etc / "profile.d/labfleet-identity.sh").read_text()
    assert [word for word in ("alice", "0077", "0027", "carol") if word in login] == ["alice", "0077", "0027"]
    slices = sorted(path.parent.name for path in (host.etc / "systemd/system").glob("*/50-labfleet.conf"))
    assert slices == ["user-5238.slice.d", "user-5831.slice.d"]
    assert not (host.home / "alice").exists()
    assert not host.run(users, user_defaults=everybody)["changed"]


@pytest.mark.parametrize(
    ("defaults", "complaint"),
    [
        ({"umask": "0999"}, "user_defaults: umask"),
        ({"sudo": [RULE]}, "user_defaults: unknown key 'sudo'"),
        ({"keys": []}, "user_defaults: unknown key 'keys'"),
        ("limits", "user_defaults: must be a mapping, not str"),
    ],
)
def test_what_can_hold_for_nobody_is_refused_once(host: Host, defaults: Any, complaint: str) -> None:
    before = host.everything()
    with pytest.raises(IdentityError) as refusal:
        host.run([*alice(host), host.user("bob", 5831)], user_defaults=defaults)
    assert str(refusal.value).count(complaint) == 1
    assert host.everything() == before
