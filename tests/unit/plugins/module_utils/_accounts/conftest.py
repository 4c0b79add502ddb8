# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in a directory: the account files, homes and key files of a small Debian machine."""

from __future__ import annotations

import base64
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._run import bring_about
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._snapshot import Places

PASSWD = """root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
ubuntu:x:1000:1000:Ubuntu,,,:/home/ubuntu:/bin/bash
"""
GROUP = """root:x:0:
daemon:x:1:
sudo:x:27:ubuntu
video:x:44:
docker:x:999:
nogroup:x:65534:
ubuntu:x:1000:
"""
SHADOW = """root:*:20000:0:99999:7:::
daemon:*:20000:0:99999:7:::
nobody:*:20000:0:99999:7:::
ubuntu:!:20000:0:99999:7:::
"""
GSHADOW = """root:*::
daemon:*::
sudo:*::ubuntu
video:*::
docker:!::
nogroup:*::
ubuntu:!::
"""
LOGIN_DEFS = "# comment\nUID_MIN\t\t\t 1000\nUID_MAX\t\t\t60000\nGID_MIN 1000\nGID_MAX\t60000\n"


def public_key(number: int, comment: str = "") -> str:
    """An ed25519 public key line that parses; nobody has its private half."""
    blob = b"".join(struct.pack(">I", len(part)) + part for part in (b"ssh-ed25519", b"%032d" % number))
    return ("ssh-ed25519 " + base64.b64encode(blob).decode("ascii") + " " + comment).strip()


class Host:
    """The host, and the module called on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.etc, self.home, self.keys = root / "etc", root / "home", root / "ssh" / "keys"
        self.commands: list[list[str]] = []  # that were run, on a real host
        self.places = Places(
            etc=str(self.etc),
            record=str(root / "var" / "record"),
            linger=str(root / "linger"),
            proc=str(root / "proc"),
            spool=str(root / "spool"),
            visudo=str(root / "visudo"),
        )
        for name in ("etc", "home", "ssh", "var", "linger", "proc", "skel", "spool", "etc/sudoers.d"):
            (root / name).mkdir(mode=0o755)
        # stands in for visudo, which the machines that run these tests need not have; the real one judges on hosts
        (root / "visudo").write_text("#!/bin/sh\nexit 0\n")
        (root / "visudo").chmod(0o755)
        (self.etc / "sudoers").write_text("root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n")
        (root / "skel" / ".profile").write_text("umask 077\n")
        (root / "skel" / ".config").mkdir(mode=0o700)
        (root / "skel" / ".config" / "note").write_text("hello\n")
        (root / "skel" / ".link").symlink_to(".profile")
        texts = {"passwd": PASSWD, "group": GROUP, "shadow": SHADOW, "gshadow": GSHADOW, "login.defs": LOGIN_DEFS}
        for name, text in texts.items():
            path = self.etc / name
            path.write_text(text)
            path.chmod(0o640 if "shadow" in name else 0o644)

    def user(self, name: str, uid: int, **more: Any) -> dict[str, Any]:
        """A user entry whose home is inside this host."""
        return {"name": name, "uid": uid, "home": str(self.home / name), "shell": "/bin/sh", **more}

    def params(self, users: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """The module's parameters with its defaults."""
        return {
            "users": users,
            "groups": [],
            "owner": "research:lab",
            "band": "5000-5999",
            "group_band": "4000-4999",
            "orphans": "report",
            "removal_cap": 3,
            "pin_local_ids": False,
            "home_mode": None,
            "keys_directory": str(self.keys),
            "skel": str(self.root / "skel"),
            "allow_privileged_groups": False,
            "lock_timeout": 1,
            **more,
        }

    def run(self, users: list[dict[str, Any]], check: bool = False, **more: Any) -> dict[str, Any]:
        """One call of the module."""
        return bring_about(self.params(users, **more), check, self.commands.append, self.places)

    def entry(self, database: str, name: str) -> list[str] | None:
        """The fields of an entry, None when there is none."""
        for line in (self.etc / database).read_text().splitlines():
            if line.split(":")[0] == name:
                return line.split(":")
        return None

    def everything(self) -> dict[str, tuple[Any, ...]]:
        """What the host looks like: every path with its kind, mode, owner and content."""
        seen: dict[str, tuple[Any, ...]] = {}
        for folder, names, files in os.walk(self.root):
            for name in names + files:
                path = Path(folder) / name
                status = path.lstat()
                data = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
                if not name.endswith("-") and name != ".pwd.lock":
                    seen[str(path)] = (oct(status.st_mode), status.st_uid, status.st_gid, data)
        return seen


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A fresh host; its homes have real owners, so the tests run as root."""
    if os.geteuid() != 0:
        pytest.fail("these tests give files to other users: run them as root, for example in a container")
    root = tmp_path / "host"
    root.mkdir(mode=0o755)
    return Host(root)
