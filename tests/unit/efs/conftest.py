# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server for all tests here, started when the first needs it; every test has file systems of its own."""

from __future__ import annotations

import functools
import itertools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import botocore.session
import pytest
from botocore.loaders import create_loader

from ansible_collections.labfleet.identity.tests.servers import aws_environment
from ansible_collections.labfleet.identity.tests.servers.process import serving
from ansible_collections.labfleet.identity.tests.unit.efs.support import Aws, Controller

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS = itertools.count(1)
_SERVER = Path(__file__).parents[2] / "servers" / "moto_with_efs.py"


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A moto with what its EFS lacks."""
    variables = {key: value for key, value in aws_environment("").items() if key != "AWS_ENDPOINT_URL"}
    with serving("moto-efs", lambda port: [sys.executable, str(_SERVER), str(port)], variables) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session", autouse=True)
def one_loader() -> Iterator[None]:
    """Every client reads the same description of the service, which otherwise takes longer than most tests."""
    with mock.patch.object(botocore.session, "create_loader", functools.lru_cache(create_loader)):
        yield


@pytest.fixture
def aws(server_url: str) -> Iterator[Aws]:
    """A file system of its own; boto3 finds the server in this process, and nobody's account."""
    with mock.patch.dict(os.environ, aws_environment(server_url), clear=True):
        yield Aws(server_url, f"homes-{next(_NUMBERS)}")


@pytest.fixture
def controller(aws: Aws, tmp_path: Path) -> Controller:
    """A directory in which ansible-playbook is started."""
    return Controller(tmp_path, aws.url)
