# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in a directory with the home of somebody who left."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_run import Places, settle_homes

ALICE = 5238
BOB = 5831


class Leaving:
    """The host, and accounts_home called on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.etc, self.base, self.proc = root / "etc", root / "home", root / "proc"
        self.archives = root / "archives"
        for path in (self.etc, self.base, self.proc):
            path.mkdir(mode=0o755)
        self.accounts({})
        self.home = self.base / "alice"
        self.home.mkdir(mode=0o700)
        self.write("notes.txt", b"what alice knew\n")
        self.own()

    def accounts(self, entries: dict[str, tuple[int, str, str]]) -> None:
        """Write the account files; by name uid, shell and the day of expiry."""
        passwd = ["%s:x:%d:%d::/home/%s:%s\n" % (n, uid, uid, n, shell) for n, (uid, shell, _end) in entries.items()]
        shadow = ["%s:*:20000:0:99999:7::%s:\n" % (n, end) for n, (_uid, _shell, end) in entries.items()]
        (self.etc / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\n" + "".join(passwd))
        (self.etc / "shadow").write_text("root:*:20000:0:99999:7:::\n" + "".join(shadow))

    def write(self, name: str, data: bytes) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def own(self) -> None:
        """Make everything in the home alice's."""
        subprocess.run(["chown", "-hR", "%d:%d" % (ALICE, ALICE), str(self.home)], check=True)

    def run(self, state: str, check: bool = False, **more: Any) -> dict[str, Any]:
        params = {
            "users": [{"name": "alice", "uid": ALICE, "home": str(self.home)}],
            "state": state,
            "archive_directory": str(self.archives),
            "compress": False,
            "archive_first": False,
            "without_archive": False,
            "network_file_system": False,
            "closed_by_then": [],
            **more,
        }
        return settle_homes(params, check, Places(str(self.etc), str(self.proc)))

    def archive(self) -> Path:
        """Archive the home; returns where the archive is."""
        return Path(self.run("archived")["homes"][0]["archive"]["path"])

    def unpacked(self, archive: Path) -> Path:
        """What GNU tar makes of an archive."""
        target = self.root / "unpacked"
        target.mkdir()
        command = ["tar", "--extract", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--file", str(archive)]
        subprocess.run([*command, "--directory", str(target)], check=True)
        return target / "alice"

    def other_names(self) -> list[str]:
        return sorted(name for name in os.listdir(self.base) if name != "alice")


@pytest.fixture
def host(tmp_path: Path) -> Leaving:
    assert os.geteuid() == 0, (
        "these tests give files to other users, which only root may do: run the unit tests as root"
    )
    return Leaving(tmp_path)
