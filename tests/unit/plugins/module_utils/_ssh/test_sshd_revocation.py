# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of revoked keys and of keys that sign certificates: that they count, and when they are there."""

from __future__ import annotations

import grp
import os
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh import _sshd_dropin
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_key_files import plan_files

from .fake_sshd import DROPIN, FakeHost
from .keys import fingerprint, weak_line
from .keys import line as key

if TYPE_CHECKING:
    from collections.abc import Callable


OLD, NEW, OTHER, LAPTOP = key(1, "admin@old"), key(2, "admin@new"), key(3, "carol"), key(4, "lost laptop")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root writes the files of sshd")


def mode_of(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid


# Pain 3: rotated keys still work


def test_a_weak_key_of_earlier_days_can_be_revoked(fake: FakeHost) -> None:
    """What leaks is the old RSA key in a file that nobody looked at for years, which sshd takes."""
    fake.keys_of("dora", OTHER, weak_line("old backup"))
    assert fake.run([weak_line("old backup"), LAPTOP]).changed
    assert weak_line("old backup") in fake.revoked.read_text().splitlines()
    assert not fake.run([LAPTOP, weak_line("old backup")]).changed
    assert not fake.run(None).changed  # a list that is left as it is stays readable
    with pytest.raises(IdentityError, match="RSA with 2048 bits is too weak"):
        fake.run([LAPTOP], [weak_line("CA")])


def test_pain_3_a_revoked_key_is_in_a_file_that_only_root_can_change(fake: FakeHost) -> None:
    """Pain 3: rotated keys still work. Revoked ones do not, in whatever file somebody puts them."""
    planned = fake.run([LAPTOP, OTHER + " again", OTHER])
    assert planned.changed
    assert planned.unit == "ssh.service"
    assert mode_of(fake.revoked) == (0o644, 0, 0)
    lines = fake.revoked.read_text().splitlines()
    assert lines[0].startswith("# Written by labfleet.identity")
    assert sorted(line.split()[1] for line in lines[1:]) == sorted(line.split()[1] for line in (OTHER, LAPTOP))
    assert fake.running["revokedkeys"] == str(fake.revoked)
    assert not fake.run([OTHER, LAPTOP]).changed


def test_another_list_needs_no_reload(fake: FakeHost) -> None:
    fake.run([LAPTOP])
    planned = fake.run([LAPTOP, OTHER])
    assert (planned.changed, planned.unit) == (True, "")
    assert OTHER.split()[1] in fake.revoked.read_text()


def test_a_host_where_nothing_changes_is_not_asked_anything(fake: FakeHost) -> None:
    fake.run([LAPTOP], [OTHER])
    fake.commands.clear()
    assert not fake.run([LAPTOP], [OTHER]).changed
    assert fake.commands == []


def test_an_empty_list_takes_the_file_away_when_sshd_has_forgotten_it(fake: FakeHost) -> None:
    fake.run([LAPTOP], [OTHER])
    planned = fake.run([])
    assert planned.unit == "ssh.service"
    assert "RevokedKeys" not in fake.path.read_text()
    assert fake.running["revokedkeys"] == "none"
    assert not fake.revoked.exists()
    assert not fake.ca.exists()
    assert not fake.run([]).changed


def test_the_drop_in_and_its_files_go_together(fake: FakeHost) -> None:
    fake.run([LAPTOP], [OTHER])
    assert fake.run([LAPTOP], content=None).changed
    assert not [path for path in (fake.path, fake.revoked, fake.ca) if path.exists()]
    assert not fake.run([LAPTOP], content=None).changed


def test_a_run_that_knows_no_list_forgets_none(fake: FakeHost) -> None:
    fake.run([LAPTOP])
    assert not fake.run(None).changed
    assert LAPTOP.split()[1] in fake.revoked.read_text()


def test_a_run_that_knows_no_list_begins_none(fake: FakeHost) -> None:
    fake.run(None)
    assert not fake.revoked.exists()
    assert "RevokedKeys" not in fake.path.read_text()


def test_a_list_that_is_gone_locks_nobody_out_for_longer_than_a_run(fake: FakeHost) -> None:
    fake.run([LAPTOP])
    fake.revoked.unlink()
    planned = fake.run(None)
    assert "is gone" in "".join(planned.warnings)
    assert fake.running["revokedkeys"] == "none"
    fake.run([LAPTOP])
    fake.revoked.unlink()
    assert fake.run([LAPTOP]).changed
    assert fake.revoked.exists()


@pytest.mark.parametrize("mode", [0o666, 0o600, 0o640, 0o664, 0o000])
def test_a_list_that_others_can_change_is_mended_and_told(fake: FakeHost, mode: int) -> None:
    fake.run([LAPTOP])
    fake.revoked.chmod(mode)
    for revoked in ([LAPTOP], None):
        planned = fake.plan(revoked)
        assert planned.changed
        assert "(mode %04o, owner 0:0)" % mode in "".join(planned.warnings)
    fake.run(None)
    assert mode_of(fake.revoked) == (0o644, 0, 0)
    assert LAPTOP.split()[1] in fake.revoked.read_text()


def test_a_list_of_a_user_becomes_another_file(fake: FakeHost) -> None:
    fake.run([LAPTOP])
    os.chown(fake.revoked, 1002, 1002)
    held = fake.revoked.open("a")
    fake.run([LAPTOP])
    held.write("nonsense\n")
    held.close()
    assert mode_of(fake.revoked) == (0o644, 0, 0)
    assert "nonsense" not in fake.revoked.read_text()


def test_a_link_in_the_place_of_a_list_is_not_followed(fake: FakeHost, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious\n")
    fake.revoked.symlink_to(target)
    with pytest.raises(IdentityError, match="revoked cannot be read"):
        fake.run([LAPTOP])
    assert target.read_text() == "precious\n"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ssh-dss AAAAB3NzaC1kc3M= old", "DSA is no longer accepted"),
        ("nonsense", "is not an SSH public key"),
        ("ssh-ed25519 AAAA", "damaged|refused"),
        ('command="x" ' + OTHER, "options in front"),
        (OTHER + "\n" + LAPTOP, "second line"),
        ("", "it is empty"),
    ],
)
def test_a_line_that_would_make_sshd_refuse_everybody_is_never_written(fake: FakeHost, line: str, why: str) -> None:
    with pytest.raises(IdentityError, match=why):
        fake.run([LAPTOP, line])
    assert not fake.revoked.exists()


def test_a_broken_list_is_not_left_as_it_is(fake: FakeHost) -> None:
    fake.run([LAPTOP])
    fake.revoked.write_text("# fine\n\nssh-dss AAAA x\n")
    with pytest.raises(IdentityError, match=r"line 3 of .*revoked.*give the list of revoked keys"):
        fake.plan(None)
    fake.run([LAPTOP])
    assert LAPTOP.split()[1] in fake.revoked.read_text()


def test_a_key_that_the_openssh_of_a_host_cannot_read_is_refused(fake: FakeHost) -> None:
    def answer(command: list[str]) -> tuple[int, str, str]:
        if command[0] != "/keygen":
            return fake.answer(command)
        return 0, "256 %s carol (ED25519)\n" % fingerprint(OTHER), ""

    with pytest.raises(IdentityError, match="cannot read the key %s" % fingerprint(LAPTOP).replace("+", r"\+")):
        fake.plan([OTHER, LAPTOP], run=answer, keygen="/keygen")
    assert fake.plan([OTHER], run=answer, keygen="/keygen").changed


def test_the_real_ssh_keygen_reads_what_is_written(fake: FakeHost) -> None:
    asked = []

    def answer(command: list[str]) -> tuple[int, str, str]:
        if command[0] != "ssh-keygen":
            return fake.answer(command)
        asked.append(command)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    assert fake.run([LAPTOP, OTHER, NEW], [key(9)], run=answer, keygen="ssh-keygen").changed
    assert len(asked) == 2


def test_a_list_beside_another_one_is_refused(fake: FakeHost) -> None:
    site = fake.path.parent / "50-site.conf"
    for text in ("RevokedKeys /etc/ssh/site\n", "Match User dora\n  RevokedKeys /etc/ssh/site\n"):
        site.write_text(text)
        with pytest.raises(IdentityError, match=r"50-site\.conf revokes the keys in /etc/ssh/site"):
            fake.plan([LAPTOP])
    site.write_text("RevokedKeys none\n")
    assert fake.plan([LAPTOP]).changed


def test_nobody_is_taken_out_of_the_list(fake: FakeHost) -> None:
    (fake.path.parent / "50-site.conf").write_text("Match User dora\n  RevokedKeys none\nMatch all\n")
    with pytest.raises(IdentityError, match=r"50-site\.conf has the line 'RevokedKeys none' in a Match"):
        fake.plan([LAPTOP])
    assert fake.plan([]).changed


def test_a_list_that_has_no_effect_is_refused(fake: FakeHost) -> None:
    (fake.path.parent / "05-site.conf").write_text("RevokedKeys none\n")
    with pytest.raises(IdentityError, match=r"RevokedKeys in .* would have no effect"):
        fake.plan([LAPTOP])
    (fake.path.parent / "05-site.conf").unlink()
    for content in ("# nothing\n", "Match all\nRevokedKeys %s\n" % fake.revoked):
        with pytest.raises(IdentityError, match=r"nothing in .* makes sshd read .*/revoked"):
            fake.plan([LAPTOP], content=content)
    with pytest.raises(IdentityError, match=r"nothing in .* makes sshd read .*/ca"):
        fake.plan([], [OTHER], content="RevokedKeys %s\n" % fake.revoked)


@pytest.mark.parametrize(
    "path", ["etc/x", "/etc/../x", "/etc/a b", "/etc/%u", '/etc/"x"', "/etc/x\nPermitRootLogin yes"]
)
def test_a_path_that_sshd_would_read_as_another_is_refused(path: str) -> None:
    with pytest.raises(IdentityError, match="is none that sshd's configuration can name"):
        plan_files([{"path": path, "kind": "revoked_keys", "keys": []}])


def test_one_file_cannot_be_two() -> None:
    entry = {"path": "/etc/x", "kind": "revoked_keys", "keys": []}
    with pytest.raises(IdentityError, match="two files"):
        plan_files([entry, {**entry, "kind": "user_ca_keys"}])


@pytest.mark.parametrize(
    "line",
    ["AuthorizedKeysFile .ssh/authorized_keys", "AuthorizedKeysCommand /opt/keys %u", "TrustedUserCAKeys /etc/ssh/ca"],
)
def test_a_rule_for_research_users_that_an_earlier_match_takes_away_is_refused(
    fake: FakeHost, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """sshd takes the first Match that fits: the keys in the homes would count on, rotated or not."""
    content = DROPIN.format(etc=fake.etc).replace("    TrustedUser", "    AuthorizedKeysCommand none\n    TrustedUser")
    group = grp.struct_group(("research", "x", 4444, ["carol", "gone"]))
    monkeypatch.setattr(grp, "getgrnam", {"research": group}.__getitem__)
    early, late = fake.path.parent / "05-site.conf", fake.path.parent / "50-site.conf"
    late.write_text("Match Group research\n  %s\nMatch all\n" % line)
    assert fake.plan([LAPTOP], [OTHER], content=content).changed
    late.rename(early)
    with pytest.raises(IdentityError) as refused:
        fake.plan([LAPTOP], [OTHER], content=content)
    keyword, value = line.split(" ", 1)
    assert str(refused.value).startswith(
        "%s of the group research in %s would have no effect for carol: sshd takes '%s' from a Match that it reads"
        " earlier; remove that line" % (keyword.lower(), fake.path, value)
    )
    early.write_text("Match Group nobody\n  %s\nMatch all\n" % line)
    assert fake.plan([LAPTOP], [OTHER], content=content).changed


# When something goes wrong


def readable(named: str) -> bool:
    """Whether sshd can read a list of revoked keys."""
    if named == "none":
        return True
    lines = Path(named).read_text().splitlines() if os.path.isfile(named) else ["nothing"]
    return all(parse_public_key(line) for line in lines if not line.startswith("#"))


class Stopped(BaseException):
    """The run was killed."""


def watched(fake: FakeHost, monkeypatch: Any, stop_at: int) -> list[str]:
    """Look at the host after each change of a name and each reload; stop the run at one of them."""
    seen: list[str] = []

    def look(what: str) -> None:
        seen.append(what)
        written = fake.settings(fake.etc / "sshd_config", "")["revokedkeys"]
        assert readable(fake.running["revokedkeys"]), seen
        assert readable(written), seen
        if len(seen) == stop_at:
            raise Stopped

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = real(*args, **kwargs)
            look(name)
            return result

        return call

    for name in ("rename", "unlink"):
        monkeypatch.setattr(os, name, wrap(name, getattr(os, name)))
    real_answer = fake.answer

    def answer(command: list[str]) -> tuple[int, str, str]:
        result = real_answer(command)
        if "reload" in command:
            look("reload")
        return result

    monkeypatch.setattr(fake, "answer", answer)
    return seen


STEPS: dict[str, tuple[list[str] | None, list[str], bool]] = {
    "nothing": ([], [], True),
    "one": ([LAPTOP], [OTHER], True),
    "two": ([LAPTOP, OTHER], [NEW], True),
    "away": ([], [], False),
}


def step(fake: FakeHost, name: str) -> Any:
    revoked, ca, present = STEPS[name]
    return fake.run(revoked, ca, **({} if present else {"content": None}))


@pytest.mark.parametrize("after", list(STEPS))
@pytest.mark.parametrize("before", list(STEPS))
def test_there_is_never_a_moment_without_the_list(tmp_path: Path, monkeypatch: Any, before: str, after: str) -> None:
    """Killed after any step, sshd lets people in, and the next run makes of it what an undisturbed one makes."""
    for stop_at in range(1, 30):
        root = tmp_path / str(stop_at)
        root.mkdir()
        fake = FakeHost(root)
        fake.keys_of("admin", OLD)
        step(fake, before)
        with monkeypatch.context() as patched:
            seen = watched(fake, patched, stop_at)
            try:
                step(fake, after)
                stopped = False
            except Stopped:
                stopped = True
        step(fake, after)
        assert not step(fake, after).changed
        revoked, ca, present = STEPS[after]
        assert (fake.revoked.exists(), fake.ca.exists(), fake.path.exists()) == (bool(revoked), bool(ca), present)
        assert fake.running == fake.settings(fake.etc / "sshd_config", "")
        assert not (fake.etc / "reload").exists()
        if not stopped:
            assert before == after or len(seen) < 30
            return
    raise AssertionError("more steps than looked at")


@pytest.mark.parametrize("before", ["nothing", "one", "away"])
def test_when_the_reload_fails_everything_is_as_before(fake: FakeHost, before: str) -> None:
    step(fake, before)
    paths = (fake.path, fake.revoked, fake.ca)
    content = [path.read_bytes() if path.exists() else None for path in paths]
    fake.reload_works = False
    with pytest.raises(IdentityError, match="could not be reloaded"):
        fake.run([LAPTOP, OTHER], [NEW], content=DROPIN.format(etc=fake.etc) + "# other\n")
    assert fake.path.exists() == (content[0] is not None)
    # what sshd may have in memory stays readable
    assert readable(fake.running["revokedkeys"])
    assert not fake.path.exists() or fake.path.read_bytes() == content[0]
    if before == "one":
        assert [path.read_bytes() for path in paths] == content
    fake.reload_works = True
    step(fake, before)
    assert [path.read_bytes() if path.exists() else None for path in paths] == content


def test_a_list_stays_that_an_sshd_read_before_its_reload_failed(fake: FakeHost) -> None:
    fake.reload_works = False
    fake.reads_before_it_fails = True
    with pytest.raises(IdentityError, match="could not be reloaded"):
        fake.run([LAPTOP])
    assert fake.running["revokedkeys"] == str(fake.revoked)
    assert readable(fake.running["revokedkeys"])
    fake.reload_works = True
    fake.run([])
    assert not fake.revoked.exists()


def test_what_an_sshd_of_unknown_origin_may_have_in_memory_is_emptied(fake: FakeHost) -> None:
    fake.run([LAPTOP])
    fake.active = False
    planned = fake.run([])
    assert "has to be reloaded by hand" in "".join(planned.warnings)
    assert fake.revoked.read_text() == ""
    assert not fake.run([]).changed
    fake.active = True
    assert fake.run([LAPTOP]).changed


def test_the_diff_names_the_files_that_change(fake: FakeHost) -> None:
    planned = fake.plan([LAPTOP])
    assert [(diff["after_header"], LAPTOP in diff["after"]) for diff in _sshd_dropin.diffs(planned)] == [
        (str(fake.path), False),
        (str(fake.revoked), True),
    ]
    assert _sshd_dropin.files_report(planned.files) == [
        {"path": str(fake.revoked), "count": 1, "changed": True},
    ]
