# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a plan: one lock, atomic replacements, an order in which every crash leaves a host that works (private)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._belongings_files import write_belongings
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._homes import make_homes, set_modes
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._processes import set_lingering, stop_users
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import RECORD_NAME, format_record
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._spool import remove_jobs
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import KEY_FILE_MODE
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import Table, rewritten
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    do_side_by_side,
    fsync_directory,
    make_trusted_directory,
    open_trusted_directory,
    replace_at,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import Record
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import Request
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._snapshot import Places
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import Plan

__all__ = ["Contents", "account_files_lock", "apply_plan", "forget_caches", "new_contents"]

# the mode of a file that does not exist yet; one that exists keeps its own
_MODES = {"passwd": 0o644, "group": 0o644, "shadow": 0o600, "gshadow": 0o600}


@contextlib.contextmanager
def account_files_lock(etc: str, timeout: int) -> Iterator[None]:
    """The lock that useradd, passwd, vipw and systemd-sysusers take (lckpwdf(3)).

    :raises IdentityError: somebody held it for ``timeout`` seconds.
    """
    path = os.path.join(etc, ".pwd.lock")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        end = time.monotonic() + timeout
        pause = 0.01
        while True:
            try:
                fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() >= end:
                    raise IdentityError(
                        "the account files were locked for %d s by another program (%s/.pwd.lock): let it finish, then"
                        " run again" % (timeout, etc)
                    ) from error
            time.sleep(pause)
            pause = min(pause * 2, 0.25)
        yield
    finally:
        os.close(handle)


@dataclass(frozen=True)
class Contents:
    """The account files to write, in this order: (name, content)."""

    closing: list[tuple[str, bytes]]  # without names that go, in groups too, and with the locks on those that are shut
    opening: list[tuple[str, bytes]]  # with everything else; names that come appear in passwd last

    @property
    def names(self) -> set[str]:
        """The files that change."""
        return {database for database, _data in self.closing + self.opening}


def new_contents(plan: Plan, tables: dict[str, Table]) -> Contents:
    """What the account files will hold; asked for in check mode as well, because it may refuse."""
    current = dict(plan.tables or tables)
    # a name that changes appears in passwd last, as a new one does
    order = ("group", "gshadow", "shadow", "passwd")
    renamed = [
        (database, current[database].text.encode("utf-8", "surrogateescape"))
        for database in order
        if database in current and current[database].text != tables[database].text
    ]

    def written(step: dict[str, dict[str, list[str] | None]]) -> list[tuple[str, bytes]]:
        contents = []
        for database, changes in step.items():
            if changes and database in current:
                data = rewritten(current[database], changes)
                contents.append((database, data))
                current[database] = Table(database, data)
        return contents

    return Contents(renamed + written(plan.closings), written(plan.edits))


def apply_plan(
    plan: Plan, contents: Contents, request: Request, places: Places, run_command: Callable[[list[str]], object]
) -> None:
    """Do it. The caller holds the lock.

    Who has to go is shut out first, and what was taken from somebody (a key, a group) goes, so that nothing that fails
    later, a home that cannot be made for example, keeps a door open.
    """
    if plan.record_first is not None:
        _write_record(plan.record_first, places)
    etc = open_trusted_directory(places.etc) if plan.texts or contents.names else -1
    backed_up: set[str] = set()

    def write(databases: list[tuple[str, bytes]]) -> None:
        for database, data in databases:
            backup = "" if database in backed_up else database + "-"
            replace_at(etc, database, data, _MODES[database], backup=backup)
            fsync_directory(etc)
            backed_up.add(database)
        if databases:
            forget_caches(run_command)

    try:
        _write_key_files(plan.first_key_files, request.keys_directory)
        _write_key_files({name: data for name, data in plan.key_files.items() if not data}, request.keys_directory)
        flush_and_close(write_belongings(places.etc, {path: b"" for path, data in plan.files.items() if not data}))
        write(contents.closing)
        try:
            for path, data in plan.texts.items():
                replace_at(etc, os.path.basename(path), data, 0o644)
            flush_and_close(write_belongings(places.etc, {path: data for path, data in plan.files.items() if data}))
            # systemd reads its files while homes are made, and has read them before anybody can log in
            with _telling_of_configuration(plan, run_command):
                flush_and_close(make_homes((job for job in plan.homes if job.create), request.skel))
                later = {
                    name: data for name, data in plan.key_files.items() if data and name not in plan.first_key_files
                }
                _write_key_files(later, request.keys_directory)
            write(contents.opening)
            _write_key_files(dict.fromkeys(plan.former_key_files, b""), request.keys_directory)
            set_lingering(plan.linger, places.linger, run_command)
        finally:
            remove_jobs(plan.jobs, places.spool)
            if plan.stop:
                stop_users(plan.stop, places.proc, places.linger, run_command)
    finally:
        if etc >= 0:
            os.close(etc)
    if plan.record_last is not None:
        _write_record(plan.record_last, places)
    # a user may have put something in the way of these: they come when everything else is done
    set_modes(job for job in plan.homes if not job.create)


@contextlib.contextmanager
def _telling_of_configuration(plan: Plan, run_command: Callable[[list[str]], object]) -> Iterator[None]:
    """Let systemd and the mail system read what is new, and wait for them in the end."""
    commands = []
    if any(path.startswith("systemd/") for path in plan.files) and os.path.isdir("/run/systemd/system"):
        commands.append(["systemctl", "daemon-reload"])
    if "/etc/aliases" in plan.texts:
        commands.append(["newaliases"])

    def tell() -> None:
        for command in commands:
            with contextlib.suppress(OSError):
                run_command(command)

    if not commands:
        yield
        return
    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _write_record(record: Record, places: Places) -> None:
    directory = make_trusted_directory(places.record, 0o755)
    try:
        replace_at(directory, RECORD_NAME, format_record(record), 0o644)
        fsync_directory(directory)
    finally:
        os.close(directory)


def _write_key_files(files: dict[str, bytes], path: str) -> None:
    if not files:
        return
    directory = make_trusted_directory(path, 0o755)

    def write(name: str) -> None:
        if files[name]:
            # flushed once, below, before they count
            replace_at(directory, name, files[name], KEY_FILE_MODE, sync=False, keep=False)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=directory)

    do_side_by_side(write, list(files))
    flush_and_close([directory])


def flush_and_close(directories: list[int]) -> None:
    """Flush the file systems of these directories: one call for hundreds of small files."""
    if not directories:
        return
    import ctypes  # only where something was written

    library = ctypes.CDLL(None, use_errno=True)
    for directory in directories:
        try:
            if library.syncfs(directory) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        finally:
            os.close(directory)


def forget_caches(run_command: Callable[[list[str]], object]) -> None:
    """Let nscd and sssd forget which names and numbers there were."""
    commands = (
        ("/run/nscd/socket", ["nscd", "-i", "passwd", "-i", "group"]),
        ("/var/lib/sss/pipes/nss", ["sss_cache", "-U", "-G"]),
    )
    for socket, command in commands:
        if os.path.exists(socket):
            with contextlib.suppress(OSError):
                run_command(command)
