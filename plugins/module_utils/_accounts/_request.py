# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host should have: the module's parameters, checked entry by entry (private, pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._belongings import (
    BELONGING_KEYS,
    NO_BELONGINGS,
    Belongings,
    group_belongings,
    user_belongings,
)
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._fields import (
    NO_AGEING,
    read_absolute,
    read_boolean,
    read_expires,
    read_former,
    read_gecos,
    read_home,
    read_keys,
    read_known,
    read_mode,
    read_names,
    read_number,
    read_password,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    RESERVED_NAMES,
    check_group_name,
    check_username,
)
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import (
    SYSTEM_BAND,
    Band,
    check_group_band,
    check_uid_band,
    parse_band,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["PRIVILEGED_GROUPS", "GroupSpec", "Request", "UserSpec", "parse_request"]

# Whoever is in one of these can become root, or read what only root may.
PRIVILEGED_GROUPS = frozenset(
    [
        "root",
        "wheel",
        "sudo",
        "admin",
        "adm",
        "staff",
        "disk",
        "shadow",
        "kmem",
        "docker",
        "podman",
        "lxd",
        "lxc",
        "incus",
        "incus-admin",
        "libvirt",
        "kvm",
        "systemd-journal",
        "sys",
        "mem",
        "operator",
        "ssl-cert",
        "utmp",
        "src",
        "tape",
        "input",
        "lpadmin",
        "ssh_keys",
        "microk8s",
        "haclient",
    ]
)
STATES = ("present", "disabled", "absent")
SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class UserSpec:
    """One user as it should be. None means: leave alone what is there."""

    name: str
    uid: int
    gid: int
    group: str
    home: str
    shell: str
    state: str = "present"
    gecos: str | None = None
    groups: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None
    expires: str | None = None  # days since 1970-01-01 as shadow has it, "" for never
    adopt: bool = False
    create_home: bool = True
    selected: bool = True
    formerly: tuple[str, ...] = ()  # names that the same person had before
    home_mode: int | None = None
    skel: str = ""  # where new homes come from; "": from where all do
    password: str | None = None  # a hash, or "*" for none
    ageing: tuple[str | None, ...] = NO_AGEING  # the fields of shadow: at least, at most, warned before, inactive
    belongings: Belongings = NO_BELONGINGS


@dataclass(frozen=True)
class GroupSpec:
    """One shared group that the collection manages."""

    name: str
    gid: int
    adopt: bool = False
    belongings: Belongings = NO_BELONGINGS


@dataclass(frozen=True)
class Request:
    """The whole desired state of a host, as far as one owner (label) speaks for it."""

    users: tuple[UserSpec, ...]
    groups: tuple[GroupSpec, ...]
    owner: str
    band: Band
    group_band: Band
    orphans: str
    removal_cap: int
    pin_local_ids: bool
    home_mode: int | None
    keys_directory: str
    skel: str
    allow_privileged_groups: bool
    guest_bands: tuple[Band, ...] = ()  # of other profiles, some of whose people are guests here
    protected_users: frozenset[str] = frozenset()  # who is never disabled or removed
    unselected: tuple[UserSpec, ...] = ()  # people who are not meant for this host, for the sake of their keys

    @property
    def bands(self) -> tuple[Band, ...]:
        """Where the numbers of users may lie."""
        return (self.band, *self.guest_bands)


def parse_request(params: Mapping[str, Any]) -> Request:
    """Check the module's parameters as a whole.

    :param params: as documented in the module; ``users`` and ``groups`` are lists of mappings.
    :raises IdentityError: names every entry that cannot be accepted, why, and what to do.
    """
    band, group_band = parse_band(params["band"]), parse_band(params["group_band"])
    for_system = _within(band, SYSTEM_BAND)
    if not for_system:
        check_uid_band(band)
    if not (for_system and _within(group_band, SYSTEM_BAND)):
        check_group_band(group_band)
    guest_bands = tuple(check_uid_band(parse_band(text)) for text in params.get("guest_bands") or ())
    for own in (band, *guest_bands):
        if not for_system and own.overlaps(group_band):
            raise IdentityError(
                "band %s and group_band %s overlap: a shared group could get the number of somebody's private group"
                % (own, group_band)
            )
    problems: list[str] = []
    groups = _each("groups", params["groups"], lambda entry: _group(entry, group_band), problems)
    bands = (band, *guest_bands)
    defaults = _defaults(params.get("user_defaults"), bands, for_system)
    users = _each("users", params["users"], lambda entry: _user(entry, bands, for_system, defaults), problems)
    _distinct("users", users, ("name", "uid", "home"), problems)
    _distinct("groups", groups, ("name", "gid"), problems)
    names = {user.name for user in users}
    for user in users:
        taken = [former for former in user.formerly if former in names]
        if taken:
            problems.append("%s: its former name %s is another user's: correct formerly" % (user.name, taken[0]))
    shared = {group.name: group.gid for group in groups}
    for user in users:
        if user.name in shared and user.group == user.name:
            problems.append("%s: a user and a shared group have this name: rename the group" % user.name)
    if params["removal_cap"] < 0:
        problems.append("removal_cap %d: must be 0 or more" % params["removal_cap"])
    owner = params["owner"]
    if not owner or len(owner) > 128 or not owner.isprintable():
        problems.append("owner %s: must be 1 to 128 printable characters" % ascii(owner[:60]))
    _raise(problems)
    return Request(
        users=tuple(user for user in users if user.selected),
        unselected=tuple(user for user in users if not user.selected),
        groups=tuple(groups),
        owner=owner,
        band=band,
        group_band=group_band,
        guest_bands=guest_bands,
        orphans=params["orphans"],
        removal_cap=params["removal_cap"],
        pin_local_ids=params["pin_local_ids"],
        home_mode=read_mode("home_mode", params["home_mode"]),
        keys_directory=read_absolute("keys_directory", params["keys_directory"]),
        skel=read_absolute("skel", params["skel"]),
        allow_privileged_groups=params["allow_privileged_groups"],
        protected_users=frozenset(params.get("protected_users") or ()),
    )


def _within(band: Band, other: Band) -> bool:
    return other.first <= band.first and band.last <= other.last


def _raise(problems: list[str]) -> None:
    if problems:
        raise IdentityError(
            "nothing was written, because the request cannot be accepted: %s"
            % in_one_sentence(problems, SHOWN_PROBLEMS)
        )


def _each(where: str, entries: list[Any], read: Callable[[Any], Any], problems: list[str]) -> list[Any]:
    accepted = []
    for index, entry in enumerate(entries):
        try:
            accepted.append(read(entry))
        except IdentityError as error:
            name = entry.get("name") if isinstance(entry, dict) else None
            shown = " (%s)" % ascii(name[:40]) if isinstance(name, str) else ""
            problems.append("%s[%d]%s: %s" % (where, index, shown, error))
    return accepted


def _distinct(where: str, entries: list[Any], fields: tuple[str, ...], problems: list[str]) -> None:
    for field in fields:
        seen: dict[Any, str] = {}
        for entry in entries:
            value = getattr(entry, field)
            if field == "home" and not (entry.create_home and entry.selected and entry.state == "present"):
                continue
            if value in seen:
                problems.append("%s: %s and %s both have %s %s" % (where, seen[value], entry.name, field, value))
            seen[value] = entry.name


_GROUP_KEYS = frozenset(("name", "gid", "adopt", "sudo"))
_USER_KEYS = BELONGING_KEYS.union(
    (
        "name",
        "uid",
        "gid",
        "group",
        "gecos",
        "home",
        "shell",
        "groups",
        "keys",
        "state",
        "expires",
        "adopt",
        "create_home",
        "selected",
        "formerly",
        "home_mode",
        "skel",
        "password",
        "password_ageing",
    )
)
# Rights of sudo are said of each one who has them.
_DEFAULT_KEYS = BELONGING_KEYS.difference(("sudo",)).union(
    ("create_home", "expires", "home_mode", "password_ageing", "shell", "skel")
)


def _group(raw: Any, group_band: Band) -> GroupSpec:
    entry = read_known(raw, _GROUP_KEYS)
    name = check_group_name(entry.get("name", ""))
    gid = read_number(entry, "gid")
    if gid not in group_band:
        raise IdentityError("gid %d is outside the group band %s" % (gid, group_band))
    if name in PRIVILEGED_GROUPS or name in RESERVED_NAMES:
        raise IdentityError("this name belongs to the operating system: choose another")
    return GroupSpec(name, gid, read_boolean(entry, "adopt", False), group_belongings(entry, name))


def _defaults(raw: Any, bands: tuple[Band, ...], for_system: bool) -> Mapping[str, Any]:
    """What holds for every user of whom nothing is said; checked once and not with each of them.

    :raises IdentityError: it could hold for nobody.
    """
    try:
        defaults = read_known(raw or {}, _DEFAULT_KEYS)
        _user({"name": "somebody", "uid": bands[0].first}, bands, for_system, defaults)
    except IdentityError as error:
        raise IdentityError("nothing was written, because of user_defaults: %s" % error) from error
    return defaults


def _user(raw: Any, bands: tuple[Band, ...], for_system: bool, defaults: Mapping[str, Any]) -> UserSpec:
    entry = read_known(raw, _USER_KEYS)
    if entry.get("selected", True):
        entry = {**defaults, **entry}
    name = check_username(entry.get("name", ""))
    uid = read_number(entry, "uid")
    if not any(uid in band for band in bands):
        raise IdentityError("uid %d is outside the band %s" % (uid, " and ".join(map(str, bands))))
    if not for_system and name in RESERVED_NAMES:
        raise IdentityError("this name belongs to the operating system or to a template: choose another")
    state = entry.get("state", "present")
    if state not in STATES:
        raise IdentityError("state %s is not one of %s" % (ascii(str(state)[:20]), ", ".join(STATES)))
    group = check_group_name(entry.get("group", name))
    create_home = read_boolean(entry, "create_home", True)
    password, ageing = read_password(entry)
    return UserSpec(
        name=name,
        uid=uid,
        gid=read_number(entry, "gid", uid),
        group=group,
        home=read_home(entry.get("home", "/home/" + name), for_system, create_home),
        shell=read_absolute("shell", entry.get("shell", "/bin/bash")),
        state=state,
        gecos=read_gecos(entry.get("gecos")),
        groups=read_names(entry.get("groups")),
        keys=read_keys(entry.get("keys")),
        expires=read_expires(entry.get("expires")),
        adopt=read_boolean(entry, "adopt", False),
        create_home=create_home,
        selected=read_boolean(entry, "selected", True),
        formerly=read_former(entry.get("formerly"), name),
        home_mode=read_mode("home_mode", entry.get("home_mode")),
        skel=read_absolute("skel", entry["skel"]) if "skel" in entry else "",
        password=password,
        ageing=ageing,
        belongings=user_belongings(entry, name, uid),
    )
