# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that speak the API of DynamoDB, on loopback, and a proxy that does to requests what networks do to them."""

from __future__ import annotations

from .environment import ACCESS_KEY, REGION, SECRET_KEY, aws_environment
from .faults import Fault, Mishaps, Refusal, Request, Scripted
from .process import ServerError
from .proxy import Proxy, proxied
from .run import NAMES, server

__all__ = [
    "ACCESS_KEY",
    "NAMES",
    "REGION",
    "SECRET_KEY",
    "Fault",
    "Mishaps",
    "Proxy",
    "Refusal",
    "Request",
    "Scripted",
    "ServerError",
    "aws_environment",
    "proxied",
    "server",
]
