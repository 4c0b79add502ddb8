# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role efs would write into fstab, expects of a mount, and which host it elects, as Ansible computes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.labfleet.identity.tests.unit.roles.playbooks import ansible_playbook

COLLECTION = Path(__file__).parents[3]
ROLE = COLLECTION / "roles" / "efs"
SAFE = ["nosuid", "nodev"]  # root of one machine is not root of all others by a program or a device in a home
UNIT = [*SAFE, "_netdev", "nofail", "x-systemd.automount", "x-systemd.mount-timeout=30s"]
NFS = ["nfsvers=4.1", "rsize=1048576", "wsize=1048576", "hard", "timeo=600", "retrans=2", "noresvport"]
LAB = {"efs_file_system_id": "fs-1", "efs_region": "eu-west-1"}
SOURCE = "fs-1.efs.eu-west-1.amazonaws.com:/"


def hosts_say(directory: Path, hosts: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What each host makes of its variables."""
    seen = ["__efs_type", "__efs_options", "__efs_file_system", "efs_source", "__efs_sources", "__efs_elected",
            "__efs_known_directories"]  # fmt: skip
    told = {name: "{{ %s }}" % name for name in seen}
    host: dict[str, Any] = {"__efs_point": {"helpers": ["nfs4"], "can_automount": True}}
    inventory = {"all": {"hosts": {name: {**host, **variables} for name, variables in hosts.items()}}}
    tasks = [
        {"ansible.builtin.set_fact": {"__efs_noted": "{{ __efs_file_system }}"}, "when": "efs_source | length > 0"},
        {
            "ansible.builtin.copy": {"content": told, "dest": "%s/{{ inventory_hostname }}.json" % directory},
            "when": "efs_source | length > 0",
        },
    ]
    # its variables, with other tasks
    probe = directory / "roles" / "probe"
    for part in ("defaults", "vars"):
        (probe / part).mkdir(parents=True)
        (probe / part / "main.yml").write_text((ROLE / part / "main.yml").read_text())
    (probe / "tasks").mkdir()
    (probe / "tasks" / "main.yml").write_text(yaml.safe_dump(tasks))
    play = {"hosts": "all", "gather_facts": False, "connection": "local", "roles": ["probe"]}
    (directory / "hosts.yml").write_text(yaml.safe_dump(inventory))
    (directory / "play.yml").write_text(yaml.safe_dump([play]))
    python = "ansible_python_interpreter=" + sys.executable
    code, said = ansible_playbook(directory, "-i", "hosts.yml", "-e", python, "play.yml")
    assert code == 0, said
    return {name: json.loads((directory / (name + ".json")).read_text()) for name in hosts
            if (directory / (name + ".json")).exists()}  # fmt: skip


UTILS = {"__efs_point": {"helpers": ["nfs4", "efs"], "can_automount": True}}
CASES: dict[str, tuple[dict[str, Any], str, list[str], list[str]]] = {
    "nfs": (LAB, "nfs4", [*NFS, *UNIT], [SOURCE]),
    "another-server": ({"efs_source": "nfs:/lab"}, "nfs4", [*NFS, *UNIT], ["nfs:/lab"]),
    "utils-installed": ({**LAB, **UTILS}, "efs", ["tls", *UNIT], [SOURCE, "127.0.0.1:/"]),
    "utils-not-wanted": ({**LAB, **UTILS, "efs_client": "nfs"}, "nfs4", [*NFS, *UNIT], [SOURCE]),
    "iam": ({**LAB, "efs_iam": True}, "efs", ["tls", "iam", *UNIT], [SOURCE, "127.0.0.1:/"]),
    "access-point": (
        {**LAB, "efs_iam": True, "efs_access_point": "fsap-1", "efs_mount_options": ["region=eu-west-1"]},
        "efs",
        ["tls", "iam", "accesspoint=fsap-1", *UNIT, "region=eu-west-1"],
        [SOURCE, "127.0.0.1:/"],
    ),
    "no-automounts": (
        {**LAB, "__efs_point": {"helpers": [], "can_automount": False}},
        "nfs4",
        [*NFS, *SAFE, "_netdev", "nofail", "x-systemd.mount-timeout=30s"],
        [SOURCE],
    ),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What a host of each case says, in one run."""
    hosts = {case: variables for case, (variables, *_expected) in CASES.items()}
    return hosts_say(tmp_path_factory.mktemp("cases"), hosts)


@pytest.mark.parametrize("case", CASES)
def test_the_line_of_fstab_and_what_is_expected_then(said: dict[str, dict[str, Any]], case: str) -> None:
    _variables, kind, options, sources = CASES[case]
    told = said[case]
    assert (told["__efs_type"], told["__efs_options"], told["__efs_sources"]) == (kind, options, sources)


def test_the_first_host_that_has_the_file_system_is_elected(tmp_path: Path) -> None:
    hosts: dict[str, dict[str, Any]] = {
        "a-local": {"efs_file_system_id": "", "efs_region": "", "efs_creator": ""},
        "b-other": {"efs_file_system_id": "fs-2", "efs_region": "eu-west-1", "efs_creator": ""},
        "c-first": {**LAB, "efs_creator": ""},
        "d-second": {**LAB, "efs_creator": ""},
        "e-asks": {**LAB, "efs_creator": "d-second"},
    }
    elected = {name: said["__efs_elected"] for name, said in hosts_say(tmp_path, hosts).items()}
    assert elected == {"b-other": "b-other", "c-first": "c-first", "d-second": "c-first", "e-asks": "d-second"}


def test_shared_directories_have_the_numbers_of_the_ledger(tmp_path: Path) -> None:
    """Check mode makes no group, and is to tell of the directory that the run will make for it."""
    asked = ["imaging", {"group": "dna", "mode": "2750"}, {"group": "own", "gid": 4444}, "local", {"name": "x"}, 5]
    numbers = {"groups": [{"name": "imaging", "gid": 4001}, {"name": "dna", "gid": 4002}, {"name": "own", "gid": 4003}]}
    hosts: dict[str, dict[str, Any]] = {
        "with-people": {**LAB, "efs_shared_groups": asked, "__research_users_numbers": numbers},
        "without": {**LAB, "efs_shared_groups": asked},
        "with-nothing-shared": {**LAB, "__research_users_numbers": numbers},
    }
    known = {name: said["__efs_known_directories"] for name, said in hosts_say(tmp_path, hosts).items()}
    assert known["with-people"] == [
        {"group": "imaging", "gid": 4001},
        {"group": "dna", "gid": 4002, "mode": "2750"},
        {"group": "own", "gid": 4444},
        *asked[3:],
    ]
    assert known["without"] == asked
    assert known["with-nothing-shared"] == []
    (layout, check) = yaml.safe_load((ROLE / "tasks" / "homes.yml").read_text())
    assert layout["vars"] == check["vars"]
    assert layout["vars"]["__efs_directories"] == "{{ __efs_known_directories }}"


def test_the_packet_filter_comes_back_with_whoever_took_it_away() -> None:
    """Stopped and then started is not restarted: systemd starts only what is wanted."""
    unit: dict[str, set[str]] = {}
    for line in (ROLE / "files" / "labfleet-efs-filter.service").read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            unit.setdefault(key, set()).update(value.split())
    assert unit["PartOf"] == unit["ReloadPropagatedFrom"]
    assert unit["PartOf"] <= unit["WantedBy"]
    assert unit["PartOf"] <= unit["After"]


def test_the_packet_filter_goes_where_it_is_not_wanted_any_more() -> None:
    included = {
        part: {
            task["ansible.builtin.include_tasks"]: task.get("when")
            for task in yaml.safe_load((ROLE / "tasks" / f"{part}.yml").read_text())
            if "ansible.builtin.include_tasks" in task
        }
        for part in ("present", "absent")
    }
    assert included["present"]["filter.yml"] == "efs_only_root_connects | bool"
    assert included["present"]["no_filter.yml"] == "not (efs_only_root_connects | bool)"
    assert included["absent"]["no_filter.yml"] is None
