# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine with account files of its own, on which real playbooks run as root and leave no trace.

Started as a program it makes the machine private (mounts, processes), runs one command in it and writes down what
somebody who watches would have seen: what the modules told syslog, and the arguments of every process.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

COLLECTION = Path(__file__).resolve().parents[3]
KEEPER = '''
from ansible.plugins.callback import CallbackBase
import json, os

DOCUMENTATION = """
name: keeper
type: aggregate
short_description: keep every event as whoever stores job events would
description: one line of JSON an event.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "keeper"

    def _keep(self, event, result):
        with open(os.environ["KEEPER_FILE"], "a") as file:
            data = {"event": event, "task": result._task.get_name(), "res": result._result}
            file.write(json.dumps(data, default=str) + "\\n")

    def v2_runner_on_ok(self, result):
        self._keep("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._keep("failed", result)
'''


@dataclass(frozen=True)
class Seen:
    """Everything that one run of a playbook showed to anybody."""

    code: int
    printed: str
    syslog: str
    argv: str
    events: str
    facts: str
    host: dict[str, str]  # the account files afterwards, as text

    @property
    def everywhere(self) -> dict[str, str]:
        """What others can read, by where they read it."""
        return {
            "output": self.printed,
            "syslog": self.syslog,
            "argv": self.argv,
            "job events": self.events,
            "fact cache": self.facts,
        }


class PrivateHost:
    """Plays run on it against localhost; every play begins with the machine's own account files."""

    def __init__(self, directory: Path) -> None:
        assert os.geteuid() == 0, "a private copy of /etc is mounted for these tests: run the unit tests as root"
        self.directory = directory
        self.homes = directory / "homes"
        self.homes.mkdir(mode=0o755)
        tree = directory / "tree" / "ansible_collections" / "labfleet"
        tree.mkdir(parents=True)
        (tree / "identity").symlink_to(COLLECTION)
        (directory / "callbacks").mkdir()
        (directory / "callbacks" / "keeper.py").write_text(KEEPER)

    def play(self, tasks: list[dict[str, Any]], *arguments: str, check_code: int | None = None) -> Seen:
        """Run these tasks, at the highest verbosity and with diffs."""
        book = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
        (self.directory / "play.yml").write_text(yaml.safe_dump(book, sort_keys=False, width=10000))
        program = [sys.executable, "-c", "from ansible.cli.playbook import main; main()"]
        options = ["-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter=" + sys.executable]
        command = [*program, *options, "-vvvv", "--diff", "play.yml", *arguments]
        shutil.rmtree(self.directory / "facts", ignore_errors=True)
        events = self.directory / "events"
        events.unlink(missing_ok=True)
        order = {"directory": str(self.directory), "command": command}
        (self.directory / "order.json").write_text(json.dumps(order))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment.update(
            ANSIBLE_COLLECTIONS_PATH=str(self.directory / "tree"),
            ANSIBLE_HOME=str(self.directory / "ansible"),
            ANSIBLE_NOCOLOR="1",
            ANSIBLE_CALLBACK_PLUGINS=str(self.directory / "callbacks"),
            ANSIBLE_CALLBACKS_ENABLED="keeper",
            ANSIBLE_CACHE_PLUGIN="jsonfile",
            ANSIBLE_CACHE_PLUGIN_CONNECTION=str(self.directory / "facts"),
            KEEPER_FILE=str(events),
        )
        separate = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child"]
        ran = subprocess.run(
            [*separate, sys.executable, __file__, str(self.directory / "order.json")],
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        answer = json.loads((self.directory / "answer.json").read_text())
        seen = Seen(
            code=answer["code"],
            printed=answer["printed"],
            syslog=answer["syslog"],
            argv=answer["argv"],
            events=events.read_text() if events.exists() else "",
            facts="".join(path.read_text() for path in self.directory.glob("facts/*")),
            host=answer["host"],
        )
        if check_code is not None:
            assert seen.code == check_code, seen.printed
        return seen


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def make_private(directory: Path) -> socket.socket:
    """Mount what the run may change, and listen where syslog would."""
    mine = directory / "mounts"
    mine.mkdir(exist_ok=True)
    mount("-t", "tmpfs", "tmpfs", str(mine))
    shutil.copytree("/etc", mine / "etc", symlinks=True, ignore=shutil.ignore_patterns("ssl", "alternatives"))
    for name in ("passwd", "group", "shadow", "gshadow"):
        if not (mine / "etc" / name).exists():
            (mine / "etc" / name).write_text("")
    for name in ("ssl", "alternatives"):
        if Path("/etc", name).exists():
            (mine / "etc" / name).mkdir()
            mount("--bind", "/etc/" + name, str(mine / "etc" / name))
    mount("--rbind", str(mine / "etc"), "/etc")
    for path in ("/run", "/var/lib/labfleet-identity", "/var/lib/systemd/linger", "/etc/ssh/authorized_keys.d"):
        Path(path).mkdir(parents=True, exist_ok=True)
        mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", path)
    device = mine / "dev"
    device.mkdir()
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        (device / name).touch()
        mount("--bind", "/dev/" + name, str(device / name))
    for name in ("shm", "pts"):
        (device / name).mkdir()
        mount("--rbind", "/dev/" + name, str(device / name))
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("ptmx", "pts/ptmx")):
        (device / name).symlink_to(target)
    mount("--rbind", str(device), "/dev")
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    log.bind("/dev/log")
    log.settimeout(0.1)
    return log


def watch(log: socket.socket, done: threading.Event, lines: list[str], commands: set[str]) -> None:
    """Read syslog, and look at the arguments and environments of all processes again and again."""
    while True:
        last = done.is_set()
        for process in os.listdir("/proc"):
            if process.isdigit():
                for part in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        commands.add(Path("/proc", process, part).read_bytes().decode("utf-8", "replace"))
        with contextlib.suppress(OSError):
            log.settimeout(0.005)
            while True:
                lines.append(log.recv(1 << 20).decode("utf-8", "replace"))
        if last:
            return


def main() -> None:
    order = json.loads(Path(sys.argv[1]).read_text())
    directory = Path(order["directory"])
    log = make_private(directory)
    done = threading.Event()
    lines: list[str] = []
    commands: set[str] = set()
    watcher = threading.Thread(target=watch, args=(log, done, lines, commands))
    watcher.start()
    ran = subprocess.run(order["command"], cwd=directory, check=False, capture_output=True, text=True)
    done.set()
    watcher.join()
    files = [Path("/etc", name) for name in ("passwd", "shadow", "group")]
    files += Path("/etc/ssh/authorized_keys.d").iterdir()
    host = {str(path): path.read_text() for path in files}
    answer = {
        "code": ran.returncode,
        "printed": ran.stdout + ran.stderr,
        "syslog": "\n".join(lines),
        "argv": "\n".join(sorted(commands)),
        "host": host,
    }
    (directory / "answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
