# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the fleet is reached: inventory, SSH configuration, private files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.tests.fleet.fleetlib.access import (
    inventory,
    ssh_config,
    write_access,
    write_private,
)
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.fleet import Fleet, Host, load, save
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.spec import HostSpec

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FLEET = Fleet(
    "site",
    (
        Host(HostSpec("h1", "bookworm", "python-ml"), "labfleet-site-h1", "172.18.0.2"),
        Host(HostSpec("h2", "trixie", "base"), "labfleet-site-h2", "172.18.0.3"),
    ),
    "172.18.0.0/16",
    efs=False,
    login="admin",
)


def test_the_inventory_groups_hosts_by_template_and_release() -> None:
    everything = inventory(FLEET)["all"]
    assert isinstance(everything, dict)
    assert everything["hosts"]["h2"] == {"ansible_host": "172.18.0.3", "fleet_container": "labfleet-site-h2"}
    assert {name: sorted(group["hosts"]) for name, group in everything["children"].items()} == {
        "template_python_ml": ["h1"],
        "template_base": ["h2"],
        "release_bookworm": ["h1"],
        "release_trixie": ["h2"],
    }


def test_host_keys_are_checked() -> None:
    config = [line.strip() for line in ssh_config(FLEET).splitlines()]
    assert "StrictHostKeyChecking yes" in config
    assert config.index("Host *") < config.index("Match user admin") < config.index("Host h1 172.18.0.2")


def test_a_fleet_is_read_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABFLEET_STATE", str(tmp_path))
    assert load("site") is None
    (tmp_path / "site" / "ssh").mkdir(parents=True)
    write_access(FLEET, {"h1": "ssh-ed25519 AAAA1", "h2": "ssh-ed25519 AAAA2"})
    save(FLEET)
    assert load("site") == FLEET
    known = (tmp_path / "site" / "ssh" / "known_hosts").read_text(encoding="utf-8")
    assert known == "h1,172.18.0.2 ssh-ed25519 AAAA1\nh2,172.18.0.3 ssh-ed25519 AAAA2\n"


def test_a_private_file_is_private_and_no_link_is_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("kept", encoding="utf-8")
    (tmp_path / "config").symlink_to(elsewhere)
    write_private(tmp_path / "config", "secret")
    assert (tmp_path / "config").stat().st_mode & 0o777 == 0o600
    assert elsewhere.read_text(encoding="utf-8") == "kept"
