# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system that is mounted where a lab has its homes, and the module called on it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._storage import _layout_run
from ansible_collections.labfleet.identity.plugins.module_utils._storage._states import HostUsers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.labfleet.identity.plugins.module_utils._storage._request import Request

ALICE, BOB, CAROL, IMAGING = 5238, 5831, 5404, 4001
SOURCE = "server.example.org:/lab"
FILE_SYSTEM = "fs-0123456789abcdef0"


class Lab:
    """A mount point with something mounted, and what the host knows of people."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.point = root / "efs"
        self.point.mkdir()
        self.skel = root / "skel"
        self.skel.mkdir(mode=0o755)
        (self.skel / ".profile").write_text("umask 077\n")
        (self.skel / ".config").mkdir(mode=0o700)
        (self.skel / ".config" / "note").write_text("hello\n")
        self.homes = self.point / "home"
        self.shared = self.point / "shared"
        self.knows = HostUsers(
            uids={"alice": ALICE, "bob": BOB},
            homes={"alice": str(self.homes / "alice"), "bob": str(self.homes / "bob")},
            names={0: "root", ALICE: "alice", BOB: "bob"},
            groups={"alice": (ALICE, IMAGING), "bob": (BOB,)},
            gids={"imaging": IMAGING},
            group_names={0: "root", IMAGING: "imaging"},
            members={"imaging": ("alice",)},
        )
        self.mounts = 0

    def mount(self, source: str = SOURCE, options: str = "mode=0755,size=8m") -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, source, str(self.point)], check=True)
        self.mounts += 1

    def unmount(self) -> None:
        while self.mounts:
            self.mounts -= 1
            subprocess.run(["umount", "--lazy", str(self.point)], check=True)

    def params(self, *users: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The module's parameters with its defaults."""
        return {
            "mount_point": str(self.point),
            "file_system_id": FILE_SYSTEM,
            "sources": [SOURCE],
            "file_system_types": ["tmpfs"],
            "marker": ".labfleet-efs",
            "adopt": False,
            "create": True,
            "home_base": "home",
            "shared_base": "shared",
            "base_mode": "0755",
            "users": list(users),
            "shared_directories": [],
            "home_mode": "0700",
            "shared_mode": "2770",
            "skel": str(self.skel),
            "timeout": 5,
            **more,
        }

    def run(self, *users: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
        """One call of the module."""

        def known(_request: Request) -> HostUsers:
            return self.knows

        return _layout_run.lay_out(self.params(*users, **more), check, known)

    def everything(self) -> dict[str, tuple[Any, ...]]:
        """Every path that is mounted, with owner, mode and content."""
        seen: dict[str, tuple[Any, ...]] = {}
        for folder, names, files in os.walk(self.point):
            for path in [folder, *(os.path.join(folder, name) for name in names + files)]:
                status = os.lstat(path)
                data = os.readlink(path) if os.path.islink(path) else ""
                if os.path.isfile(path) and not os.path.islink(path):
                    data = Path(path).read_text()
                name = os.path.relpath(path, self.point)
                seen[name] = (oct(status.st_mode), status.st_uid, status.st_gid, data)
        return seen


def user(name: str, uid: int, **more: Any) -> dict[str, Any]:
    """One of the module's users, as the filter network_homes gives them."""
    return {"name": name, "uid": uid, **more}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """An empty file system that is mounted."""
    if os.geteuid() != 0:
        pytest.fail("these tests mount file systems and give files to other users: run them as root")
    root = tmp_path / "host"
    root.mkdir(mode=0o755)
    found = Lab(root)
    found.mount()
    yield found
    found.unmount()


def keep_root_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the file server say that root may not write, and everybody else may make their own.

    The server itself is in tests/nfs. Here the process that acts as a user is the real one, and root fails if it tries.
    """
    lab.run()
    for name in ("home", "shared"):
        (lab.point / name).chmod(0o1777)
    access, mkdir = os.access, os.mkdir

    def asked(path: Any, mode: int, **more: Any) -> bool:
        return False if mode & os.W_OK and os.geteuid() == 0 else access(path, mode, **more)

    def made(path: Any, mode: int = 0o777, **more: Any) -> None:
        assert os.geteuid() != 0, "root made something"
        mkdir(path, mode, **more)

    monkeypatch.setattr(os, "access", asked)
    monkeypatch.setattr(os, "mkdir", made)


@pytest.fixture
def squashed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A file system whose server keeps root out."""
    keep_root_out(lab, monkeypatch)
    return lab


@contextlib.contextmanager
def dead_server(point: Path) -> Iterator[None]:
    """An automount whose server never answers: whoever goes there waits."""
    reading, writing = os.pipe()
    daemon = subprocess.Popen(["sleep", "300"], start_new_session=True)
    libc = ctypes.CDLL(None, use_errno=True)
    options = "fd=%d,pgrp=%d,minproto=5,maxproto=5,direct" % (writing, daemon.pid)
    assert libc.mount(b"dead", os.fsencode(point), b"autofs", 0, options.encode()) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        assert libc.umount2(os.fsencode(point), 2) == 0, os.strerror(ctypes.get_errno())  # MNT_DETACH
        for handle in (reading, writing):
            os.close(handle)
        daemon.kill()
        daemon.wait()
