# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first program of a run finds out what is not in force, and then becomes the command."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._run_as import _guard

if TYPE_CHECKING:
    from pathlib import Path

# what no process without a unit has; the others depend on where the tests run
NEVER_HERE = {"capabilities", "hidden", "ipc", "mapped", "read_only", "setuid", "slice", "system_calls"}


def wanted(**more: Any) -> dict[str, Any]:
    here = os.stat("/tmp")
    return {
        "argv": ["true"],
        "environment": {"PATH": "/usr/local/bin:/usr/bin:/bin"},
        "chdir": "/",
        "uid": os.getuid(),
        "gid": os.getgid(),
        "groups": sorted({*os.getgroups(), os.getgid()}),
        "shared": False,
        "own_processes": False,
        "ipc": os.readlink("/proc/self/ns/ipc"),
        "pid": os.readlink("/proc/self/ns/pid"),
        "slice": "/user-5238.slice/labfleet-run-x.service",
        "hidden": [["/tmp", [here.st_dev, here.st_ino]]],
        "mapped": [["/tmp", [0, 0]]],
        "sockets": [],
        "writable": ["/proc"],
        "without": [],
        **more,
    }


def started(spec: dict[str, Any]) -> tuple[int, dict[str, Any], bytes, bytes]:
    """The program as systemd starts it: exit code, first line, output, errors."""
    ran = subprocess.run(
        [sys.executable, "-I", _guard.__file__], input=json.dumps(spec).encode(), capture_output=True, check=False
    )
    line, _newline, rest = ran.stdout.partition(b"\n")
    return ran.returncode, json.loads(line), rest, ran.stderr


def run_without_anything(*argv: str, **more: Any) -> tuple[int, bytes, bytes]:
    """The command, where nobody minds what is missing."""
    everything = [*started(wanted())[1]["missing"]]
    code, _line, out, errors = started(wanted(argv=list(argv), without=everything, **more))
    return code, out, errors


def test_outside_of_a_unit_protections_are_missing() -> None:
    missing = set(_guard.missing_protections(wanted()))
    if os.getuid():
        missing |= {"capabilities", "setuid"}
    assert missing >= NEVER_HERE
    assert "account" not in missing


def test_nothing_is_run_when_something_is_missing() -> None:
    code, line, out, errors = started(wanted(argv=["echo", "ran"]))
    assert (code, out, errors) == (125, b"", b"")
    assert set(line["missing"]) >= {"slice", "read_only"}


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"uid": 1}, "account"),
        ({"gid": 1}, "account"),
        ({"groups": [4242]}, "account"),
        ({"own_processes": True}, "processes"),
    ],
)
def test_what_is_another_than_wanted_is_missing(more: dict[str, Any], name: str) -> None:
    assert name in _guard.missing_protections(wanted(**more))


def test_a_bus_that_answers_is_missing_protection(tmp_path: Path) -> None:
    path = str(tmp_path / "bus")
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(path)
        bus.listen()
        assert "message_bus" in _guard.missing_protections(wanted(sockets=[path]))
    assert "message_bus" not in _guard.missing_protections(wanted(sockets=[path]))


def test_what_holds_is_not_missing() -> None:
    status = os.stat("/tmp")
    there = [["/tmp", [status.st_dev, status.st_ino]]]
    missing = _guard.missing_protections(
        wanted(mapped=there, hidden=[["/tmp", [0, 0]]], ipc="other", slice="", writable=[""])
    )
    assert {"mapped", "hidden", "ipc", "slice", "read_only"}.isdisjoint(missing)


def test_a_check_that_fails_counts_as_missing() -> None:
    assert "ipc" in _guard.missing_protections({name: value for name, value in wanted().items() if name != "ipc"})


def test_the_command_gets_its_words_and_its_environment_alone() -> None:
    words = ["-x", "a\nb", "$HOME", "`id`", "%s"]
    program = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
    environment = {"PATH": os.path.dirname(sys.executable), "A": "b\nc"}
    code, out, errors = run_without_anything(sys.executable, "-c", program, *words, environment=environment)
    assert (code, errors) == (0, b"")
    got, variables = json.loads(out)
    variables.pop("LC_CTYPE", None)  # of Python itself
    assert (got, variables) == (words, environment)


def test_the_command_cannot_read_what_the_first_program_read() -> None:
    code, out, _errors = run_without_anything("cat")
    assert (code, out) == (0, b"")


def test_files_are_for_the_user_alone() -> None:
    assert run_without_anything("sh", "-c", "umask")[1] == b"0077\n"


def test_a_closed_pipe_ends_the_command_as_programs_expect() -> None:
    assert run_without_anything("sh", "-c", "trap '' 0; kill -PIPE $$; echo lived")[0] == -13


@pytest.mark.parametrize(
    ("argv", "more", "code", "says"),
    [
        (["nonesuch"], {}, 127, b"cannot run 'nonesuch': No such file or directory"),
        (["/nonesuch\n"], {}, 127, b"cannot run '/nonesuch\\n': No such file or directory"),
        (["/etc/passwd"], {}, 126, b"cannot run '/etc/passwd': Permission denied"),
        (["true"], {"chdir": "/nonesuch"}, 126, b"cannot enter '/nonesuch': No such file or directory"),
        (["true"], {"environment": {"PATH": "."}}, 127, b"cannot run 'true'"),
    ],
)
def test_what_cannot_be_run_is_said(argv: list[str], more: dict[str, Any], code: int, says: bytes) -> None:
    assert says in (result := run_without_anything(*argv, **more))[2]
    assert result[0] == code


def test_a_writable_mount_is_found_whatever_it_is_called() -> None:
    found = _guard._writable(["/proc", "/sys", "/dev"])
    assert found
    assert set(found) > set(_guard._writable([found[0], "/proc", "/sys", "/dev"]))
