# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo's AWS account says, and that nothing leads from it to the real one."""

from __future__ import annotations

from ansible_collections.labfleet.identity.tests.fleet.fleetlib.demo.account import environment, instances
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.fleet import Fleet, Host
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.spec import HostSpec

FLEET = Fleet(
    "demo",
    (
        Host(HostSpec("ml", "bookworm", "python-ml"), "c1", "172.18.0.2"),
        Host(HostSpec("plain", "trixie", "base"), "c2", "172.18.0.3"),
    ),
    "172.18.0.0/16",
    efs=True,
    login="admin",
)


def test_the_hosts_are_described_with_their_addresses_and_tags() -> None:
    described = instances(FLEET, {"ml": "alice @imaging"})
    ml, plain = described[:2]
    assert (ml.address, plain.address) == ("172.18.0.2", "172.18.0.3")
    assert ml.tags == {
        "Name": "ml",
        "Template": "python-ml",
        "Profile": "personal-research",
        "ResearchUsers": "alice @imaging",
    }
    assert "ResearchUsers" not in plain.tags


def test_there_are_machines_that_the_inventory_has_to_leave_out() -> None:
    others = instances(FLEET, {})[2:]
    ours = [machine for machine in others if machine.tags.get("Profile") == "personal-research"]
    assert [machine.stopped for machine in ours] == [True]
    assert len(others) > len(ours)
    assert all(machine.address is None for machine in others)


def test_no_setting_of_a_real_account_gets_through() -> None:
    real = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ACCESS_KEY_ID": "real",
        "AWS_ENDPOINT_URL_EC2": "https://ec2.example.org",
        "AWS_CONFIG_FILE": "/home/someone/.aws/config",
        "HOME": "/home/someone",
    }
    made = environment(real, 4566)
    assert made["HOME"] == "/home/someone"
    assert made["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert made["AWS_CONFIG_FILE"] == made["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert made["AWS_EC2_METADATA_DISABLED"] == "true"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_EC2"} & set(made)
    assert "real" not in made.values()


def test_a_proxy_is_not_asked_for_the_account() -> None:
    assert environment({}, 1)["NO_PROXY"] == "127.0.0.1"
    assert environment({"no_proxy": "example.org"}, 1)["no_proxy"] == "example.org,127.0.0.1"
