# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a walk found and did, added up over its processes (private, pure)."""

from __future__ import annotations

from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Job", "Tally"]

_SHOWN = 50  # paths of a kind that are told by name; the others are counted
_LONGEST = 1000  # of a path that is told


@dataclass(frozen=True)
class Job:
    """What a walk does with what it finds.

    No old number is a new one of the same walk. So an inode that was changed is not one to change any more, however
    often it is met, and a walk may be broken off anywhere and begun anew.
    """

    uids: dict[int, int]  # new number by old one
    gids: dict[int, int]
    change: bool  # or only count
    acls: bool = True  # look at the ACL of every file, too
    taken_uids: frozenset[int] = frozenset()  # numbers that nothing should carry yet
    taken_gids: frozenset[int] = frozenset()


@dataclass
class Tally:
    """Counts and examples. Numbers are the old ones."""

    seen: int = 0
    changed: int = 0
    acls: int = 0
    unsettled: int = 0  # directories that were moved away while they were walked
    counts: dict[tuple[int, str, int], int] = field(default_factory=dict)  # by place walked, "u" or "g", and number
    linked: dict[tuple[int, int], list[tuple[int, str, int]]] = field(default_factory=dict)  # with several names
    paths: dict[str, list[str]] = field(default_factory=dict)  # examples by what is the matter
    totals: dict[str, int] = field(default_factory=dict)

    def count(self, key: tuple[int, str, int]) -> None:
        """One more file of a number."""
        self.counts[key] = self.counts.get(key, 0) + 1

    def note(self, what: str, path: str) -> None:
        """One more path of which there is something to say."""
        self.totals[what] = self.totals.get(what, 0) + 1
        paths = self.paths.setdefault(what, [])
        if len(paths) < _SHOWN:
            # bytes that are no text are shown as \\xNN, and nothing in a name moves the cursor of who reads it
            text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
            paths.append(text if len(text) <= _LONGEST else text[: _LONGEST // 2] + "[...]" + text[-_LONGEST // 2 :])

    def add(self, other: Tally) -> None:
        """Take in what another process counted; an inode with several names counts once."""
        for name in ("seen", "changed", "acls", "unsettled"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for key, number in other.counts.items():
            self.counts[key] = self.counts.get(key, 0) + number
        for inode, keys in other.linked.items():
            self.linked.setdefault(inode, keys)
        for what, number in other.totals.items():
            self.totals[what] = self.totals.get(what, 0) + number
            paths = self.paths.setdefault(what, [])
            paths += other.paths[what][: _SHOWN - len(paths)]

    def files(self) -> dict[tuple[int, str, int], int]:
        """Every inode once."""
        files = dict(self.counts)
        for keys in self.linked.values():
            for key in keys:
                files[key] = files.get(key, 0) + 1
        return files

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "numbers": [self.seen, self.changed, self.acls, self.unsettled],
            "counts": [[list(key), number] for key, number in self.counts.items()],
            "linked": [[list(inode), [list(key) for key in keys]] for inode, keys in self.linked.items()],
            "paths": self.paths,
            "totals": self.totals,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Tally:
        """What :meth:`as_data` made."""
        tally = cls(*data["numbers"])
        tally.counts = {(key[0], key[1], key[2]): number for key, number in data["counts"]}
        tally.linked = {
            (inode[0], inode[1]): [(key[0], key[1], key[2]) for key in keys] for inode, keys in data["linked"]
        }
        tally.paths, tally.totals = data["paths"], data["totals"]
        return tally
