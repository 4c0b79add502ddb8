# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names and numbers a host uses already, for a ledger that is to adopt them (private). Nothing is changed.

What cannot be read whole is said, never left out: a number that nobody saw could be given to somebody else.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import select
import signal
import stat
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._account_files import (
    account_table,
    as_number,
    groups_of,
    known_record,
    shown,
)
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import RECORD_DIRECTORY
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import Table, directory_sources
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    open_trusted_directory,
    read_file,
    write_all,
)
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import FIRST_ID

if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["apart", "local_accounts", "names_in", "take_survey"]

_KINDS = {stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


def take_survey(root: str, home_bases: list[str], limit: int, timeout: float) -> dict[str, Any]:
    """The accounts, groups and owners of homes that a host has, and what of them could not be read.

    :param root: where the system to look at is mounted; C(/) for the one that runs.
    :param limit: how many entries of a home base are read.
    :param timeout: how many seconds each part may take; a file server that does not answer must not hold up the run.
    """
    for path in [root, *home_bases]:
        if not path.startswith("/") or os.path.normpath(path) != path:
            raise IdentityError("%s is not a plain absolute path: write it like /home" % ascii(path))
    found = apart(local_accounts, root, timeout)
    if "problem" in found:
        raise IdentityError("the accounts of this host cannot be read: %s" % found["problem"])
    homes = []
    for base in dict.fromkeys(home_bases):
        listed = apart(partial(_entries, base, limit), root, timeout)
        homes.append({"base": base, "state": "unread", "entries": [], **listed})
    directory: dict[str, Any] = {"accounts": []}
    if found.pop("asks_directory") and root == "/":
        directory = apart(lambda: _in_directory(found, homes, time.monotonic() + timeout), root, timeout * 2)
    gaps = found.pop("gaps") + ["%s: %s" % (home["base"], home["problem"]) for home in homes if "problem" in home]
    gaps += ["the directory service: %s" % directory["problem"]] if "problem" in directory else []
    return {**found, "homes": homes, "directory_accounts": directory.get("accounts", []), "gaps": gaps}


def apart(work: Callable[[], dict[str, Any]], root: str, timeout: float) -> dict[str, Any]:
    """The result of work in a process of its own, which is given up when it takes too long; C(problem) says why.

    A process that waits for a dead file server cannot be interrupted, and a changed root cannot be changed back.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work_and_exit(work, root, writing)
    os.close(writing)
    try:
        answer = _read_until(reading, time.monotonic() + timeout)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        # one that even SIGKILL does not reach now ends by itself one day: nobody waits for it
        for _attempt in range(20):
            if os.waitpid(child, os.WNOHANG)[0]:
                break
            time.sleep(0.05)
    if answer is None:
        return {"problem": "no answer within %g seconds" % timeout}
    try:
        result = json.loads(answer.decode("utf-8"))
    except ValueError:
        return {"problem": "the process that looked ended before it was done"}
    return dict(result)


def _work_and_exit(work: Callable[[], dict[str, Any]], root: str, writing: int) -> None:
    """Do the work in the new process, and leave without a way back."""
    try:
        # who waits for the output of the module must not wait for a process that hangs
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        try:
            if root != "/":
                # nothing of that disk may run: what Python has not loaded yet would be looked for, and found, on it
                importlib.import_module("unicodedata")  # with which names are refused
                sys.meta_path.clear()
                os.chroot(root)
                os.chdir("/")
            result = work()
        except IdentityError as refusal:
            result = {"problem": str(refusal)}
        except OSError as error:
            result = {"problem": "%s%s" % (error.strerror, " (%s)" % error.filename if error.filename else "")}
        except Exception as error:
            result = {"problem": "%s: %s" % (type(error).__name__, error)}
        write_all(writing, json.dumps(result).encode("utf-8"))
    finally:
        os._exit(0)


def _read_until(reading: int, deadline: float) -> bytes | None:
    chunks: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return None
        chunk = os.read(reading, 1 << 20)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)


def local_accounts() -> dict[str, Any]:
    """What passwd, group and the record of the collection say."""
    etc = open_trusted_directory("/etc")
    try:
        files = {name: read_file(name, dir_fd=etc) for name in ("passwd", "group", "nsswitch.conf")}
    finally:
        os.close(etc)
    gaps: list[str] = []
    passwd, group = (account_table(name, files[name], gaps) for name in ("passwd", "group"))
    record = known_record(RECORD_DIRECTORY, gaps)
    # those that the collection ever gave on this host
    numbers = {owned.number for owned in [*record.users.values(), *record.groups.values()]}
    groups, memberships = groups_of(group, gaps)
    accounts = []
    for name, fields in passwd.entries.items():
        uid, gid = as_number(fields[2]), as_number(fields[3])
        if uid is None or gid is None:
            gaps.append("/etc/passwd has no number for %s: repair the line (vipw)" % ascii(name))
            continue
        account: dict[str, Any] = {"name": shown(name), "uid": uid, "gid": gid, "gecos": shown(fields[4])}
        account.update(home=shown(fields[5]), shell=shown(fields[6]), groups=memberships.get(name, []))
        if name in record.users:
            account["managed"] = record.users[name].owner
        accounts.append(account)
    return {
        "accounts": accounts,
        "groups": groups,
        # of lines that are no accounts to us and may be some to the system, and of the record
        "other_numbers": sorted(numbers | _numbers_of_strays(passwd) | _numbers_of_strays(group)),
        "gaps": gaps,
        "asks_directory": bool(directory_sources(files["nsswitch.conf"], "passwd")),
    }


def _numbers_of_strays(table: Table) -> set[int]:
    numbers = (as_number(number) for _name, number in table.strays)
    return {number for number in numbers if number is not None}


def _entries(base: str, limit: int) -> dict[str, Any]:
    """Who owns the entries of a home base. No link in it is followed, and nothing below an entry is looked at."""
    if not os.path.lexists(base):
        return {"state": "missing"}
    directory = open_trusted_directory(base)
    try:
        return names_in(directory, limit)
    finally:
        os.close(directory)


def names_in(directory: int, limit: int) -> dict[str, Any]:
    """The entries of an open directory, at most as many as the limit says, with their owners."""
    entries: list[dict[str, Any]] = []
    with os.scandir(directory) as listing:
        for entry in listing:
            if len(entries) == limit:
                return {
                    "state": "truncated",
                    "entries": entries,
                    "problem": "more than %d entries: survey again with a higher limit" % limit,
                }
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # removed since it was listed
                continue
            except OSError as error:
                # its user can cause this: root is locked out of what a user mounts with FUSE
                reason = os.strerror(error.errno or errno.EIO)
                return {"problem": "the owner of %s is not to be seen (%s)" % (ascii(entry.name)[:66], reason)}
            found = {"name": shown(entry.name), "uid": status.st_uid, "gid": status.st_gid}
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "other")
            entries.append(found if kind == "directory" else {**found, "kind": kind})
    entries.sort(key=lambda found: str(found["name"]))
    return {"state": "listed", "entries": entries}


def _in_directory(found: dict[str, Any], homes: list[dict[str, Any]], deadline: float) -> dict[str, Any]:
    """What a directory service says of the names and numbers of this host."""
    import pwd  # only a host with a directory service pays for it

    local = {account["name"]: account["uid"] for account in found["accounts"]}
    entries = [entry for home in homes for entry in home["entries"]]
    names = {str(entry["name"]) for entry in entries} - local.keys()
    numbers = {int(entry["uid"]) for entry in entries if entry["uid"] >= FIRST_ID} - set(local.values())
    known: dict[str, dict[str, Any]] = {}
    asking: list[tuple[Any, Any]] = [(pwd.getpwnam, name) for name in sorted(names)]
    asking += [(pwd.getpwuid, number) for number in sorted(numbers)]
    for ask, key in asking:
        if time.monotonic() > deadline:
            return {"problem": "did not answer %d questions in time: survey again with a higher timeout" % len(asking)}
        with contextlib.suppress(KeyError, ValueError):
            account = ask(key)
            known[account.pw_name] = {"name": account.pw_name, "uid": account.pw_uid, "gid": account.pw_gid}
    return {"accounts": [known[name] for name in sorted(known)]}
