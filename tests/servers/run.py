# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three servers by name."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .environment import aws_environment
from .node import installed
from .process import ServerError, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("moto", "ministack", "dynalite")
_HERE = Path(__file__).resolve().parent
_TOOLBOX = _HERE.parents[1] / "scripts" / "toolbox"


@contextmanager
def server(name: str) -> Iterator[str]:
    """The URL of a new server without any table; it is gone when the block is left."""
    variables = aws_environment("")
    del variables["AWS_ENDPOINT_URL"]
    if name == "moto":
        program = [sys.executable, str(_HERE / "moto_one_at_a_time.py")]
    elif name == "ministack":
        program = [str(_ministack())]
        variables.update(BIND_HOST="127.0.0.1", SERVICES="dynamodb", LOG_LEVEL="WARNING", IOT_MTLS_ENABLED="0")
    elif name == "dynalite":
        waits = [f"--{verb}TableMs=0" for verb in ("create", "update", "delete")]
        cli = installed("dynalite") / "node_modules" / "dynalite" / "cli.js"
        program = ["node", str(cli), "--host=127.0.0.1", *waits]
    else:
        raise ServerError(f"There is no server {name!r}, only {', '.join(NAMES)}.")

    def command_at(port: int) -> list[str]:
        if name == "ministack":
            # it takes its port from a variable alone
            return ["env", f"GATEWAY_PORT={port}", *program]
        return [*program, str(port) if name == "moto" else f"--port={port}"]

    with serving(name, command_at, variables) as port:
        yield f"http://127.0.0.1:{port}"


def _ministack() -> Path:
    """Its program, in an environment of its own: it is bigger than all that is tested here."""
    command = [sys.executable, str(_TOOLBOX), "venv", "--no-link", "ministack"]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise ServerError(f"The environment of ministack cannot be made: {ran.stderr.strip()[-500:]}")
    return Path(ran.stdout.strip().splitlines()[-1]) / "bin" / "ministack"
