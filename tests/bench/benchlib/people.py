# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The people that every contender has to bring to the hosts: the same names, numbers, groups and keys for all."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import struct
from dataclasses import dataclass

FIRST_UID = 66000
BAND = "wide"
SHELL = "/bin/bash"
SHARED_GROUPS = (("research", 4000), ("genomics", 4001))
KEYS_EACH = 2
# by what it leaves on a host: options of the accounts module
EVERYTHING: dict[str, dict[str, object]] = {
    "limits": {"limits": {"cores": 4, "memory": "16G", "tasks": 2000, "open_files": 4096}},
    "session limits": {},  # those of open files
    "login": {"umask": "0027", "environment": {"LAB": "bench"}},
    "subids": {"subids": True},
    "mail alias": {"mail_alias": "bench@lab.example"},
}
SUDO_RULE = {"commands": ["/usr/bin/systemctl restart scanner"], "nopasswd": True}


@dataclass(frozen=True)
class Person:
    """One researcher."""

    name: str
    uid: int
    gecos: str
    keys: tuple[str, ...]
    beside: tuple[str, ...] = ()  # what they have beside account, home and keys

    @property
    def home(self) -> str:
        return f"/home/{self.name}"


def make_people(count: int) -> list[Person]:
    """The first COUNT people; the same ones every time."""
    return [_person(number) for number in range(count)]


def _person(number: int) -> Person:
    name = f"person{number:04d}"
    keys = tuple(public_key(f"{name}@machine{index}") for index in range(KEYS_EACH))
    return Person(name, FIRST_UID + number, f"Person {number}", keys)


def public_key(comment: str) -> str:
    """A line that has the form of an ed25519 public key; nobody has the private half."""
    kind = b"ssh-ed25519"
    blob = b"".join(struct.pack(">I", len(part)) + part for part in (kind, hashlib.sha256(comment.encode()).digest()))
    return f"{kind.decode()} {base64.b64encode(blob).decode()} {comment}"


def as_variables(people: list[Person]) -> dict[str, object]:
    """The variables that the plays of all contenders read."""
    return {
        "shared_groups": [{"name": name, "gid": gid} for name, gid in SHARED_GROUPS],
        "people": [
            {
                "name": person.name,
                "uid": person.uid,
                "gecos": person.gecos,
                "groups": [name for name, _gid in SHARED_GROUPS],
                "keys": list(person.keys),
                **({"sudo": [SUDO_RULE] if "sudo" in person.beside else []} if person.beside else {}),
            }
            for person in people
        ],
        "in_common": in_common(people),
    }


def with_everything(people: list[Person]) -> list[Person]:
    """The same people with all that hosts can give them; rules of sudo are for one in twenty."""
    return [
        dataclasses.replace(person, beside=tuple(sorted({*EVERYTHING, *(["sudo"] if number % 20 == 0 else [])})))
        for number, person in enumerate(people)
    ]


def in_common(people: list[Person]) -> dict[str, object]:
    """What they all have beside account, home and keys, as options of the accounts module."""
    kinds = set.intersection(*(set(person.beside) for person in people)) if people else set()
    return {name: value for kind in sorted(kinds) for name, value in EVERYTHING.get(kind, {}).items()}


def as_roster(people: list[Person]) -> list[dict[str, object]]:
    """The same people as a roster, whose numbers the ledger chooses."""
    groups = [name for name, _gid in SHARED_GROUPS]
    return [
        {"username": person.name, "gecos": person.gecos, "groups": groups, "keys": list(person.keys)}
        for person in people
    ]
