# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an adoption tells people and programs (private, pure; runs on the controller)."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_people import GROUP, USER
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_survey import (
    first_of,
    in_words,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption import Adoption
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_people import Somebody
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

__all__ = ["adoption_report", "adoption_table"]

_MOST_SEEN = 20


def adoption_report(adoption: Adoption, ledger: Ledger) -> dict[str, Any]:
    """What becomes of everybody, as plain values."""
    surveys = adoption.fleet.surveys
    waiting = {label for clash in adoption.verdict.clashes for label in clash.labels}
    settled = [one for one in adoption.people if one.label not in waiting and _is_seen(adoption, one)]
    people = [_person(adoption, one) for one in settled if one.kind == USER]
    return {
        "profile": {
            "id": adoption.profile.id,
            "uid_band": str(adoption.profile.uid_band),
            "group_band": str(adoption.profile.group_band),
        },
        "keep": [person for person in people if not person["moves"]],
        "renumber": [person for person in people if person["moves"]],
        "groups": [_group(adoption, one) for one in settled if one.kind == GROUP],
        "clashes": [
            {
                "kind": clash.kind,
                "number": clash.number,
                "names": [name for _kind, name in clash.labels],
                "text": clash.text,
                "settle": [dict(decision) for decision in clash.settle],
            }
            for clash in adoption.verdict.clashes
        ],
        "strangers": [
            {"number": number, "seen": list(where[:_MOST_SEEN])} for number, where in adoption.strangers.items()
        ],
        "unseen": [one.name for one in adoption.verdict.new if one.kind == USER],
        "left_alone": len(_left_alone(adoption)),
        "hosts": len(surveys.hosts),
        "gaps": [{"host": host, "gaps": list(gaps)} for host, gaps in sorted(surveys.gaps.items())],
        "notes": list(_notes(adoption, ledger)),
    }


def adoption_table(report: Mapping[str, Any]) -> list[str]:
    """The report in lines for a person; names from hosts are escaped where they are not plain."""
    profile = report["profile"]
    bands = f"UIDs {profile['uid_band']}, groups {profile['group_band']}"
    lines = [
        f"profile {profile['id']}: {bands}; {report['hosts']} hosts, {len(report['gaps'])} of them not known whole"
    ]
    lines += [_line("keep", one["username"], str(one["uid"]), in_words(one["hosts"])) for one in report["keep"]]
    for one in report["renumber"]:
        lines.append(_line("renumber", one["username"], _to(one["uid"]), f"{one['reason']}; {_moves(one['moves'])}"))
    for one in report["groups"]:
        lines.append(
            _line("group", one["name"], _to(one["gid"]), _moves(one["moves"]) if one["moves"] else "keeps its number")
        )
    for clash in report["clashes"]:
        lines.append(_line("CLASH", " ".join(clash["names"]), "", clash["text"]))
        lines += [f"{'':10}settle with {_flow(decision)}" for decision in clash["settle"]]
    for one in report["strangers"]:
        lines.append(_line("withhold", "", str(one["number"]), first_of(one["seen"], 2)))
    for gap in report["gaps"]:
        lines += [_line("GAP", shown(gap["host"]), "", ascii(text)[1:-1][:200]) for text in gap["gaps"]]
    lines += [_line("note", "", "", note) for note in report["notes"]]
    if report["unseen"]:
        lines.append(f"not on any host, so left to uid_allocation: {in_words(report['unseen'])}")
    lines.append(f"left alone: {report['left_alone']} names of accounts outside the bands that are nobody's here")
    return lines


def _is_seen(adoption: Adoption, one: Somebody) -> bool:
    return bool(adoption.fleet.numbers[one.label] or adoption.fleet.homes[one.label])


def _person(adoption: Adoption, one: Somebody) -> dict[str, Any]:
    number = adoption.numbers.get(one.label)
    reason = adoption.verdict.renumber.get(one.label, "the ledger has another number" if one.has else "decided")
    moves = _list_of_moves(adoption, one, number)
    person: dict[str, Any] = {"username": one.name, "uid": number, "moves": moves}
    person["hosts"] = sorted({host for hosts in adoption.fleet.numbers[one.label].values() for host in hosts})
    if moves:
        person["reason"] = reason
    return person


def _group(adoption: Adoption, one: Somebody) -> dict[str, Any]:
    number = adoption.numbers.get(one.label)
    moves = _list_of_moves(adoption, one, number)
    moves = [{"host": move["host"], "was": move["was"], "gid": number} for move in moves]
    return {"name": one.name, "gid": number, "moves": moves}


def _list_of_moves(adoption: Adoption, one: Somebody, number: int | None) -> list[dict[str, Any]]:
    """On which host the accounts of somebody have a number that is not theirs, now or soon."""
    numbers = adoption.fleet.numbers[one.label]
    return [
        {"host": host, "was": was, "uid": number}
        for was in sorted(numbers)
        if was != number
        for host in sorted(numbers[was])
    ]


def _left_alone(adoption: Adoption) -> set[str]:
    bands = adoption.profile.uid_band, adoption.profile.group_band
    known = {name for one in adoption.people for name in one.names}
    return {
        account.name
        for account in adoption.fleet.surveys.accounts
        if account.name not in known and not any(account.uid in band for band in bands)
    }


def _notes(adoption: Adoption, ledger: Ledger) -> Iterator[str]:
    """What a person should look at, although it stops nothing."""
    surveys = adoption.fleet.surveys
    for base, states in sorted(surveys.bases.items()):
        missing = [host for host, state in states.items() if state == "missing"]
        if missing:
            yield f"{shown(base)} is missing on {in_words(missing)}"
    known = {name for one in adoption.people for name in one.names}
    elsewhere = Counter(
        posixpath.dirname(account.home)
        for account in surveys.accounts
        if account.home.startswith("/") and (account.name in known or account.uid in adoption.profile.uid_band)
    )
    for base in sorted(elsewhere.keys() - surveys.bases.keys()):
        yield (
            f"{elsewhere[base]} accounts have homes in {shown(base)}, whose owners were not looked at: name it in"
            " home_bases"
        )
    unused = sorted(adoption.fleet.seen.keys() - ledger.numbers.keys())
    for other in sorted(ledger.profiles.values(), key=lambda profile: profile.id):
        free = [str(number) for number in unused if number in other.uid_band]
        if free and other.id != adoption.profile.id:
            yield (
                f"{len(free)} numbers in the band {other.uid_band} of the profile {other.id} are in use"
                f" ({first_of(free)}): adopt the fleet for that profile too"
            )


def _line(what: str, name: str, number: str, text: str) -> str:
    return f"{what:<9} {name:<16} {number:<8} {text}".rstrip()


def _to(number: int | None) -> str:
    return "?" if number is None else str(number)


def _moves(moves: Sequence[Mapping[str, Any]]) -> str:
    by_number: dict[int, list[str]] = {}
    for move in moves:
        by_number.setdefault(move["was"], []).append(move["host"])
    return "; ".join(f"was {was} on {in_words(hosts)}" for was, hosts in sorted(by_number.items()))


def _flow(decision: Mapping[str, Any]) -> str:
    """A decision as a person writes it in YAML; its names are those of the roster or the ledger, which are plain."""
    return "{" + ", ".join(f"{key}: {str(value).lower()}" for key, value in decision.items()) + "}"
