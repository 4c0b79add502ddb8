# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts of a host, brought about on real files."""

from __future__ import annotations

import fcntl
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

from .conftest import GROUP, GSHADOW, PASSWD, SHADOW, Host, public_key

if TYPE_CHECKING:
    from pathlib import Path

RESEARCH = [{"name": "research", "gid": 4444}]


def people(host: Host) -> list[dict[str, Any]]:
    return [
        host.user("alice", 5238, gecos="Alice Example", groups=["research"], keys=[public_key(1, "alice@laptop")]),
        host.user("bob", 5831, groups=["research", "video"], keys=[public_key(2), public_key(3)]),
        host.user("carol", 5404),
    ]


def test_a_first_run_makes_everything_and_a_second_changes_nothing(host: Host) -> None:
    first = host.run(people(host), groups=RESEARCH, pin_local_ids=True)
    assert first["changed"]
    assert first["receipt"]["created"] == ["alice", "bob", "carol"]
    assert host.entry("passwd", "alice") == [
        "alice", "x", "5238", "5238", "Alice Example", str(host.home / "alice"), "/bin/sh",
    ]  # fmt: skip
    shadow = host.entry("shadow", "alice")
    assert shadow is not None
    assert (shadow[1], shadow[3:]) == ("*", ["", "", "", "", "", ""])
    assert host.entry("group", "research") == ["research", "x", "4444", "alice,bob"]
    assert host.entry("gshadow", "research") == ["research", "!", "", "alice,bob"]
    assert host.entry("group", "video") == ["video", "x", "44", "bob"]
    assert host.entry("gshadow", "video") == ["video", "*", "", "bob"]
    assert host.entry("group", "carol") == ["carol", "x", "5404", ""]
    assert "UID_MAX\t\t\t4999\n" in (host.etc / "login.defs").read_text()
    assert "GID_MAX\t\t\t3999\n" in (host.etc / "login.defs").read_text()
    before = host.everything()
    second = host.run(people(host), groups=RESEARCH, pin_local_ids=True)
    assert second == {
        "changed": False,
        "receipt": {
            "created": [], "changed": {}, "disabled": [], "removed": [], "groups": [], "host": [], "orphans": [],
            "files": [],
        },
        "diff": {"before": "", "after": ""},
        "warnings": [],
    }  # fmt: skip
    assert host.everything() == before


def test_homes_are_copies_of_skel_that_belong_to_their_users(host: Host) -> None:
    host.run(people(host), groups=RESEARCH)
    for name, uid in (("alice", 5238), ("bob", 5831), ("carol", 5404)):
        home = host.home / name
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        for path in (home, home / ".profile", home / ".config", home / ".config" / "note", home / ".link"):
            assert (path.lstat().st_uid, path.lstat().st_gid) == (uid, uid), path
        assert (home / ".config" / "note").read_text() == "hello\n"
        assert os.readlink(home / ".link") == ".profile"
    assert sorted(os.listdir(host.home)) == ["alice", "bob", "carol"]


def test_key_files_are_roots_and_hold_the_whole_list(host: Host) -> None:
    host.run(people(host), groups=RESEARCH)
    path = host.keys / "bob"
    status = path.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o644, 0)
    assert path.read_text().splitlines()[1:] == [public_key(2), public_key(3)]
    assert not (host.keys / "carol").exists()
    users = people(host)
    users[1]["keys"] = [public_key(3), public_key(9)]
    users[0]["keys"] = []
    result = host.run(users, groups=RESEARCH)
    assert result["receipt"]["changed"] == {"alice": ["keys +0 -1"], "bob": ["keys +1 -1"]}
    assert path.read_text().splitlines()[1:] == [public_key(3), public_key(9)]
    assert not (host.keys / "alice").exists()


def test_keys_of_an_earlier_account_of_that_name_do_not_open_the_new_one(host: Host) -> None:
    host.keys.mkdir(mode=0o755)
    (host.keys / "carol").write_text(public_key(66) + "\n")
    host.run(people(host), groups=RESEARCH)
    assert not (host.keys / "carol").exists()


@pytest.mark.parametrize("steps", [["make"], ["make", "change"], ["make", "disable"], ["make", "remove"]])
def test_check_mode_predicts_exactly_and_writes_nothing(host: Host, steps: list[str]) -> None:
    requests = {
        "make": people(host),
        "change": [{**user, "shell": "/bin/bash", "groups": [], "keys": [public_key(7)]} for user in people(host)],
        "disable": [{**user, "state": "disabled"} for user in people(host)],
        "remove": [{**user, "state": "absent"} for user in people(host)],
    }
    for step in steps[:-1]:
        host.run(requests[step], groups=RESEARCH)
    before = host.everything()
    predicted = host.run(requests[steps[-1]], check=True, groups=RESEARCH, pin_local_ids=True)
    assert host.everything() == before
    assert predicted["changed"]
    assert host.run(requests[steps[-1]], groups=RESEARCH, pin_local_ids=True) == predicted


def test_foreign_lines_stay_byte_for_byte(host: Host) -> None:
    strange = b"# a comment\n\n+@nis::::::\nbroken line\nlatin:x:1500:1500:Jos\xe9:/home/latin:/bin/sh\n"
    original = PASSWD.encode() + strange
    (host.etc / "passwd").write_bytes(original)
    host.run(people(host), groups=RESEARCH)
    data = (host.etc / "passwd").read_bytes()
    ours = [line for line in data.split(b"\n") if line.split(b":")[0] in (b"alice", b"bob", b"carol")]
    assert data.replace(b"\n".join(ours) + b"\n", b"") == original
    assert data.index(b"carol") < data.index(b"+@nis")
    host.run([{**user, "state": "absent"} for user in people(host)], groups=RESEARCH)
    assert (host.etc / "passwd").read_bytes() == original
    assert (host.etc / "shadow").read_text() == SHADOW
    research = "research:x:4444:\n"
    assert (host.etc / "group").read_text() == GROUP + research
    assert (host.etc / "gshadow").read_text() == GSHADOW + research.replace("x:4444:", "!::")


def test_modes_and_backups(host: Host) -> None:
    host.run(people(host), groups=RESEARCH)
    for name, mode, text in (("passwd", 0o644, PASSWD), ("shadow", 0o640, SHADOW), ("gshadow", 0o640, GSHADOW)):
        assert stat.S_IMODE((host.etc / name).stat().st_mode) == mode
        assert (host.etc / (name + "-")).read_text() == text
    assert stat.S_IMODE((host.etc / "shadow-").stat().st_mode) & 0o077 == 0
    assert [name for name in os.listdir(host.etc) if "labfleet" in name] == []


def test_disabling_shuts_every_door_and_presence_opens_them_again(host: Host) -> None:
    host.run(people(host), groups=RESEARCH)
    users = people(host)
    users[0]["state"] = "disabled"
    result = host.run(users, groups=RESEARCH)
    assert result["receipt"]["disabled"] == ["alice"]
    passwd, shadow = host.entry("passwd", "alice"), host.entry("shadow", "alice")
    assert passwd is not None
    assert shadow is not None
    assert passwd[6].endswith("nologin")
    assert shadow[7] == "1"
    assert not (host.keys / "alice").exists()
    assert (host.home / "alice").is_dir()
    assert not host.run(users, groups=RESEARCH)["changed"]
    host.run(people(host), groups=RESEARCH)
    passwd, shadow = host.entry("passwd", "alice"), host.entry("shadow", "alice")
    assert passwd is not None
    assert shadow is not None
    assert (passwd[6], shadow[7]) == ("/bin/sh", "")
    assert (host.keys / "alice").exists()


def test_removal_keeps_the_home_and_comes_back_with_the_same_number(host: Host) -> None:
    host.run(people(host), groups=RESEARCH)
    (host.home / "alice" / "thesis").write_text("years of work")
    gone = [{**people(host)[0], "state": "absent"}, *people(host)[1:]]
    assert host.run(gone, groups=RESEARCH)["receipt"]["removed"] == ["alice"]
    for database in ("passwd", "shadow", "group", "gshadow"):
        assert host.entry(database, "alice") is None
    assert host.entry("group", "research") == ["research", "x", "4444", "bob"]
    assert (host.home / "alice" / "thesis").read_text() == "years of work"
    assert not host.run(gone, groups=RESEARCH)["changed"]
    host.run(people(host), groups=RESEARCH)
    assert (host.home / "alice" / "thesis").read_text() == "years of work"


def test_people_dropped_from_the_list_are_reported_then_handled_on_request(host: Host) -> None:
    host.run(people(host), groups=RESEARCH)
    left = people(host)[:1]
    reported = host.run(left, groups=RESEARCH)
    assert (reported["changed"], reported["receipt"]["orphans"]) == (False, ["bob", "carol"])
    with pytest.raises(IdentityError, match="removal_cap 1"):
        host.run(left, groups=RESEARCH, orphans="absent", removal_cap=1)
    assert host.run(left, groups=RESEARCH, orphans="disable")["receipt"]["disabled"] == ["bob", "carol"]
    assert host.run(left, groups=RESEARCH, orphans="absent", removal_cap=0)["receipt"]["removed"] == ["bob", "carol"]
    assert host.run(left, groups=RESEARCH, orphans="absent")["receipt"]["orphans"] == []


def test_a_key_that_was_taken_away_works_no_more_where_its_owner_is_not_meant_to_be(host: Host) -> None:
    host.run(people(host), groups=RESEARCH)
    alice, _bob, carol = people(host)
    bob = {"name": "bob", "uid": 5831, "selected": False, "keys": [public_key(3)]}
    result = host.run([alice, bob, carol], groups=RESEARCH)
    assert (result["receipt"]["orphans"], result["receipt"]["changed"]) == (["bob"], {"bob": ["keys +0 -1"]})
    assert (host.keys / "bob").read_text().splitlines()[1:] == [public_key(3)]
    assert host.entry("group", "research") == ["research", "x", "4444", "alice,bob"]
    assert not host.run([alice, bob, carol], groups=RESEARCH)["changed"]
    # the policy speaks as of anybody who is not named, and what it shut stays shut
    assert host.run([alice, bob, carol], groups=RESEARCH, orphans="disable")["receipt"]["disabled"] == ["bob"]
    assert not host.run([alice, bob, carol], groups=RESEARCH)["changed"]
    assert not (host.keys / "bob").exists()
    # nothing is made of somebody who never was there
    dave = {"name": "dave", "uid": 5900, "selected": False, "keys": [public_key(5)]}
    assert not host.run([alice, bob, carol, dave], groups=RESEARCH)["changed"]
    assert host.entry("passwd", "dave") is None


def test_a_home_that_cannot_be_made_keeps_nobodys_lost_key_at_work(host: Host) -> None:
    """The run stops there each time until somebody mends it; a stolen key must not open anything that long."""
    alice = host.user("alice", 5238, keys=[public_key(1), public_key(2)])
    host.run([alice])
    (host.root / "skel" / "large").write_bytes(b"x" * (1 << 21))
    dave = host.user("dave", 5900, keys=[public_key(4)])
    for _again in range(2):
        with pytest.raises(IdentityError, match="too much to copy into every home"):
            host.run([{**alice, "keys": [public_key(2)]}, dave])
        assert (host.keys / "alice").read_text().splitlines()[1:] == [public_key(2)]
        # who has no account yet has no file that would open one of that name
        assert os.listdir(host.keys) == ["alice"]


def test_a_home_that_cannot_be_made_keeps_nobody_in_a_group_and_no_account_open(host: Host) -> None:
    groups = [{"name": "imaging", "gid": 4100}]
    alice = host.user("alice", 5238, groups=["imaging"])
    bob = host.user("bob", 5831, groups=["imaging"])
    host.run([alice, bob], groups=groups)
    (host.root / "skel" / "large").write_bytes(b"x" * (1 << 21))
    dave = host.user("dave", 5900, groups=["imaging"])
    users = [{**alice, "groups": []}, {**bob, "expires": "2020-01-31"}, dave]
    with pytest.raises(IdentityError, match="too much to copy into every home"):
        host.run(users, groups=groups)
    assert host.entry("group", "imaging") == ["imaging", "x", "4100", "bob"]
    assert host.entry("gshadow", "imaging") == ["imaging", "!", "", "bob"]
    assert (host.entry("shadow", "bob") or [])[7] == "18292"
    assert [host.entry(database, "dave") for database in ("passwd", "shadow", "group")] == [None, None, None]
    (host.root / "skel" / "large").unlink()
    assert host.run(users, groups=groups)["receipt"]["created"] == ["dave"]
    assert host.entry("group", "imaging") == ["imaging", "x", "4100", "bob,dave"]
    assert not host.run(users, groups=groups)["changed"]


def test_another_owners_accounts_are_let_be(host: Host) -> None:
    host.run(people(host), groups=RESEARCH)
    system = [{**host.user("rstudio", 1001)}]
    host.run(system, owner="system", band="1000-4999", orphans="absent")
    assert host.entry("passwd", "alice") is not None
    with pytest.raises(IdentityError, match="belongs to research:lab"):
        host.run([host.user("alice", 5238)], owner="research:other")


def test_accounts_that_nobody_gave_us_are_refused_until_adopted(host: Host) -> None:
    ubuntu = {"name": "ubuntu", "uid": 1000, "shell": "/bin/bash", "create_home": False}
    for state in ("present", "disabled", "absent"):
        with pytest.raises(IdentityError, match="ubuntu: it exists on this host and was not made by this collection"):
            host.run([{**ubuntu, "state": state}], owner="system", band="1000-4999")
    assert (host.etc / "passwd").read_text() == PASSWD
    result = host.run([{**ubuntu, "adopt": True}], owner="system", band="1000-4999")
    assert result["receipt"]["changed"] == {"ubuntu": ["managed by (none) -> system"]}
    assert (host.etc / "passwd").read_text() == PASSWD
    assert host.entry("group", "sudo") == ["sudo", "x", "27", "ubuntu"]


def test_every_refusal_leaves_the_host_as_it_was(host: Host) -> None:
    host.run(people(host), groups=RESEARCH)
    before = host.everything()
    bad: list[tuple[dict[str, Any], str]] = [
        (host.user("dave", 5238), "uid 5238 is taken on this host by alice"),
        (host.user("alice", 5999), "it has uid 5238 on this host and should have 5999"),
        (host.user("dave", 5900, groups=["docker"]), "whoever is in group docker can become root"),
        (host.user("dave", 5900, groups=["chess"]), "group chess does not exist"),
        (host.user("dave", 5900, shell="/bin/fish-not-here"), "shell /bin/fish-not-here cannot be executed"),
        (host.user("dave", 5900, home=str(host.root / "efs" / "dave")), "does not exist"),
        (host.user("dave", 5900, home=str(host.home / "alice")), "belongs to uid 5238"),
        (host.user("dave", 6001), "uid 6001 is outside the band 5000-5999"),
        (host.user("root", 5900), "belongs to the operating system"),
        (host.user("dave", 5900, keys=['command="sh" ' + public_key(1)]), "options in front"),
    ]
    for user, message in bad:
        with pytest.raises(IdentityError) as refused:
            host.run([user], groups=RESEARCH)
        assert message in str(refused.value)
        assert str(refused.value).startswith("nothing was ")
    with pytest.raises(IdentityError) as refused:
        host.run([bad[0][0], bad[1][0]], groups=RESEARCH)
    assert "dave: uid" in str(refused.value)
    assert "alice: it has uid" in str(refused.value)
    assert host.everything() == before


def test_a_home_that_is_a_link_or_in_a_directory_of_others_is_refused(host: Host, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (host.home / "alice").symlink_to(victim)
    with pytest.raises(IdentityError, match="is not a directory"):
        host.run(people(host), groups=RESEARCH)
    (host.home / "alice").unlink()
    host.home.chmod(0o777)
    with pytest.raises(IdentityError, match="can be changed by others than root"):
        host.run(people(host), groups=RESEARCH)
    assert os.listdir(victim) == []


def test_the_connecting_user_is_not_shut_out(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.run(people(host), groups=RESEARCH)
    monkeypatch.setenv("SUDO_USER", "alice")
    for state in ("disabled", "absent"):
        with pytest.raises(IdentityError, match="alice: this run is connected as this user"):
            host.run([{**people(host)[0], "state": state}], groups=RESEARCH)


def test_the_lock_of_the_account_files_is_waited_for(host: Host) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        handle = os.open(host.etc / ".pwd.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.lockf(handle, fcntl.LOCK_EX)
        os.write(write, b"locked")
        os.read(read, 0)
        import time

        time.sleep(30)
        os._exit(0)
    try:
        assert os.read(read, 6) == b"locked"
        with pytest.raises(IdentityError, match="locked for 1 s by another program"):
            host.run(people(host), groups=RESEARCH)
        assert host.run(people(host), groups=RESEARCH, check=True)["changed"]
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert host.run(people(host), groups=RESEARCH)["changed"]


def test_a_local_range_above_the_band_is_refused(host: Host) -> None:
    (host.etc / "login.defs").write_text("UID_MIN 5000\nUID_MAX 60000\n")
    with pytest.raises(IdentityError, match="UID_MIN 5000"):
        host.run(people(host), groups=RESEARCH, pin_local_ids=True)
    assert (host.etc / "passwd").read_text() == PASSWD


def test_a_migration_that_was_cut_off_is_finished_first(host: Host) -> None:
    host.run(people(host), groups=RESEARCH)
    state = host.root / "var" / "record" / "migration.json"
    for text in ('{"step": "walk"}', "{", "[]", '{"step": null}'):
        state.write_text(text)
        with pytest.raises(IdentityError, match="a migration of numbers was cut off"):
            host.run(people(host)[:2], groups=RESEARCH)
    state.write_text('{"step": "finished"}')
    assert not host.run(people(host), groups=RESEARCH)["changed"]
