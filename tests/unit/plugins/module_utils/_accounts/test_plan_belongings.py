# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users have beside the account files: asked for, left alone, taken away with the account."""

from __future__ import annotations

from typing import Any

import pytest

from .build import HEADER, OWNER, done, hers, host, is_empty, ours, plan_for, request, said

SUDO = "sudoers.d/labfleet-user-alice"
SLICE = "systemd/system/user-5238.slice.d/50-labfleet.conf"
SESSIONS = "security/limits.d/labfleet-identity.conf"
SCRIPT = "profile.d/labfleet-identity.sh"
RULE = {"commands": ["/usr/bin/systemctl restart scanner"], "nopasswd": True}
RULES = HEADER + b"alice ALL=(root) NOPASSWD: /usr/bin/systemctl restart scanner\n"
EVERYTHING: dict[str, Any] = {
    "sudo": [RULE],
    "limits": {"cores": 2, "memory": "4G", "processes": 100},
    "subids": True,
    "linger": True,
    "environment": {"PROJECT": "genomes"},
    "umask": "0027",
    "mail_alias": "alice@university.example",
}
NOTHING: dict[str, Any] = {
    "sudo": [], "limits": {}, "subids": False, "linger": False, "environment": {}, "umask": "", "mail_alias": "",
}  # fmt: skip


def alice(**more: Any) -> dict[str, Any]:
    return {"name": "alice", "uid": 5238, **more}


def test_a_new_user_gets_everything_in_one_change() -> None:
    plan, new = done(host(subids={"subuid": b"", "subgid": None}, aliases=None), [alice(**EVERYTHING)])
    assert set(new.files) == {SUDO, SLICE, SESSIONS, SCRIPT}
    assert new.files[SUDO] == RULES
    assert new.subids == {"subuid": b"alice:343277568:65536\n", "subgid": b"alice:343277568:65536\n"}
    assert b"alice: alice@university.example\n" in (new.aliases or b"")
    assert new.lingering == {"alice"}
    [account] = [text for name, text in said(plan) if name == "alice"]
    assert account.endswith("0 keys, sudo, limits, session limits, login environment, sub-ids, mail alias, lingering")


def test_what_is_not_said_is_left_alone_and_what_is_empty_goes() -> None:
    _plan, full = done(hers(subids={"subuid": b"", "subgid": b""}, aliases=b""), [alice(**EVERYTHING)])
    assert is_empty(plan_for(request([alice()]), full))
    plan, bare = done(full, [alice(**NOTHING)])
    assert bare.files == {}
    assert bare.subids == {"subuid": b"", "subgid": b""}
    assert b"alice" not in (bare.aliases or b"")
    assert bare.lingering == frozenset()
    told = dict(text.split(" ", 1) for _name, text in said(plan))
    assert told["sudo"] == "alice ALL=(root) NOPASSWD: /usr/bin/systemctl restart scanner -> (none)"
    assert told["lingering"] == "yes -> no"


def test_of_an_environment_only_the_names_are_told() -> None:
    _plan, state = done(hers(), [alice(environment={"PROJECT": "hush-hush"})])
    plan, _state = done(state, [alice(environment={"PROJECT": "hush-hush-2", "SITE": "hush"})])
    assert "hush" not in repr(plan.changes)
    assert any("PROJECT" in text and "SITE" in text for _name, text in said(plan))


@pytest.mark.parametrize("state", ["disabled", "absent"])
@pytest.mark.parametrize("orphan", [False, True])
def test_nothing_is_left_of_who_goes(state: str, orphan: bool) -> None:
    """Pain 10: deletion is complete."""
    begin = hers(subids={"subuid": b"bob:1:2\n", "subgid": b""}, aliases=b"root: admin\n")
    _plan, full = done(begin, [alice(**EVERYTHING)])
    if orphan:
        _plan, left = done(full, [], orphans={"disabled": "disable", "absent": "absent"}[state])
    else:
        _plan, left = done(full, [alice(state=state, **EVERYTHING)])
    assert left.files == {}
    assert left.subids == {"subuid": b"bob:1:2\n", "subgid": b""}
    assert b"alice" not in (left.aliases or b"")
    assert b"root: admin\n" in (left.aliases or b"")


def test_a_way_up_is_closed_before_the_account_is() -> None:
    _plan, full = done(hers(), [alice(sudo=[RULE])])
    plan, _left = done(full, [alice(state="disabled")])
    assert plan.files[SUDO] == b""
    assert "shadow" in plan.closings


def test_jobs_go_with_the_account_and_stay_with_one_that_may_open_again() -> None:
    begin = hers(jobs={"alice": "crontab, 2 at jobs"})
    plan, _left = done(begin, [alice(state="absent")])
    assert plan.jobs == (("alice", 5238),)
    assert ("alice", "jobs crontab, 2 at jobs -> none") in said(plan)
    plan = plan_for(request([alice(state="disabled")]), begin)
    assert plan.jobs == ()


def test_jobs_of_a_number_that_another_account_has_as_well_are_not_guessed_about() -> None:
    begin = hers(passwd=["alice:x:5238:5238:Alice:/home/alice:/bin/bash", "twin:x:5238:5238::/home/twin:/bin/sh"],
                 jobs={"alice": "1 at jobs"})  # fmt: skip
    plan = plan_for(request([alice(state="absent")]), begin)
    assert plan.jobs == ()
    assert any("twin" in warning for warning in plan.warnings)


def test_a_file_that_others_could_change_is_written_anew() -> None:
    _plan, full = done(hers(), [alice(sudo=[RULE])])
    loose = hers(files=full.files, loose_files=frozenset({SUDO}))
    plan, _new = done(loose, [alice(sudo=[RULE])])
    assert plan.files == {SUDO: RULES}
    assert said(plan) == [("alice", "sudo file can be changed by others, or not be read -> root's alone")]


@pytest.mark.parametrize(
    "path",
    [
        "sudoers.d/labfleet-user-mallory", "sudoers.d/labfleet-group-gone", SLICE.replace("5238", "5999"),
    ],
)  # fmt: skip
def test_a_file_of_somebody_who_is_gone_does_not_wait_for_the_next_of_that_name(path: str) -> None:
    """Pain 7: a new user gets nothing of a departed one."""
    plan, new = done(hers(files={path: HEADER + b"something\n"}), [alice()])
    assert new.files == {}
    assert said(plan) == [("/etc/" + path, "file of somebody who is gone present -> absent")]
    # what we did not write is not ours to remove
    assert is_empty(plan_for(request([alice()]), hers(files={path: b"something\n"})))


def test_files_of_accounts_that_somebody_else_manages_stay() -> None:
    files = {"sudoers.d/labfleet-user-ubuntu": HEADER + b"x\n", SLICE.replace("5238", "1000"): HEADER + b"x\n"}
    assert is_empty(plan_for(request([alice()]), hers(files=files)))


def test_a_user_and_a_group_of_like_names_have_files_of_their_own() -> None:
    users = [alice(sudo=[RULE]), {"name": "group-imaging", "uid": 5300, "sudo": []}]
    groups = [{"name": "imaging", "gid": 4100, "sudo": [RULE]}]
    _plan, new = done(hers(), users, groups)
    assert new.files["sudoers.d/labfleet-group-imaging"].endswith(
        b"%imaging ALL=(root) NOPASSWD: /usr/bin/systemctl restart scanner\n"
    )
    assert set(new.files) == {SUDO, "sudoers.d/labfleet-group-imaging"}
    _plan, bare = done(new, users, [{"name": "imaging", "gid": 4100, "sudo": []}])
    assert set(bare.files) == {SUDO}


def test_rights_that_were_taken_go_on_hosts_that_somebody_is_no_longer_meant_for() -> None:
    _plan, full = done(hers(), [alice(sudo=[RULE], limits={"cores": 1})])
    plan, left = done(full, [alice(selected=False, sudo=[], limits={"cores": 2})])
    assert set(left.files) == {SLICE}
    assert plan.orphans == ("alice",)
    # and nobody gets any who is not meant for the host
    plan, left = done(hers(), [alice(selected=False, sudo=[RULE])])
    assert left.files == {}


def test_protected_users_are_never_closed() -> None:
    begin = hers()
    plan, left = done(begin, [], orphans="absent", protected_users=["alice"])
    assert plan.orphans == ("alice",)
    assert left.tables["passwd"].text == begin.tables["passwd"].text
    assert any("protected_users" in warning for warning in plan.warnings)
    with pytest.raises(Exception, match="protected_users names it"):
        plan_for(request([alice(state="absent")], protected_users=["alice"]), begin)


def test_a_range_that_overlaps_one_of_somebody_else_is_refused() -> None:
    begin = hers(subids={"subuid": b"podman:343277000:65536\n", "subgid": b""})
    with pytest.raises(Exception, match="overlaps"):
        plan_for(request([alice(subids=True)]), begin)


def test_a_renamed_user_leaves_nothing_under_the_former_name() -> None:
    _plan, full = done(hers(subids={"subuid": b"", "subgid": b""}, aliases=b""), [alice(**EVERYTHING)])
    _plan, new = done(full, [{"name": "alicia", "uid": 5238, "formerly": ["alice"], **EVERYTHING}])
    assert {path for path in new.files if "alice" in path} == set()
    assert {path for path in new.files if "alicia" in path} == {SUDO.replace("alice", "alicia")}
    for path in (SESSIONS, SCRIPT):
        assert b"alicia" in new.files[path]
        assert b"alice" not in new.files[path]
    assert new.subids["subuid"] == b"alicia:343277568:65536\n"
    assert b"alice:" not in (new.aliases or b"")
    assert new.lingering == {"alicia"}


def test_an_account_of_another_owner_keeps_what_it_has() -> None:
    state = hers(users={"alice": ours(5238, owner="system")}, files={SUDO: RULES})
    assert OWNER != "system"
    with pytest.raises(Exception, match="belongs to system"):
        plan_for(request([alice(sudo=[])]), state)


def test_a_rule_that_asks_for_a_password_is_told_of_who_has_none() -> None:
    rule = {"commands": ["/usr/bin/id"]}
    plan = plan_for(request([alice(sudo=[rule])]), hers())
    assert any("asks for a password that alice does not have" in warning for warning in plan.warnings)
    digest = "YTeBOLnmm3CoeJTzBuijUEtOEWCqrw/nQ8/AeMmON4LGp3k0ZiMjC1OdqzWFUAfDQBvYkOch9BWtQTBcZ1E/p0"
    plan = plan_for(request([alice(sudo=[rule], password="$6$saltsalt$" + digest)]), hers())
    assert plan.warnings == ()
    plan = plan_for(request([alice(sudo=[rule])]), hers(shadow=["alice:$6$x$y:19000::::::"]))
    assert plan.warnings == ()


def test_a_limit_of_sessions_is_told_where_nothing_counts_them() -> None:
    wanted = request([alice(limits={"sessions": 2})])
    assert plan_for(wanted, hers()).warnings == ()
    [warning] = plan_for(wanted, hers(counts_logins=False)).warnings
    assert "no effect on this host" in warning


def test_parts_of_a_shared_file_are_each_users_own() -> None:
    """Pain 7: a new user gets nothing of a departed one."""
    bob = {"name": "bob", "uid": 5831, "umask": "0077", "limits": {"processes": 20}}
    _plan, both = done(hers(), [alice(**EVERYTHING), bob])
    plan, left = done(both, [alice(state="absent"), {"name": "bob", "uid": 5831}])
    assert left.files[SCRIPT].count(b")\n") == 1
    assert b"alice" not in left.files[SCRIPT] + left.files[SESSIONS]
    assert b"bob - nproc 20\n" in left.files[SESSIONS]
    assert {name for name, _text in said(plan)} == {"alice"}
    # a part of a name that has no account goes with the next run
    _plan, mended = done(hers(files=both.files), [alice()])
    assert b"bob" not in mended.files[SCRIPT] + mended.files[SESSIONS]


def test_a_shared_file_that_somebody_changed_is_put_right() -> None:
    _plan, full = done(hers(), [alice(umask="0027")])
    changed = hers(files={SCRIPT: full.files[SCRIPT] + b"echo hello\n"})
    plan, mended = done(changed, [alice()])
    assert mended.files == full.files
    assert said(plan) == [("/etc/" + SCRIPT, "file not as it was written -> ours")]
