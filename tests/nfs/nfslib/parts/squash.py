# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file server that takes root for nobody: homes are made by acting as the user, or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..machines import KEYS, make_keys, on, output_on
from ..play import play, play_well
from ..sandbox import WORK

if TYPE_CHECKING:
    from ..lab import Lab
    from ..report import Report

_EXPORT = "/srv/efs/squash"


def root_squash(_lab: Lab, report: Report) -> None:
    options = "rw,fsid=7,root_squash,no_subtree_check,insecure,sec=sys"
    output_on(
        "server",
        # the server heeds an export below another only where something is mounted
        f"sudo mkdir -p {_EXPORT} /srv/squash && sudo mount --bind /srv/squash {_EXPORT}"
        f" && sudo exportfs -o {options} '*:{_EXPORT}'"
        # nobody there is root, so whoever runs the file server does what only root can
        f" && sed s/abcdef0/abcdef7/ /srv/efs/.labfleet-efs | sudo tee {_EXPORT}/.labfleet-efs"
        f" && sudo mkdir -p -m 0755 {_EXPORT}/home {_EXPORT}/shared",
    )
    make_keys(["erin"])
    key = (KEYS / "erin.pub").read_text(encoding="ascii").strip()
    (WORK / "squashed.yml").write_text(json.dumps([{"username": "erin", "keys": [key]}]), encoding="ascii")
    refused = play("squash.yml")
    report.expect(
        refused.code != 0 and "erin" in refused.output,
        "a home that cannot be made as its user is refused",
        refused.tail(),
    )
    report.expect(output_on("server", f"ls -A {_EXPORT}/home") == "", "and nothing is made")
    output_on("server", f"sudo chmod 1777 {_EXPORT}/home {_EXPORT}/shared")
    # a client remembers for a minute what mode a directory has
    output_on("r", "until [ $(stat -c %a /squash/home) = 1777 ]; do sleep 2; done", timeout=90)
    squash = {"efs_base_mode": "1777"}
    made = play_well("squash.yml", variables=squash)
    owner = output_on("server", f"stat -c '%u %a' {_EXPORT}/home/erin")
    number = output_on("r", "id -u erin")
    report.expect(owner == f"{number} 700", "where everybody may, it is made as the user", owner)
    report.expect(made.changes() > 0 and play_well("squash.yml", variables=squash).changes() == 0, "once")
    root = on("r", "sudo touch /squash/home/erin/x")
    report.expect("Permission denied" in root.stderr, "root is nobody there", str(root))
    hers = on("r", "touch x && stat -c %U x && pwd", user="erin")
    report.expect(hers.stdout.split() == ["erin", "/squash/home/erin"], "erin works in it", str(hers))
