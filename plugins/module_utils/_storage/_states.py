# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on a shared file system, and what is to be done: the values the planner stands between (private, pure)."""

from __future__ import annotations

from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["HostUsers", "Job", "Plan", "Seen", "Thing"]


@dataclass(frozen=True)
class Thing:
    """What stands under a name: ``missing``, ``directory`` or ``other`` (a link, a file)."""

    kind: str = "missing"
    uid: int = -1
    gid: int = -1
    mode: int = -1


@dataclass(frozen=True)
class Seen:
    """What a file system that was proved looks like. A name that was not looked at is missing."""

    kind: str
    source: str
    marked: bool
    empty: bool
    root: Thing
    root_writes: bool  # in the root of the file system: false where the file server keeps root out
    lacking: tuple[str, ...] = ()  # options that a mount from elsewhere should have
    bases: dict[str, Thing] = field(default_factory=dict)
    homes: dict[str, Thing] = field(default_factory=dict)
    shared: dict[str, Thing] = field(default_factory=dict)


@dataclass(frozen=True)
class HostUsers:
    """What the host says of the people and groups that are asked for."""

    uids: dict[str, int]
    homes: dict[str, str]
    names: dict[int, str]  # of owners, for messages
    groups: dict[str, tuple[int, ...]]  # all that a user is in, the primary group among them
    gids: dict[str, int]
    group_names: dict[int, str]
    members: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Job:
    """One thing to do: ``mark``, ``base``, ``home``, ``shared`` or ``mode``, as root or as a user."""

    what: str
    path: str  # from the root of the file system
    mode: int
    before: str
    after: str
    name: str = ""
    uid: int = 0
    gid: int = 0
    skel: str = ""
    groups: tuple[int, ...] = ()
    as_user: bool = False
    create: bool = True

    def as_words(self) -> dict[str, Any]:
        """The same as a mapping, for a process of its own."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Plan:
    """Jobs in their order; what is wrong and stays so; what the elected host has to make."""

    jobs: tuple[Job, ...]
    problems: tuple[str, ...]
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
