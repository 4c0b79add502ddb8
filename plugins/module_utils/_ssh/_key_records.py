# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One key of a key store, and the two files that it is (private, pure; runs on the controller).

``NAME.pub`` is the plain public key, as people have it. ``NAME.json`` says what is known of it. The fingerprint in the
second must be that of the first, so that neither can be exchanged without the other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import KeyEntry, parse_key_entry
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_options import parse_moment

if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "ACTIVE",
    "FUTURE",
    "INACTIVE",
    "OVER",
    "REVOKED",
    "STATES",
    "STATUSES",
    "KeyRecord",
    "check_key_name",
    "key_files",
    "moment_text",
    "parse_key_files",
]

FORMAT = 1
ACTIVE, INACTIVE, REVOKED = STATES = ("active", "inactive", "revoked")
FUTURE, OVER = "future", "over"
STATUSES = (*STATES, FUTURE, OVER)
GIVEN_NAME_LENGTH = 40  # leaves room for what a rotation appends
NAME_LENGTH = 63
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_MAY_BE_UNSAID = ("valid_from", "valid_until", "last_rotated")
_FIELDS = ("format", "fingerprint", "type", "comment", "state", "added", *_MAY_BE_UNSAID, "replaced_by", "options")


@dataclass(frozen=True)
class KeyRecord:
    """A key and what is known of it. Moments are texts in UTC, all of the same form, so that they can be compared."""

    entry: KeyEntry  # without the time at which it is over
    added: str
    state: str = ACTIVE
    valid_from: str | None = None
    valid_until: str | None = None
    last_rotated: str | None = None
    replaced_by: str | None = None

    @property
    def blob(self) -> str:
        """Which key it is, whatever its comment and options say."""
        return self.entry.key.blob

    def status(self, now: str) -> str:
        """Whether it lets somebody in now, and if not, why."""
        if self.state != ACTIVE:
            return self.state
        if self.valid_until is not None and self.valid_until <= now:
            return OVER
        return FUTURE if self.valid_from is not None and self.valid_from > now else ACTIVE

    def for_hosts(self) -> KeyEntry:
        """The entry that hosts get: sshd itself refuses the key when it is over."""
        if self.valid_until is None:
            return self.entry
        stamp = self.valid_until.replace("-", "").replace(":", "").replace("T", "")
        expiry = 'expiry-time="%s"' % stamp
        return replace(self.entry, options="%s,%s" % (self.entry.options, expiry) if self.entry.options else expiry)

    def as_fields(self) -> dict[str, Any]:
        """What C(NAME.json) holds."""
        raw = self.entry.as_data()
        return {
            "format": FORMAT,
            "fingerprint": self.entry.key.fingerprint,
            "type": self.entry.key.type,
            "comment": self.entry.key.comment,
            "state": self.state,
            "added": self.added,
            "valid_from": self.valid_from,
            "valid_until": self.valid_until,
            "last_rotated": self.last_rotated,
            "replaced_by": self.replaced_by,
            "options": {} if isinstance(raw, str) else {name: raw[name] for name in raw if name != "key"},
        }


def check_key_name(name: Any, longest: int = GIVEN_NAME_LENGTH) -> str:
    """Return the name of a key, or refuse it: it is that of two files, on every kind of file system."""
    if isinstance(name, str) and 0 < len(name) <= longest and _NAME_CHARACTERS.issuperset(name) and name[0] not in "-_":
        return name
    raise IdentityError(
        f"The key name {quoted(name)} is not valid: write a-z or 0-9 first, then a-z, 0-9, _ and -, at most"
        f" {longest} characters, such as laptop."
    )


def moment_text(name: str, value: Any) -> str:
    """A moment as the store has it; a day means its first second."""
    return parse_moment(name, value).strftime("%Y-%m-%dT%H:%M:%SZ")


def key_files(record: KeyRecord) -> tuple[bytes, bytes]:
    """The content of C(NAME.pub) and of C(NAME.json)."""
    fields = json.dumps(record.as_fields(), indent=2)
    return f"{record.entry.key.line}\n".encode("ascii"), f"{fields}\n".encode("ascii")


def parse_key_files(pub: bytes, meta: bytes) -> KeyRecord:
    """Read the two files of a key.

    :raises IdentityError: anything in them is unknown, missing, of another type, or does not fit together.
    """
    fields = _fields(meta)
    options = fields["options"]
    if not isinstance(options, dict) or {"key", "expires"} & options.keys():
        raise IdentityError("its options are no mapping, or have a key or an expiry of their own in them")
    try:
        line = pub.decode("ascii")
    except UnicodeDecodeError:
        raise IdentityError("its .pub is no public key") from None
    entry = parse_key_entry({"key": line, **options}, revoked=fields["state"] == REVOKED)
    found = {"fingerprint": entry.key.fingerprint, "type": entry.key.type, "comment": entry.key.comment}
    for name, value in found.items():
        if fields[name] != value:
            raise IdentityError(
                f"its .json has the {name} {quoted(fields[name])}, but the key in its .pub has {quoted(value)}"
            )
    if fields["state"] not in STATES:
        raise IdentityError(f"its state {quoted(fields['state'])} is not one of {', '.join(STATES)}")
    successor = fields["replaced_by"]
    record = KeyRecord(
        entry,
        added=_moment("added", fields["added"]),
        state=fields["state"],
        replaced_by=None if successor is None else check_key_name(successor, NAME_LENGTH),
        **{name: None if fields[name] is None else _moment(name, fields[name]) for name in _MAY_BE_UNSAID},
    )
    check_window(record)
    return record


def check_window(record: KeyRecord) -> None:
    """Refuse a key that would never be valid."""
    if record.valid_from is not None and record.valid_until is not None and record.valid_from >= record.valid_until:
        raise IdentityError(
            f"it would be valid from {record.valid_from} until {record.valid_until}, which is never: correct one"
        )


def _fields(meta: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(meta.decode("utf-8"), object_pairs_hook=_once)
    except ValueError:  # no JSON, or no UTF-8
        raise IdentityError("its .json cannot be read as JSON") from None
    except RecursionError:
        raise IdentityError("its .json is nested too deep") from None
    if not isinstance(fields, dict):
        raise IdentityError("its .json is no mapping")
    if not isinstance(fields.get("format"), int) or fields["format"] != FORMAT:
        raise IdentityError(f"its .json has the format {quoted(fields.get('format'))}, and only {FORMAT} is known here")
    odd = sorted(map(quoted, fields.keys() ^ set(_FIELDS)))
    if odd:
        raise IdentityError(f"its .json lacks or does not know the field {odd[0]}")
    return fields


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise IdentityError("its .json has a field twice")
    return fields


def _moment(name: str, value: Any) -> str:
    moment = moment_text(name, value)
    if moment != value:
        raise IdentityError(f"its {name} {quoted(value)} is not written as {moment}")
    return moment
