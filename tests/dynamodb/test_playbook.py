# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that makes the table, and a play that issues from it, in a real ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from ansible_collections.labfleet.identity.tests.dynamodb.support import ONE_SERVER, Table
from ansible_collections.labfleet.identity.tests.servers import ACCESS_KEY, SECRET_KEY

if TYPE_CHECKING:
    from typing import Any

COLLECTION = Path(__file__).resolve().parents[2]


class Controller:
    """A directory in which ansible-playbook is started; every play tells what it did as JSON."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTION.parents[2]),
            "ANSIBLE_HOME": str(directory / "home"),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_NOCOLOR": "1",
        }
        self.printed = ""

    def play(self, book: str, *arguments: str, **variables: Any) -> dict[str, Any]:
        """The result of the last task of a playbook."""
        return self.results(book, *arguments, **variables)[-1]

    def results(self, book: str, *arguments: str, **variables: Any) -> list[dict[str, Any]]:
        """The results of all tasks of a playbook."""
        environment = {**self._environment, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json"}
        ran = self._run(environment, book, "-e", json.dumps(variables), *arguments)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        # -vvvv says something before
        said = json.loads(ran.stdout[ran.stdout.index("{\n") :])
        return [task["hosts"]["localhost"] for play in said["plays"] for task in play["tasks"]]

    def _run(self, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        program = "from ansible.cli.playbook import main; main()"
        ran = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=self._directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.printed += ran.stdout + ran.stderr
        return ran


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path)


@pytest.mark.parametrize("no_table", ONE_SERVER, indirect=True)
def test_check_do_check_again_do_again(no_table: Table, controller: Controller) -> None:
    book = str(COLLECTION / "playbooks" / "ledger_table.yml")
    given: dict[str, Any] = {"table": no_table.name, "table_tags": {"owner": "lab"}}
    said = [controller.play(book, "--diff", *arguments, **given) for arguments in (["--check"], [], ["--check"], [])]
    assert [result["changed"] for result in said] == [True, True, False, False]
    assert [result["diff"]["before"] for result in said[:2]] == [{}, {}]
    begun = ["so a new one is begun in it" in str(result.get("warnings")) for result in said]
    assert begun == [True, True, False, False]
    assert said[0]["diff"]["after"] == said[1]["diff"]["after"] == said[3]["table"]
    assert said[3]["table"] == {
        "name": no_table.name,
        "billing_mode": "PAY_PER_REQUEST",
        "deletion_protection": True,
        "point_in_time_recovery": True,
        "ledger_begun": True,
        "tags": {"owner": "lab"},
    }
    description = no_table.client.describe_table(TableName=no_table.name)["Table"]
    assert said[3]["arn"] == description["TableArn"]
    no_table.client.update_table(TableName=no_table.name, DeletionProtectionEnabled=False)
    drifted = controller.play(book, "--check", **given)
    assert drifted["changed"]
    assert (drifted["diff"]["before"]["deletion_protection"], drifted["diff"]["after"]["deletion_protection"]) == (
        False,
        True,
    )
    no_table.remove(0)
    assert "so a new one is begun in it" in str(controller.play(book, **given)["warnings"])


@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_people_get_numbers_from_the_table(table: Table, controller: Controller, tmp_path: Path) -> None:
    roster = [{"username": "alice"}, {"username": "bob"}]
    task = {
        "labfleet.identity.uid_allocation": {"profile": "lab", "ledger": table.ledger, "roster": roster},
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    said = [controller.play("play.yml", "-vvvv", *arguments) for arguments in (["--check"], [], ["--check"], [])]
    assert [result["changed"] for result in said] == [True, True, False, False]
    assert said[0]["identities"] == said[3]["identities"]
    assert said[3]["ledger"] == table.ledger
    assert table.users() == {person["username"]: person["uid"] for person in said[3]["identities"]}
    assert ACCESS_KEY not in controller.printed
    assert SECRET_KEY not in controller.printed


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an ARN": ({"name": "arn:aws:dynamodb:us-east-1:123456789012:table/ledger"}, "A table is made by its name"),
    "no name of a table": ({"name": "my ledger"}, "is neither the name of a table"),
    "capacity that is missing": ({"billing_mode": "PROVISIONED", "read_capacity": 1}, "write_capacity"),
    "capacity of nothing": (
        {"billing_mode": "PROVISIONED", "read_capacity": 0, "write_capacity": 1},
        "read_capacity is 0, but a table needs at least 1",
    ),
    "a tag that is no text": ({"tags": {"owner": ["lab"]}}, "The tag 'owner' has the value (a value of type list)"),
    "removal": ({"state": "absent"}, "state must be one of: present, got: absent"),
    "an unknown option": ({"region": "us-east-1"}, "has no option region"),
}


@pytest.mark.parametrize("no_table", ONE_SERVER, indirect=True)
def test_what_is_wrong_is_refused(no_table: Table, controller: Controller, tmp_path: Path) -> None:
    tasks = [
        {"labfleet.identity.ledger_table": {"name": no_table.name, **options}, "ignore_errors": True}
        for options, _told in WRONG.values()
    ]
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    results = controller.results("play.yml")
    assert len(results) == len(WRONG)
    for result, (_options, told) in zip(results, WRONG.values()):
        assert result["failed"]
        assert told in result["msg"]
    with pytest.raises(no_table.client.exceptions.ResourceNotFoundException):
        no_table.client.describe_table(TableName=no_table.name)
