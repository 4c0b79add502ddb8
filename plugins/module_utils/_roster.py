# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roster: the people of a profile, as data, read as a whole or refused entry by entry (private, pure)."""

from __future__ import annotations

import datetime
import posixpath
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    check_profile_id,
    check_research_username,
    check_shared_group_name,
    is_system_path,
    quoted,
)
from ansible_collections.labfleet.identity.plugins.module_utils._roster_attributes import ATTRIBUTES
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import KeyEntry, parse_key_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Callable

__all__ = ["SHOWN_PROBLEMS", "Roster", "RosterEntry", "check_subject", "parse_roster", "parse_rosters"]

STATES = ("present", "disabled", "absent")
SHOWN_PROBLEMS = 20
GROUPS_LIMIT = 16  # AUTH_SYS NFS drops what is more, silently
TEXT_LENGTH = 255
PATH_LENGTH = 1024


@dataclass(frozen=True)
class RosterEntry:
    """One person. None means: the roster does not say, so what is there is left alone."""

    username: str
    subject: str
    gecos: str | None = None
    keys: tuple[KeyEntry, ...] | None = None
    groups: tuple[str, ...] | None = None
    shell: str | None = None
    home: str | None = None
    state: str = "present"
    expires: str | None = None
    adopt: bool | None = None
    home_profile: str | None = None  # of a guest, whom a grant lets in
    attributes: Mapping[str, Any] = field(default_factory=dict)  # what hosts take as it is


@dataclass(frozen=True)
class Roster:
    """The people of a profile, in the order in which they were written."""

    entries: tuple[RosterEntry, ...]

    @property
    def group_names(self) -> tuple[str, ...]:
        """Every shared group that somebody is in, each once, sorted."""
        return tuple(sorted({group for entry in self.entries for group in entry.groups or ()}))


def parse_roster(data: Any) -> Roster:
    """Read a roster.

    :param data: a list of people, or a mapping ``{users: [...]}``, of plain types as YAML or JSON gives them.
    :raises IdentityError: one message that names every entry that cannot be accepted.
    """
    return _roster((f"entry {index}", raw) for index, raw in enumerate(_people(data), start=1))


def parse_rosters(rosters: Mapping[str, Any]) -> Roster:
    """Read the people of one profile out of several rosters, by the name of each; a person is in one of them only.

    :raises IdentityError: one message that names every entry that cannot be accepted.
    """
    labelled = []
    for name, data in rosters.items():
        try:
            people = _people(data)
        except IdentityError as refusal:
            raise IdentityError(f"Of {name}: {refusal}") from refusal
        labelled += [(f"entry {index} of {name}", raw) for index, raw in enumerate(people, start=1)]
    return _roster(labelled)


def _roster(labelled: Iterable[tuple[str, Any]]) -> Roster:
    """The people of entries, each with what it is called in messages."""
    problems = _Problems()
    entries: list[RosterEntry] = []
    seen = _Seen()
    for label, raw in labelled:
        try:
            entry = _entry(raw)
        except IdentityError as refusal:
            problems.add(label, raw, str(refusal))
            continue
        for clash in seen.clashes(label, entry):
            problems.add(label, raw, clash)
        entries.append(entry)
    for name, label in seen.usernames.items():
        if name in seen.groups:
            problems.add(label, {"username": name}, f"{seen.groups[name]} names a shared group so: rename the group")
    problems.stop_here()
    return Roster(tuple(entries))


def check_subject(subject: str) -> str:
    """Return the stable id of a person, or refuse it: it must be the same text wherever it is written."""
    _text("subject", subject)
    if not subject or subject != subject.strip():
        raise IdentityError("subject is empty or has blanks around it: write it without")
    if not subject.isascii() and unicodedata.normalize("NFC", subject) != subject:
        raise IdentityError(f"subject {quoted(subject)} is not in Unicode's normal form NFC: write it composed")
    return subject


def _people(data: Any) -> list[Any]:
    if isinstance(data, dict):
        if list(data) != ["users"]:
            raise IdentityError(
                "The roster is a mapping that is not of the form {users: [...]}: write a list of people,"
                " or a mapping with the one key 'users'."
            )
        data = data["users"]
    if not isinstance(data, list):
        raise IdentityError(f"The roster is {quoted(data)}, not a list of people: write a list, [] for nobody.")
    return data


class _Problems:
    """What is wrong, entry by entry; the first are kept in words, the others counted."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.more = 0

    def add(self, label: str, raw: Any, reason: str) -> None:
        if len(self.shown) >= SHOWN_PROBLEMS:
            self.more += 1
            return
        name = raw.get("username") if isinstance(raw, dict) else None
        self.shown.append(f"{label}{'' if name is None else ' (' + quoted(name) + ')'}: {reason.rstrip('.')}")

    def stop_here(self) -> None:
        if self.shown:
            more = f"; and {self.more} more" if self.more else ""
            raise IdentityError(
                f"The roster is refused as a whole and nothing was written: {'; '.join(self.shown)}{more}."
            )


class _Seen:
    """What earlier entries hold already: names, subjects, keys and homes belong to one person each."""

    def __init__(self) -> None:
        self.usernames: dict[str, str] = {}
        self.groups: dict[str, str] = {}
        self._subjects: dict[tuple[str | None, str], str] = {}
        self._keys: dict[str, str] = {}
        self._homes: dict[str, str] = {}

    def clashes(self, label: str, entry: RosterEntry) -> list[str]:
        """Note the entry and say what of it belongs to an earlier one."""
        found = []
        earlier = self.usernames.setdefault(entry.username, label)
        if earlier != label:
            found.append(f"{earlier} has this username already: remove one of the two")
        earlier = self._subjects.setdefault((entry.home_profile, entry.subject), label)
        if earlier != label and not found:
            found.append(f"{earlier} is the same person (subject {quoted(entry.subject)}): one person has one entry")
        for held in entry.keys or ():
            if self._keys.setdefault(held.key.blob, label) != label:
                found.append(
                    f"{self._keys[held.key.blob]} has the same SSH key: one key opens one person's account only"
                )
        if entry.home is not None and self._homes.setdefault(entry.home, label) != label:
            found.append(f"{self._homes[entry.home]} has the same home {entry.home}: give each a home of their own")
        for group in entry.groups or ():
            self.groups.setdefault(group, label)
        return found


def _entry(raw: Any) -> RosterEntry:
    if not isinstance(raw, dict):
        raise IdentityError(f"{quoted(raw)} is not a mapping: write at least 'username: NAME'")
    values: dict[str, Any] = {}
    for key, value in raw.items():
        check = _CHECKS.get(key) if isinstance(key, str) else None
        if check is None:
            raise IdentityError(_unknown_key(key))
        # "key: null" says the same as leaving the key out
        if value is not None:
            values[key] = check(value)
    if "username" not in values:
        raise IdentityError("it has no username: give it one")
    values.setdefault("subject", values["username"])
    if values.get("adopt") and "keys" not in values:
        raise IdentityError(
            "it has adopt but no keys: an account that is taken over is entered with the keys of the roster alone, so"
            " name them, or 'keys: []' for nobody"
        )
    attributes = {key: values.pop(key) for key in ATTRIBUTES if key in values}
    return RosterEntry(**values, attributes=attributes)


def _unknown_key(key: Any) -> str:
    if key in ("uid", "gid"):
        return f"it sets {key}, but numbers come from the ledger: remove {key}"
    if key == "name":
        return "it has the unknown key 'name': a person's login is called 'username' here"
    return f"it has the unknown key {quoted(key)}: known are {', '.join(_CHECKS)}"


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise IdentityError(f"{key} {quoted(value)} is not text: put it in quotes")
    if len(value) > TEXT_LENGTH or not value.isprintable():
        raise IdentityError(f"{key} {quoted(value)} is not one line of at most {TEXT_LENGTH} printable characters")
    return value


def _gecos(value: Any) -> str:
    if ":" in _text("gecos", value):
        raise IdentityError(f"gecos {quoted(value)} holds a colon, which would end the field in passwd: leave it out")
    return str(value)


def _path(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("/") or value.startswith("//"):
        raise IdentityError(f"{key} {quoted(value)} is not an absolute path")
    if posixpath.normpath(value) != value:
        raise IdentityError(f"{key} {quoted(value)} has '.', '..' or needless slashes in it: write the plain path")
    if len(value) > PATH_LENGTH or not value.isprintable() or not value.isascii() or set(value) & set(":'\"\\ $`"):
        raise IdentityError(
            f"{key} {quoted(value)} holds a blank, a quote, a colon or another character unfit for passwd"
        )
    return value


def _shell(value: Any) -> str:
    return _path("shell", value)


def _home(value: Any) -> str:
    if _path("home", value).count("/") < 2:
        raise IdentityError(f"home {quoted(value)} is not a directory of its own below a base such as /home")
    if is_system_path(value):
        raise IdentityError(
            f"home {quoted(value)} belongs to the operating system: choose a directory below a base such as /home"
        )
    return str(value)


def _groups(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise IdentityError(f"groups {quoted(value)} is not a list of group names")
    groups = tuple(dict.fromkeys(check_shared_group_name(group) for group in value))
    if len(groups) > GROUPS_LIMIT:
        raise IdentityError(f"groups has {len(groups)} names, but NFS heeds {GROUPS_LIMIT} at most: name fewer")
    return groups


def _keys(value: Any) -> tuple[KeyEntry, ...]:
    if not isinstance(value, list):
        raise IdentityError(f"keys {quoted(value)} is not a list of OpenSSH public keys")
    entries: dict[str, KeyEntry] = {}
    for raw in value:
        entry = parse_key_entry(raw)
        kept = entries.setdefault(entry.key.blob, entry)
        if kept.options != entry.options:
            # sshd would take the first of the two that lets somebody in
            raise IdentityError(f"key {entry.key.fingerprint} is there twice with different options: keep one")
    return tuple(entries.values())


def _state(value: Any) -> str:
    if value not in STATES:
        raise IdentityError(f"state {quoted(value)} is not one of {', '.join(STATES)}")
    return str(value)


def _expires(value: Any) -> str:
    # YAML makes a date of 2027-01-31; a datetime has a time of day, which is refused
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = value.isoformat()
    if value == "never":
        return "never"
    try:
        day = datetime.date.fromisoformat(value)
    except (TypeError, ValueError):
        day = datetime.date.min
    # shadow(5) counts from 1970, and the first days of that year mean something else there
    if day.isoformat() != value or day.year < 1971:
        raise IdentityError(f"expires {quoted(value)} is not a day such as 2027-01-31, nor 'never'")
    return str(value)


def _adopt(value: Any) -> bool:
    if not isinstance(value, bool):
        raise IdentityError(f"adopt {quoted(value)} is not true or false")
    return value


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "username": check_research_username,
    "subject": check_subject,
    "gecos": _gecos,
    "keys": _keys,
    "groups": _groups,
    "shell": _shell,
    "home": _home,
    "state": _state,
    "expires": _expires,
    "adopt": _adopt,
    "home_profile": check_profile_id,
    **ATTRIBUTES,
}
