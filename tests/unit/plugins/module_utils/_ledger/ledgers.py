# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events, rosters and strategies that the ledger tests share."""

from __future__ import annotations

import base64
import hashlib
import json
import unicodedata
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Allocation, Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GRANTED,
    REVOKED,
    STATES,
    GrantChanged,
    GroupIssued,
    Invited,
    Linked,
    NumberWithheld,
    ProfileRegistered,
    Redeemed,
    Redirected,
    Renamed,
    Renumbered,
    Stamp,
    StateChanged,
    Uninvited,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import (
    Written,
    format_ledger,
    parse_ledger,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import EMPTY_LEDGER, Ledger, fold
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band, parse_band

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

AT, BY = "2026-11-21T22:00:00Z", "sam@controller"
STAMP = Stamp(AT, BY, "")
LATER = Stamp("2026-12-24T18:00:00Z", "kim@laptop", "")
NOW = 1_795_000_000  # when invitations of the tests are issued


def jti_of(label: object) -> str:
    """An id as invitations have it, always the same for the same label."""
    return base64.urlsafe_b64encode(hashlib.sha256(str(label).encode()).digest()[:16]).decode().rstrip("=")


def key_of(label: object) -> str:
    """A fingerprint as ssh-keygen prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(str(label).encode()).digest()).decode().rstrip("=")


KEY = key_of("a key")

USERNAMES = st.from_regex(r"[a-z_][a-z0-9_-]{0,31}", fullmatch=True)
SUBJECTS = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=40).filter(
    lambda text: text.isascii()
)
# free text of one line, in whatever script; what has blanks around it or is not in NFC is no identity
TEXTS = st.text(st.characters(categories=("L", "M", "N", "P", "S", "Zs")), max_size=40).filter(str.isprintable)
IDENTITIES = TEXTS.map(lambda text: unicodedata.normalize("NFC", text).strip()).filter(
    lambda text: bool(text) and text.isprintable()
)
PROFILE_IDS = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True)
NUMBERS = st.integers(0, 4294967295)
REVISIONS = st.integers(1, 4294967295)
UUIDS = st.from_regex(r"[a-z0-9]{5}-tpzed-[a-z0-9]{15}", fullmatch=True)
STAMPS = st.builds(
    Stamp,
    st.from_regex(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z", fullmatch=True),
    TEXTS.filter(bool),
    TEXTS,
)
JTIS = st.binary(min_size=16, max_size=16).map(lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="))
CLAIMS = st.dictionaries(TEXTS, TEXTS | st.integers() | st.lists(TEXTS, max_size=3), max_size=4).map(
    lambda claims: json.dumps(claims, sort_keys=True, separators=(",", ":"))
)
BANDS = st.tuples(NUMBERS, NUMBERS).map(lambda pair: Band(min(pair), max(pair)))
# every event that a line can say, whether it makes sense in a ledger or not
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(ProfileRegistered, PROFILE_IDS, BANDS, BANDS, STAMPS),
    st.builds(UserIssued, PROFILE_IDS, USERNAMES, IDENTITIES, NUMBERS, STAMPS),
    st.builds(GroupIssued, PROFILE_IDS, USERNAMES, NUMBERS, STAMPS),
    st.builds(NumberWithheld, PROFILE_IDS, NUMBERS, TEXTS, STAMPS),
    st.builds(Renumbered, PROFILE_IDS, IDENTITIES, NUMBERS, NUMBERS, TEXTS, STAMPS),
    st.builds(StateChanged, PROFILE_IDS, IDENTITIES, REVISIONS, st.sampled_from(STATES), TEXTS, STAMPS),
    st.builds(Renamed, PROFILE_IDS, IDENTITIES, REVISIONS, USERNAMES, TEXTS, STAMPS),
    st.builds(
        GrantChanged,
        PROFILE_IDS,
        IDENTITIES,
        PROFILE_IDS,
        REVISIONS,
        st.sampled_from([GRANTED, REVOKED]),
        NUMBERS,
        TEXTS,
        STAMPS,
    ),
    st.builds(Linked, PROFILE_IDS, IDENTITIES, st.just("") | IDENTITIES, st.just("") | UUIDS, STAMPS),
    st.builds(
        Redirected,
        PROFILE_IDS,
        IDENTITIES,
        REVISIONS,
        st.just("") | PROFILE_IDS,
        st.just("") | IDENTITIES,
        TEXTS,
        STAMPS,
    ),
    st.builds(Invited, PROFILE_IDS, JTIS, TEXTS.filter(bool), CLAIMS, STAMPS),
    st.builds(Uninvited, PROFILE_IDS, JTIS, TEXTS, STAMPS),
    st.builds(
        Redeemed,
        PROFILE_IDS,
        JTIS,
        IDENTITIES,
        TEXTS.filter(bool),
        st.lists(JTIS, max_size=3, unique=True).map(" ".join),
        st.integers().map(key_of),
        STAMPS,
    ),
)


def profile(name: str = "lab", band: str = "5000-5999", groups: str = "4000-4999", stamp: Stamp = STAMP) -> Event:
    return ProfileRegistered(name, parse_band(band), parse_band(groups), stamp)


def user(username: str, uid: int, subject: str = "", name: str = "lab", stamp: Stamp = STAMP) -> Event:
    return UserIssued(name, username, subject or username, uid, stamp)


def group(name: str, gid: int, in_profile: str = "lab", stamp: Stamp = STAMP) -> Event:
    return GroupIssued(in_profile, name, gid, stamp)


def claims_of(label: object, in_profile: str = "lab", until: int = NOW + 86400, **more: Any) -> str:
    """What the token of an invitation says."""
    said = {"aud": in_profile, "exp": until, "iss": "cluster-a", "jti": jti_of(label), **more}
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def invited(label: object, name: str = "", in_profile: str = "lab", stamp: Stamp = STAMP, **more: Any) -> Event:
    return Invited(in_profile, jti_of(label), name or str(label), claims_of(label, in_profile, **more), stamp)


def uninvited(label: object, reason: str = "", in_profile: str = "lab", stamp: Stamp = STAMP) -> Event:
    return Uninvited(in_profile, jti_of(label), reason, stamp)


def redeemed(
    label: object,
    subject: str,
    *chain: object,
    in_profile: str = "lab",
    key: str = KEY,
    issuer: str = "cluster-a",
    stamp: Stamp = STAMP,
) -> Event:
    ancestors = " ".join(map(jti_of, chain))
    return Redeemed(in_profile, jti_of(label), subject, issuer, ancestors, key, stamp)


def ledger_of(events: Sequence[Event]) -> Ledger:
    """The ledger after the events were written down and read again."""
    return fold(parse_ledger(format_ledger(Written(), events)))


def roster(*usernames: str, state: str = "present") -> Roster:
    return Roster(tuple(RosterEntry(name, name, state=state) for name in usernames))


def wanted(usernames: Iterable[str], band: str = "", name: str = "lab", groups: tuple[str, ...] = ()) -> Wanted:
    return Wanted(name, roster(*usernames), groups, parse_band(band) if band else None)


def issue(
    events: Sequence[Event], usernames: Iterable[str], band: str = "", name: str = "lab", groups: tuple[str, ...] = ()
) -> tuple[list[Event], Allocation]:
    """All events after an allocation, and the allocation."""
    before = ledger_of(events) if events else EMPTY_LEDGER
    allocation = allocate(before, wanted(usernames, band, name, groups), STAMP)
    return [*events, *allocation.events], allocation
