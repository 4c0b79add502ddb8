# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users could do to the check that nobody is locked out. The rest is shown by Molecule, with a real sshd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_dropin import Host, plan

if TYPE_CHECKING:
    from pathlib import Path

DROPIN = """AuthorizedKeysFile .ssh/authorized_keys {etc}/keys/%u
# {comment}
Match Group research
    AuthorizedKeysFile {etc}/keys/%u
Match all
"""


class Sshd:
    """Answers ``sshd -T`` as sshd does where bob is in the group research, once the drop-in is there."""

    def __init__(self, etc: Path) -> None:
        self.etc = etc
        self.path = etc / "sshd_config.d" / "10-labfleet.conf"
        self.path.parent.mkdir()
        (etc / "sshd_config").write_text("Include %s/*.conf\n" % self.path.parent)
        (etc / "passwd").write_text("bob:x:5831:5831::%s:/bin/bash\n" % (etc.parent / "bob"))
        (etc / "shadow").write_text("bob:*:20000::::::\n")

    def host(self) -> Host:
        return Host(
            run=self.answer, sshd="/sshd", systemctl="", config=str(self.etc / "sshd_config"),
            passwd=str(self.etc / "passwd"), shadow=str(self.etc / "shadow"),
            reload_pending=str(self.etc / "reload"),
        )  # fmt: skip

    def answer(self, command: list[str]) -> tuple[int, str, str]:
        files = ".ssh/authorized_keys"
        if self.path.exists() or command[3] != str(self.etc / "sshd_config"):
            files = f"{self.etc}/keys/%u" if "-C" in command else f"{files} {self.etc}/keys/%u"
        return 0, f"authorizedkeysfile {files}\npasswordauthentication no\nkbdinteractiveauthentication no\n", ""


@pytest.fixture
def sshd(tmp_path: Path) -> Sshd:
    (tmp_path / "etc").mkdir()
    (tmp_path / "bob" / ".ssh").mkdir(parents=True)
    (tmp_path / "bob" / ".ssh" / "authorized_keys").write_text("a key\n")
    return Sshd(tmp_path / "etc")


def test_who_would_lose_the_last_key_is_named(sshd: Sshd) -> None:
    with pytest.raises(IdentityError, match="would no longer let in bob"):
        plan(sshd.host(), str(sshd.path), DROPIN.format(etc=sshd.etc, comment="one"), [])


def test_a_file_that_sshd_does_not_read_stops_nothing(sshd: Sshd) -> None:
    sshd.path.write_text(DROPIN.format(etc=sshd.etc, comment="one"))
    assert plan(sshd.host(), str(sshd.path), DROPIN.format(etc=sshd.etc, comment="two"), []).changed
