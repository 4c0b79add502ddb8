# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A receipt is worth something only if every single thing that is left makes it fail."""

from __future__ import annotations

import ast
import hashlib
import os
import struct
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils import _offboarding
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._evidence import (
    prove,
    table_of,
    what_fails,
)
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._evidence_files import Places

from .conftest import ALICE, BOB

PASSWD = "root:x:0:0:root:/root:/bin/bash\nbob:x:5831:5831::/home/bob:/bin/bash\n"
SHADOW = "root:*:20000:0:99999:7:::\nbob:*:20000:0:99999:7:::\n"


class Host:
    """A host in a directory from which alice is gone, and bob is not."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.places = Places(
            *(str(root / name) for name in ("etc", "var", "run", "proc", "cgroup", "keys", "archives"))
        )
        self.answers: dict[str, tuple[int, str, str]] = {"su": (1, "", "su: user alice does not exist\n")}
        self.asked: list[list[str]] = []
        self.write("etc/passwd", PASSWD)
        self.write("etc/shadow", SHADOW)
        self.write("etc/group", "root:x:0:\nbob:x:5831:\nresearch:x:4444:bob\n")
        self.write("etc/gshadow", "root:*::\nbob:!::\nresearch:!::bob\n")
        self.write("etc/subuid", "bob:100000:65536\n")
        self.write("etc/sudoers", "# alice was here\nroot ALL=(ALL) ALL\n%alice-team ALL=(ALL) ALL\nmalice ALL=ALL\n")
        self.write("etc/sudoers.d/labfleet-user-bob", "bob ALL=(ALL) /usr/bin/less /home/alice/x\n")
        self.write("etc/aliases", "bob: alice@elsewhere.example\n")
        self.write("etc/crontab", "17 * * * * root alice\n")
        self.write("keys/bob", "ssh-ed25519 AAAA bob\n")
        self.write("proc/1/status", "Name:\tsystemd\nState:\tS (sleeping)\nUid:\t0\t0\t0\t0\n")
        self.write("run/systemd/system/x", "")

    def write(self, path: str, text: str, uid: int = 0) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        os.chown(target, uid, uid)
        return target

    def append(self, path: str, text: str) -> None:
        with open(self.root / path, "a", encoding="utf-8") as file:
            file.write(text)

    def run_command(self, command: list[str]) -> tuple[int, str, str]:
        self.asked.append(command)
        return self.answers.get(os.path.basename(command[0]), (0, "inactive\n", ""))

    def prove(self, state: str = "absent", home_state: str = "kept", wait: float = 0) -> dict[str, Any]:
        user = {"name": "alice", "uid": ALICE, "home": str(self.root / "home/alice"), "state": state}
        params = {"users": [{**user, "home_state": home_state}], "wait": wait}
        return prove(params, self.run_command, self.places)[0]

    def failed(self, state: str = "absent", home_state: str = "kept") -> list[str]:
        return [step["step"] for step in self.prove(state, home_state)["steps"] if not step["holds"]]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    assert os.geteuid() == 0, (
        "these tests give files to other users, which only root may do: run the unit tests as root"
    )
    return Host(tmp_path)


def disabled(host: Host, shell: str = "/usr/sbin/nologin", end: str = "1", password: str = "*") -> None:
    host.write("etc/passwd", "%salice:x:%d:%d::/home/alice:%s\n" % (PASSWD, ALICE, ALICE, shell))
    host.write("etc/shadow", "%salice:%s:20000:0:99999:7::%s:\n" % (SHADOW, password, end))
    host.append("etc/group", "alice:x:%d:\n" % ALICE)
    host.append("etc/gshadow", "alice:!::\n")
    host.answers["su"] = (1, "", "su: User account has expired\n")


def utmp(host: Host, user: str, process: int, kind: int = 7) -> None:
    record = struct.pack("hi32s4s32s", kind, process, b"pts/0", b"ts/0", user.encode())
    target = host.write("run/utmp", "")
    target.write_bytes(record.ljust(384, b"\0"))


def service(host: Host, name: str, text: str) -> Path:
    return host.write("etc/systemd/system/" + name, text)


LEFT: dict[str, tuple[str, Callable[[Host], object]]] = {
    "account": ("passwd", lambda host: host.append("etc/passwd", "alice:x:1:1::/:/bin/sh\n")),
    "number": ("passwd", lambda host: host.append("etc/passwd", "carol:x:%d:1::/:/bin/sh\n" % ALICE)),
    "shadow": ("shadow", lambda host: host.append("etc/shadow", "alice:*:1:::::1:\n")),
    "group": ("group", lambda host: host.append("etc/group", "alice:x:%d:\n" % ALICE)),
    "member": ("group", lambda host: host.append("etc/group", "imaging:x:4445:bob,alice\n")),
    "secret group": ("gshadow", lambda host: host.append("etc/gshadow", "alice:!::\n")),
    "administrator": ("gshadow", lambda host: host.append("etc/gshadow", "imaging:!:alice:bob\n")),
    "key": ("SSH keys", lambda host: host.write("keys/alice", "# comment\nssh-ed25519 AAAA\n")),
    "linger": ("linger", lambda host: host.write("var/lib/systemd/linger/alice", "")),
    "subuid": ("subordinate ids", lambda host: host.append("etc/subuid", "alice:200000:65536\n")),
    "subgid by number": ("subordinate ids", lambda host: host.write("etc/subgid", "%d:200000:1\n" % ALICE)),
    "our rule": ("sudo", lambda host: host.write("etc/sudoers.d/labfleet-user-alice", "alice ALL=(ALL) ALL\n")),
    "rule in between": ("sudo", lambda host: host.append("etc/sudoers", "User_Alias OPS = bob, alice\n")),
    "rule by number": ("sudo", lambda host: host.append("etc/sudoers", "#%d ALL=(ALL) ALL\n" % ALICE)),
    "rule at the end": ("sudo", lambda host: host.append("etc/sudoers", "bob ALL=(alice) ALL")),
    "slice": ("limits", lambda host: host.write("etc/systemd/system/user-5238.slice.d/50-labfleet.conf", "")),
    "pam limits": ("limits", lambda host: host.write("etc/security/limits.d/x.conf", "alice hard nproc 1\n")),
    "alias": ("mail alias", lambda host: host.append("etc/aliases", "Alice: bob\n")),
    "login": ("login environment", lambda host: host.write("etc/profile.d/x.sh", "alice)\numask 27\n;;\n")),
    "login in quotes": ("login environment", lambda host: host.write("etc/profile.d/x.sh", "'alice')\n;;\n")),
    "crontab": ("crontab", lambda host: host.write("var/spool/cron/crontabs/alice", "")),
    "crontab of Red Hat": ("crontab", lambda host: host.write("var/spool/cron/alice", "")),
    "system crontab": ("crontab", lambda host: host.write("etc/cron.d/x", "A=1\n@daily alice true\n")),
    "at job": ("at jobs", lambda host: host.write("var/spool/cron/atjobs/a1", "", ALICE)),
    "at job of Red Hat": ("at jobs", lambda host: host.write("var/spool/at/a1", "", ALICE)),
    "output of at": ("at jobs", lambda host: host.write("var/spool/cron/atspool/a1", "", ALICE)),
    "process": ("processes", lambda host: host.write("proc/7/status", "State:\tS\nUid:\t0\t0\t%d\t0\n" % ALICE)),
    "session": ("sessions", lambda host: host.write("run/systemd/sessions/3", "UID=%d\nSTATE=closing\n" % ALICE)),
    "login record": ("logged in", lambda host: utmp(host, "alice", 1)),
    "unit": ("units", lambda host: host.answers.update(systemctl=(0, "active\n", ""))),
    "cgroup": ("units", lambda host: host.write("cgroup/user.slice/user-5238.slice/a/cgroup.procs", "7\n")),
    "service": ("services", lambda host: service(host, "report.service", "[Service]\nUser = alice\n")),
    "service by number": ("services", lambda host: service(host, "report.service", "[Service]\nUser=%d\n" % ALICE)),
    "service by a drop-in": ("services", lambda host: service(host, "x.service.d/who.conf", "[Service]\nUser=alice\n")),
    "let in": ("account access", lambda host: host.answers.update(su=(0, "", ""))),
    "home of another": ("home kept", lambda host: (host.root / "home/alice").mkdir(parents=True)),
}


def test_a_host_without_a_trace(host: Host) -> None:
    receipt = host.prove()
    assert receipt["complete"], what_fails([receipt])
    assert what_fails([receipt]) == ""
    assert table_of([receipt])[0] == "alice (uid 5238, absent): is out"
    assert host.failed("disabled") == []


@pytest.mark.parametrize("left", LEFT)
def test_each_thing_that_is_left_is_found_and_named(host: Host, left: str) -> None:
    """Pain 10: an incomplete deletion does not go unseen."""
    step, leave = LEFT[left]
    leave(host)
    receipt = host.prove()
    assert [entry["step"] for entry in receipt["steps"] if not entry["holds"]] == [step]
    assert not receipt["complete"]
    assert "alice: %s (" % step in what_fails([receipt])
    assert any(line.startswith("  NO  %s" % step) for line in table_of([receipt]))


def test_a_service_that_asks_no_pam_runs_as_a_closed_account(host: Host) -> None:
    """Pain 13: systemd starts what has User= and no PAMName=, whether or not the account has expired."""
    disabled(host)
    service(host, "jupyter-alice.service", "[Service]\nUser=alice\nPAMName=labfleet-jupyter\n")
    service(host, "jupyter-alice.service.d/memory.conf", "[Service]\nUser=alice\nMemoryMax=1G\n")
    service(host, "bob.service", "[Service]\n#User=alice\nUser=alice\nUser=bob\nGroup=alice\n")
    template = host.write("usr/lib/systemd/system/sync@.service", "[Service]\nUser=%i\n")
    (host.root / "etc/systemd/system/multi-user.target.wants").mkdir()
    for name in ("bob", "malice"):
        os.symlink(template, host.root / ("etc/systemd/system/multi-user.target.wants/sync@%s.service" % name))
    os.symlink("/nowhere", host.root / "etc/systemd/system/multi-user.target.wants/alice.service")
    os.symlink("/dev/null", host.root / "etc/systemd/system/masked@alice.service")
    assert host.failed("disabled") == []
    link = host.root / "etc/systemd/system/multi-user.target.wants/sync@alice.service"
    os.symlink(template, link)
    steps = {step["step"]: step["evidence"] for step in host.prove("disabled")["steps"] if not step["holds"]}
    assert steps == {"services": "%s runs as them and does not ask PAM" % link}
    link.unlink()
    service(host, "bob.service", "[Service]\nUser=bob\nUser=alice\n")
    service(host, "report.service", "[Service]\nUser=alice\n")
    os.symlink("../report.service", link.parent / "report.service")
    (told,) = [step["evidence"] for step in host.prove("disabled")["steps"] if step["step"] == "services"]
    assert told.count("runs as them") == 2


def test_the_end_of_a_login_script_is_nobody(host: Host) -> None:
    host.write("etc/profile.d/x.sh", "case a in\nalice\nesac\n")
    assert host.failed() == []


def test_a_disabled_account_that_lets_nobody_in(host: Host) -> None:
    """Pain 13: expiry and shell and keys and what PAM says, all of it."""
    disabled(host)
    host.write("var/spool/cron/crontabs/alice", "")
    host.write("var/spool/cron/atjobs/a1", "", ALICE)
    receipt = host.prove("disabled")
    assert receipt["complete"], what_fails([receipt])
    told = {step["step"]: step["evidence"] for step in receipt["steps"]}
    assert told["account access"] == "refused: su: User account has expired"
    assert told["crontab"] == told["at jobs"] == "may stay: it runs only if the account is let in"
    assert "passwd" in host.failed("absent")


@pytest.mark.parametrize(
    ("more", "step"),
    [
        ({"shell": "/bin/bash"}, "shell"),
        ({"shell": ""}, "shell"),
        ({"end": ""}, "expiry"),
        ({"end": "99999"}, "expiry"),
        ({"password": ""}, "password"),
    ],
)
def test_a_lock_that_does_not_lock(host: Host, more: dict[str, str], step: str) -> None:
    """Pain 13: half a lock is none."""
    disabled(host, **more)
    assert host.failed("disabled") == [step]


def test_a_locked_password_alone_is_no_lock(host: Host) -> None:
    """Pain 13: that of passwd -l, with a key and a shell."""
    disabled(host, "/bin/bash", "", "!$6$hash")
    host.write("keys/alice", "ssh-ed25519 AAAA alice\n")
    host.answers["su"] = (0, "", "")
    assert host.failed("disabled") == ["shell", "expiry", "SSH keys", "account access"]


def test_a_stale_login_record_and_a_zombie_are_over(host: Host) -> None:
    utmp(host, "alice", 4711)
    host.write("proc/7/status", "Name:\tsh\nState:\tZ (zombie)\nUid:\t%d\t0\t0\t0\n" % ALICE)
    assert host.failed() == []


def test_the_pipe_that_logind_keeps_beside_a_session_is_not_waited_for(host: Host) -> None:
    host.write("run/systemd/sessions/3", "UID=%d\nSTATE=active\n" % BOB)
    os.mkfifo(host.root / "run/systemd/sessions/3.ref")
    assert host.failed() == []


def test_a_link_of_the_systems_is_read_as_the_system_reads_it(host: Host) -> None:
    target = host.write("usr/lib/rules", "alice ALL=(ALL) ALL\n")
    os.symlink(target, host.root / "etc/sudoers.d/vendor")
    os.symlink("/nowhere", host.root / "etc/sudoers.d/broken")
    assert host.failed() == ["sudo"]


def test_what_ends_a_little_later_is_waited_for(host: Host) -> None:
    session = host.write("run/systemd/sessions/3", "UID=%d\n" % ALICE)
    count = 0

    def run_command(command: list[str]) -> tuple[int, str, str]:
        nonlocal count
        count += 1
        if count == 7:
            session.unlink()
        return Host.run_command(host, command)

    user = {"name": "alice", "uid": ALICE, "home": "/home/alice", "state": "absent", "home_state": "kept"}
    assert prove({"users": [user], "wait": 20}, run_command, host.places)[0]["complete"]
    assert count > 6


def test_archives_are_summed_again(host: Host) -> None:
    """Pain 10: an archive is one if its checksum is right now."""
    home = host.root / "home/alice"
    home.mkdir(parents=True)
    os.chown(home, ALICE, ALICE)
    assert host.failed(home_state="archived") == ["home archived"]
    name = "alice-%d-20261122T090000Z.tar" % ALICE
    archive = host.write("archives/" + name, "the content")
    assert host.failed(home_state="archived") == ["home archived"]
    host.write("archives/%s.sha256" % name, "%s  %s\n" % (hashlib.sha256(b"the content").hexdigest(), name))
    assert host.failed(home_state="archived") == []
    archive.write_text("the Content")
    assert host.failed(home_state="archived") == ["home archived"]
    host.write("archives/alice-x-%d-20261122T090000Z.tar" % ALICE, "x")
    assert host.failed(home_state="archived") == ["home archived"]
    assert host.failed(home_state="removed") == ["home removed"]
    home.rmdir()
    (home.parent / (".labfleet-leaving-alice-%d" % ALICE)).mkdir()
    assert host.failed(home_state="removed") == ["home removed"]
    (home.parent / (".labfleet-leaving-alice-%d" % ALICE)).rmdir()
    assert host.failed(home_state="removed") == []
    os.symlink("/nowhere", home)
    os.chown(home, BOB, BOB, follow_symlinks=False)
    assert host.failed(home_state="removed") == ["home removed"]
    assert host.failed(home_state="elsewhere") == []


def test_a_home_that_cannot_be_looked_at_is_not_taken_for_none(host: Host) -> None:
    """A file system that is broken (a stale handle, a FUSE that ended) answers with errors of its own."""
    os.symlink("home", host.root / "home")
    assert host.failed(home_state="removed") == ["home removed"]
    assert host.failed(home_state="archived") == ["home archived"]
    assert host.failed(home_state="kept") == []
    assert host.prove(home_state="archived")["steps"][-1]["evidence"].endswith("Too many levels of symbolic links")


def test_no_name_becomes_an_option_or_a_path(host: Host) -> None:
    for name in ("-c", "../bob", "alice bob", "", "Alice"):
        user = {"name": name, "uid": ALICE, "home": "/home/alice", "state": "absent", "home_state": "kept"}
        with pytest.raises(IdentityError):
            prove({"users": [user], "wait": 0}, host.run_command, host.places)
    assert host.asked == []


def test_the_proof_shares_no_code_with_what_it_judges() -> None:
    """What closes accounts, and what walks homes, is not imported; what asks whether a file server is there may be."""
    folder = Path(str(_offboarding.__path__[0]))
    for path in folder.glob("_evidence*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        ours = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        names = {module.rpartition(".")[2] for module in ours if module.startswith("ansible_collections.")}
        assert names <= {"_errors", "_names", "_silence", "_evidence_files", "_evidence_running"}, path
