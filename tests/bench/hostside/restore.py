# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on a bench host as root: keep a copy of what accounts consist of, or put that copy back, to the byte."""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
import stat
import subprocess
import sys
import time

KEPT = "/var/lib/labfleet-bench"
PAST = KEPT + "-past"
ROOTS = ("/etc", "/home", "/var/lib/labfleet-identity", "/var/mail", "/var/backups")


def keep() -> None:
    shutil.rmtree(KEPT, ignore_errors=True)
    for root in ROOTS:
        if os.path.isdir(root):
            os.makedirs(os.path.dirname(KEPT + root), exist_ok=True)
            subprocess.run(["cp", "--archive", root, KEPT + root], check=True)


def is_directory(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def remove(path: str) -> None:
    """Put away what a measurement left.

    ext4 looks past each inode that was deleted within minutes when it makes a file. So a host on which homes were
    deleted makes them ever more slowly, and the second contender would pay for the first.
    """
    os.makedirs(PAST, mode=0o700, exist_ok=True)
    try:
        os.rename(path, "%s/%d" % (PAST, time.monotonic_ns()))
        return
    except OSError as error:
        if error.errno != errno.EXDEV:  # what an image brought
            raise
    if is_directory(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def same(kept: str, live: str) -> bool:
    """Same kind, owner, mode and content; what is in a directory is compared one by one."""
    try:
        then, now = os.lstat(kept), os.lstat(live)
    except FileNotFoundError:
        return False
    if (then.st_mode, then.st_uid, then.st_gid) != (now.st_mode, now.st_uid, now.st_gid):
        return False
    if stat.S_ISLNK(then.st_mode):
        return os.readlink(kept) == os.readlink(live)
    return stat.S_ISDIR(then.st_mode) or filecmp.cmp(kept, live, shallow=False)


def put_back(kept: str, live: str) -> None:
    """Make LIVE what KEPT is, and all that is in it."""
    if not same(kept, live):
        if os.path.lexists(live) and not (is_directory(kept) and is_directory(live)):
            remove(live)
        if is_directory(kept):
            os.makedirs(live, exist_ok=True)
        else:
            shutil.copy2(kept, live, follow_symlinks=False)
        then = os.lstat(kept)
        os.chown(live, then.st_uid, then.st_gid, follow_symlinks=False)
        if not os.path.islink(live):
            os.chmod(live, stat.S_IMODE(then.st_mode))
    if is_directory(kept):
        wanted = set(os.listdir(kept))
        for name in os.listdir(live):
            if name not in wanted:
                remove(os.path.join(live, name))
        for name in wanted:
            put_back(os.path.join(kept, name), os.path.join(live, name))


def sshd_settings() -> list[tuple[str, int]]:
    found = []
    for directory, _subdirectories, names in os.walk("/etc/ssh"):
        found += [(path, os.lstat(path).st_mtime_ns) for path in (os.path.join(directory, name) for name in names)]
    return sorted(found)


def restore() -> None:
    before = sshd_settings()
    for root in ROOTS:
        if os.path.isdir(KEPT + root):
            put_back(KEPT + root, root)
        elif os.path.lexists(root):
            remove(root)
    if sshd_settings() != before:
        subprocess.run(["systemctl", "reload", "ssh"], check=True)
    # The next measurement shall not pay for writing out what this one threw away.
    os.sync()


if __name__ == "__main__":
    {"keep": keep, "restore": restore}[sys.argv[1]]()
