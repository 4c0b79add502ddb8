# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which identities a host gets, and what they are called there (private, pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_group_name, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

__all__ = ["host_accounts", "host_groups"]

EVERYBODY = "all"
SHOWN_UNKNOWN = 20
GROUPS_LIMIT = 16  # AUTH_SYS NFS drops what is more, silently
_REQUIRED = ("username", "uid", "gid")
_TAKEN_OVER = {
    "gecos": "gecos",
    "public_keys": "keys",
    "expires": "expires",
    "adopt": "adopt",
    "former_usernames": "formerly",
    "limits": "limits",
    "subids": "subids",
    "linger": "linger",
    "environment": "environment",
    "umask": "umask",
    "mail_alias": "mail_alias",
    "home_mode": "home_mode",
}


def host_accounts(
    identities: Any,
    select: Any = EVERYBODY,
    home_base: str = "/home",
    shell: str = "/bin/bash",
    groups: Any = None,
    sudo: Any = None,
    passwords: Any = None,
    make_homes: Any = True,
) -> list[dict[str, Any]]:
    """The ``users`` of the accounts module for one host.

    :param identities: as uid_allocation returns them.
    :param select: C(all), or names and @groups, as a list or as text with commas or blanks between them.
    :param home_base: the directory that holds the homes of those whose identity names none.
    :param groups: host groups that everybody is added to.
    :param sudo: rules of sudo by username; whoever is not in it has none. Those of C(@group) are for host_groups().
        None leaves alone what the host has.
    :param passwords: password hashes by username; the password of whoever is not in it is left alone.
    :param make_homes: whether the accounts module makes and checks the homes in home_base. Where they are on a file
        server it must not even look.
    :raises IdentityError: names whoever is selected and not known.
    """
    if not isinstance(make_homes, bool):
        raise IdentityError(f"make_homes is {quoted(make_homes)}: write true or false.")
    people = _people(identities)
    everywhere = _names(groups, "groups")
    for group in everywhere:
        check_group_name(group)
    wanted = _selected(people, _names(select, "select"), everywhere)
    base = _absolute(home_base, "home_base").rstrip("/")
    _absolute(shell, "shell")
    rules = _rules(sudo, {person["username"] for person in people})
    hashes = _passwords(passwords, {person["username"] for person in people})
    accounts = []
    for person in people:
        # who is disabled or absent is so everywhere, or a host that dropped them would keep their account open
        if wanted is None or person["username"] in wanted or person.get("state", "present") != "present":
            accounts.append(_account(person, base, shell, everywhere))
            if not make_homes and accounts[-1]["home"].startswith(base + "/"):
                accounts[-1]["create_home"] = False
        else:
            accounts.append(_unselected(person, everywhere))
        if person["username"] in hashes:
            accounts[-1]["password"] = hashes[person["username"]]
        if sudo is not None:
            accounts[-1]["sudo"] = rules.get(person["username"], [])
    return accounts


def host_groups(groups: Any, sudo: Any = None) -> list[dict[str, Any]]:
    """The ``groups`` of the accounts module for one host.

    :param groups: as uid_allocation returns them.
    :param sudo: rules of sudo by C(@group); a group that is not in it has none. None leaves alone what there is.
    :raises IdentityError: names a group that has rules and is not known.
    """
    if not isinstance(groups, list) or not all(isinstance(group, dict) and group.get("name") for group in groups):
        raise IdentityError(f"groups is {quoted(groups)}: give it uid_allocation's 'groups'.")
    if sudo is None:
        return groups
    rules = _rules(sudo, {"@" + group["name"] for group in groups}, of_groups=True)
    return [{**group, "sudo": rules.get("@" + group["name"], [])} for group in groups]


def _rules(sudo: Any, known: set[str], of_groups: bool = False) -> dict[str, Any]:
    if sudo is None:
        return {}
    if not isinstance(sudo, dict) or not all(isinstance(who, str) for who in sudo):
        raise IdentityError(f"sudo is {quoted(sudo)}, not a mapping: write a username or @group and a list of rules.")
    rules = {who: found for who, found in sudo.items() if who.startswith("@") == of_groups}
    unknown = sorted(set(rules) - known)
    if unknown:
        raise IdentityError(
            f"sudo names {quoted(unknown[0])}, who is not in the roster: correct it; a group is written @GROUP."
        )
    return rules


def _passwords(passwords: Any, known: set[str]) -> dict[str, Any]:
    """Password hashes by username; a message never shows one."""
    if passwords is None:
        return {}
    if not isinstance(passwords, dict):
        raise IdentityError("passwords is not a mapping: write usernames with a password hash each.")
    unknown = sorted(quoted(name) for name in passwords if name not in known)
    if unknown:
        raise IdentityError(f"passwords names {unknown[0]}, who is not in the roster: correct it.")
    return passwords


def _people(identities: Any) -> list[dict[str, Any]]:
    if not isinstance(identities, list):
        raise IdentityError(f"identities is {quoted(identities)}, not a list: give it uid_allocation's 'identities'.")
    for person in identities:
        if not isinstance(person, dict) or any(person.get(key) is None for key in _REQUIRED):
            raise IdentityError(
                f"identities holds an entry without {', '.join(_REQUIRED)}: give it uid_allocation's 'identities'."
            )
    return identities


def _names(value: Any, what: str) -> list[str]:
    """Names out of a list or of text, as the tag of a machine has it."""
    if value is None:
        return []
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise IdentityError(f"{what} is {quoted(value)}, neither text nor a list of names: write names and @groups.")
    return [name for item in values for name in item.replace(",", " ").split()]


def _selected(people: list[dict[str, Any]], select: list[str], everywhere: Iterable[str]) -> set[str] | None:
    """The usernames that are selected, None for everybody."""
    members: dict[str, set[str]] = {}
    usernames = {person["username"] for person in people}
    for person in people:
        for group in person.get("groups") or ():
            members.setdefault(group, set()).add(person["username"])
    for group in everywhere:
        members[group] = usernames
    wanted: set[str] = set()
    unknown = []
    for name in select:
        if name == EVERYBODY or name in usernames:
            wanted.add(name)
        elif name.startswith("@") and name[1:] in members:
            wanted |= members[name[1:]]
        else:
            unknown.append(quoted(name))
    if unknown:
        more = f" and {len(unknown) - SHOWN_UNKNOWN} more" if len(unknown) > SHOWN_UNKNOWN else ""
        raise IdentityError(
            f"The selection names {', '.join(unknown[:SHOWN_UNKNOWN])}{more}, who is not in the roster: correct the"
            " variable or the tag; a group is written @GROUP and needs a member."
        )
    return None if EVERYBODY in wanted else wanted


def _absolute(path: Any, what: str) -> str:
    if not isinstance(path, str) or not path.startswith("/"):
        raise IdentityError(f"{what} {quoted(path)} is not an absolute path: write one such as /home.")
    return path


def _unselected(person: dict[str, Any], everywhere: Sequence[str]) -> dict[str, Any]:
    """Nothing is made of these; but where they had an account once, keys and groups taken from them go as well."""
    account = {"name": person["username"], "uid": person["uid"], "gid": person["gid"], "selected": False}
    for key, option in (("public_keys", "keys"), ("expires", "expires"), ("former_usernames", "formerly")):
        if person.get(key) is not None:
            account[option] = person[key]
    groups = _groups(person, everywhere)
    return account if groups is None else {**account, "groups": groups}


def _groups(person: dict[str, Any], everywhere: Sequence[str]) -> list[str] | None:
    """Unset and empty differ: unset leaves alone what is there."""
    if not everywhere and person.get("groups") is None:
        return None
    return list(dict.fromkeys([*everywhere, *(person.get("groups") or ())]))


def _account(person: dict[str, Any], base: str, shell: str, everywhere: Sequence[str]) -> dict[str, Any]:
    account = {
        "name": person["username"],
        "uid": person["uid"],
        "gid": person["gid"],
        # one home for life: it keeps the name that it was made with
        "home": person.get("home") or f"{base}/{person.get('first_username') or person['username']}",
        "shell": person.get("shell") or shell,
        "state": person.get("state", "present"),
    }
    for key, option in _TAKEN_OVER.items():
        if person.get(key) is not None:
            account[option] = person[key]
    groups = _groups(person, everywhere)
    if groups is not None:
        if len(groups) > GROUPS_LIMIT:
            raise IdentityError(
                f"{quoted(person['username'])} would be in {len(groups)} groups, but NFS heeds {GROUPS_LIMIT} at most:"
                " name fewer in the roster."
            )
        account["groups"] = groups
    return account
