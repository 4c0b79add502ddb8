# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ways into a host there are: whoever connects keeps one, and a user cannot make use of that."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh import _sshd_ways

from .fake_sshd import DROPIN, FakeHost
from .keys import fingerprint
from .keys import line as key

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW, OTHER, LAPTOP = key(1, "admin@old"), key(2, "admin@new"), key(3, "carol"), key(4, "lost laptop")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root writes the files of sshd")


# Pain 4: people are locked out


def test_pain_4_the_last_key_of_who_connects_is_not_revoked(fake: FakeHost) -> None:
    """Pain 4: a change of keys locks people out. The user behind the run keeps a way in."""
    with pytest.raises(
        IdentityError, match=r"this run came in as admin, and the last key .* is to be revoked"
    ) as refusal:
        fake.run([OLD])
    assert fingerprint(OLD) in str(refusal.value)
    assert not fake.revoked.exists()
    assert not fake.path.exists()
    fake.run([LAPTOP])
    with pytest.raises(IdentityError, match="last key"):
        fake.run([LAPTOP, OLD])
    assert OLD.split()[1] not in fake.revoked.read_text()


def test_a_ca_that_the_host_trusts_is_no_other_way_in(fake: FakeHost) -> None:
    (fake.path.parent / "60-site.conf").write_text("TrustedUserCAKeys %s/site\n" % fake.etc)
    (fake.etc / "site").write_text(OTHER + "\n")
    with pytest.raises(IdentityError, match="last key"):
        fake.plan([OLD])


def test_who_connects_may_lose_a_key_when_another_stays(fake: FakeHost) -> None:
    fake.keys_of("admin", OLD, NEW)
    planned = fake.plan([OLD])
    assert (
        "of the keys of admin, as whom this run came in, %s will be revoked" % fingerprint(OLD) in planned.warnings[0]
    )


@pytest.mark.parametrize(
    "line",
    [
        'expiry-time="20200101Z" ' + NEW,
        'restrict,expiry-time="20200101120000Z" ' + NEW,
        'command="/usr/bin/backup" ' + NEW,
        "cert-authority " + NEW,
        "# " + NEW,
        "ssh-ed25519",
    ],
)
def test_what_gives_no_shell_is_no_other_way_in(fake: FakeHost, line: str) -> None:
    fake.keys_of("admin", OLD, line)
    with pytest.raises(IdentityError, match="last key"):
        fake.plan([OLD])


@pytest.mark.parametrize("line", [NEW, 'from="192.0.2.0/24" ' + NEW, 'expiry-time="29990101Z",pty ' + NEW, "\t" + NEW])
def test_what_gives_a_shell_is_another_way_in(fake: FakeHost, line: str) -> None:
    fake.keys_of("admin", OLD, line)
    assert fake.plan([OLD]).changed


def test_a_password_is_another_way_in(fake: FakeHost) -> None:
    (fake.etc / "shadow").write_text("admin:$6$x$y:20000::::::\n")
    with pytest.raises(IdentityError, match="last key"):
        fake.plan([OLD])
    (fake.path.parent / "20-site.conf").write_text("PasswordAuthentication yes\n")
    assert fake.plan([OLD]).changed


@pytest.fixture
def fake_with_root(fake: FakeHost) -> FakeHost:
    """Root comes in with a key, and has a password too, which sshd does not take from root by default."""
    home = fake.homes / "root"
    (home / ".ssh").mkdir(parents=True)
    with (fake.etc / "passwd").open("a") as passwd:
        passwd.write(f"root:x:0:0::{home}:/bin/bash\n")
    (fake.etc / "shadow").write_text("root:$6$x$y:20000::::::\n")
    (fake.path.parent / "20-site.conf").write_text("PasswordAuthentication yes\nPermitRootLogin without-password\n")
    fake.keys_of("root", NEW)
    return fake


def test_a_password_of_root_is_a_way_in_only_where_sshd_says_so(fake_with_root: FakeHost) -> None:
    fake = fake_with_root
    with pytest.raises(IdentityError, match="this run came in as root, and the last key"):
        fake.plan([NEW], connecting=("root",))
    assert "these accounts in any more: root" in "".join(fake.plan([NEW]).warnings)
    (fake.path.parent / "20-site.conf").write_text("PasswordAuthentication yes\nPermitRootLogin yes\n")
    assert fake.plan([NEW], connecting=("root",)).changed


def test_root_keeps_the_file_of_keys_whatever_the_password_is(fake_with_root: FakeHost) -> None:
    fake = fake_with_root
    with pytest.raises(IdentityError, match=r"sshd would no longer let in .*\broot \("):
        fake.plan(None, content="AuthorizedKeysFile %s/keys/%%u\n" % fake.etc, connecting=())


def test_who_connects_keeps_the_drop_in_that_lets_them_in(fake: FakeHost) -> None:
    fake.keys_of("admin")
    (fake.etc / "keys" / "admin").write_text(OLD + "\n")
    fake.run([])
    with pytest.raises(IdentityError, match="this run came in as admin, and sshd would no longer take the key"):
        fake.run([], content=None)
    assert fake.path.exists()
    assert fake.run([], content=None, connecting=("dora",)).changed


def test_who_connects_with_a_certificate_keeps_what_signs_it(fake: FakeHost) -> None:
    fake.research.add("admin")
    (fake.homes / "admin" / ".ssh" / "authorized_keys").unlink()
    fake.run([], [OTHER])
    changes: list[tuple[list[str], list[str]]] = [([], []), ([], [NEW]), ([OTHER], [OTHER])]
    for revoked, ca in changes:
        with pytest.raises(IdentityError, match=r"this run came in as admin, and .*certificates"):
            fake.plan(revoked, ca)
    principals = DROPIN.format(etc=fake.etc).replace("Match all", "    AuthorizedPrincipalsCommand /x\nMatch all")
    with pytest.raises(IdentityError, match="certificates"):
        fake.plan([], [OTHER], content=principals)
    assert fake.plan([], [OTHER, NEW]).changed


def test_no_device_is_opened_that_somebody_put_in_place_of_keys(
    fake: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening is enough for some: a watchdog begins to count, a tape is wound back."""
    device = tmp_path / "watchdog"
    os.mkfifo(device)
    (fake.homes / "dora" / ".ssh" / "authorized_keys").symlink_to(device)
    seen = []
    real = os.open

    def opened(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        handle = real(path, flags, *rest, **more)
        if stat.S_ISFIFO(os.fstat(handle).st_mode):
            seen.append(flags & os.O_PATH)
        return handle

    monkeypatch.setattr(os, "open", opened)
    assert fake.run([LAPTOP]).changed
    assert seen == [os.O_PATH]


def test_the_last_key_of_another_account_is_revoked_with_a_warning(fake: FakeHost, monkeypatch: Any) -> None:
    monkeypatch.setattr(_sshd_ways, "members", lambda groups: fake.research if "research" in groups else set())
    fake.keys_of("dora", OTHER)
    (fake.etc / "keys" / "carol").write_text(OTHER + "\n")
    planned = fake.run([OTHER])
    assert planned.warnings == ("no key that is not revoked lets these accounts in any more: dora",)
    assert fake.plan([OTHER, LAPTOP]).warnings == ()


def test_a_user_cannot_stop_a_revocation(fake: FakeHost) -> None:
    """Whatever a user makes of the own key file, the run neither waits for it nor fails."""
    theirs = fake.homes / "dora" / ".ssh" / "authorized_keys"
    os.mkfifo(theirs)
    assert fake.plan([LAPTOP]).changed
    theirs.unlink()
    theirs.symlink_to("/dev/zero")
    assert fake.plan([LAPTOP]).changed
    theirs.unlink()
    theirs.write_bytes(b"\xff\0" * 1000 + b'"' * 1000 + b"\nssh-ed25519 \xc3\n")
    assert fake.plan([LAPTOP]).changed


@pytest.mark.parametrize(
    ("uid", "sudo_user", "login_uid", "expected"),
    [
        (0, "admin", "1000", ["admin"]),
        (0, "dora", "1000", ["admin", "dora"]),
        (0, "", "1001", ["dora"]),
        (1000, "", "4294967295", ["admin"]),
        (0, "", "4294967295", []),
        (0, "nobody-here", "4294967295", []),
    ],
)
def test_who_connects(
    fake: FakeHost, monkeypatch: Any, uid: int, sudo_user: str, login_uid: str, expected: list[str]
) -> None:
    monkeypatch.setattr(_sshd_ways, "_login_uid", lambda: login_uid)
    found = _sshd_ways.who_connects(uid, sudo_user, (fake.etc / "passwd").read_text())
    assert [account.name for account in found] == expected
