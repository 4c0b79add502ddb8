# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with secrets beside its homes, and a user with a process of their own who puts things in root's way."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import json
import mmap
import os
import signal
import stat
import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._accounts.conftest import Host, public_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

ALICE, BOB = 5238, 5831
MARK = "SENTINEL"
_LIBRARY = ctypes.CDLL(None, use_errno=True)
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE


def exchange(one: str, other: str) -> None:
    """Let two names change places, at once."""
    if _LIBRARY.renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), one)


class Scene:
    """A host on which alice attacks; ``precious`` is what root keeps beside the homes, as in /etc."""

    def __init__(self, root: Path) -> None:
        self.host = Host(root)
        self.root = root
        self.home = self.host.home / "alice"
        self.precious = root / "precious"
        self.secret = self._file("precious/shadow", "root:$6$%s:20000::::::\n" % MARK, 0o600)
        self._file("precious/conf.d/10-root.conf", "of root\n", 0o644)
        self._file("precious/private/%s" % MARK, "", 0o600).parent.chmod(0o700)
        # for the reader of keys: a key that only root can read, and one that root's group can
        self._file("precious/ssh/authorized_keys", public_key(7, MARK) + "\n", 0o600).parent.chmod(0o700)
        self._file("precious/of-the-group", public_key(8, MARK) + "\n", 0o640)
        # alice's as well, but not of her home: nobody asked to have it changed
        (self.precious / "workshop").mkdir(mode=0o711)
        os.chown(self.precious / "workshop", ALICE, ALICE)
        self.alice = self.host.user("alice", ALICE, keys=[public_key(1, "alice")])
        self.bob = self.host.user("bob", BOB, keys=[public_key(2, "bob")])

    def _file(self, path: str, text: str, mode: int) -> Path:
        whole = self.root / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text(text)
        whole.chmod(mode)
        return whole

    def own(self, path: Path) -> Path:
        """Make something alice's; of a link the link itself."""
        os.chown(path, ALICE, ALICE, follow_symlinks=False)
        return path

    def directory(self, path: Path) -> Path:
        """A new directory of alice's."""
        path.mkdir(mode=0o700)
        return self.own(path)

    def link(self, path: Path, target: Path) -> Path:
        """A link of alice's that leads elsewhere wherever the root is."""
        path.symlink_to(os.path.relpath(target, path.parent))
        return self.own(path)

    def outside(self, times: bool = True) -> dict[str, tuple[Any, ...]]:
        """Everything that is not alice's home: bob's home, what is precious; with the time of every change."""
        seen = {}
        for top in (self.precious, self.host.home / "bob"):
            for folder, names, files in os.walk(top):
                for path in [folder, *(os.path.join(folder, name) for name in names + files)]:
                    seen[os.path.relpath(path, self.root)] = _look(path, times)
        assert "precious/shadow" in seen
        return seen

    def whole_host(self) -> dict[str, tuple[Any, ...]]:
        """Everything but alice's home, by owner, mode and content."""
        inside = str(self.home) + "/"
        all_of_it = self.host.everything().items()
        return {path: what for path, what in all_of_it if path != str(self.home) and not path.startswith(inside)}


def _look(path: str, times: bool) -> tuple[Any, ...]:
    status = os.lstat(path)
    content = ""
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
    when = (status.st_ctime_ns, status.st_mtime_ns, status.st_nlink) if times else ()
    return (status.st_ino, oct(status.st_mode), status.st_uid, status.st_gid, content, *when)


def says_nothing(result: Any) -> None:
    """No content and no name that only root can read is in an answer."""
    assert MARK not in json.dumps(result)


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


@contextlib.contextmanager
def meanwhile(place: Path, attack: Callable[[], object], uid: int = ALICE) -> Iterator[None]:
    """A real process of a user's that does the same all the time, beginning in a directory.

    :param uid: 0 does what such a user could where directories were theirs.
    """
    turns = mmap.mmap(-1, 8)
    child = os.fork()
    if child == 0:
        try:
            os.chdir(place)
            _become(uid)
            while True:
                with contextlib.suppress(OSError):
                    attack()
                    turns[:8] = (int.from_bytes(turns[:8], "little") + 1).to_bytes(8, "little")
        finally:
            os._exit(1)
    try:
        end = time.monotonic() + 20
        while not any(turns[:8]):  # one that is refused, or never has its turn, would prove nothing
            assert time.monotonic() < end, "the attack is refused"
            time.sleep(0.001)
        yield
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "the attack ended by itself"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        turns.close()


def attempts(place: Path, tries: Mapping[str, Callable[[], object]], uid: int = ALICE) -> dict[str, str]:
    """What the system says to a user's process that tries these, by the name of the error; empty for what works."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.chdir(place)
            _become(uid)
            said = {}
            for name, attempt in tries.items():
                try:
                    attempt()
                    said[name] = ""
                except OSError as error:
                    said[name] = errno.errorcode[error.errno or 0]
            os.write(writing, json.dumps(said).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        answer = file.read()
    os.waitpid(child, 0)
    return dict(json.loads(answer))
