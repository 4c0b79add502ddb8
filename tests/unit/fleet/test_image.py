# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image is known by its content."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.tests.fleet.fleetlib import image, paths
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.spec import RELEASES, TEMPLATE_USERS

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_every_release_and_template_has_an_image_of_its_own() -> None:
    names = {image.host_image(release, template) for release in RELEASES for template in TEMPLATE_USERS}
    assert len(names) == len(RELEASES) * len(TEMPLATE_USERS)
    assert names == {image.host_image(release, template) for release in RELEASES for template in TEMPLATE_USERS}


def test_a_change_of_any_file_makes_another_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = paths.FLEET_DIRECTORY / "image"
    before = image.host_image("bookworm", "base")
    for changed in sorted(path.name for path in source.iterdir()):
        copy = tmp_path / changed
        shutil.copytree(source, copy)
        monkeypatch.setattr(image, "_CONTEXT", copy)
        assert image.host_image("bookworm", "base") == before
        with (copy / changed).open("a", encoding="utf-8") as stream:
            stream.write("# changed\n")
        assert image.host_image("bookworm", "base") != before, changed


def test_the_hosts_have_what_ansible_needs() -> None:
    assert {"python3", "openssh-server", "sudo", "systemd-sysv"} <= set(image.packages())
    assert not [name for name in image.packages() if "#" in name or " " in name]


def test_the_state_belongs_to_the_checkout_also_from_the_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LABFLEET_STATE", raising=False)
    tree = tmp_path / ".build" / "ansible_collections" / "labfleet" / "identity"
    monkeypatch.setattr(paths, "FLEET_DIRECTORY", tree / "tests" / "fleet")
    assert paths.state_directory("demo") == tmp_path / ".fleet" / "demo"
    monkeypatch.setattr(paths, "FLEET_DIRECTORY", tmp_path / "tests" / "fleet")
    assert paths.state_directory("demo") == tmp_path / ".fleet" / "demo"
    monkeypatch.setenv("LABFLEET_STATE", str(tmp_path / "elsewhere"))
    assert paths.state_directory("demo") == tmp_path / "elsewhere" / "demo"
