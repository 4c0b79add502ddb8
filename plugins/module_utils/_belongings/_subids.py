# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subordinate numbers for rootless containers, derived from the UID: nobody has to remember them (private, pure).

A range follows from the UID alone, so it is the same on every host. No two overlap, and none holds a number that a
person may have or that systemd keeps for foreign users. There is not room for everybody: what every UID from 1000 to
99999 could have is too small for a container.
"""

from __future__ import annotations

from bisect import bisect_left

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Collection, Mapping

__all__ = ["derived_range", "with_ranges"]

# first UID, last UID, where the range of the first one starts, how many numbers each gets; one after the other
_BANDS = (
    (1000, 10000, 65536000, 65536),
    (65536, 99999, 655425536, 32768),
    (10001, 15533, 1784741888, 65536),
)


def derived_range(uid: int) -> tuple[int, int]:
    """First number and count of the subordinate range of this UID, the same for subuid and subgid."""
    for first, last, start, count in _BANDS:
        if first <= uid <= last:
            return (start + (uid - first) * count, count)
    raise IdentityError(
        "subids: for UID %d no range is kept free, only for UIDs of 1000-15533 and 65536-99999: leave subids out" % uid
    )


def with_ranges(
    text: bytes | None,
    wanted: Mapping[str, tuple[int, int] | None],
    taken_uids: Collection[int],
    uids: Mapping[str, int] | None = None,
) -> tuple[bytes, dict[str, str], list[str]]:
    """The new content of /etc/subuid or /etc/subgid.

    :param text: what is there, None when there is no such file.
    :param wanted: the only range that each name shall have; None for no range. Who is not named keeps the lines there.
    :param taken_uids: numbers of people in passwd (or group), which no container may have.
    :param uids: the number of each name, since a line may name its owner so.
    :returns: new content, what changes by name, and why somebody's range was not written, in sentences.
    """
    owners = {name.encode(): name for name in wanted}
    for name, uid in (uids or {}).items():
        if name in wanted:
            owners[b"%d" % uid] = name
    lines = (text or b"").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    present: dict[str, list[bytes]] = {name: [] for name in wanted}
    for line in lines:
        owner = owners.get(line.split(b":")[0])
        if owner is not None:
            present[owner].append(line)
    problems: dict[str, str] = {}
    while True:  # who cannot have a range keeps the lines there, which may be in the way of others
        kept = [line for line in lines if owners.get(line.split(b":")[0]) in (None, *problems)]
        found = _overlaps(kept, {name: span for name, span in wanted.items() if name not in problems}, taken_uids)
        if not found:
            break
        problems.update(found)
    changes: dict[str, str] = {}
    new: dict[str, bytes | None] = {}
    for name, span in wanted.items():
        mine = None if span is None else b"%s:%d:%d" % (name.encode(), *span)
        if name in problems or present[name] == ([] if mine is None else [mine]):
            continue
        new[name] = mine
        changes[name] = "%s -> %s" % (
            _shown(b", ".join(old.split(b":", 1)[-1] for old in present[name])) or "absent",
            "absent" if span is None else "%d:%d" % span,
        )
    if not changes:
        return (text or b"", changes, list(problems.values()))
    return (_replaced(lines, owners, new), changes, list(problems.values()))


def _replaced(lines: list[bytes], owners: Mapping[bytes, str], new: dict[str, bytes | None]) -> bytes:
    """The lines with each changed owner's first one replaced and the others dropped; who had none comes last."""
    result = []
    for line in lines:
        owner = owners.get(line.split(b":")[0])
        if owner is None or owner not in new:
            result.append(line)
            continue
        replacement = new[owner]
        if replacement is not None:
            result.append(replacement)
            new[owner] = None
    result.extend(line for line in new.values() if line is not None)
    return b"".join(line + b"\n" for line in result)


def _overlaps(
    others: list[bytes], wanted: Mapping[str, tuple[int, int] | None], taken_uids: Collection[int]
) -> dict[str, str]:
    """Why the range of a name cannot be had, by name."""
    numbers = sorted(taken_uids)
    problems = {}
    spans: list[tuple[int, int, str, bool]] = []  # first, last, whose, whether it is wanted here
    for line in others:
        fields = line.split(b":")
        if len(fields) == 3:
            start, count = _number(fields[1]), _number(fields[2])
            if count > 0 and start >= 0:
                spans.append((start, start + count - 1, _shown(fields[0]), False))
    for name, span in wanted.items():
        if span is None:
            continue
        first, last = span[0], span[0] + span[1] - 1
        spans.append((first, last, name, True))
        at = bisect_left(numbers, first)
        if at < len(numbers) and numbers[at] <= last:
            problems[name] = "%s: the range %d:%d holds %d, which is somebody's own number: renumber that account" % (
                name,
                *span,
                numbers[at],
            )
    # sorted by their start, a range overlaps an earlier one exactly if it overlaps the one that reaches furthest
    furthest: tuple[int, int, str, bool] | None = None
    for current in sorted(spans):
        if furthest is not None and current[0] <= furthest[1]:
            for one, other in ((current, furthest), (furthest, current)):
                if one[3]:
                    problems.setdefault(one[2], _overlap_of(one, other))
        if furthest is None or current[1] > furthest[1]:
            furthest = current
    return problems


def _overlap_of(one: tuple[int, int, str, bool], other: tuple[int, int, str, bool]) -> str:
    return "%s: the range %d:%d overlaps %d:%d of %s: take that line away, or leave subids out" % (
        one[2],
        one[0],
        one[1] - one[0] + 1,
        other[0],
        other[1] - other[0] + 1,
        other[2],
    )


def _number(field: bytes) -> int:
    """A number as shadow reads it (strtoul with base 0), -1 for what is none."""
    digits = field.strip(b" \t")
    base = 16 if digits[:2].lower() == b"0x" else 8 if digits[:1] == b"0" and len(digits) > 1 else 10
    try:
        return -1 if b"_" in digits or len(digits) > 40 else int(digits, base)
    except ValueError:
        return -1


def _shown(data: bytes) -> str:
    return ascii(data.decode("utf-8", "replace"))[1:-1][:80]
