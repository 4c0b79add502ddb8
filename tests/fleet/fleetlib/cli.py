# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of the fleet: progress on standard error, the answer on standard output."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .console import Console
from .engine import engine_in_use, ensure_engine, stop_engine
from .errors import FleetError
from .fleet import LOGINS
from .hosts import down, up
from .image import ensure_images
from .spec import RELEASES, TEMPLATE_USERS, parse_host
from .wheels import ON_HOST, ensure_wheels, lay_wheels

if TYPE_CHECKING:
    from collections.abc import Sequence


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fleet.py", description="Hosts with a real systemd and sshd, in Docker.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start a fleet and print the path of its inventory")
    start.add_argument("name", help="name of the fleet")
    start.add_argument(
        "--host", action="append", required=True, metavar="NAME[:RELEASE[:TEMPLATE]]", help="a host; once for each"
    )
    start.add_argument("--efs", action="store_true", help="a volume that all hosts share, at /efs")
    start.add_argument("--login", choices=LOGINS, default=LOGINS[0], help="who Ansible logs in as")
    start.add_argument("--fresh", action="store_true", help="start anew even if exactly this fleet is up")
    stop = commands.add_parser("down", help="remove fleets and everything of them")
    stop.add_argument("name", nargs="+", help="name of the fleet")
    engine = commands.add_parser("engine", help="the Docker engine")
    engine.add_argument("action", choices=("start", "stop"), help="stop does so only if it was started here")
    image = commands.add_parser("image", help="make the host images and print their names")
    image.add_argument("--release", action="append", choices=RELEASES, help="only this release")
    image.add_argument("--template", action="append", choices=sorted(TEMPLATE_USERS), help="only this template")
    wheels = commands.add_parser("wheels", help="fetch the Python packages of JupyterLab, for hosts without an index")
    wheels.add_argument("name", nargs="*", help="fleets that get them")
    return parser


def _carry_out(options: argparse.Namespace, console: Console) -> None:
    if options.command == "up":
        specs = [parse_host(text) for text in options.host]
        fleet = up(options.name, specs, console, efs=options.efs, login=options.login, fresh=options.fresh)
        print(fleet.inventory)
    elif options.command == "down":
        for name in options.name:
            down(name, console)
    elif options.command == "engine" and options.action == "start":
        print(ensure_engine(console))
    elif options.command == "engine":
        stop_engine(console)
    elif options.command == "wheels":
        for name in options.name:
            lay_wheels(name, console)
            print(ON_HOST)
        for release in () if options.name else RELEASES:
            print(ensure_wheels(release, console))
    else:
        pairs = [(r, t) for r in options.release or RELEASES for t in options.template or TEMPLATE_USERS]
        with engine_in_use(console):
            for image in ensure_images(pairs, console).values():
                print(image)


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        _carry_out(_parser().parse_args(arguments), Console())
    except FleetError as error:
        print(f"fleet: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("fleet: stopped by you", file=sys.stderr)
        return 130
    return 0
