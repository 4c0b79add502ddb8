# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Same user, same files, any template."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from ..machines import on, output_on, ssh_argv
from ..people import GROUPS, write_roster
from ..play import play_well

if TYPE_CHECKING:
    from ..lab import Lab
    from ..report import Report

_LOCK = "~/lock"


def set_up(_lab: Lab, report: Report) -> None:
    """Everything the collection has, on both instances."""
    write_roster()
    with report.timed("predict in check mode"):
        play_well("site.yml", "--check")
    report.expect(
        on("python", "id alice").returncode != 0 and on("server", "test -e /srv/efs/home").returncode != 0,
        "check mode makes no account and no directory",
    )
    with report.timed("first run of the playbook"):
        first = play_well("site.yml")
    report.expect(set(first.changed) >= {"python", "r"}, "the first run changes both instances", str(first.changed))


def again(_lab: Lab, report: Report) -> None:
    with report.timed("second run of the playbook"):
        second = play_well("site.yml")
    report.expect(second.changes() == 0, "the second run changes nothing", str(second.changed))


def share(_lab: Lab, report: Report) -> None:
    users = {name: output_on(name, "getent passwd 1001") for name in ("python", "r")}
    report.expect(
        users["python"].startswith("researcher:") and users["r"].startswith("rstudio:"),
        "the templates have different users with the number 1001",
        str(users),
    )
    mounts = {name: output_on(name, "findmnt --noheadings -o FSTYPE,OPTIONS -t nfs4 /efs") for name in ("python", "r")}
    report.expect(all("vers=4.1" in line for line in mounts.values()), "both mount NFS 4.1", str(mounts))
    output_on("python", "echo 'from python' > paper.txt && chmod 600 paper.txt", user="alice")
    read = on("r", "cat paper.txt && stat -c '%U %u %a' paper.txt && id -u && echo 'from r' >> paper.txt", user="alice")
    lines = read.stdout.split("\n")
    number = output_on("server", "stat -c %u /srv/efs/home/alice")
    report.expect(
        read.returncode == 0 and lines[0] == "from python", "alice reads on r what she wrote on python", str(read)
    )
    report.expect(
        lines[1:3] == [f"alice {number} 600", number],
        "owner and number agree on both, and on the server",
        f"{lines} {number}",
    )
    report.expect(output_on("python", "tail -1 paper.txt", user="alice") == "from r", "and what she added there, here")
    report.expect(
        output_on("server", "stat -c '%a' /srv/efs/home/alice") == "700",
        "her home is 0700",
        output_on("server", "ls -ln /srv/efs/home"),
    )
    for host in ("python", "r"):
        peek = on(host, "ls /efs/home/alice; cat /efs/home/alice/paper.txt", user="bob")
        report.expect(
            peek.returncode != 0 and peek.stderr.count("Permission denied") == 2 and not peek.stdout,
            f"bob cannot look into her home on {host}",
            str(peek),
        )
    template = on("r", "sudo -u rstudio cat /efs/home/alice/paper.txt")
    report.expect("Permission denied" in template.stderr, "nor can the user of the template", str(template))


def groups(_lab: Lab, report: Report) -> None:
    place = "/efs/shared/imaging"
    mode = output_on("server", "stat -c '%a %u' /srv/efs/shared/imaging")
    report.expect(mode == "2770 0", "the shared directory is root's and 2770", mode)
    output_on("python", f"umask 007; echo data > {place}/scan", user="alice")
    bob = on("r", f"cat {place}/scan && echo more >> {place}/scan && stat -c %G {place}/scan", user="bob")
    report.expect(
        bob.stdout.split() == ["data", "imaging"], "bob reads and adds on r, and it stays the group's", str(bob)
    )
    carol = on("r", f"ls {place}", user="carol")
    report.expect(carol.returncode != 0 and "Permission denied" in carol.stderr, "carol sees nothing of it", str(carol))
    write_roster({**GROUPS, "carol": ["imaging"], "bob": []})
    with report.timed("run after a change of groups"):
        play_well("site.yml")
    carol = on("python", f"cat {place}/scan", user="carol")
    report.expect(carol.stdout.split() == ["data", "more"], "carol, who joined the group, reads it", str(carol))
    bob = on("python", f"cat {place}/scan", user="bob")
    report.expect("Permission denied" in bob.stderr, "bob, who left, does not", str(bob))


def locks(_lab: Lab, report: Report) -> None:
    holder = subprocess.Popen(
        [*ssh_argv("python", "alice", reads=True), f"flock --exclusive {_LOCK} -c 'echo held; cat'"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    held = holder.stdout.readline().strip() if holder.stdout is not None else ""
    taken = on("r", f"flock --nonblock {_LOCK} -c 'echo mine'", user="alice")
    report.expect(held == "held" and taken.returncode == 1, "a lock on python keeps r out", f"{held!r} {taken}")
    holder.communicate()
    waited = on("r", f"flock {_LOCK} -c 'echo mine'", user="alice")
    report.expect(waited.stdout.strip() == "mine", "and r has it when python is done", str(waited))
