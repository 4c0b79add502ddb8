# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger with a past, which the tests of history, of questions and of checks share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GrantChanged,
    Linked,
    NumberWithheld,
    Redirected,
    Renamed,
    Renumbered,
    Stamp,
    StateChanged,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import Ledger, fold
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import group, profile, user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

UPSTREAM = "https://idp.example alice@uni.example"


def on(day: str, clock: str = "09:00:00", by: str = "sam@controller", run: str = "job 1") -> Stamp:
    """The stamp of a day like 03-20 of 2026."""
    return Stamp(f"2026-{day}T{clock}Z", by, run)


def state(subject: str, rev: int, value: str, stamp: Stamp, reason: str = "", name: str = "lab") -> StateChanged:
    return StateChanged(name, subject, rev, value, reason, stamp)


def rename(subject: str, rev: int, username: str, stamp: Stamp, name: str = "lab") -> Renamed:
    return Renamed(name, subject, rev, username, "", stamp)


def grant(
    subject: str, into: str, rev: int, value: str, uid: int, stamp: Stamp, reason: str = "", name: str = "lab"
) -> GrantChanged:
    return GrantChanged(name, subject, into, rev, value, uid, reason, stamp)


def redirect(
    subject: str, rev: int, to_subject: str, stamp: Stamp, name: str = "lab", to_profile: str = "lab"
) -> Redirected:
    return Redirected(name, subject, rev, to_profile if to_subject else "", to_subject, "one person", stamp)


def link(subject: str, upstream: str, uuid: str, stamp: Stamp, name: str = "lab") -> Linked:
    return Linked(name, subject, upstream, uuid, stamp)


def withheld(number: int, stamp: Stamp, reason: str = "", name: str = "lab") -> NumberWithheld:
    return NumberWithheld(name, number, reason, stamp)


# alice (a@x) has 5238 since January, is renamed, goes and comes back in spring, and is a guest of uni in winter. bob
# had 5238 too, in another cluster, until the two were merged in March. carol is a guest with a number of her own, dora
# was merged into alice, and erin has a number in reserve.
STORY: tuple[Event, ...] = (
    profile("lab", stamp=on("01-01")),
    profile("uni", "6000-6999", stamp=on("01-01")),
    group("research", 4265, stamp=on("01-02")),
    user("alice", 5238, "a@x", stamp=on("01-10")),
    user("bob", 5300, stamp=on("03-15", run="job 9")),
    Renumbered("lab", "bob", 5238, 5300, "merge of two clusters", on("03-15", run="job 9")),
    grant("a@x", "uni", 1, "granted", 5238, on("02-01")),
    grant("a@x", "uni", 2, "revoked", 5238, on("03-05")),
    rename("a@x", 1, "alicia", on("03-10")),
    state("a@x", 1, "retired", on("03-20", run="job 10"), "left"),
    state("a@x", 2, "active", on("04-02"), "is back"),
    user("carol", 5400, stamp=on("02-01")),
    grant("carol", "uni", 1, "granted", 6001, on("02-02"), "project x"),
    grant("carol", "uni", 2, "revoked", 6001, on("03-02")),
    user("dora", 5500, stamp=on("02-03")),
    redirect("dora", 1, "a@x", on("05-01")),
    state("dora", 1, "retired", on("05-01"), "merged"),
    user("erin", 5600, stamp=on("06-01")),
    state("erin", 1, "reserved", on("06-01")),
    withheld(5017, on("02-04"), "strangers' files"),
    link("a@x", UPSTREAM, "", on("02-05")),
)


def ledger_with(events: Sequence[Event]) -> Ledger:
    """The ledger of events that stand in lines 2 and following."""
    return fold(Written(events, range(2, len(events) + 2), [""] * len(events)))
