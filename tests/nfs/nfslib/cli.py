# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line."""

from __future__ import annotations

import argparse
import signal
import sys

from fleetlib.console import Console
from fleetlib.errors import FleetError
from fleetlib.spec import RELEASES

from . import sandbox
from .image import ensure_disk
from .lab import open_lab
from .needs import CannotRunError, check_and_install
from .play import ensure_tree
from .report import Report
from .scenario import PARTS, run_scenario

CANNOT_RUN = 77


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nfs.py", description="Machines with a kernel of their own, that mount NFS.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help=f"install what is missing; exit code {CANNOT_RUN}: it cannot be had here")
    test = commands.add_parser("test", help="boot the machines, go through the scenario, leave nothing")
    test.add_argument("--part", action="append", choices=list(PARTS), help="only this part of the scenario")
    up = commands.add_parser("up", help="boot the machines and keep them until you press Ctrl-C")
    for command in (test, up):
        command.add_argument("--release", choices=RELEASES, default=RELEASES[0], help="Debian of the machines")
    enter = commands.add_parser("enter", help="run a command beside the machines that are up")
    enter.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    return parser


def _carry_out(options: argparse.Namespace, console: Console) -> int:
    if options.command == "enter":
        return sandbox.enter(options.words)
    if not sandbox.is_inside():
        with console.step("see what this machine has"):
            check_and_install()
        if options.command == "check":
            return 0
        ensure_disk(options.release, console)
        ensure_tree()
        return sandbox.run_inside(sys.argv)
    report = Report(console)
    with open_lab(ensure_disk(options.release, console), report) as lab:
        if options.command == "test":
            run_scenario(lab, report, options.part or list(PARTS))
            return report.close()
        console.say("the machines are up: nfs.py enter COMMAND runs something beside them, Ctrl-C ends them")
        signal.sigwait([signal.SIGINT, signal.SIGTERM])
        return 0


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _carry_out(_parser().parse_args(), Console())
    except CannotRunError as error:
        print(f"nfs: {error}", file=sys.stderr)
        return CANNOT_RUN
    except FleetError as error:
        print(f"nfs: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("nfs: stopped by you", file=sys.stderr)
        return 130
