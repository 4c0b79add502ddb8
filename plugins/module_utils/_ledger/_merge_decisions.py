# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people decided about the contradictions between ledgers (private, pure; runs on the controller).

A decision names the thing itself, with what its own ledger says about it, and never a side of the merge. So it means
the same whichever way ledgers are merged, and in whatever order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import (
    CHECKSUM_DIGITS,
    check_text,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    check_group_name,
    check_profile_id,
    check_research_username,
    check_shared_group_name,
    check_username,
    quoted,
)
from ansible_collections.labfleet.identity.plugins.module_utils._roster import check_subject
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import (
    LARGEST_NUMBER,
    check_uid_band,
    parse_band,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, Union

    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

    AnyDecision = Union["ProfileBecomes", "SameProfile", "PersonBecomes", "GroupBecomes", "EventDecided"]

__all__ = [
    "NEW",
    "NEW_NUMBER",
    "Decisions",
    "EventDecided",
    "GroupBecomes",
    "PersonBecomes",
    "ProfileBecomes",
    "SameProfile",
    "parse_decisions",
]

NEW = "new"  # how a file asks for a number that nobody ever had
NEW_NUMBER = -1
SHOWN = 20
_LONGEST_LIST = 100000


@dataclass(frozen=True)
class ProfileBecomes:
    """A profile gets another id or another band; whoever has no number of that band gets one."""

    profile: str
    uid_band: Band
    registered: str  # the checksum of the line that registers it; empty where only one does
    new_profile: str
    new_band: Band
    reason: str = ""

    @property
    def thing(self) -> tuple[str, ...]:
        """What this decides about."""
        return "profile", self.profile, str(self.uid_band), self.registered

    def __str__(self) -> str:
        which = f", registered by {self.registered}" if self.registered else ""
        return f"the profile {self.profile} ({self.uid_band}{which})"


@dataclass(frozen=True)
class SameProfile:
    """What several ledgers registered on their own under one id is one profile."""

    profile: str

    @property
    def thing(self) -> tuple[str, ...]:
        """What this decides about."""
        return "same_profile", self.profile

    def __str__(self) -> str:
        return f"same_profile {self.profile}"


@dataclass(frozen=True)
class PersonBecomes:
    """A person gets another number, username or subject."""

    profile: str
    subject: str
    uid: int
    username: str  # empty where the rest names one person
    new_subject: str
    new_username: str  # empty: stays
    new_uid: int | None  # NEW_NUMBER: one that nobody ever had; None: stays
    reason: str = ""

    @property
    def thing(self) -> tuple[str, ...]:
        """What this decides about."""
        return "person", self.profile, self.subject, str(self.uid), self.username

    def __str__(self) -> str:
        called = f", {self.username}" if self.username else ""
        return f"the subject {quoted(self.subject)} ({self.profile}, {self.uid}{called})"


@dataclass(frozen=True)
class GroupBecomes:
    """A shared group gets another number or name."""

    profile: str
    name: str
    gid: int
    new_name: str
    new_gid: int | None
    reason: str = ""

    @property
    def thing(self) -> tuple[str, ...]:
        """What this decides about."""
        return "group", self.profile, self.name, str(self.gid)

    def __str__(self) -> str:
        return f"the group {self.name} ({self.profile}, {self.gid})"


@dataclass(frozen=True)
class EventDecided:
    """One line is left out, or taken over although it asks for a second look."""

    checksum: str
    keep: bool

    @property
    def thing(self) -> tuple[str, ...]:
        """What this decides about."""
        return "event", self.checksum

    def __str__(self) -> str:
        return f"the event {self.checksum}"


@dataclass(frozen=True)
class Decisions:
    """All decisions, by what they are about. Their order means nothing."""

    profiles: tuple[ProfileBecomes, ...] = ()
    same: tuple[SameProfile, ...] = ()
    people: tuple[PersonBecomes, ...] = ()
    groups: tuple[GroupBecomes, ...] = ()
    events: tuple[EventDecided, ...] = ()

    @property
    def dropped(self) -> frozenset[str]:
        """The checksums of the lines to leave out."""
        return frozenset(decision.checksum for decision in self.events if not decision.keep)

    @property
    def kept(self) -> frozenset[str]:
        """The checksums of the lines to take over knowingly."""
        return frozenset(decision.checksum for decision in self.events if decision.keep)


def parse_decisions(data: Any) -> Decisions:
    """Read decisions.

    :param data: a list of decisions, or the template of a report in which decisions were filled in, of plain types.
    :raises IdentityError: one message that names everything that cannot be accepted.
    """
    if isinstance(data, dict) and list(data) == ["decisions"]:
        data = data["decisions"]
    if data is None:
        data = []
    if not isinstance(data, list) or len(data) > _LONGEST_LIST:
        raise IdentityError(
            f"The decisions are {quoted(data)}, not a list of at most {_LONGEST_LIST}: write a list, or fill in the"
            " template that the report returns."
        )
    decisions: list[AnyDecision] = []
    problems: list[str] = []
    for number, raw in _numbered(data, problems):
        try:
            decisions.append(_decision(raw))
        except IdentityError as refusal:
            problems.append(f"decision {number}: {str(refusal).rstrip('.')}")
    things: dict[tuple[str, ...], AnyDecision] = {}
    for decision in decisions:
        if things.setdefault(decision.thing, decision) != decision:
            problems.append(f"there are two decisions about {decision}: keep one")
    if problems:
        raise IdentityError(f"The decisions cannot be used: {in_one_sentence(problems, SHOWN)}.")
    return _sorted(things.values())


def _sorted(decisions: Iterable[AnyDecision]) -> Decisions:
    """The decisions by kind, in an order that does not depend on the file."""
    ordered = sorted(decisions, key=lambda decision: decision.thing)
    return Decisions(
        tuple(decision for decision in ordered if isinstance(decision, ProfileBecomes)),
        tuple(decision for decision in ordered if isinstance(decision, SameProfile)),
        tuple(decision for decision in ordered if isinstance(decision, PersonBecomes)),
        tuple(decision for decision in ordered if isinstance(decision, GroupBecomes)),
        tuple(decision for decision in ordered if isinstance(decision, EventDecided)),
    )


def _numbered(data: Sequence[Any], problems: list[str]) -> Iterable[tuple[str, Any]]:
    """Every decision with its place; those of a template stand below their conflict."""
    for number, item in enumerate(data, start=1):
        if not isinstance(item, dict) or "conflict" not in item:
            yield str(number), item
            continue
        unknown = sorted(map(quoted, item.keys() - {"conflict", "choices", "decisions"}))
        inner = item.get("decisions") or []
        if unknown or not isinstance(inner, list):
            problems.append(f"decision {number}: a conflict has the keys conflict, choices and decisions, a list")
            continue
        for inner_number, decision in enumerate(inner, start=1):
            yield f"{number}.{inner_number}", decision


def _decision(raw: Any) -> AnyDecision:
    if not isinstance(raw, dict):
        raise IdentityError(f"{quoted(raw)} is not a mapping")
    named = [key for key in _KINDS if key in raw]
    if len(named) != 1:
        raise IdentityError(f"it names {' and '.join(named) or 'nothing'}: name one of {', '.join(_KINDS)}")
    decision: AnyDecision = _KINDS[named[0]](raw)
    return decision


def _profile(raw: dict[str, Any]) -> ProfileBecomes:
    said = _read(raw, "it", {"profile": check_profile_id, "uid_band": parse_band, "become": _mapping}, _PROFILE_MORE)
    become = _read(said["become"], "become", {}, {"profile": check_profile_id, "uid_band": parse_band})
    if not become:
        raise IdentityError("become names neither a profile nor a uid_band")
    profile, band = become.get("profile", said["profile"]), become.get("uid_band", said["uid_band"])
    return ProfileBecomes(
        said["profile"],
        said["uid_band"],
        said.get("registered", ""),
        profile,
        check_uid_band(band),
        said.get("reason", ""),
    )


def _same_profile(raw: dict[str, Any]) -> SameProfile:
    return SameProfile(_read(raw, "it", {"same_profile": check_profile_id}, {"reason": _reason})["same_profile"])


def _person(raw: dict[str, Any]) -> PersonBecomes:
    said = _read(raw, "it", {"person": _mapping, "become": _mapping}, {"reason": _reason})
    person = _read(
        said["person"],
        "person",
        {"profile": check_profile_id, "subject": check_subject, "uid": _number},
        {"username": check_username},
    )
    become = _read(
        said["become"],
        "become",
        {},
        {"subject": check_subject, "username": check_research_username, "uid": _number_or_new},
    )
    if not become:
        raise IdentityError("become names neither a uid nor a username nor a subject")
    return PersonBecomes(
        person["profile"],
        person["subject"],
        person["uid"],
        person.get("username", ""),
        become.get("subject", person["subject"]),
        become.get("username", ""),
        become.get("uid"),
        said.get("reason", ""),
    )


def _group(raw: dict[str, Any]) -> GroupBecomes:
    said = _read(raw, "it", {"group": _mapping, "become": _mapping}, {"reason": _reason})
    group = _read(said["group"], "group", {"profile": check_profile_id, "name": check_group_name, "gid": _number}, {})
    become = _read(said["become"], "become", {}, {"name": check_shared_group_name, "gid": _number_or_new})
    if not become:
        raise IdentityError("become names neither a gid nor a name")
    return GroupBecomes(
        group["profile"],
        group["name"],
        group["gid"],
        become.get("name", group["name"]),
        become.get("gid"),
        said.get("reason", ""),
    )


def _event(raw: dict[str, Any]) -> EventDecided:
    said = _read(raw, "it", {"event": _checksum}, {"drop": _yes, "keep": _yes, "reason": _reason})
    if ("drop" in said) == ("keep" in said):
        raise IdentityError("write either 'drop: true' or 'keep: true' about an event")
    return EventDecided(said["event"], "keep" in said)


def _read(
    raw: Mapping[str, Any],
    what: str,
    needed: Mapping[str, Callable[[Any], Any]],
    optional: Mapping[str, Callable[[Any], Any]],
) -> dict[str, Any]:
    """The checked values of a mapping that has the needed keys and no unknown ones."""
    known = {**needed, **optional}
    unknown = sorted(map(quoted, raw.keys() - known.keys()))
    missing = [key for key in needed if key not in raw]
    if unknown or missing:
        problem = f"has the unknown key {', '.join(unknown)}" if unknown else f"lacks {', '.join(missing)}"
        raise IdentityError(f"{what} {problem}: the keys are {', '.join(known)}")
    unfilled = [key for key, value in raw.items() if value is None]
    if unfilled:
        raise IdentityError(f"{what} has no value for {', '.join(unfilled)}: fill it in, or leave it out")
    return {key: known[key](value) for key, value in raw.items()}


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise IdentityError(f"{quoted(value)} is not a mapping")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_NUMBER:
        raise IdentityError(f"{quoted(value)} is not the number of a user or group")
    return int(value)


def _number_or_new(value: Any) -> int:
    return NEW_NUMBER if value == NEW else _number(value)


def _checksum(value: Any) -> str:
    if not isinstance(value, str) or len(value) != CHECKSUM_DIGITS or not set(value) <= set("0123456789abcdef"):
        raise IdentityError(
            f"{quoted(value)} is not the checksum of a line, {CHECKSUM_DIGITS} characters of 0-9 and a-f in quotes"
        )
    return value


def _yes(value: Any) -> bool:
    if value is not True:
        raise IdentityError(f"{quoted(value)} is not true")
    return True


def _reason(value: Any) -> str:
    return check_text("reason", value, may_be_empty=True)


_PROFILE_MORE: dict[str, Callable[[Any], Any]] = {"registered": _checksum, "reason": _reason}
_KINDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "profile": _profile,
    "same_profile": _same_profile,
    "person": _person,
    "group": _group,
    "event": _event,
}
