# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_merge."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge import merge
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_decisions import (
    Decisions,
    parse_decisions,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_report import merge_result
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_rows import read_rows, row_sides
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import Side
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_profile_id, quoted
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._roster_file import read_roster_text
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import (
    GROUP_BAND,
    check_group_band,
    check_uid_band,
    parse_band,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    LEDGER_ARGUMENTS,
    ControllerAction,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge import Merge
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

ARGUMENTS: dict[str, Any] = {
    **LEDGER_ARGUMENTS,
    "sources": {"type": "list", "elements": "raw", "required": True},
    "decisions": {"type": "raw"},
    "state": {"type": "str", "choices": ["report", "merged"], "default": "report"},
}
_DATABASE_KEYS = frozenset({"database", "profile", "uid_band", "group_band"})
_LARGEST_DECISIONS = 4 << 20
_LARGEST_DATABASE = 64 << 20
_MOST_VALUES = 1000000


class ActionModule(ControllerAction):
    """Put several ledgers together, or say what has to be decided before."""

    arguments = ARGUMENTS
    own_rules = frozenset({"decisions"})

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Read every source, then decide on the target as it is while it is written, in one commit."""
        decisions = self._decisions(arguments.get("decisions"))
        stamp = stamp_now()
        store = self.store(arguments)
        sources = list(self._sources(arguments, store.name, stamp))

        def decide(ledger: Ledger) -> Merge:
            return merge(Side(store.name, ledger.events, is_target=True), sources, decisions, stamp)

        applies = arguments["state"] == "merged"
        settled = self.settle(store, decide, write=applies)
        return merge_result(store.name, settled.decision, settled.warnings, applies)

    def _sources(self, arguments: dict[str, Any], target: str, stamp: Stamp) -> Iterator[Side]:
        """All sources but the target itself, each once."""
        if not arguments["sources"]:
            raise IdentityError("No sources are named: name at least one ledger or database to merge into the ledger.")
        seen = {target}
        for source in arguments["sources"]:
            if isinstance(source, dict):
                yield from self._database(source, stamp)
                continue
            store = open_store(source, arguments["lock_timeout"])
            if store.name in seen:
                continue
            seen.add(store.name)
            ledger = store.load()
            if ledger is None:
                raise IdentityError(f"There is no ledger {store.name} to merge: correct the name of the source.")
            yield Side(store.name, ledger.events)

    def _database(self, source: dict[str, Any], stamp: Stamp) -> list[Side]:
        unknown = sorted(map(quoted, source.keys() - _DATABASE_KEYS))
        if unknown or not isinstance(source.get("database"), str) or "profile" not in source:
            raise IdentityError(
                f"The source {quoted(source.get('database'))} is not of the form {{database: PATH, profile: ID}}, with"
                f" uid_band and group_band where no ledger registers the profile"
                f"{', and has the unknown key ' + ', '.join(unknown) if unknown else ''}: correct it."
            )
        profile = check_profile_id(source["profile"])
        bands = None
        if source.get("uid_band"):
            group_band = check_group_band(parse_band(source.get("group_band") or str(GROUP_BAND)))
            bands = check_uid_band(parse_band(source["uid_band"])), group_band
        path, text = self._text("database", source["database"], _LARGEST_DATABASE)
        return row_sides(path, read_rows(text, path), profile, bands, stamp)

    def _decisions(self, given: Any) -> Decisions:
        """The decisions of a file or of the task."""
        if given is None or given == "":
            return Decisions()
        if not isinstance(given, str):
            return parse_decisions(plain(given))
        path, text = self._text("decisions file", given, _LARGEST_DECISIONS)
        data = read_roster_text(text, path, "decisions file")
        _check_size(data, path)
        return parse_decisions(plain(data))

    def _text(self, what: str, given: str, largest: int) -> tuple[str, str]:
        """The absolute path of a plain file that is not too large, and its text, decrypted by ansible-vault if need
        be."""
        path = os.path.abspath(os.path.expanduser(plain(given)))
        try:
            status = os.stat(path)
        except (OSError, ValueError) as error:
            raise IdentityError(f"The {what} {path} is not there: correct the path.") from error
        if not stat.S_ISREG(status.st_mode):
            raise IdentityError(f"The {what} {path} is not a file: correct the path.")
        if status.st_size > largest:
            raise IdentityError(
                f"The {what} {path} has {status.st_size} bytes, and more than {largest} cannot be meant: correct the"
                " path."
            )
        return path, plain(self._loader.get_text_file_contents(path))


def _check_size(data: Any, path: str) -> None:
    """Refuse a file whose aliases unfold to more than any file of decisions holds."""
    waiting = [data]
    count = 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count > _MOST_VALUES:
            raise IdentityError(
                f"The decisions file {path} unfolds to more than {_MOST_VALUES} values: write it without aliases."
            )
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
