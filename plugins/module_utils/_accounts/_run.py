# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call: read the request, take the snapshot, plan, apply, tell (private)."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._belongings_files import check_sudo_rules
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._plan import make_plan
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import MIGRATION_NAME
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import parse_request
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._snapshot import Places, take_snapshot
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._transaction import (
    account_files_lock,
    apply_plan,
    new_contents,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import Change, Plan

__all__ = ["bring_about"]


def bring_about(
    params: Mapping[str, Any], check: bool, run_command: Callable[[list[str]], object], places: Places | None = None
) -> dict[str, Any]:
    """Bring a host to the state asked for.

    :param params: the module's parameters.
    :param check: say what would be done and do nothing.
    :param run_command: runs a program given as a list; it may raise OSError when there is none.
    :returns: ``changed``, ``receipt``, ``diff`` and ``warnings`` as the module documents them.
    :raises IdentityError: with everything that cannot be done safely; nothing was changed then.
    """
    places = places or Places()
    request = parse_request(params)
    lock = contextlib.nullcontext() if check else account_files_lock(places.etc, params["lock_timeout"])
    with _told_in_words(), lock:
        _check_no_migration(places.record)
        state = take_snapshot(request, places)
        plan = make_plan(request, state)
        contents = new_contents(plan, state.tables)
        check_sudo_rules(places.etc, plan.files, run_command, places.visudo)
        files = sorted({"/etc/" + name for name in contents.names.union(plan.files)}.union(plan.texts))
        if not check:
            apply_plan(plan, contents, request, places, run_command)
    return {
        "changed": bool(plan.changes),
        "receipt": receipt_of(plan, files),
        "diff": diff_of(plan.changes),
        "warnings": list(plan.warnings),
    }


def _check_no_migration(place: str) -> None:
    """Accounts whose numbers are being changed are nobody's business until that is finished."""
    path = os.path.join(place, MIGRATION_NAME)
    if not os.path.lexists(path):
        return
    import json  # a host that was never migrated does without

    try:
        step = json.loads((read_file(path) or b"{}").decode("utf-8")).get("step")
    except (ValueError, AttributeError):
        step = None
    if step != "finished":
        raise IdentityError(
            "nothing was changed on this host: a migration of numbers was cut off there (%s): finish it first, with the"
            " playbook labfleet.identity.migrate_uids" % path
        )


@contextlib.contextmanager
def _told_in_words() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IdentityError(
            "the run was cut short by the system (%s): every file is the old one or the new one, whole; mend the cause"
            " and run again to complete it" % error
        ) from error


def receipt_of(plan: Plan, files: list[str]) -> dict[str, Any]:
    """What was, or would be, done, in the shape the module documents."""
    receipt: dict[str, Any] = {
        "created": [], "changed": {}, "disabled": [], "removed": [], "groups": [], "host": [],
        "orphans": list(plan.orphans), "files": files,
    }  # fmt: skip
    for change in plan.changes:
        if change.kind == "user":
            if change.attribute == "account":
                receipt["created" if change.before == "absent" else "removed"].append(change.name)
            elif change.attribute == "state":
                receipt["disabled"].append(change.name)
            else:
                receipt["changed"].setdefault(change.name, []).append(str(change))
        else:
            receipt["groups" if change.kind == "group" else "host"].append("%s: %s" % (change.name, change))
    return receipt


def diff_of(changes: tuple[Change, ...]) -> dict[str, str]:
    """Before and after as text, one line a difference."""
    before, after = [], []
    for change in changes:
        before.append("%s: %s %s" % (change.name, change.attribute, change.before))
        after.append("%s: %s %s" % (change.name, change.attribute, change.after))
    return {key: "".join(line + "\n" for line in lines) for key, lines in (("before", before), ("after", after))}
