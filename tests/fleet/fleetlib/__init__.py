# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts that tests, demo and benchmarks share: real systemd and sshd in Docker. See ../README.md.

Runs on the controller, needs nothing outside the standard library.
"""

from __future__ import annotations

from .console import Console
from .engine import engine_in_use, ensure_engine, stop_engine
from .errors import FleetError
from .fleet import Fleet, Host, load
from .hosts import down, up
from .spec import HostSpec, parse_host

__all__ = (
    "Console",
    "Fleet",
    "FleetError",
    "Host",
    "HostSpec",
    "down",
    "engine_in_use",
    "ensure_engine",
    "load",
    "parse_host",
    "stop_engine",
    "up",
)
