# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has, and what is to be done to it: the two values the planner stands between (private, pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import Record
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import Table

__all__ = ["KEY_FILE_MODE", "Change", "HomeJob", "HomeState", "HostState", "Plan"]

# sshd reads it as the user
KEY_FILE_MODE = 0o644


@dataclass(frozen=True)
class HomeState:
    """What stands at the path of a home: ``missing``, ``directory``, ``other`` (a link, a file), ``hidden`` from root.

    ``problem`` says why a missing one cannot be made, the mode not be changed, or nothing be seen.
    """

    kind: str
    uid: int = -1
    gid: int = -1
    mode: int = 0
    problem: str = ""


@dataclass(frozen=True)
class HostState:
    """Everything the planner looks at, read once under the lock of the account files."""

    tables: dict[str, Table]  # by file name; without gshadow on hosts that have none
    record: Record
    homes: dict[str, HomeState]  # by path
    key_files: dict[str, bytes]  # by user name, also of names without an account; missing files are left out
    shells: frozenset[str]  # of the shells asked about: those that can be executed
    nologin: str
    directory_uids: dict[str, int]  # names that NSS knows from elsewhere (LDAP, sssd)
    directory_names: dict[int, str]
    busy: dict[str, str]  # users that have to go and what of theirs is still there ("2 processes")
    protected: frozenset[str]  # the connecting user
    login_defs: bytes | None
    adduser_conf: bytes | None
    today: int  # days since 1970-01-01
    loose_key_files: frozenset[str] = frozenset()  # of those that are not root's alone
    directory_gids: dict[str, int] = field(default_factory=dict)  # as for users
    directory_groups: dict[int, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)  # of ours that users have, by path below /etc
    loose_files: frozenset[str] = frozenset()  # of those that are not as only root can change them
    subids: dict[str, bytes | None] = field(default_factory=dict)  # subuid and subgid, None where there is none
    aliases: bytes | None = None
    lingering: frozenset[str] = frozenset()
    counts_logins: bool = True  # in utmp, as PAM needs it to limit sessions
    jobs: dict[str, str] = field(default_factory=dict)  # what cron and at would run of users that go


@dataclass(frozen=True)
class Change:
    """One difference between what is and what should be; ``changed``, diff and receipt are drawn from these."""

    kind: str  # user | group | host
    name: str
    attribute: str
    before: str
    after: str

    def __str__(self) -> str:
        if self.attribute in ("keys", "groups"):
            return "%s %s" % (self.attribute, self.after)
        return "%s %s -> %s" % (self.attribute, self.before or "(none)", self.after or "(none)")


@dataclass(frozen=True)
class HomeJob:
    """A home to make (``create``) or whose mode is to be set."""

    name: str
    path: str
    uid: int
    gid: int
    mode: int
    create: bool
    skel: str = ""  # another directory than all others are copied from


@dataclass(frozen=True)
class Plan:
    """What the apply does, in its order. An empty plan has no changes and nothing to write."""

    changes: tuple[Change, ...]
    record_first: Record | None  # what will be ours, written before anything of it exists
    record_last: Record | None  # without what is gone
    texts: dict[str, bytes]  # path -> content (login.defs, adduser.conf)
    homes: tuple[HomeJob, ...]
    key_files: dict[str, bytes]  # user name -> content; empty: remove
    closings: dict[str, dict[str, list[str] | None]]  # file -> name -> fields, None when it goes: they come first ...
    edits: dict[str, dict[str, list[str] | None]]  # ... and who is new appears last
    stop: tuple[tuple[str, int], ...]  # users whose sessions, units and processes end
    orphans: tuple[str, ...]
    warnings: tuple[str, ...]
    tables: dict[str, Table] = field(default_factory=dict)  # with the new names of accounts that are renamed
    # of these and of accounts that are there, before the files name them and before anything that can fail
    first_key_files: dict[str, bytes] = field(default_factory=dict)
    former_key_files: tuple[str, ...] = ()  # of their former names, removed at the end
    files: dict[str, bytes] = field(default_factory=dict)  # path below /etc -> content; those to remove first
    linger: dict[str, bool] = field(default_factory=dict)
    jobs: tuple[tuple[str, int], ...] = ()  # users whose jobs of cron and at are removed
