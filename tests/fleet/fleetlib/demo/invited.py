# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Heidi is invited, comes in with her own key, and is out again. Everything that is shown is checked."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from ..access import make_key
from ..errors import FleetError
from .account import PROFILE
from .checks import log_in, refused, same
from .lab import key_of
from .recap import check_recap, read_recap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..console import Console
    from ..fleet import Fleet
    from .playbook import Ansible

CLUSTER = "demo-cluster"
STRANGER = "mallory"


def invitation(fleet: Fleet, ansible: Ansible, console: Console, hosts: Sequence[str]) -> None:
    """Invite, accept, log in on HOSTS, try to use it again, revoke, try to log in again."""
    lab = _Lab(fleet.directory)
    heidi = lab.person
    keys = {name: key_of(fleet.directory, name) for name in (heidi, STRANGER)}
    for name, key in keys.items():
        make_key(key, f"{name}@laptop")
    everybody = ["localhost", *(host.name for host in fleet.hosts)]

    console.say(f"\n== {heidi} is invited: a signed invitation that can be used once")
    ansible.run("ansible-playbook", "labfleet.identity.signing_key", *lab.signs())
    ansible.run("ansible-playbook", "labfleet.identity.invite", *lab.signs(), *lab.terms())
    token = lab.token.read_text(encoding="ascii").strip()

    console.say(f"\n== {heidi} accepts with her own public key, and is the same person on two hosts")
    said = ansible.run("ansible-playbook", "labfleet.identity.accept_invitation", *lab.accepts(keys[heidi]))
    check_recap(read_recap(said), everybody, nothing_changed=False)
    number = same(f"the number of {heidi}", {host: log_in(fleet, console, heidi, host, "id -u") for host in hosts})

    console.say("\n== Nobody else can use it: not with another key")
    again = ansible.fails("ansible-playbook", "labfleet.identity.accept_invitation", *lab.accepts(keys[STRANGER]))
    if "was used at" not in again:
        raise FleetError(f"the second use should be refused because the invitation was used: {again}")

    console.say("\n== The invitation is revoked: out on every host, the key gone, the number never anybody else's")
    said += ansible.run("ansible-playbook", "labfleet.identity.revoke", *lab.revokes())
    check_recap(read_recap(said), everybody, nothing_changed=False)
    for host in hosts:
        refused(fleet, console, heidi, host, key=heidi)
        left = fleet.run(host, ["find", "/etc/ssh/authorized_keys.d", "-name", heidi])
        account = fleet.run(host, ["getent", "passwd", heidi]).strip().split(":")
        if left.strip() or account[2] != number or not account[6].endswith("nologin"):
            raise FleetError(f"{heidi} should be kept out of {host} with her number {number}: {left} {account}")
    used = ansible.fails("ansible-playbook", "labfleet.identity.accept_invitation", *lab.accepts(keys[heidi]))
    if "was revoked at" not in used:
        raise FleetError(f"a revoked invitation should be refused because of that: {used}")
    if token in said + again + used or lab.passphrase in said + again + used:
        raise FleetError("the invitation or the passphrase was printed")


class _Lab:
    """What the playbooks are told."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # a revoked invitation and the name of who came with it are never used again, so a second demo invites another
        earlier = len(list(directory.glob("heidi*.token")))
        self.person = f"heidi{earlier + 1}" if earlier else "heidi"
        self.token = directory / f"{self.person}.token"
        (directory / "signing-keys").mkdir(mode=0o755, exist_ok=True)
        secret = directory / "passphrase.yml"
        if not secret.exists():
            secret.touch(mode=0o600)
            secret.write_text(json.dumps({"signing_passphrase": secrets.token_urlsafe(24)}), encoding="ascii")
        self.passphrase: str = json.loads(secret.read_text(encoding="ascii"))["signing_passphrase"]

    def signs(self) -> list[str]:
        return ["-e", f"@{self._directory / 'passphrase.yml'}", *_extra(signing_keys=f"{self._directory}/signing-keys")]

    def terms(self) -> list[str]:
        return [
            *self._where(),
            *_extra(
                issuer=CLUSTER,
                invitation_name=f"{self.person}@uni.example",
                invitation_username=self.person,
                invitation_role="member",
                invitation_groups=["statistics"],
                invitation_dest=str(self.token),
            ),
        ]

    def accepts(self, key: Path) -> list[str]:
        return [
            *self._where(),
            *_extra(
                issuer=CLUSTER,
                trusted={CLUSTER: f"{self._directory}/signing-keys/jwks.json"},
                roster=f"{self._directory}/rosters/invited.json",
                invitation_file=str(self.token),
                public_key_file=str(key.with_suffix(".pub")),
            ),
        ]

    def revokes(self) -> list[str]:
        return [*self._where(), *_extra(invitation_name=f"{self.person}@uni.example", reason="the project ended")]

    def _where(self) -> list[str]:
        ledger = f"file:{self._directory}/ledger.jsonl"
        return _extra(ledger=ledger, profile=PROFILE, key_store=f"{self._directory}/keys")


def _extra(**variables: object) -> list[str]:
    return ["-e", json.dumps(variables)]
