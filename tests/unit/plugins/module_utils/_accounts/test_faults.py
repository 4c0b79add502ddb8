# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed, or fails, at any of its system calls."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._accounts import _transaction
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import DATABASES
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

from .conftest import Host, public_key

# every call by which the apply changes something, or makes it last
CALLS = (
    "write", "fsync", "rename", "mkdir", "unlink", "rmdir", "symlink", "fchown", "fchmod", "chown", "chmod", "setxattr",
    "open",
)  # fmt: skip
KILLED = 137
REFUSED = 50
DONE = 0
GROUPS = [{"name": "research", "gid": 4444}]


RULES = [{"commands": ["/usr/bin/id"], "nopasswd": True}]
EVERYTHING: dict[str, Any] = {
    "sudo": RULES,
    "limits": {"cores": 2},
    "subids": True,
    "linger": True,
    "mail_alias": "somebody@lab.example",
}


def first(host: Host) -> list[dict[str, Any]]:
    return [
        host.user("alice", 5238, groups=["research"], keys=[public_key(1)], sudo=RULES),
        host.user("bob", 5831, groups=["research"], keys=[public_key(2)], **EVERYTHING),
        host.user("carol", 5404, groups=["research"]),
        host.user("frank", 5777, groups=["research"], keys=[public_key(5)]),
    ]


def then(host: Host) -> list[dict[str, Any]]:
    """A run that does everything at once: make, change, disable, remove, rename."""
    alice, bob, carol, frank = first(host)
    return [
        {**alice, "keys": [public_key(8)], "shell": "/bin/bash", "sudo": [], "umask": "0027"},
        {**bob, "state": "disabled"},
        {**carol, "state": "absent"},
        # nobody says anything about this one's keys: they must come along
        {**frank, "name": "francis", "formerly": ["frank"], "keys": None},
        host.user("dave", 5900, groups=["research", "video"], keys=[public_key(4)]),
    ]


def interrupted(host: Host, users: list[dict[str, Any]], at: int, stop: Callable[[], None]) -> int:
    """Run in a child whose ``at``-th call meets ``stop``; the child's exit status."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            count = 0

            def counted(real: Callable[..., Any]) -> Callable[..., Any]:
                def call(*args: Any, **kwargs: Any) -> Any:
                    nonlocal count
                    count += 1
                    if count == at:
                        stop()
                    return real(*args, **kwargs)

                return call

            for name in CALLS:
                setattr(os, name, counted(getattr(os, name)))
            host.run(users, groups=GROUPS, pin_local_ids=True)
            status = DONE
        except IdentityError as error:
            status = REFUSED if "cut short" in str(error) or "cannot be" in str(error) else 98
        finally:
            os._exit(status)
    return os.WEXITSTATUS(os.waitpid(child, 0)[1])


def kill() -> None:
    os._exit(KILLED)


def no_space() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def broken_disk() -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def assert_sound(host: Host, begin: dict[str, bytes]) -> None:
    """The files parse, hold every foreign line, and name nobody twice; a name in passwd has all its other entries."""
    names: dict[str, list[str]] = {}
    for database, count in DATABASES.items():
        data = (host.etc / database).read_bytes()
        assert data.endswith(b"\n")
        lines = data.decode().splitlines()
        assert all(len(line.split(":")) == count for line in lines)
        names[database] = [line.split(":")[0] for line in lines]
        assert len(set(names[database])) == len(names[database])
        assert [line for line in begin[database].splitlines() if line not in data.splitlines()] == [] or database in (
            "group", "gshadow",
        )  # fmt: skip
    passwd = [line.split(":") for line in (host.etc / "passwd").read_text().splitlines()]
    assert len({fields[2] for fields in passwd}) == len(passwd)
    for fields in passwd:
        home = host.home / fields[0]
        if home.exists():
            assert home.stat().st_uid == int(fields[2])
    for name in os.listdir(host.home):
        if not name.startswith("."):
            assert (host.home / name / ".config" / "note").read_text() == "hello\n"
    if host.keys.exists():
        for name in os.listdir(host.keys):
            if not name.startswith("."):
                text = (host.keys / name).read_text()
                assert text.startswith("# ")
                assert text.endswith("\n")


def fresh(tmp_path: Path, name: str) -> Host:
    root = tmp_path / name
    root.mkdir(mode=0o755)
    return Host(root)


def relative(host: Host) -> dict[str, Any]:
    """The host's state without the paths of this very directory."""
    root = str(host.root).encode()
    return {
        path[len(str(host.root)) :]: (*rest, data.replace(root, b"") if isinstance(data, bytes) else data)
        for path, (*rest, data) in host.everything().items()
    }


def only_lingering(users: tuple[tuple[str, int], ...], _proc: str, linger: str, _run: object) -> None:
    for name, _uid in users:
        Path(linger, name).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("before", "stop"),
    [("fresh host", kill), ("fresh host", broken_disk), ("people there", kill), ("people there", no_space)],
)
def test_stopped_at_any_call_the_files_parse_and_the_next_run_completes(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, stop: Callable[[], None]
) -> None:
    # nobody really runs as these numbers here; ending processes is shown on real hosts
    monkeypatch.setattr(_transaction, "stop_users", only_lingering)

    def prepare(one: Host) -> list[dict[str, Any]]:
        if before == "fresh host":
            return first(one)[:2]
        one.run(first(one), groups=GROUPS)
        return then(one)

    untouched = {database: (host.etc / database).read_bytes() for database in DATABASES}
    model = fresh(tmp_path, "model")
    users = prepare(model)
    model.run(users, groups=GROUPS, pin_local_ids=True)
    wanted = relative(model)
    points = 0
    # every third call, each kind of stop beginning at another one; LABFLEET_EVERY=1 stops at every call in every way
    every = int(os.environ.get("LABFLEET_EVERY", "3"))
    at = 1 + [kill, no_space, broken_disk].index(stop) % every - every
    while True:
        points += 1
        at += every
        one = fresh(tmp_path, "at%d" % at)
        users = prepare(one)
        status = interrupted(one, users, at, stop)
        if status == DONE:  # it made fewer calls than that
            break
        assert status == (KILLED if stop is kill else REFUSED)
        assert_sound(one, untouched)
        one.run(users, groups=GROUPS, pin_local_ids=True)
        assert relative(one) == wanted, "stopped at call %d" % at
        third = one.run(users, groups=GROUPS, pin_local_ids=True)
        assert not third["changed"], third["diff"]
    assert points > 60 // every  # it was stopped that often: the calls are really counted
