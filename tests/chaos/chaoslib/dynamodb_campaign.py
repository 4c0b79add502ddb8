# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The campaign against a ledger in a table of DynamoDB, behind a proxy that does what networks do."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.tests.servers import (
    Fault,
    Mishaps,
    ServerError,
    aws_environment,
    proxied,
    server,
)

from .books import book_of_table
from .campaign import Campaign
from .processes import CHAOS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ansible_collections.labfleet.identity.tests.servers import Proxy, Request

    from .campaign import Outcome, Plan

__all__ = ["DynamoCampaign", "ServerError", "dynamodb_campaign"]

TABLE = "chaos"
MISHAPS = 0.12  # the share of requests that something happens to
PAUSES = (0.02, 0.1, 0.3)
# A client waits for an answer for a third of its time, but a second at least; then it gives up on what the server does.
TOO_LONG = 1.2
COUNTED = {
    "requests_dropped": (Fault.DROP_REQUEST,),
    "answers_dropped": (Fault.DROP_RESPONSE, Fault.CUT_RESPONSE),
    "requests_twice": (Fault.TWICE, Fault.LATE),
    "delayed": (Fault.DELAY, Fault.HANG),
    "server_errors": (Fault.THROTTLED, Fault.FAILED, Fault.FAILED_AFTER, Fault.UNAVAILABLE),
}


class WhatHappens:
    """Mishaps by chance; and a request whose sender was killed in the middle of it is none and reaches no server."""

    def __init__(self, seed: int) -> None:
        self._by_chance = Mishaps(seed, MISHAPS)

    def __call__(self, request: Request) -> Fault | None:
        try:
            json.loads(request.body)
        except ValueError:
            return Fault.DROP_REQUEST
        return self._by_chance(request)


class DynamoCampaign(Campaign):
    """Controllers that have nothing in common but the table."""

    calls_to_kill = 20  # to begin costs a controller more time with its client than the numbers of a batch

    def __init__(
        self, name: str, plan: Plan, directory: Path, proxy: Proxy, ways: tuple[str, Mapping[str, str]]
    ) -> None:
        self._proxy = proxy
        self._url, variables = ways
        self._straight = aws_environment(self._url, variables)
        super().__init__(f"dynamodb:{TABLE}", plan, directory, aws_environment(proxy.url, variables))
        self.label = f"dynamodb ({name})"
        self.required |= COUNTED.keys()
        self.expect("gave no clear answer for", "Others added to the ledger", "could not be read")

    def reader_variables(self) -> dict[str, str]:
        """Whoever judges is not to be deceived: straight to the server."""
        return self._straight

    def schedule(self) -> None:
        """Everything that can happen on the way to a server."""
        super().schedule()
        self.every(2, self._pause_otherwise)

    def clean_up(self) -> None:
        """Let everything that is late arrive."""
        for writer in self.writers:
            writer.kill()
        self._proxy.pause = 0
        self._proxy.settle()

    def _pause_otherwise(self) -> None:
        self._proxy.pause = self.chance.choice((*PAUSES, TOO_LONG * max(1.0, self.plan.lock_timeout / 3)))
        for name, faults in COUNTED.items():
            self.counts[name] = sum(self._proxy.counts[fault] for fault in faults)


def dynamodb_campaign(name: str, plan: Plan, directory: Path, variables: Mapping[str, str]) -> Outcome:
    """The campaign against one implementation of the API."""
    directory.mkdir()
    with server(name) as url, proxied(url, WhatHappens(plan.seed)) as proxy:
        straight = aws_environment(url, variables)
        subprocess.run([sys.executable, str(CHAOS / "begin_table.py"), TABLE], env=straight, check=True)
        campaign = DynamoCampaign(name, plan, directory, proxy, (url, variables))
        return campaign.run(lambda: book_of_table(TABLE, url))
