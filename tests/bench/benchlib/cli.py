# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from fleetlib import Console, FleetError, down

from . import bench_hosts
from .contenders import CONTENDERS, PLAYS
from .errors import BenchError
from .profiling import profile
from .report import machine, page, tables
from .rounds import Rounds
from .selection import ALL_SIZES, MANY_HOSTS, select, smoke
from .workplace import REPOSITORY, make_workplace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fleetlib import Fleet

    from .selection import Selection
    from .stats import Sample
    from .workplace import Workplace

_PAGE = REPOSITORY / "docs" / "benchmarks.md"
# A smoke test proves that everything works; what it allows is what no machine needs.
_SMOKE_LIMIT = 10.0
_IDLE = 0.5


def _names(allowed: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",")]
        unknown = [name for name in names if name not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of: {', '.join(allowed)}")
        return names

    return parse


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.py", description="What it costs to bring people to hosts.")
    parser.add_argument("--smoke", action="store_true", help="everybody once with a few people: does it all work?")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--profile", metavar="NAME", choices=PLAYS, help="show where the time of a play goes instead")
    parser.add_argument("--contenders", type=_names(tuple(CONTENDERS)), default=list(CONTENDERS), metavar="A,B")
    parser.add_argument("--sizes", type=_sizes, default=list(ALL_SIZES), metavar="N,N", help="numbers of users")
    parser.add_argument("--many-hosts", type=int, default=MANY_HOSTS, metavar="N", help="0: one host only")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="rounds")
    parser.add_argument("--budget", type=float, default=120.0, metavar="S", help="seconds after which a case is done")
    parser.add_argument(
        "--loops-cap", type=int, default=200, metavar="N", help="most accounts, on all hosts together, for the loops"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples")
    parser.add_argument("--keep", action="store_true", help="leave the hosts up")
    return parser


def _measure(options: argparse.Namespace, selection: Selection, place: Workplace, console: Console) -> None:
    rounds = Rounds(place, console)
    rounds.measure(selection.cases, 1 if options.smoke else options.repeats, options.budget)
    bounds, costs = tables(rounds.samples)
    print(f"{machine()}\n\n{costs}")
    for sentence in selection.left_out:
        print(f"Not measured: {sentence}.")
    if options.smoke:
        _check_smoke(rounds.samples)
    else:
        print(bounds)
    if options.json:
        options.json.write_text(json.dumps([asdict(sample) for sample in rounds.samples], indent=1) + "\n")
    if options.write:
        _PAGE.write_text(page(rounds.samples, budget=options.budget, left_out=selection.left_out), encoding="utf-8")
        console.say(f"- written: {_PAGE.relative_to(REPOSITORY)}")


def _check_smoke(samples: Sequence[Sample]) -> None:
    for sample in samples:
        if sample.case.contender == "accounts" and sample.ratio > _SMOKE_LIMIT:
            raise BenchError(f"{sample.case}, {sample.run}: {sample.ratio:.1f} pings are beyond all reason")


def _carry_out(options: argparse.Namespace, console: Console) -> None:
    if options.smoke:
        selection = smoke(options.contenders)
    else:
        selection = select(options.contenders, options.sizes, options.many_hosts, options.loops_cap)
        if os.getloadavg()[0] > _IDLE:
            console.say(f"- this machine is not idle (load {os.getloadavg()[0]:.1f}): expect wide ranges")
    counts = {1} if options.profile else {case.hosts for case in selection.cases}
    if not counts:
        raise BenchError("nothing to measure is left: allow more --contenders, --sizes or a higher --loops-cap")
    name = "bench-smoke" if options.smoke else "bench"
    with bench_hosts.alone(name):
        fleet = bench_hosts.start(name, max(counts), console)
        try:
            _work(options, selection, fleet, console)
        finally:
            if not options.keep:
                down(name, console)


def _work(options: argparse.Namespace, selection: Selection, fleet: Fleet, console: Console) -> None:
    place = make_workplace(fleet)
    try:
        if options.profile:
            for users in options.sizes:
                profile(place, options.profile, users)
        else:
            _measure(options, selection, place, console)
    finally:
        place.leave()


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.write and options.smoke:
            raise BenchError("a smoke test measures nothing worth writing down: use --write without --smoke")
        _carry_out(options, Console())
    except (BenchError, FleetError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: stopped by you", file=sys.stderr)
        return 130
    return 0
