# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every server is started when a test first needs it; every test has a table of its own."""

from __future__ import annotations

import functools
import itertools
from contextlib import ExitStack
from typing import TYPE_CHECKING
from unittest import mock

import botocore.session
import pytest
from botocore.loaders import create_loader

from ansible_collections.labfleet.identity.tests.dynamodb.support import Table, begin, only_server
from ansible_collections.labfleet.identity.tests.servers import server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server_url() -> Iterator[Callable[[str], str]]:
    """The URL of a server by its name."""
    urls: dict[str, str] = {}
    with ExitStack() as running:

        def url_of(name: str) -> str:
            if name not in urls:
                urls[name] = running.enter_context(server(name))
            return urls[name]

        yield url_of


@pytest.fixture(scope="session", autouse=True)
def one_loader() -> Iterator[None]:
    """Every client reads the same description of the service, which otherwise takes longer than most tests."""
    with mock.patch.object(botocore.session, "create_loader", functools.lru_cache(create_loader)):
        yield


@pytest.fixture
def no_table(request: pytest.FixtureRequest, server_url: Callable[[str], str]) -> Iterator[Table]:
    """A name for a table on the server that the test names; boto3 finds that server."""
    url = server_url(request.param)
    with only_server(url):
        yield Table(request.param, url, f"ledger-{next(_NUMBERS)}")


@pytest.fixture
def table(request: pytest.FixtureRequest, server_url: Callable[[str], str]) -> Iterator[Table]:
    """A table with a ledger that has begun and has no number yet."""
    url = server_url(request.param)
    with only_server(url):
        yield begin(Table(request.param, url, f"ledger-{next(_NUMBERS)}"))
