# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roster file that programs write: one entry for each accepted invitation (private; runs on the controller).

The ledger says who accepted what. This file says the same in the words of a roster, so that it can be read, compared
and kept in git like the one that people write, and it can be lost: accepting once more writes the entry again.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._export_file import export_file
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._lock import locked
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._stamp import author
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._roster import parse_roster
from ansible_collections.labfleet.identity.plugins.module_utils._roster_file import read_roster_text
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import read_file
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._offers import ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

__all__ = ["enter", "entry_of", "roster_path", "roster_text"]

MODE = 0o640
_OF_ROLES = ("groups", "shell", "limits", "environment", "umask")


def entry_of(
    username: str,
    subject: str,
    offered: Mapping[str, Any],
    roles: Mapping[str, Any],
    gecos: str,
) -> dict[str, Any]:
    """What the roster says of somebody who accepted.

    :param subject: their stable id, which is that of no entry that somebody wrote without one.
    :param offered: what the invitation offers, the claim C(inv).
    :param roles: what each role brings: groups, and for whom nothing else is offered shell, limits, environment, umask.
    :raises IdentityError: the role brings what no role may, only other roles bring anything, or the entry is none that
        a roster may have.
    """
    brought = _of_role(offered.get("role", ""), roles)
    entry: dict[str, Any] = {"username": username, "subject": subject, **brought}
    entry["groups"] = sorted({*brought.get("groups", ()), *offered.get("groups", ())})
    if offered.get("shell"):
        entry["shell"] = offered["shell"]
    if offered.get("quota"):
        entry["limits"] = {**brought.get("limits", {}), **offered["quota"]}
    if offered.get("access_until"):
        entry["expires"] = offered["access_until"]
    if gecos:
        entry["gecos"] = _check_gecos(gecos)
    parse_roster([entry])
    return entry


def roster_path(given: str) -> str:
    """Where the entries go, a file that ends in .json."""
    path = os.path.abspath(os.path.expanduser(given))
    if not path.endswith(".json") or os.path.basename(path).startswith("."):
        raise IdentityError(
            f"The roster {path} of those who accepted does not end in .json: name a file of its own, beside the roster"
            " that people write, for example rosters/invited.json."
        )
    return path


def enter(path: str, entry: Mapping[str, Any], lock_timeout: float, write: bool) -> tuple[bool, str, str]:
    """Have this entry in the file, whatever else is in it; whether that changes it, and its text before and after.

    An entry that somebody changed by hand since stays as it is, for it was changed on purpose.

    :raises IdentityError: the file is none of ours, or its entries and this one cannot stand together.
    """
    if not write:
        return _enter(path, entry, write=False)
    with locked(f"{path}.lock", lock_timeout, author()):
        return _enter(path, entry, write=True)


def roster_text(path: str) -> str:
    """What is in the file now, as it would be written."""
    return _text(_read(path))


def _enter(path: str, entry: Mapping[str, Any], write: bool) -> tuple[bool, str, str]:
    there = _read(path)
    if any(known.get("username") == entry["username"] for known in there):
        text = _text(there)
        return False, text, text
    entries = sorted([*there, dict(entry)], key=lambda known: str(known["username"]))
    parse_roster(entries)
    after = _text(entries)
    changed, before = export_file(path, after, MODE, write)
    return changed, before, after


def _read(path: str) -> list[dict[str, Any]]:
    data = read_file(path)
    if data is None:
        return []
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise IdentityError(f"The roster {path} is not text: take it back from git or from a backup.") from None
    entries = read_roster_text(text, path)
    if not isinstance(entries, list):
        raise IdentityError(f"The roster {path} is {quoted(entries)}, not a list of people: name another file.")
    parse_roster(entries)
    return entries


def _text(entries: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(entries, indent=2, sort_keys=True, default=str) + "\n"


def _check_gecos(gecos: str) -> str:
    """Return the name that somebody gives themselves, or refuse it."""
    # pam_umask takes pri=, ulimit= and umask= there for orders, and chfn lets nobody but root write them
    if "=" in gecos:
        raise IdentityError(
            f"The name {quoted(gecos)} (gecos) holds '=', so that hosts could take a part of it for the priority or a"
            " limit of the login: leave it out."
        )
    return gecos


def _of_role(role: str, roles: Mapping[str, Any]) -> dict[str, Any]:
    """What a role brings."""
    known = {name: _brought(name, brings) for name, brings in roles.items()}
    # what bounds a role, such as its shell, must not be shed with another role that nobody thought of
    if role and known and role not in known:
        raise IdentityError(
            f"The invitation offers the role {role}, and nobody said what that brings, only of {', '.join(known)}: say"
            f" what {role} brings in invitation_roles, {{}} for nothing."
        )
    return known.get(role, {})


def _brought(name: str, brings: Any) -> dict[str, Any]:
    """What one role brings, of what roles may bring."""
    if name not in ROLES:
        raise IdentityError(f"There is no role {quoted(name)}: the roles are {', '.join(ROLES)}.")
    unknown = sorted(set(brings) - set(_OF_ROLES), key=str) if isinstance(brings, dict) else ["a mapping"]
    if unknown:
        raise IdentityError(
            f"The role {name} is to bring {', '.join(map(quoted, unknown))}: it may bring {', '.join(_OF_ROLES)},"
            " and never sudo."
        )
    said = {what: value for what, value in brings.items() if value is not None}
    groups, limits = said.get("groups", []), said.get("limits", {})
    # they are put together with what is offered, and a text would be taken letter by letter
    are_names = isinstance(groups, list) and all(isinstance(group, str) for group in groups)
    if not are_names or not isinstance(limits, dict):
        raise IdentityError(
            f"The role {name} is to bring groups or limits that are none: write groups as a list such as [genomics],"
            " and limits as a mapping such as {cores: 2}."
        )
    return said
