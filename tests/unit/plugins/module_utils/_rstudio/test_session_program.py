# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that puts a session into the slice of its user, run by a shell with programs that stand in for others."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._rstudio._files import SESSION, render
from ansible_collections.labfleet.identity.plugins.module_utils._rstudio._settings import parse_settings

from .test_settings import USUAL

if TYPE_CHECKING:
    from pathlib import Path

ALICE = 5238
SERVER = "0::/system.slice/rstudio-server.service\n"
SLICE = "0::/user.slice/user-%d.slice/user@%d.service/app.slice/run-r1.scope\n" % (ALICE, ALICE)
OTHER = SLICE.replace("5238", "52381")


class Host:
    """What the program finds: a socket where a systemd of the user listens, or whoever else."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cgroup = root / "cgroup"
        self.cgroup.write_text(SERVER)
        self.manager("")
        text = render(parse_settings(USUAL))[SESSION][0].decode()
        for path in ("/usr/bin/id", "/usr/bin/getent", "/usr/bin/systemd-run", "/usr/lib/rstudio-server/bin/rsession"):
            text = text.replace(path, str(root / os.path.basename(path)))
        text = text.replace("/proc/self/cgroup", str(self.cgroup)).replace("/run/user/", "%s/run/" % root)
        self.session = self._program("session", text.replace(SESSION, str(root / "session")))
        self._program("id", "#!/bin/sh\necho %d\n" % ALICE)
        self.shell("/bin/bash")
        self._program("rsession", '#!/bin/sh\necho "rsession $*" "${LABFLEET_RSTUDIO_SCOPE-clean}"\n')

    def manager(self, moves_to: str) -> None:
        """Whoever answers systemd-run: where the session is afterwards, if anywhere else."""
        move = "printf '%%s' '%s' >%s\n" % (moves_to, self.cgroup) if moves_to else ""
        self._program("systemd-run", '#!/bin/sh\n%swhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n' % move)

    def shell(self, shell: str) -> None:
        """The shell of the account."""
        self._program("getent", "#!/bin/sh\necho alice:x:%d:%d::/home/alice:%s\n" % (ALICE, ALICE, shell))

    def _program(self, name: str, text: str) -> Path:
        path = self.root / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def start(self) -> tuple[int, str, str]:
        """Start a session as rserver does."""
        ran = subprocess.run(
            ["/bin/sh", self.session, "-u", "alice"], env={}, check=False, capture_output=True, text=True, timeout=20
        )
        return ran.returncode, ran.stdout, ran.stderr


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "run" / str(ALICE) / "systemd").mkdir(parents=True)
    # a path of a socket may have 107 bytes
    here = os.open(tmp_path / "run" / str(ALICE) / "systemd", os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("/proc/self/fd/%d/private" % here)
    finally:
        os.close(here)
    return Host(tmp_path)


def test_a_session_goes_on_in_the_slice_of_its_user(host: Host) -> None:
    host.manager(SLICE)
    assert host.start() == (0, "rsession -u alice clean\n", "")


@pytest.mark.parametrize("moves_to", ["", OTHER])
def test_a_manager_that_only_says_so_gets_no_session_past_the_limits(host: Host, moves_to: str) -> None:
    """A user can listen in the place of their systemd, and answer without doing anything."""
    host.manager(moves_to)
    code, out, err = host.start()
    assert (code, out) == (1, "")
    assert "is not in the slice" in err


def test_a_disabled_account_gets_none_wherever_it_is(host: Host) -> None:
    host.cgroup.write_text(SLICE)
    host.shell("/usr/sbin/nologin")
    code, out, err = host.start()
    assert (code, out) == (1, "")
    assert "is disabled" in err
