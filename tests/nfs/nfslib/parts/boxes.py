# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers: everybody is who they are on the file server too, and root is nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..machines import on, output_on
from ..play import play, play_well

if TYPE_CHECKING:
    from ..lab import Lab
    from ..report import Report

_HOME = "/efs/home/alice"
_HERS = f"/srv{_HOME}"
# What somebody asks for who wants to be root, and what is refused them. Root of the host's name space is alice herself,
# and root of any other is nobody.
_OTHERS = ("/host/etc/shadow", "/host/efs/home/bob/secret", "/host/efs/home/bob/made")
_RIGHTS = {
    "--userns=host --pid=host": _OTHERS,
    "--userns=keep-id": (*_OTHERS, f"{_HOME}/made-as-herself", f"{_HOME}/made-by-root"),
}


def containers(_lab: Lab, report: Report) -> None:
    options = ("-e", "containers_hosts=python")
    with report.timed("give people containers"):
        play_well("containers.yml", *options)
    with report.timed("and once more"):
        again = play("containers.yml", *options)
    report.expect(again.code == 0 and again.changes() == 0, "the second time there is nothing to do", again.tail())
    try:
        with report.timed("what alice can do in containers"):
            _who_she_is(report)
            _what_root_may(report)
        _who_has_none(report)
    finally:
        on("python", "sudo loginctl terminate-user alice; sudo rm -f /run/box-image.tar")
        on("server", f"sudo sh -c 'rm -f {_HERS}/made-* /srv/efs/home/bob/secret'")


def _who_she_is(report: Report) -> None:
    number = output_on("python", "id -u alice")
    store = f"/var/lib/labfleet-containers/{number}"
    place = output_on("python", f"sudo stat -c '%u %a' {store}")
    report.expect(place == f"{number} 700", "she has a place for images on the host's own disk", place)
    output_on("python", f"podman --root {store}/storage import -q /run/box-image.tar box", user="alice", timeout=90)
    asked = _in_container("--cgroupns=host", "id -u; id -un; pwd; touch made-as-herself; cat /proc/self/cgroup")
    report.expect(
        asked.split()[:3] == [number, "alice", _HOME], "in a container she has her own name and number", asked
    )
    report.expect(f"/user.slice/user-{number}.slice/" in asked, "and the limits of her slice", asked)
    owner = output_on("server", f"sudo stat -c '%u %g' {_HERS}/made-as-herself")
    report.expect(owner == f"{number} {number}", "and so has, on the server, what she makes there", owner)


def _what_root_may(report: Report) -> None:
    number = output_on("python", "id -u alice")
    output_on("python", "echo secret > secret && chmod 644 secret", user="bob")
    reads = f"/host/etc/shadow /host/efs/home/bob/secret {_HOME}/made-as-herself"
    for rights, closed in _RIGHTS.items():
        asked = _in_container(
            f"--privileged --user=0 --workdir=/ -v /:/host {rights}",
            f"id -u; cat {reads}; touch /host/efs/home/bob/made {_HOME}/made-by-root",
        )
        report.expect(
            asked[:2] == "0\n"
            and asked.count("Permission denied") == len(closed)
            and all(path in asked for path in closed),
            f"with all rights and {rights} root is refused {', '.join(closed)}",
            asked,
        )
    made = output_on("server", f"sudo find {_HERS} -name 'made-*' -printf '%f %U\\n'").splitlines()
    report.expect(
        sorted(made) == [f"made-as-herself {number}", f"made-by-root {number}"],
        "on the server all that was made is hers, and nothing root's",
        str(made),
    )
    left = output_on("server", "sudo ls -A /srv/efs/home/bob")
    report.expect("made" not in left.split(), "and nothing of it is in bob's home", left)


def _in_container(options: str, script: str) -> str:
    """What a shell in a container of alice's says, good and bad."""
    done = on("python", f"labfleet-run --network=none {options} box /bin/sh -c '{script}'", user="alice", timeout=90)
    return done.stdout + done.stderr


def _who_has_none(report: Report) -> None:
    number = output_on("python", "id -u carol")
    for user, why in (
        ("carol", f"there is no /var/lib/labfleet-containers/{number} of yours"),
        ("", "root is no person"),
    ):
        told = on("python", ("" if user else "sudo ") + "labfleet-run box /bin/id", user=user)
        report.expect(
            told.returncode == 125 and why in told.stderr, f"{user or 'root'} is told why there is none", str(told)
        )
