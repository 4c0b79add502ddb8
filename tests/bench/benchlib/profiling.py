# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the time of an accounts play goes, on the controller and on the host."""

from __future__ import annotations

import base64
import pstats
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import bench_hosts
from .contenders import make_ready, ping
from .errors import BenchError
from .measure import Command, run
from .stats import RUNS, Case
from .workplace import REPOSITORY

if TYPE_CHECKING:
    from .measure import Outcome
    from .workplace import Workplace

RESULTS = REPOSITORY / ".fleet" / "profiles"
_LAUNCHER = Path(__file__).resolve().parent.parent / "profiled_playbook.py"
_WRAPPER = _LAUNCHER.with_name("hostside") / "profiled_python.py"
_HOST_PYTHON = "/usr/local/bin/profiled-python"
_HOST_PROFILE = "/run/module.prof"
_LINES = 40


def profile(place: Workplace, contender: str, users: int) -> None:
    """Print the costs of a first run and of one without changes, then what they consist of."""
    case = Case(contender, users, 1)
    ready = make_ready(place, case)
    hosts = place.hosts(1)
    name = hosts.hosts[0].name
    wrapper = "#!/usr/bin/python3\n" + _WRAPPER.read_text(encoding="utf-8")
    hosts.run(name, ["install", "-m", "0755", "/dev/stdin", _HOST_PYTHON], stdin=wrapper)
    _checked(place, ping(place, 1))
    print(f"# {case}\n")
    _print_cost("ping", _checked(place, ping(place, 1)))
    bench_hosts.restore(hosts)
    ready.forget()
    for kind in RUNS:
        _print_cost(kind, _checked(place, ready.commands))
    bench_hosts.restore(hosts)
    ready.forget()
    for kind in RUNS:
        into = RESULTS / f"{contender.split()[0]}-{users}-{kind.replace(' ', '-')}"
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        options = ("-e", f"ansible_python_interpreter={_HOST_PYTHON}")
        commands = tuple(
            Command((sys.executable, str(_LAUNCHER), str(into), *each.argv[1:], *options)) for each in ready.commands
        )
        _checked(place, commands)
        (into / "host.prof").write_bytes(base64.b64decode(hosts.run(name, ["base64", _HOST_PROFILE])))
        _print_profiles(into, f"{case}, {kind}")
    print(f"The profiles are in {RESULTS.relative_to(REPOSITORY)}, for `python -m pstats`.")


def _checked(place: Workplace, commands: tuple[Command, ...]) -> Outcome:
    outcome = run(commands, place.surroundings(1))
    if outcome.returncode != 0:
        raise BenchError(f"a profiled play failed:\n{outcome.output}")
    return outcome


def _print_cost(what: str, outcome: Outcome) -> None:
    cost = outcome.cost
    host = "-" if cost.host is None else f"{cost.host:.2f}"
    print(f"{what:10} {cost.wall:.2f} s wall, {cost.controller:.2f} s controller CPU, {host} s host CPU")


def _print_profiles(directory: Path, what: str) -> None:
    for path in (directory / "main.prof", *sorted(directory.glob("worker-*.prof")), directory / "host.prof"):
        print(f"\n## {what}: {path.stem.split('-')[0]}\n", flush=True)
        stats = pstats.Stats(str(path), stream=sys.stdout).strip_dirs()
        for order in ("cumulative", "tottime"):
            stats.sort_stats(order).print_stats(_LINES)
