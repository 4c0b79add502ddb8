# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person decided about clashes before an adoption (private, pure; runs on the controller)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["NEW_NUMBER", "Decisions", "parse_decisions"]

NEW_NUMBER = -1
_FORMS = (
    "{username: NAME, keep: NUMBER}, {username: NAME, renumber: true}, {group: NAME, keep: NUMBER},"
    " {group: NAME, renumber: true} and {uid: NUMBER, withhold: true}"
)


@dataclass(frozen=True)
class Decisions:
    """Who keeps which number; NEW_NUMBER for whoever gets another one or, if the ledger has one, has that alone."""

    users: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)
    withheld: frozenset[int] = frozenset()


def parse_decisions(raw: Any) -> Decisions:
    """Read a list of decisions, of plain types as YAML or JSON gives them.

    :raises IdentityError: names the first entry that cannot be accepted.
    """
    if raw is None:
        return Decisions()
    if isinstance(raw, dict) and list(raw) == ["decisions"]:
        raw = raw["decisions"]
    if not isinstance(raw, list):
        raise IdentityError(f"decisions is {quoted(raw)}, not a list: write a list of {_FORMS}.")
    users: dict[str, int] = {}
    groups: dict[str, int] = {}
    withheld: set[int] = set()
    for index, entry in enumerate(raw, start=1):
        keys = set(entry) if isinstance(entry, dict) else set()
        if keys == {"uid", "withhold"} and entry["withhold"] is True and _is_number(entry["uid"]):
            withheld.add(entry["uid"])
            continue
        kind = "username" if "username" in keys else "group"
        decided = users if kind == "username" else groups
        if keys == {kind, "keep"} and isinstance(entry[kind], str) and _is_number(entry["keep"]):
            number = int(entry["keep"])
        elif keys == {kind, "renumber"} and isinstance(entry[kind], str) and entry["renumber"] is True:
            number = NEW_NUMBER
        else:
            raise IdentityError(f"Decision {index} is none that there is: write {_FORMS}.")
        if decided.setdefault(entry[kind], number) != number:
            raise IdentityError(
                f"Decision {index} contradicts an earlier one about {quoted(entry[kind])}: keep one of the two."
            )
    _check_keepers(users, groups, withheld)
    return Decisions(users, groups, frozenset(withheld))


def _check_keepers(users: Mapping[str, int], groups: Mapping[str, int], withheld: set[int]) -> None:
    keepers: dict[int, str] = {}
    for name, number in [*users.items(), *groups.items()]:
        if number == NEW_NUMBER:
            continue
        if number in withheld:
            raise IdentityError(
                f"The decisions withhold {number} and let {quoted(name)} keep it: remove one of the two."
            )
        if keepers.setdefault(number, name) != name:
            raise IdentityError(
                f"The decisions let both {quoted(keepers[number])} and {quoted(name)} keep {number}: a number is one"
                " person's or one group's, so decide for one of them."
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32
