# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lines of a ledger say, read without the code that is tested, and what is wrong with it."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

NOBODY = ("nobody",)


class History:
    """Everything that the text of a ledger ever said."""

    def __init__(self, text: bytes) -> None:
        raws = [json.loads(line) for line in text.decode("ascii").splitlines()[1:]]
        self.raws: list[dict[str, Any]] = [raw for raw in raws if raw["kind"] != "end"]
        self.bands: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.owners: dict[int, set[tuple[str, ...]]] = defaultdict(set)
        self.people: dict[tuple[str, str], set[tuple[str, int]]] = defaultdict(set)
        self.groups: dict[tuple[str, str], set[int]] = defaultdict(set)
        self.names: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)  # by profile and name
        self.registers: dict[tuple[str, ...], dict[int, set[tuple[Any, ...]]]] = defaultdict(lambda: defaultdict(set))
        self.once: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
        self.withheld: set[int] = set()
        self.uninvited: set[str] = set()
        self.into: dict[str, set[str]] = defaultdict(set)  # the profile of each invitation that was seen
        self.used: dict[tuple[str, str], set[str]] = defaultdict(set)  # by person, with those it was delegated from
        for raw in self.raws:
            getattr(self, f"_{raw['kind']}")(raw)
        for raw in self.raws:
            if raw["kind"] == "grant":
                for name in self.names_of((raw["profile"], raw["subject"])):
                    self.names[raw["into"], name].add(("person", raw["profile"], raw["subject"]))

    def names_of(self, person: tuple[str, str]) -> set[str]:
        """Every name that a person ever had at home."""
        issued = {username for username, _uid in self.people[person]}
        renames = self.registers.get(("rename", *person), {})
        return issued | {content[0] for contents in renames.values() for content in contents}

    def last(self, *register: str) -> tuple[Any, ...]:
        """What the last revision of something says, nothing when it never changed."""
        revisions = self.registers.get(register)
        return next(iter(revisions[max(revisions)])) if revisions else ()

    def name(self, person: tuple[str, str]) -> str:
        return str((self.last("rename", *person) or next(iter(self.people[person])))[0])

    def state(self, person: tuple[str, str]) -> str:
        # whose invitation is revoked is out until somebody says otherwise
        otherwise = "disabled" if self.uninvited & self.used.get(person, set()) else "active"
        return str((self.last("state", *person) or (otherwise,))[0])

    def guests(self, profile: str) -> dict[tuple[str, str], tuple[str, int]]:
        """Whoever was ever let into a profile: granted or revoked, and the number."""
        registers = [key for key in self.registers if key[0] == "grant" and key[3] == profile]
        return {(key[1], key[2]): self.last(*key) for key in registers}

    def number(self, person: tuple[str, str]) -> int:
        return next(iter(self.people[person]))[1]

    def facts(self) -> set[tuple[Any, ...]]:
        """What can only grow: who owns which number and which name."""
        owned = {(number, owner) for number, owners in self.owners.items() for owner in owners}
        return owned | {(name, owner) for name, owners in self.names.items() for owner in owners}

    def problems(self) -> list[str]:
        """Every contradiction; none in a ledger that may be used."""
        found = [f"{number} has {owners}" for number, owners in self.owners.items() if len(owners) > 1]
        found += [f"{name} is {owners}" for name, owners in self.names.items() if len(owners) > 1]
        found += [f"{key} has {bands}" for key, bands in self.bands.items() if len(bands) > 1]
        found += [f"{key} was issued {issued}" for key, issued in self.people.items() if len(issued) > 1]
        found += [f"{key} was issued {gids}" for key, gids in self.groups.items() if len(gids) > 1]
        found += [f"{key} is {values}" for key, values in self.once.items() if len(values) > 1]
        for register, revisions in self.registers.items():
            if sorted(revisions) != list(range(1, len(revisions) + 1)):
                found.append(f"{register} has the revisions {sorted(revisions)}")
            found += [f"{register} {rev} is {said}" for rev, said in revisions.items() if len(said) > 1]
            if register[0] == "state":
                found += [f"{register} {rev}" for rev, said in revisions.items() if rev > 1 and ("reserved",) in said]
            if register[0] == "grant" and len({uid for said in revisions.values() for _grant, uid in said}) > 1:
                found.append(f"{register} changes its number")
        return found + self._redirect_problems()

    def _redirect_problems(self) -> list[str]:
        found = []
        onward = {key[1:]: self.last(*key) for key in self.registers if key[0] == "redirect"}
        for start, to in onward.items():
            if to[0] and self.state((start[0], start[1])) != "retired":
                found.append(f"{start} leads to {to} and is not retired")
            here: tuple[Any, ...] = start
            for _step in range(len(onward) + 1):
                here = onward.get(here) or ("",)
                if not here[0]:
                    break
            else:
                found.append(f"{start} leads in a loop")
        return found

    def _profile(self, raw: dict[str, Any]) -> None:
        self.bands[raw["profile"]].add((raw["uid_band"], raw["group_band"]))

    def _user(self, raw: dict[str, Any]) -> None:
        owner = ("person", raw["profile"], raw["subject"])
        self.owners[raw["uid"]].add(owner)
        self.names[raw["profile"], raw["username"]].add(owner)
        self.people[raw["profile"], raw["subject"]].add((raw["username"], raw["uid"]))

    def _group(self, raw: dict[str, Any]) -> None:
        owner = ("group", raw["profile"], raw["name"])
        self.owners[raw["gid"]].add(owner)
        self.names[raw["profile"], raw["name"]].add(owner)
        self.groups[raw["profile"], raw["name"]].add(raw["gid"])

    def _withhold(self, raw: dict[str, Any]) -> None:
        self.owners[raw["number"]].add(NOBODY)
        self.withheld.add(raw["number"])

    def _state(self, raw: dict[str, Any]) -> None:
        self.registers["state", raw["profile"], raw["subject"]][raw["rev"]].add((raw["state"],))

    def _rename(self, raw: dict[str, Any]) -> None:
        self.registers["rename", raw["profile"], raw["subject"]][raw["rev"]].add((raw["username"],))
        self.names[raw["profile"], raw["username"]].add(("person", raw["profile"], raw["subject"]))

    def _grant(self, raw: dict[str, Any]) -> None:
        register = self.registers["grant", raw["profile"], raw["subject"], raw["into"]]
        register[raw["rev"]].add((raw["grant"], raw["uid"]))
        self.owners[raw["uid"]].add(("person", raw["profile"], raw["subject"]))

    def _redirect(self, raw: dict[str, Any]) -> None:
        self.registers["redirect", raw["profile"], raw["subject"]][raw["rev"]].add(
            (raw["to_profile"], raw["to_subject"])
        )

    def _link(self, raw: dict[str, Any]) -> None:
        person = raw["profile"], raw["subject"]
        if raw["upstream"]:
            self.once["upstream", raw["upstream"]].add((*person, raw["uuid"]))
        if raw["uuid"]:
            self.once["uuid", raw["uuid"]].add(person)
            self.once[("uuid of", *person)].add((raw["uuid"],))

    def _redeem(self, raw: dict[str, Any]) -> None:
        content = raw["profile"], raw["subject"], raw["issuer"], raw["chain"], raw["key"]
        self.once["invitation", raw["jti"]].add(content)
        self.into[raw["jti"]].add(raw["profile"])
        self.used[raw["profile"], raw["subject"]] |= {raw["jti"], *raw["chain"].split()}

    def _invite(self, raw: dict[str, Any]) -> None:
        self.once["content", raw["jti"]].add((raw["profile"], raw["name"], raw["claims"]))
        self.into[raw["jti"]].add(raw["profile"])

    def _uninvite(self, raw: dict[str, Any]) -> None:
        self.uninvited.add(raw["jti"])
