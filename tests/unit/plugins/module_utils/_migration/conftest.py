# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in a directory, with people whose files have the numbers of a template."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._migration._host import Host
from ansible_collections.labfleet.identity.plugins.module_utils._migration._mounts import Root
from ansible_collections.labfleet.identity.plugins.module_utils._migration._run import migrate
from ansible_collections.labfleet.identity.plugins.module_utils._migration._tally import Job, Tally
from ansible_collections.labfleet.identity.plugins.module_utils._migration._workers import walk

# nobody on the machine of the tests has one of these
ALICE, BOB, MALLORY, LAB = 41001, 41002, 41003, 41500
NEW_ALICE, NEW_BOB, NEW_LAB = 45238, 45831, 44444
PASSWD = """root:x:0:0:root:/root:/bin/bash
alice:x:41001:41001:Alice:/home/alice:/bin/bash
bob:x:41002:41002:Bob:/home/bob:/bin/sh
mallory:x:41003:41003::/home/mallory:/bin/sh
carol:x:41004:41500::/home/carol:/bin/sh
"""
GROUP = """root:x:0:
alice:x:41001:
bob:x:41002:
mallory:x:41003:
lab:x:41500:alice,bob
"""
SHADOW = """root:*:20000:0:99999:7:::
alice:*:20000:0:99999:7:::
bob:*:20000:0:99999:7::20900:
mallory:*:20000:0:99999:7:::
carol:*:20000:0:99999:7:::
"""


def acl(*entries: tuple[int, int, int]) -> bytes:
    """A POSIX ACL as the system stores it, from (tag, permissions, number)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def acl_for(uid: int, gid: int = LAB) -> bytes:
    """An ACL that gives a user and a group something."""
    none = 0xFFFFFFFF
    return acl((1, 6, none), (2, 6, uid), (4, 4, none), (8, 4, gid), (16, 6, none), (32, 0, none))


class Machine:
    """The host, and the module called on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.etc, self.home, self.state = root / "etc", root / "home", root / "var" / "state"
        self.host = Host(
            etc=str(self.etc),
            record=str(self.state),
            linger=str(root / "linger"),
            proc=str(root / "proc"),
            units=str(root / "units"),
            at_jobs=(str(root / "at"),),
        )
        for name in ("etc", "home", "var", "linger", "proc", "units", "at", "scratch"):
            (root / name).mkdir(mode=0o755)
        for name, text in {"passwd": PASSWD, "group": GROUP, "shadow": SHADOW}.items():
            (self.etc / name).write_text(text)

    def file(self, path: str, uid: int, gid: int | None = None, mode: int = 0o600) -> Path:
        """A file of somebody; the directories above belong to the same one when they are new."""
        whole = self.root / path
        self.directory(str(Path(path).parent), uid, gid)
        whole.write_text(path)
        self.give(whole, uid, gid, mode)
        return whole

    def directory(self, path: str, uid: int, gid: int | None = None, mode: int = 0o700) -> Path:
        """A directory of somebody."""
        whole = self.root / path
        if not whole.exists():
            self.directory(str(Path(path).parent), uid, gid)
            whole.mkdir()
            self.give(whole, uid, gid, mode)
        return whole

    @staticmethod
    def give(path: Path, uid: int, gid: int | None, mode: int) -> None:
        """Owner first: the system takes bits away."""
        os.chown(path, uid, uid if gid is None else gid)
        path.chmod(mode)

    def params(self, **more: Any) -> dict[str, Any]:
        """The module's parameters; Alice and Bob get the numbers of a ledger."""
        return {
            "users": [{"name": "alice", "to_uid": NEW_ALICE}, {"name": "bob", "to_uid": NEW_BOB}],
            "groups": [],
            "roots": [str(self.root)],
            "exclude": [],
            "network_file_systems": False,
            "stop": False,
            "processes": 2,
            "lock_timeout": 5,
            **more,
        }

    def run(self, check: bool = False, **more: Any) -> dict[str, Any]:
        """One call of the module."""
        return migrate(self.params(**more), check, lambda _command: None, self.host)

    def owner(self, path: str | Path) -> tuple[int, int]:
        """Whose a file is."""
        status = (self.root / path).lstat()
        return status.st_uid, status.st_gid

    def entry(self, database: str, name: str) -> list[str]:
        """The fields of an entry."""
        lines = (self.etc / database).read_text().splitlines()
        return next(line.split(":") for line in lines if line.split(":")[0] == name)

    def begun(self) -> dict[str, Any]:
        """What the host remembers of a migration."""
        found = json.loads((self.state / "migration.json").read_text())
        assert isinstance(found, dict)
        return found


def change(root: Path, uids: dict[int, int], processes: int = 1, **more: Any) -> Tally:
    """Only the walk, over a directory."""
    place = Root(str(root), "tmpfs", more.pop("stops", {}), more.pop("shared", False))
    return walk([place], Job(uids, more.pop("gids", uids), change=True, **more), processes, lambda _seen, _done: None)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A fresh host; its files have real owners, so the tests run as root."""
    if os.geteuid() != 0:
        pytest.fail("these tests give files to other users: run them as root, for example in a container")
    root = tmp_path / "host"
    root.mkdir(mode=0o755)
    return Machine(root)
