# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One migration: look, close, walk, look again, change the accounts, open (private).

At no moment can somebody reach files of somebody else: those who are migrated are shut out and have no processes while
their files are on the way, nobody runs under a new number before the accounts have it, and no account ever has a
number that files of somebody else still carry.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._processes import busy_users, stop_users
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._transaction import (
    account_files_lock,
    forget_caches,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._migration._host import (
    Host,
    change_accounts,
    change_at_jobs,
    change_units,
    check_accounts,
    close_accounts,
    former_state,
    open_accounts,
    read_facts,
)
from ansible_collections.labfleet.identity.plugins.module_utils._migration._mounts import choose_roots, parse_mountinfo
from ansible_collections.labfleet.identity.plugins.module_utils._migration._plan import make_plan
from ansible_collections.labfleet.identity.plugins.module_utils._migration._report import outcome, reasons
from ansible_collections.labfleet.identity.plugins.module_utils._migration._request import parse_request
from ansible_collections.labfleet.identity.plugins.module_utils._migration._state import (
    Progress,
    State,
    migration_lock,
    read_state,
    write_state,
)
from ansible_collections.labfleet.identity.plugins.module_utils._migration._tally import Job, Tally
from ansible_collections.labfleet.identity.plugins.module_utils._migration._workers import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._migration._plan import Phase, Plan
    from ansible_collections.labfleet.identity.plugins.module_utils._migration._request import Request

__all__ = ["migrate"]

_MOST_WALKS = 5  # when files are moved away under a walk


def migrate(
    params: Mapping[str, Any], check: bool, run_command: Callable[[list[str]], object], host: Host | None = None
) -> dict[str, Any]:
    """Give accounts other numbers, with all their files.

    :param params: the module's parameters.
    :param check: count, and change nothing.
    :param run_command: runs a program given as a list; it may raise OSError when there is none.
    :returns: ``changed``, ``migration``, ``diff`` and ``warnings`` as the module documents them.
    :raises IdentityError: with what speaks against it.
    """
    host = host or Host()
    request = parse_request(params)
    with _told_in_words(host), contextlib.nullcontext() if check else migration_lock(host.record):
        state = read_state(host.record)
        begun = state is not None and state.step != "finished"
        if begun and state is not None:
            _check_same(request, state.plan, host)
        else:
            plan = make_plan(request, read_facts(request, host))
            if not plan.users and not plan.groups:
                return outcome(plan, [], "nothing", False, Tally(), Tally(), Tally(), plan.warnings)
            state = State(plan, request.roots, request.exclude)
        return _Migration(request, state, begun, check, host, run_command).run()


@contextlib.contextmanager
def _told_in_words(host: Host) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IdentityError(
            "the run was cut short by the system (%s): mend the cause and run again, it goes on where it was; who is"
            " migrated stays shut out until then (%s/migration.json says how far it is)" % (error, host.record)
        ) from error


def _check_same(request: Request, plan: Plan, host: Host) -> None:
    """A migration that was begun is finished first, and as it was begun; who was passed over then, is so again."""
    tables = read_facts(request, host).tables

    def differ(wished: dict[str, int], begun: dict[str, tuple[int, int]], database: str) -> bool:
        there = tables[database].entries
        return any(
            begun[name][1] != new if name in begun else name in there and there[name][2] != str(new)
            for name, new in wished.items()
        )

    users = {user.name: user.to_uid for user in request.users}
    groups = {group.name: group.to_gid for group in request.groups}
    if differ(users, plan.users, "passwd") or differ(groups, plan.groups, "group"):
        raise IdentityError(
            "a migration of %s was cut off on this host: finish that one first, with the same users or with none (it is"
            " written down in %s/migration.json)" % (", ".join(sorted(plan.users) + sorted(plan.groups)), host.record)
        )


class _Migration:
    """A migration with all that it needs."""

    def __init__(
        self,
        request: Request,
        state: State,
        begun: bool,
        check: bool,
        host: Host,
        run_command: Callable[[list[str]], object],
    ) -> None:
        self.request, self.state, self.begun, self.check, self.host = request, state, begun, check, host
        self.plan = state.plan
        self._run_command = run_command
        with open(os.path.join("/proc", "self", "mountinfo"), encoding="utf-8", errors="surrogateescape") as handle:
            mounts = parse_mountinfo(handle.read())
        exported = os.path.exists("/proc/fs/nfsd/exports")
        self.roots = choose_roots(mounts, state.roots, state.exclude, request.network_file_systems, exported)
        self._progress = Progress("" if check else host.record, state.files)

    def run(self) -> dict[str, Any]:
        """From where it is to the end."""
        warnings = list(self.plan.warnings)
        self._progress.say("beginning")
        if self.begun:
            return self._go_on(warnings)
        if not self.plan.is_settled:
            self._refuse_busy(warnings)
        counted = self._count()
        if self.plan.is_settled and not counted.counts and not counted.linked and not counted.acls:
            return self._told("nothing", counted, counted, Tally(), warnings)
        if self.check:
            return self._told("planned", counted, counted, Tally(), warnings)
        done, left = self._carry_out(counted)
        return self._told("migrated", done, counted, left, warnings)

    def _go_on(self, warnings: list[str]) -> dict[str, Any]:
        """What was begun is finished, or in check mode counted."""
        if self.check:
            self._refuse_busy(warnings)
            phase = self.plan.phases[self.state.phase]
            counted = self._walk("looking", Job(phase.uids, phase.gids, change=False))
            return self._told("planned", counted, counted, Tally(), warnings)
        done, left = self._carry_out(None)
        return self._told("migrated", done, Tally(), left, warnings)

    def _told(self, state: str, files: Tally, looked: Tally, left: Tally, warnings: list[str]) -> dict[str, Any]:
        return outcome(self.plan, self.roots, state, self.begun, files, looked, left, warnings)

    def _refuse_busy(self, warnings: list[str]) -> None:
        """Nobody is interrupted unless that was asked for. While only counting, it is said and no more."""
        busy = self._busy(self.request.stop)
        if busy and not self.check:
            raise IdentityError(self._busy_message(busy))
        if busy:
            warnings.append("the run would be refused now: " + self._busy_message(busy))

    def _count(self) -> Tally:
        """What there is to change; the new numbers have to be free."""
        uids, gids = self.plan.to_be_free()
        old_uids, old_gids = dict(self.plan.users.values()), dict(self.plan.groups.values())
        counted = self._walk("counting", Job(old_uids, old_gids, change=False, taken_uids=uids, taken_gids=gids))
        if "taken" in counted.paths:
            raise IdentityError(
                "nothing was changed: %d files carry new numbers already, so they would be given to whoever gets the"
                " number: %s; look whose they are, and give them away or choose other numbers"
                % (counted.totals["taken"], "; ".join(counted.paths["taken"][:5]))
            )
        return counted

    # the steps

    def _carry_out(self, counted: Tally | None) -> tuple[Tally, Tally]:
        """Every step that is still to be done; what was changed, and what is left."""
        done, left = Tally(), Tally()
        if self.state.step == "close":
            self._close(counted)
        if self.state.step == "walk":
            # before more files are given to a number that somebody else got since
            check_accounts(self.plan, self.host)
            if self.begun:
                self._still_shut_out()
            # without a first look nobody knows whether there are ACLs to change
            done, left = self._walk_phases(counted is None or counted.acls > 0)
            self._still_shut_out()
            self._next("accounts")
        if self.state.step == "accounts":
            with account_files_lock(self.host.etc, self.request.lock_timeout):
                change_accounts(self.plan, self.host)
                change_units(self.plan, self.host, aside=True)
            self._next("units")
        if self.state.step == "units":
            change_units(self.plan, self.host, aside=False)
            change_at_jobs(self.plan, self.host)
            self._forget_old_numbers()
            self._next("open")
        if self.state.step == "open":
            with account_files_lock(self.host.etc, self.request.lock_timeout):
                open_accounts(self.state.closed, self.state.lingering, self.host)
            self._next("finished")
        self._progress.say("finished")
        return done, left

    def _next(self, step: str, **more: Any) -> None:
        self.state = replace(self.state, step=step, **more)
        write_state(self.host.record, self.state)

    def _close(self, counted: Tally | None) -> None:
        """Shut out who is migrated; when somebody is at work whom nobody wants to stop, let everybody in again."""
        with account_files_lock(self.host.etc, self.request.lock_timeout):
            if counted is not None:
                closed, lingering = former_state(self.plan, read_facts(self.request, self.host), self.host)
                self._next("close", closed=closed, lingering=lingering, files=counted.seen)
            close_accounts(self.state.closed, self.host)
        try:
            self._still_shut_out()
        except IdentityError:
            with account_files_lock(self.host.etc, self.request.lock_timeout):
                open_accounts(self.state.closed, self.state.lingering, self.host)
            self._next("finished")
            raise
        self._next("walk", phase=0)

    def _still_shut_out(self) -> None:
        """Nobody runs under an old or a new number."""
        if self.request.stop:
            self._progress.say("ending processes")
            old = sorted((name, old) for name, (old, _new) in self.plan.users.items())
            stop_users(old, self.host.proc, self.host.linger, self._run_command)
        busy = self._busy(self.request.stop)
        if busy:
            raise IdentityError(self._busy_message(busy))

    def _busy(self, stopped: bool) -> dict[str, str]:
        """Who has processes. Those under a number that nobody has yet are nobody's to be ended."""
        old = set() if stopped else {(name, old) for name, (old, _new) in self.plan.users.items()}
        own = {number for _name, number in self.plan.users.values()} & {
            number for number, _name in self.plan.users.values()
        }
        numbers = {"the new uid of %s" % name: new for name, (_old, new) in self.plan.users.items() if new not in own}
        numbers.update(old)
        return busy_users(numbers, self.host.proc, self.host.linger)

    def _busy_message(self, busy: dict[str, str]) -> str:
        return "%s: let them end their work, or end it with stop: true" % "; ".join(
            "%s has %s" % each for each in sorted(busy.items())
        )

    def _walk_phases(self, acls: bool) -> tuple[Tally, Tally]:
        """Change everything; no phase begins before the one before it left nothing behind."""
        phases = self.plan.phases
        total = Tally()
        while True:
            phase = phases[self.state.phase]
            last = self.state.phase == len(phases) - 1
            left = self._walk_phase(phase, acls or self.state.phase > 0, last, total)
            remaining = sum(left.files().values()) + left.acls
            if last:
                return total, left
            if remaining:
                raise IdentityError(
                    "%d files do not give up their old numbers, which others are to get: %s; take away what is in the"
                    " way (%s) and run again, it goes on where it was; who is migrated stays shut out until then"
                    % (remaining, "; ".join(left.paths.get("found", [])[:5]), reasons(total))
                )
            self._next("walk", phase=self.state.phase + 1)

    def _walk_phase(self, phase: Phase, acls: bool, last: bool, total: Tally) -> Tally:
        """Walk until nothing more can be done; what is left then."""
        left = Tally()
        for _attempt in range(_MOST_WALKS):
            done = self._walk("changing", Job(phase.uids, phase.gids, change=True, acls=acls))
            left = self._walk("looking again", Job(phase.uids, phase.gids, change=False))
            idle = acls and not (done.changed or done.acls or done.unsettled)
            if not last:  # the last one counts those that were only put aside
                done.counts, done.linked, done.acls = {}, {}, 0
            total.add(done)
            if idle or not (left.counts or left.linked or left.acls):
                break
            acls = True
        return left

    def _walk(self, what: str, job: Job) -> Tally:
        self._progress.begin(what, self.roots)
        tally = walk(self.roots, job, self.request.processes, self._progress)
        self._progress.expected = tally.seen
        return tally

    def _forget_old_numbers(self) -> None:
        """Programs that remember who has which number are told that it changed."""
        forget_caches(self._run_command)
        if os.path.exists("/run/systemd/system"):
            with contextlib.suppress(OSError):
                self._run_command(["systemctl", "daemon-reload"])
