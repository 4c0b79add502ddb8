# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration did, or would do, in the shape that the module documents (private, pure)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._migration._mounts import Root
    from ansible_collections.labfleet.identity.plugins.module_utils._migration._plan import Plan
    from ansible_collections.labfleet.identity.plugins.module_utils._migration._tally import Tally

__all__ = ["NOTES", "outcome", "reasons"]

# what a walk notes besides the reasons for which the system refused something
NOTES = frozenset(("found", "loses capabilities", "loses set-id", "not entered", "taken"))


def reasons(tally: Tally) -> str:
    """Why files were not changed, in words."""
    told = [
        "%s: %d, such as %s" % (what, tally.totals[what], tally.paths[what][0])
        for what in sorted(set(tally.totals) - NOTES)
    ]
    return "; ".join(told) or "somebody makes new ones all the time"


def outcome(
    plan: Plan,
    roots: Sequence[Root],
    state: str,
    resumed: bool,
    files: Tally,
    looked: Tally,
    left: Tally,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """The answer of the module.

    :param state: C(nothing), C(planned) or C(migrated).
    :param files: what was, or would be, changed.
    :param looked: the walk that counted before; empty for a run that goes on.
    :param left: what is still on old numbers.
    """
    changed = state != "nothing"
    remaining = left.files()
    migration = {
        "state": state,
        "resumed": resumed,
        "users": _moved(plan.users, "u", plan, roots, files.files(), remaining),
        "groups": _moved(plan.groups, "g", plan, roots, files.files(), remaining),
        "seen": looked.seen or files.seen,
        "acls": files.acls,
        "loses_set_id": _noted("loses set-id", looked, files),
        "loses_capabilities": _noted("loses capabilities", looked, files),
        "not_entered": _noted("not entered", looked, files),
        "failures": [
            {"reason": what, "count": files.totals[what], "paths": files.paths[what]}
            for what in sorted(set(files.totals) - NOTES)
        ],
        "left": {"files": sum(remaining.values()), "acls": left.acls, "paths": left.paths.get("found", [])},
    }
    told = list(warnings)
    if remaining or left.acls:
        told.append(
            "%d files and %d ACLs are left on old numbers (%s): see migration.left and migration.failures, take away"
            " what is in the way and run again" % (sum(remaining.values()), left.acls, reasons(files))
        )
    return {"changed": changed, "migration": migration, "diff": _diff(migration) if changed else {}, "warnings": told}


def _noted(what: str, *tallies: Tally) -> list[str]:
    for tally in tallies:
        if what in tally.paths:
            return tally.paths[what]
    return []


def _moved(
    moves: dict[str, tuple[int, int]],
    kind: str,
    plan: Plan,
    roots: Sequence[Root],
    files: dict[tuple[int, str, int], int],
    remaining: dict[tuple[int, str, int], int],
) -> dict[str, Any]:
    # a number may have been put aside on the way
    staged = plan.phases[0].uids if kind == "u" else plan.phases[0].gids
    what = "uid" if kind == "u" else "gid"
    moved = {}
    for name, (old, new) in moves.items():
        numbers = {old, staged.get(old, old)} if len(plan.phases) > 1 else {old}
        by_root = {
            root.path: sum(files.get((index, kind, number), 0) for number in numbers)
            for index, root in enumerate(roots)
        }
        moved[name] = {
            "from_" + what: old,
            "to_" + what: new,
            "files": sum(by_root.values()),
            "roots": {path: count for path, count in by_root.items() if count},
            "left": sum(count for key, count in remaining.items() if key[1] == kind and key[2] in numbers),
        }
    return moved


def _diff(migration: dict[str, Any]) -> dict[str, str]:
    before: list[str] = []
    after: list[str] = []
    for title, what, entries in (("", "uid", migration["users"]), ("group ", "gid", migration["groups"])):
        for name, entry in entries.items():
            for lines, number in ((before, entry["from_" + what]), (after, entry["to_" + what])):
                lines.append("%s%s: %s %d, %d files\n" % (title, name, what, number, entry["files"]))
    return {"before": "".join(before), "after": "".join(after)}
