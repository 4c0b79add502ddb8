# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode of the role rstudio makes of a package on a server, on a host that has nothing of it yet."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.labfleet.identity.tests.unit.roles.playbooks import ansible_playbook

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLE = Path(__file__).parents[3] / "roles" / "rstudio"
PACKAGE = b"stands for a package"


class Mirror(SimpleHTTPRequestHandler):
    def log_message(self, *_message: Any) -> None:
        """Say nothing."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    place = tmp_path / "mirror"
    place.mkdir()
    (place / "1.deb").write_bytes(PACKAGE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Mirror, directory=str(place)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield "http://127.0.0.1:%d" % server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def check(directory: Path, url: str) -> tuple[int, str]:
    """The part that fetches, in check mode."""
    shutil.copytree(str(ROLE), str(directory / "ansible_collections" / "labfleet" / "identity" / "roles" / "rstudio"))
    variables = {
        "__rstudio_cache": str(directory / "cache"),
        "rstudio_package": url,
        "rstudio_checksum": hashlib.sha256(PACKAGE).hexdigest(),
        "rstudio_version": "2025.05.1+513",
        "ansible_python_interpreter": sys.executable,
    }
    (directory / "vars.json").write_text(json.dumps(variables))
    role = {"name": "labfleet.identity.rstudio", "tasks_from": "fetch"}
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [{"ansible.builtin.include_role": role}]}
    (directory / "play.yml").write_text(yaml.safe_dump([play]))
    return ansible_playbook(directory, "-i", "localhost,", "-c", "local", "--check", "-e", "@vars.json", "play.yml")


def test_what_is_not_there_yet_does_not_fail(tmp_path: Path, mirror: str) -> None:
    code, said = check(tmp_path, mirror + "/1.deb")
    assert code == 0, said
    assert "changed=1" in said
    assert not (tmp_path / "cache").exists()


def test_a_package_that_the_server_does_not_have_is_told_where_that_can_be_asked(tmp_path: Path, mirror: str) -> None:
    (tmp_path / "cache").mkdir(mode=0o700)
    assert check(tmp_path, mirror + "/1.deb")[0] == 0
    shutil.rmtree(str(tmp_path / "ansible_collections"))
    code, said = check(tmp_path, mirror + "/2.deb")
    assert code == 2
    assert "404" in said
