# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system on a test server, and what is in it, read without the code that is tested."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import boto3
from ansible.module_utils.testing import patch_module_args

from ansible_collections.labfleet.identity.plugins.modules import efs_access_point, efs_access_point_info
from ansible_collections.labfleet.identity.tests.servers import (
    ACCESS_KEY,
    REGION,
    SECRET_KEY,
    aws_environment,
    proxied,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ansible_collections.labfleet.identity.tests.servers.faults import Plan
    from ansible_collections.labfleet.identity.tests.servers.proxy import Proxy

COLLECTION = Path(__file__).resolve().parents[3]


@functools.lru_cache(maxsize=None)
def client_of(url: str, service: str) -> Any:
    """A client that goes to the server straight."""
    session: Any = boto3.session.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)
    return session.client(service, endpoint_url=url)


class Aws:
    """The server, and one file system on it."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.efs = client_of(url, "efs")
        self.file_system_id = self.efs.create_file_system(CreationToken=name, Encrypted=True)["FileSystemId"]

    def points(self) -> dict[str, dict[str, Any]]:
        """The access points by name; no name is there twice."""
        found: dict[str, dict[str, Any]] = {}
        token: dict[str, str] = {}
        while True:
            answer = self.efs.describe_access_points(FileSystemId=self.file_system_id, MaxResults=100, **token)
            for point in answer["AccessPoints"]:
                assert point["Name"] not in found, f"{point['Name']} twice"
                found[point["Name"]] = point
            if "NextToken" not in answer:
                return found
            token = {"NextToken": answer["NextToken"]}

    def make(self, name: str, token: str = "by-hand", **options: Any) -> str:
        """An access point that somebody made without this collection."""
        tags = [{"Key": "Name", "Value": name}]
        answer = self.efs.create_access_point(FileSystemId=self.file_system_id, ClientToken=token, Tags=tags, **options)
        return str(answer["AccessPointId"])

    def run(self, check: bool = False, **options: Any) -> dict[str, Any]:
        """What efs_access_point answers."""
        return answer_of(efs_access_point, check, **{"file_system_id": self.file_system_id, **options})

    def info(self, **options: Any) -> dict[str, Any]:
        """What efs_access_point_info answers."""
        return answer_of(efs_access_point_info, False, **{"file_system_id": self.file_system_id, **options})

    @contextmanager
    def through(self, plan: Plan) -> Iterator[Proxy]:
        """Whoever looks for AWS in this block finds the server behind a proxy, and boto3 tries once."""
        with proxied(self.url, plan) as proxy, mock.patch.dict(os.environ, AWS_ENDPOINT_URL=proxy.url):
            os.environ["AWS_MAX_ATTEMPTS"] = "1"
            yield proxy


def answer_of(module: Any, check: bool, **options: Any) -> dict[str, Any]:
    """Run a module in this process."""
    said = io.StringIO()
    given = {"_ansible_check_mode": check, "_ansible_diff": True, **options}
    with patch_module_args(given), contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        module.main()
    answer = json.loads(said.getvalue())
    assert isinstance(answer, dict)
    return answer


class Controller:
    """A directory in which ansible-playbook is started; every play tells what it did as JSON."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self.failures: list[str] = []  # what the last play failed with
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        self._environment = {
            **aws_environment(url, inherited),
            "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join([str(COLLECTION.parents[2]), _bundled()]),
            "ANSIBLE_HOME": str(directory / "home"),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json",
        }

    def play(self, book: str, *arguments: str, **variables: Any) -> tuple[bool, dict[str, dict[str, Any]]]:
        """Whether it came to its end, and the results of its tasks by name."""
        program = "from ansible.cli.playbook import main; main()"
        ran = subprocess.run(
            [sys.executable, "-c", program, book, "-e", json.dumps(variables), *arguments],
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "{\n" in ran.stdout, ran.stdout + ran.stderr
        said = json.loads(ran.stdout[ran.stdout.index("{\n") :])
        results = {
            task["task"]["name"]: result
            for play in said["plays"]
            for task in play["tasks"]
            for result in task["hosts"].values()
        }
        assert ran.returncode in (0, 2), ran.stdout + ran.stderr
        self.failures = [result["msg"] for result in results.values() if result.get("failed")]
        return ran.returncode == 0, results


def _bundled() -> str:
    """Where the collections are that come with the test environment."""
    import ansible_collections.amazon.aws as found

    return str(Path(next(iter(found.__path__))).parents[2])
