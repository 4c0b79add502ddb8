# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An access point as it is wanted, and as EFS has it (private, pure; runs on the controller)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_limits import (
    SECONDARY_GIDS,
    check_access_point_id,
    check_path,
    check_permissions,
    check_tags,
    check_token,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import LARGEST_NUMBER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["Creation", "Numbers", "Point", "Posix", "Wanted", "read_point", "read_wanted", "token_for"]

NAME_TAG = "Name"


@dataclass(frozen=True)
class Posix:
    """As whom EFS does everything that comes through an access point."""

    uid: int
    gid: int
    secondary_gids: tuple[int, ...] = ()

    def __str__(self) -> str:
        more = f", gids {', '.join(map(str, self.secondary_gids))}" if self.secondary_gids else ""
        return f"uid {self.uid}, gid {self.gid}{more}"


@dataclass(frozen=True)
class Creation:
    """How EFS makes the root directory if it is not there at the first mount."""

    owner_uid: int
    owner_gid: int
    permissions: str

    def __str__(self) -> str:
        return f"{self.owner_uid}:{self.owner_gid} {self.permissions}"


@dataclass(frozen=True)
class Point:
    """An access point of a file system. One that is not made yet has no id."""

    access_point_id: str
    arn: str
    token: str
    state: str
    owner_id: str
    posix: Posix | None
    path: str
    creation: Creation | None
    tags: Mapping[str, str]

    @property
    def name(self) -> str:
        """The tag Name, which is what people call it."""
        return self.tags.get(NAME_TAG, "")


@dataclass(frozen=True)
class Wanted:
    """What was asked for; None is what nobody said, which stays as it is."""

    name: str
    token: str
    access_point_id: str
    posix: Posix | None
    path: str | None
    creation: Creation | None
    tags: Mapping[str, str] | None

    @property
    def label(self) -> str:
        """What to call it in a sentence."""
        return self.name or self.access_point_id or self.token


@dataclass(frozen=True)
class Numbers:
    """Which numbers a POSIX user may have."""

    bands: Sequence[Band]
    group_band: Band
    root: bool = False
    any_number: bool = False

    def check_uid(self, uid: int, label: str) -> int:
        """A UID that somebody in the bands has."""
        self._check(uid, f"The access point {quoted(label)} would act as uid {uid}", self.bands)
        return uid

    def check_gid(self, gid: int, label: str) -> int:
        """A GID of a person's own group, or of a shared group."""
        self._check(gid, f"The access point {quoted(label)} would act with gid {gid}", [*self.bands, self.group_band])
        return gid

    def check_owner(self, number: int, label: str) -> int:
        """Who owns a new root directory: root may, for that gives nobody anything."""
        if number:
            what = f"The root directory of {quoted(label)} would belong to {number}"
            self._check(number, what, [*self.bands, self.group_band])
        return number

    def _check(self, number: int, what: str, bands: Sequence[Band]) -> None:
        if not 0 <= number <= LARGEST_NUMBER:
            raise IdentityError(f"{what}, which is no number of a user or group: correct it.")
        if number == 0:
            if not self.root:
                raise IdentityError(
                    f"{what}, which is root: whoever mounts it can read and change everything below it. Name the number"
                    " of a person, or say allow_root=true if that is what you want."
                )
        elif not self.any_number and not any(number in band for band in bands):
            allowed = " and ".join(str(band) for band in bands)
            raise IdentityError(
                f"{what}, which is outside {allowed}: take the number from the ledger, correct the bands, or say"
                " allow_outside_band=true if another authority gave it out."
            )


def token_for(file_system_id: str, name: str) -> str:
    """The client token that every run makes for this name, so that runs at the same time make one access point."""
    digest = hashlib.sha256(f"{file_system_id}\n{name}".encode()).hexdigest()
    return f"labfleet-{digest[:40]}"


def read_wanted(file_system_id: str, asked: Mapping[str, Any], numbers: Numbers) -> Wanted:
    """What the options ask for, or why that cannot be.

    :raises IdentityError: for what EFS would refuse, and for numbers that nobody may have.
    """
    name = check_tags({NAME_TAG: asked.get("name") or ""})[NAME_TAG]
    token = asked.get("client_token") or ""
    point_id = check_access_point_id(asked["access_point_id"]) if asked.get("access_point_id") else ""
    if not (name or token or point_id):
        raise IdentityError("An access point has no name: give it one, for example home-alice.")
    label = name or point_id or token
    tags = None if asked.get("tags") is None else check_tags(asked["tags"])
    if tags is not None and name:
        if tags.get(NAME_TAG, name) != name:
            raise IdentityError(
                f"The access point is called {quoted(name)}, and its tag Name {quoted(tags[NAME_TAG])}: leave the tag"
                " out, for it is what the name is kept in."
            )
        tags = {**tags, NAME_TAG: name}
    root = asked.get("root_directory") or {}
    creation = root.get("creation_info")
    return Wanted(
        name=name,
        token=check_token(token) if token else (token_for(file_system_id, name) if name else ""),
        access_point_id=point_id,
        posix=_read_posix(asked.get("posix_user"), label, numbers),
        path=check_path(root["path"]) if root else None,
        creation=_read_creation(creation, label, numbers) if creation else None,
        tags=tags,
    )


def _read_posix(asked: Mapping[str, Any] | None, label: str, numbers: Numbers) -> Posix | None:
    if asked is None:
        return None
    gids = sorted(set(asked.get("secondary_gids") or ()))
    if len(gids) > SECONDARY_GIDS:
        raise IdentityError(
            f"The access point {quoted(label)} would have {len(gids)} secondary gids, and EFS takes {SECONDARY_GIDS}:"
            " name those alone that its files need."
        )
    return Posix(
        numbers.check_uid(asked["uid"], label),
        numbers.check_gid(asked["gid"], label),
        tuple(numbers.check_gid(gid, label) for gid in gids),
    )


def _read_creation(asked: Mapping[str, Any], label: str, numbers: Numbers) -> Creation:
    return Creation(
        numbers.check_owner(asked["owner_uid"], label),
        numbers.check_owner(asked["owner_gid"], label),
        check_permissions(asked["permissions"]),
    )


def read_point(answer: Mapping[str, Any]) -> Point:
    """An access point out of an answer of EFS."""
    posix = answer.get("PosixUser") or {}
    root = answer.get("RootDirectory") or {}
    creation = root.get("CreationInfo") or {}
    return Point(
        access_point_id=answer["AccessPointId"],
        arn=answer.get("AccessPointArn", ""),
        token=answer.get("ClientToken", ""),
        state=answer.get("LifeCycleState", ""),
        owner_id=answer.get("OwnerId", ""),
        posix=Posix(posix["Uid"], posix["Gid"], tuple(sorted(posix.get("SecondaryGids") or ()))) if posix else None,
        path=root.get("Path") or "/",
        creation=_creation_of(creation) if creation else None,
        tags={tag["Key"]: tag["Value"] for tag in answer.get("Tags") or ()},
    )


def _creation_of(answer: Mapping[str, Any]) -> Creation:
    return Creation(answer["OwnerUid"], answer["OwnerGid"], str(answer["Permissions"]).zfill(4))
