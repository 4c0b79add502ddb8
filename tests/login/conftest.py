# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real provider for all tests here; every test has a directory of logins of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.tests.login.people import CLIENTS, PEOPLE, Logins
from ansible_collections.labfleet.identity.tests.servers.oidc_provider import identity_provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the machine that runs the tests has no business here, nor has its Globus."""
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("GLOBUS_SDK_ENVIRONMENT", "GLOBUS_SDK_SERVICE_URL_AUTH", "GLOBUS_SDK_VERIFY_SSL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """A provider that keeps to the standard."""
    with identity_provider(PEOPLE, CLIENTS) as url:
        yield url


@pytest.fixture
def logins(tmp_path: Path) -> Logins:
    """No login yet."""
    return Logins(tmp_path / "logins")
