# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with an sshd that reads its configuration as the real one does, for what cannot be tried on a real host."""

from __future__ import annotations

import glob
import shlex
from pathlib import Path
from typing import Any

from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_dropin import (
    Host,
    Plan,
    apply,
    plan,
)

DEFAULTS = {
    "authorizedkeysfile": ".ssh/authorized_keys",
    "passwordauthentication": "no",
    "kbdinteractiveauthentication": "no",
    "revokedkeys": "none",
    "trustedusercakeys": "none",
}
DROPIN = """AuthorizedKeysFile .ssh/authorized_keys {etc}/keys/%u
RevokedKeys {etc}/revoked
Match Group research
    AuthorizedKeysFile {etc}/keys/%u
    TrustedUserCAKeys {etc}/ca
Match all
"""


class FakeHost:
    """Below one directory: admin (1000) comes in, dora (1001) does too, carol (1002) is in the group research."""

    def __init__(self, root: Path) -> None:
        self.etc = root / "etc"
        self.path = self.etc / "sshd_config.d" / "10-labfleet.conf"
        self.revoked = self.etc / "revoked"
        self.ca = self.etc / "ca"
        self.path.parent.mkdir(parents=True)
        (self.etc / "keys").mkdir()
        (self.etc / "sshd_config").write_text("Include %s/*.conf\n" % self.path.parent)
        self.homes = root / "home"
        accounts = {"admin": 1000, "dora": 1001, "carol": 1002}
        for name in accounts:
            (self.homes / name / ".ssh").mkdir(parents=True)
        lines = (f"{name}:x:{uid}:{uid}::{self.homes / name}:/bin/bash\n" for name, uid in accounts.items())
        (self.etc / "passwd").write_text("".join(lines))
        (self.etc / "shadow").write_text("".join(f"{name}:*:20000::::::\n" for name in accounts))
        self.research = {"carol"}
        self.commands: list[list[str]] = []
        self.reload_works = True
        self.reads_before_it_fails = False
        self.active = True
        self.running = self.settings(self.etc / "sshd_config", "")

    def host(self, **others: Any) -> Host:
        arguments: dict[str, Any] = {
            "run": self.answer, "sshd": "/sshd", "systemctl": "/systemctl", "config": str(self.etc / "sshd_config"),
            "passwd": str(self.etc / "passwd"), "shadow": str(self.etc / "shadow"),
            "reload_pending": str(self.etc / "reload"), "connecting": ("admin",),
        }  # fmt: skip
        return Host(**{**arguments, **others})

    def keys_of(self, name: str, *lines: str) -> None:
        (self.homes / name / ".ssh" / "authorized_keys").write_text("".join(line + "\n" for line in lines))

    def plan(self, revoked: list[str] | None, ca: list[str] | None = None, **others: Any) -> Plan:
        content = others.pop("content", DROPIN.format(etc=self.etc))
        files: list[dict[str, Any]] = [
            {"path": str(self.revoked), "kind": "revoked_keys", "keys": revoked},
            {"path": str(self.ca), "kind": "user_ca_keys", "keys": ca or []},
        ]
        return plan(self.host(**others), str(self.path), content, ["ssh"], files)

    def run(self, revoked: list[str] | None, ca: list[str] | None = None, **others: Any) -> Plan:
        planned = self.plan(revoked, ca, **dict(others))
        if planned.changed:
            others.pop("content", None)
            apply(self.host(**others), planned)
        return planned

    def answer(self, command: list[str]) -> tuple[int, str, str]:
        self.commands.append(command)
        if command[0] == "/systemctl":
            if command[1] == "is-active":
                return (0 if self.active and command[3] == "ssh.service" else 3), "", ""
            if self.reads_before_it_fails:
                self.running = self.settings(self.etc / "sshd_config", "")
                self.reads_before_it_fails = False
            if not self.reload_works:
                return 1, "", "Job for ssh.service failed.\n"
            self.running = self.settings(self.etc / "sshd_config", "")
            return 0, "", ""
        if command[1] == "-t":
            return 0, "", ""
        user = command[5].split(",")[0][len("user=") :] if "-C" in command else ""
        settings = self.settings(Path(command[3]), user)
        return 0, "".join(f"{name} {value}\n" for name, value in settings.items()), ""

    def settings(self, config: Path, user: str) -> dict[str, str]:
        """The first value wins, and one of a Match block over one for everybody."""
        for_all: dict[str, str] = {}
        matched: dict[str, str] = {}
        self._read(config, user, for_all, matched)
        return {**DEFAULTS, **for_all, **matched}

    def _read(self, config: Path, user: str, for_all: dict[str, str], matched: dict[str, str]) -> None:
        """Read one file; a Match in it ends with it."""
        found: dict[str, str] | None = for_all
        for line in config.read_text().splitlines():
            keyword, *values = shlex.split(line, comments=True) or [""]
            if keyword == "Include":
                for path in sorted(glob.glob(values[0])):
                    self._read(Path(path), user, for_all, matched)
            elif keyword == "Match":
                inside = values == ["all"] or (values == ["Group", "research"] and user in self.research)
                found = matched if user and inside else None
            elif keyword and found is not None:
                found.setdefault(keyword.lower(), " ".join(values))
