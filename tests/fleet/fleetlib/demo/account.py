# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An AWS account that describes the fleet: a moto server on loopback. Nothing here ever talks to AWS."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FleetError
from ..process import stop_process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..fleet import Fleet

REGION = "us-east-1"
# Long values: Ansible would blot out a short secret wherever its letters occur.
ACCESS_KEY = "labfleet-demo-access-key"
SECRET_KEY = "labfleet-demo-secret-key"
PROFILE = "personal-research"
_IMAGE = "ami-0123456789abcdef0"
_START_SECONDS = 60
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Instance:
    """What the account says about one machine; ADDRESS is None where EC2 may choose."""

    tags: Mapping[str, str]
    address: str | None = None
    stopped: bool = False


def instances(fleet: Fleet, selections: Mapping[str, str]) -> list[Instance]:
    """The fleet, and three machines that the inventory has to leave out. SELECTIONS: the tag ResearchUsers by host."""
    ours = []
    for host in fleet.hosts:
        tags = {"Name": host.name, "Template": host.spec.template, "Profile": PROFILE}
        if host.name in selections:
            tags["ResearchUsers"] = selections[host.name]
        ours.append(Instance(tags, host.address))
    return [
        *ours,
        Instance({"Name": "python-ml-0", "Template": "python-ml", "Profile": PROFILE}, stopped=True),
        Instance({"Name": "teaching-1", "Template": "base", "Profile": "lab-shared"}),
        Instance({"Name": "untagged"}),
    ]


def environment(base: Mapping[str, str], port: int) -> dict[str, str]:
    """BASE with the demo's account in place of every AWS setting that it may hold."""
    kept = {name: value for name, value in base.items() if not name.startswith("AWS_")}
    no_proxy = ",".join(filter(None, (kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1")))
    return {
        **kept,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


class Server:
    """The moto server of a state directory; its process outlives this one."""

    def __init__(self, directory: Path) -> None:
        self._record = directory / "moto.json"
        self._log = directory / "moto.log"

    def start(self) -> int:
        """Start anew, with an empty account; returns the port, which the system chose."""
        self.stop()
        program = Path(sys.prefix) / "bin" / "moto_server"
        with self._log.open("w", encoding="utf-8") as stream:
            try:
                process = subprocess.Popen(
                    [str(program), "-H", "127.0.0.1", "-p", "0"],
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    env=environment(os.environ, 0),
                )
            except FileNotFoundError as error:
                raise FleetError(f"{program} is not installed: run make venv") from error
        self._record.write_text(json.dumps({"pid": process.pid}), encoding="ascii")
        deadline = time.monotonic() + _START_SECONDS
        while (found := _ADDRESS.search(self._log.read_text(encoding="utf-8", errors="replace"))) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise FleetError(f"the moto server does not start; the log is {self._log}")
            time.sleep(0.2)
        return int(found.group(1))

    def stop(self) -> None:
        """Stop the server if it still runs."""
        try:
            pid = int(json.loads(self._record.read_text(encoding="ascii"))["pid"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return
        stop_process(pid, b"moto_server", what="the moto server")
        self._record.unlink()


def describe(port: int, subnet: str, wanted: Sequence[Instance]) -> None:
    """Make the account say WANTED: a VPC over the subnet of the containers, and the instances with their addresses."""
    import boto3

    client = boto3.client(
        "ec2",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    vpc = client.create_vpc(CidrBlock=subnet)["Vpc"]["VpcId"]
    subnet_id = client.create_subnet(VpcId=vpc, CidrBlock=subnet)["Subnet"]["SubnetId"]
    for instance in wanted:
        tags = [{"Key": name, "Value": value} for name, value in instance.tags.items()]
        address = {"PrivateIpAddress": instance.address} if instance.address is not None else {}
        started = client.run_instances(
            ImageId=_IMAGE,
            InstanceType="t3.small",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet_id,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
            **address,
        )
        if instance.stopped:
            client.stop_instances(InstanceIds=[started["Instances"][0]["InstanceId"]])
