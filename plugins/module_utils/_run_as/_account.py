# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an account of the host may run a job: it is ours, open, and the one that the ledger means (private)."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import RECORD_DIRECTORY, read_record
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import SYSTEM_GROUPS, quoted
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import read_file
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import FIRST_ID

if TYPE_CHECKING:
    from typing import Callable, Iterator

    from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import Job

    Run = Callable[[list[str]], tuple[int, str, str]]

__all__ = ["Account", "Places", "check_shared", "find_account"]

_NO_SHELLS = ("false", "nologin")
_NOT_ALLOWED = "is not allowed to run sudo"
_KEYS = ("etc/ssh/authorized_keys.d", "var/lib/systemd/linger", "var/spool/cron/crontabs", "var/spool/cron")
_AT = ("var/spool/cron/atjobs", "var/spool/at")


@dataclass(frozen=True)
class Places:
    """Where a host keeps what is looked at."""

    root: str = "/"
    record: str = RECORD_DIRECTORY

    def of(self, *parts: str) -> str:
        """A path below the root."""
        return os.path.join(self.root, *parts)


@dataclass(frozen=True)
class Account:
    """An account as the host has it."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    shell: str


def find_account(job: Job, places: Places) -> Account:
    """The account of a job.

    :raises IdentityError: it is not there, not ours, closed, or has another number than the ledger's.
    """
    owned = read_record(places.record).users.get(job.account)
    if owned is None or owned.owner != job.owner:
        whose = "nobody's" if owned is None else quoted(owned.owner)
        raise IdentityError(
            "%s is no account that labfleet.identity made for %s on this host (it is %s there): give this host the"
            " people of that profile first, as with the playbook site" % (job.account, quoted(job.owner), whose)
        )
    if owned.number != job.uid:
        raise IdentityError(
            "%s has the number %d on this host and %d in the ledger, so they may be two people: see the audit of this"
            " host" % (job.account, owned.number, job.uid)
        )
    if owned.state != "present":
        raise IdentityError("%s is disabled on this host: let them in again first, if they may be" % job.account)
    try:
        entry = pwd.getpwnam(job.account)
    except KeyError:
        raise IdentityError(
            "%s is in the record of this host and has no account: run the playbook site for it" % job.account
        ) from None
    if entry.pw_uid != job.uid or entry.pw_gid < FIRST_ID:
        raise IdentityError(
            "%s has the numbers %d and %d on this host, where %d is expected: see the audit of this host"
            % (job.account, entry.pw_uid, entry.pw_gid, job.uid)
        )
    groups = tuple(sorted(set(os.getgrouplist(job.account, entry.pw_gid))))
    return Account(job.account, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir, entry.pw_shell)


def check_shared(account: Account, places: Places, run: Run) -> None:
    """Refuse a shared account that anybody could use otherwise than by jobs.

    :param run: runs a program given as a list; answers with its code, output and complaints.
    :raises IdentityError: names every way that is open.
    """
    ways = [*_ways_in(account, places), *_powers(account, places, run)]
    if ways:
        raise IdentityError(
            "%s is shared by several people, and %s: take that away, for whoever uses it so is out of the reach of"
            " what separates jobs" % (account.name, "; ".join(ways))
        )


def _ways_in(account: Account, places: Places) -> Iterator[str]:
    if os.path.basename(account.shell) not in _NO_SHELLS:
        yield "its shell is %s (give it nologin)" % quoted(account.shell)
    for line in (read_file(places.of("etc/shadow")) or b"").decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if fields[0] == account.name and fields[1][:1] not in ("*", "!"):
            yield "it has a password"
    for place in _KEYS:
        path = places.of(place, account.name)
        if os.path.lexists(path) and not _is_empty(path, place):
            yield "there is %s" % path
    for place in _AT:
        if any(status.st_uid == account.uid for status in _statuses(places.of(place))):
            yield "it has a job in %s" % places.of(place)
    if os.path.lexists(places.of(account.home.lstrip("/"), ".ssh")):
        yield "there is %s/.ssh" % account.home


def _is_empty(path: str, place: str) -> bool:
    """Whether a file of keys holds none; a file that lets somebody linger is always empty."""
    return place == _KEYS[0] and os.path.isfile(path) and os.path.getsize(path) == 0


def _statuses(folder: str) -> Iterator[os.stat_result]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            yield os.lstat(os.path.join(folder, name))
        except OSError:
            continue


def _powers(account: Account, places: Places, run: Run) -> Iterator[str]:
    for gid in account.groups:
        try:
            name = grp.getgrgid(gid).gr_name
        except KeyError:
            name = ""
        if gid < FIRST_ID or name in SYSTEM_GROUPS:
            yield "it is in the system's group %s" % (name or gid)
    if not os.path.lexists(places.of("etc/sudoers")):
        return
    # what sudo itself makes of all its files and of directories
    code, out, err = run(["sudo", "-n", "-l", "-U", account.name])
    if code not in (0, 1) or _NOT_ALLOWED not in out:
        said = (out.strip() or err.strip()).splitlines()
        yield "sudo does not say that it may nothing (%s)" % quoted(said[-1].strip() if said else "exit code %d" % code)
