# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call: find the homes of people who left, archive them, remove them, tell (private)."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_archive import (
    archive_directory,
    check_space,
    find_archive,
    make_archive,
)
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_inventory import take_inventory
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_owners import (
    accounts_of,
    check_home,
    parse_leavers,
    who_connects,
    whose_home,
    why_open,
)
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_removal import (
    leaving_name,
    remove_home,
)
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_walk import DIRECTORY, shown
from ansible_collections.labfleet.identity.plugins.module_utils._open_mount import mount_of
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import open_trusted_directory
from ansible_collections.labfleet.identity.plugins.module_utils._silence import Silence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_archive import Archive
    from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_inventory import Inventory
    from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_owners import Leaver

__all__ = ["Places", "settle_homes"]

_SHOWN = 20


@dataclass(frozen=True)
class Places:
    """Where things are; tests move them."""

    etc: str = "/etc"
    proc: str = "/proc"


@dataclass(frozen=True)
class _Wish:
    """The module's parameters that are the same for everybody."""

    state: str
    path: str  # of the archives
    directory: int  # the same, open; -1 when it is not there
    compress: bool
    without_archive: bool
    network_file_system: bool
    archive_first: bool
    check: bool


def settle_homes(params: Mapping[str, Any], check: bool, places: Places | None = None) -> dict[str, Any]:
    """Do with the homes what is asked for.

    :param params: the module's parameters.
    :returns: ``changed``, ``homes``, ``protected``, ``diff`` and ``warnings`` as the module documents them.
    :raises IdentityError: something cannot be done safely. Everything is looked at before anything is done. Where
        nothing is to be done, it is a warning: who leaves is not let in for longer because of a home.
    """
    places = places or Places()
    kept = params["state"] == "kept"
    warnings: list[str] = []
    leavers = parse_leavers(params["users"])
    accounts = accounts_of(places.etc, leavers)
    protected = sorted(who_connects(places.etc).intersection(accounts))
    leavers = tuple(_where(leaver, accounts[leaver.name]) for leaver in leavers)
    if not kept:
        closed = set(params["closed_by_then"]) if check else set()
        _refuse_open(leavers, accounts, protected, closed, places)
    makes = not check and (params["state"] == "archived" or (params["state"] == "removed" and params["archive_first"]))
    with contextlib.nullcontext(-1) if kept else archive_directory(params["archive_directory"], makes) as directory:
        wish = _Wish(
            params["state"],
            params["archive_directory"],
            directory,
            params["compress"],
            params["without_archive"],
            params["network_file_system"],
            params["state"] == "removed" and params["archive_first"] and not params["without_archive"],
            check,
        )
        silence = Silence()
        leaving = {leaver.name for leaver in leavers}
        homes = [_Home(leaver, wish, silence, whose_home(leaver.home, places.etc, leaving)) for leaver in leavers]
        try:
            _judge(homes, warnings if kept else None)
            results = [home.settle() for home in homes]
        finally:
            for home in homes:
                home.close()
    for result, leaver in zip(results, leavers):
        result["account"] = any(one.name == leaver.name for one in accounts[leaver.name])
    return {
        "changed": any(result["action"] != "none" for result in results),
        "homes": results,
        "protected": protected,
        "diff": _diff(results),
        "warnings": warnings + [warning for home in homes for warning in home.warnings],
    }


def _where(leaver: Leaver, accounts: list[Any]) -> Leaver:
    """The home that the account names, if it is there and theirs, else the one that was given."""
    for account in accounts:
        if (account.name, account.uid) == (leaver.name, leaver.uid) and account.home != leaver.home:
            return type(leaver)(leaver.name, leaver.uid, account.home)
    return leaver


def _refuse_open(
    leavers: tuple[Leaver, ...],
    accounts: Mapping[str, list[Any]],
    protected: list[str],
    closed: set[str],
    places: Places,
) -> None:
    problems = ["%s: this run came in as them" % name for name in protected]
    for leaver in leavers:
        others = [one for one in accounts[leaver.name] if one.name not in closed]
        # processes end when the account is closed, which check mode does not do
        reason = why_open(leaver, others, places.proc) if leaver.name not in closed else ""
        if others and not reason and any(one.is_open for one in others):
            reason = "the account %s is open on this host: close it first" % others[0].name
        if reason:
            problems.append("%s: %s" % (leaver.name, reason))
    if problems:
        raise IdentityError("no home was touched: %s" % in_one_sentence(problems, _SHOWN))


def _judge(homes: list[_Home], warnings: list[str] | None) -> None:
    """Look at all homes before anything is done with one of them.

    :param warnings: where to say what is the matter; None refuses that.
    """
    problems = []
    for home in homes:
        try:
            home.look()
        except IdentityError as error:
            problems.append("%s: %s" % (home.leaver.name, error))
        except OSError as error:
            problems.append("%s: home %s: %s" % (home.leaver.name, home.leaver.home, error))
    if warnings is not None:
        warnings += problems
    elif problems:
        raise IdentityError("no home was touched: %s" % in_one_sentence(problems, _SHOWN))


class _Home:
    """The home of one person while it is looked at and dealt with."""

    def __init__(self, leaver: Leaver, wish: _Wish, silence: Silence, shared_with: str) -> None:
        self.leaver = leaver
        self.wish = wish
        self.shared_with = shared_with  # another account that lives there
        self.warnings: list[str] = []
        self._silence = silence
        self._base = -1
        self._top = -1
        self._half = -1  # of a removal that was cut short
        self._inventory: Inventory | None = None
        self._archive: Archive | None = None
        self._told: dict[str, Any] = {}

    def close(self) -> None:
        """Let go of everything."""
        for handle in (self._half, self._top, self._base):
            if handle >= 0:
                os.close(handle)

    def look(self) -> None:
        """See what is there and refuse what is not safe to do with it."""
        leaver = self.leaver
        user = {"name": leaver.name, "uid": leaver.uid, "home": leaver.home}
        self._told = {**user, "user": user, "found": False, "local": True, "shared_as": "", "cut_short": False}
        self._told.update(archive=None, entries=0, bytes=0)
        check_home(leaver.home)
        folder = os.path.dirname(leaver.home)
        silent = self._silence.of(folder)
        if silent:
            problem = "home %s cannot be looked at: the file server of %s does not answer" % (leaver.home, silent)
            if self.wish.state != "kept":
                raise IdentityError("%s; run again when it does" % problem)
            # nothing will be done, and nobody is let in for longer because of that
            self._told["local"] = False
            self.warnings.append("%s: %s" % (leaver.name, problem))
            return
        try:
            os.lstat(folder)
        except (FileNotFoundError, NotADirectoryError):  # any other error is that of a file system that is broken
            return
        try:
            self._base = open_trusted_directory(folder)
        except IdentityError:
            if self.wish.state == "kept":  # nothing will be done
                return
            raise
        self._half = self._open(leaving_name(leaver.name, leaver.uid), (0, leaver.uid))
        self._told["cut_short"] = self._half >= 0
        self._top = self._open(os.path.basename(leaver.home), (leaver.uid,))
        handle = self._top if self._top >= 0 else self._half
        if handle < 0:
            return
        self._told["found"] = self._top >= 0
        mount = mount_of(handle)
        self._told["local"] = mount.is_local
        if not mount.is_local:
            inside = os.path.relpath(leaver.home, mount.point)
            self._told["shared_as"] = "%s %s %s" % (shown(mount.source), shown(mount.root), shown(inside))
        if self.wish.state == "kept":
            return
        if self._top >= 0:
            self._inventory = take_inventory(self._top, leaver.uid)
            self._told.update(entries=self._inventory.entries, bytes=self._inventory.bytes)
            self._archive = find_archive(self.wish.directory, self.wish.path, leaver.name, leaver.uid)
        if self.wish.state == "removed":
            self._refuse_removal(mount.is_local, mount.file_system)
        makes = self.wish.state == "archived" or self.wish.archive_first
        if makes and self._inventory and not self._is_archived() and self.wish.directory >= 0:
            check_space(self.wish.directory, self.wish.path, self._inventory.needed)

    def _open(self, name: str, owners: tuple[int, ...]) -> int:
        """Open a home in its base; -1 when there is none."""
        path = os.path.join(os.path.dirname(self.leaver.home), name)
        try:
            handle = os.open(name, DIRECTORY, dir_fd=self._base)
        except FileNotFoundError:
            return -1
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise IdentityError("%s is no directory: if it is a link, name the home it leads to" % path) from error
            raise
        owner = os.fstat(handle).st_uid
        if owner not in owners:
            os.close(handle)
            raise IdentityError("%s belongs to uid %d: it is not theirs" % (path, owner))
        return handle

    def _is_archived(self) -> bool:
        """Whether the newest archive has everything, and nothing changed since."""
        archive, inventory = self._archive, self._inventory
        return bool(archive and inventory and archive.is_whole and archive.notes.get("inventory") == inventory.digest)

    def _refuse_removal(self, local: bool, file_system: str) -> None:
        home = self.leaver.home
        if not local and not self.wish.network_file_system:
            raise IdentityError(
                "home %s is on %s, which other hosts may have as well: say network_file_system: true if it is to go"
                " everywhere" % (home, shown(file_system))
            )
        inventory = self._inventory
        if inventory is None:
            return
        here, above = mount_of(self._top), mount_of(self._base)
        if here.number != above.number or os.fstat(self._top).st_dev != os.fstat(self._base).st_dev:
            raise IdentityError("home %s is a mount of its own: unmount it, and remove what was mounted" % home)
        if self.shared_with:
            raise IdentityError(
                "%s lives in home %s as well: give that account another home first (usermod -d)"
                % (shown(self.shared_with), home)
            )
        if inventory.mounts:
            raise IdentityError(
                "something is mounted at %s in home %s: unmount it" % (", ".join(map(shown, inventory.mounts)), home)
            )
        if self._is_archived() or self.wish.archive_first:
            return
        if not self.wish.without_archive:
            raise IdentityError(
                "there is no whole archive of home %s as it is now in %s: run with state archived first, or say"
                " without_archive: true" % (home, self.wish.path)
            )
        others = {owner: count for owner, count in inventory.other_owners.items() if owner != 0}
        if others:
            told = ", ".join("%d of uid %d" % (count, owner) for owner, count in sorted(others.items())[:5])
            raise IdentityError(
                "home %s holds files of other people (%s): archive it, or give them back first" % (home, told)
            )

    def settle(self) -> dict[str, Any]:
        """Do it, or in check mode say what would be done."""
        action = "none"
        if self.wish.state == "archived" and self._inventory is not None and not self._is_archived():
            action = "archive"
            if not self.wish.check:
                self._make_archive()
        elif self.wish.state == "removed" and (self._top >= 0 or self._half >= 0):
            action = "remove"
            if not self.wish.check:
                self._remove()
        self._told["action"] = action
        if self._archive is not None and not (self.wish.check and action == "archive"):
            self._told["archive"] = {
                "path": self._archive.path,
                "sha256": self._archive.sha256,
                "size": self._archive.size,
                **{key: value for key, value in self._archive.notes.items() if key not in ("sha256", "inventory")},
            }
        return self._told

    def _make_archive(self) -> None:
        leaver, wish, inventory = self.leaver, self.wish, self._inventory
        if inventory is None:
            return
        self._archive = make_archive(
            wish.directory, wish.path, self._top, leaver.name, leaver.uid, inventory, wish.compress
        )
        if not self._archive.is_whole:
            self.warnings.append(
                "%s: %d files changed while the home was archived, so this archive lets nobody remove the home: run"
                " again" % (leaver.name, len(self._archive.notes.get("changed_while_read", ())))
            )

    def _remove(self) -> None:
        leaver = self.leaver
        if self.wish.archive_first and self._inventory is not None and not self._is_archived():
            self._make_archive()
            if self._archive is None or not self._archive.is_whole:
                raise IdentityError(
                    "the home of %s changed while it was archived, so it stays: end what still writes to it"
                    % leaver.name
                )
        if self._inventory is not None and not self.wish.without_archive:
            self._inventory = take_inventory(self._top, leaver.uid)
            if not self._is_archived():
                raise IdentityError(
                    "the home of %s changed after it was archived, so it stays: end what still writes to it, then run"
                    " again" % leaver.name
                )
        if self._half >= 0:
            remove_home(self._base, leaving_name(leaver.name, leaver.uid), self._half, leaver.name, leaver.uid)
        if self._top >= 0:
            remove_home(self._base, os.path.basename(leaver.home), self._top, leaver.name, leaver.uid)


def _diff(results: list[dict[str, Any]]) -> dict[str, str]:
    before, after = [], []
    for result in results:
        told = {"archive": ("not archived", "archived"), "remove": ("there", "removed")}.get(result["action"])
        if told:
            before.append("%s: home %s %s\n" % (result["name"], result["home"], told[0]))
            after.append("%s: home %s %s\n" % (result["name"], result["home"], told[1]))
    return {"before": "".join(before), "after": "".join(after)}
