# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a shared file system, and do what was planned there (private).

All of this runs in a process that can be given up: a file server that does not answer stops whoever asks it.
"""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HomeJob
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._home_tree import make_home, read_skel, set_mode
from ansible_collections.labfleet.identity.plugins.module_utils._one_by_one import until_silence
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import write_all
from ansible_collections.labfleet.identity.plugins.module_utils._storage._mount_proof import marker_text, open_proved
from ansible_collections.labfleet.identity.plugins.module_utils._storage._states import Job, Seen, Thing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._storage._request import Request

__all__ = ["do_jobs", "look"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PATH = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_WRITE = 0o022
_AT_ONCE = 200  # names that one step looks at
_LONGEST = 3600.0


def look(request: Request) -> Seen:
    """See what there is, after the proof.

    :raises IdentityError: it is not the expected file system, or it does not answer.
    """
    steps: list[tuple[str, list[str]]] = [("root", [])]
    names = {
        request.home_base: [person.directory for person in request.people],
        request.shared_base: [entry.directory for entry in request.shared],
    }
    for base, wanted in names.items():
        steps.append((base, []))
        steps += [(base, wanted[at : at + _AT_ONCE]) for at in range(0, len(wanted), _AT_ONCE)]
    state: dict[str, int] = {}

    def step(item: tuple[str, list[str]]) -> dict[str, Any]:
        if item[0] == "root":
            state["root"], answer = _look_at_root(request)
            return answer
        return _look_below(state, *item)

    answers = _in_time(step, steps, request, "it was looked at")
    seen = answers[0]
    things: dict[str, dict[str, Thing]] = {"bases": {}, request.home_base: {}, request.shared_base: {}}
    for (base, wanted), answer in zip(steps[1:], answers[1:]):
        for name, thing in answer["things"].items():
            things[base if wanted else "bases"][name] = Thing(*thing)
    root = Thing(*seen["root"])
    return Seen(
        kind=seen["kind"],
        source=seen["source"],
        marked=seen["marked"],
        empty=seen["empty"],
        root=root,
        root_writes=seen["writes"] and not _is_anybodys(root),
        lacking=tuple(seen["lacking"]),
        bases=things["bases"],
        homes=things[request.home_base],
        shared=things[request.shared_base],
    )


def _is_anybodys(thing: Thing) -> bool:
    """Whether that root can write there says nothing of root, for everybody can."""
    return bool(thing.mode & 0o002)


def _look_at_root(request: Request) -> tuple[int, dict[str, Any]]:
    handle, mount, marked = open_proved(request)
    return handle, {
        "kind": mount.file_system,
        "source": mount.source,
        "marked": marked,
        "empty": marked or not set(os.listdir(handle)) - {"lost+found"},
        "root": _thing(os.fstat(handle)),
        # the server answers, for the user it takes root for
        "writes": os.access(".", os.W_OK, dir_fd=handle),
        "lacking": [] if mount.is_local else _lacking(os.fstatvfs(handle).f_flag),
    }


def _lacking(flags: int) -> list[str]:
    """Options of a mount without which root of another machine can leave a way to become root here."""
    return [name for name, flag in (("nosuid", os.ST_NOSUID), ("nodev", os.ST_NODEV)) if not flags & flag]


def _look_below(state: dict[str, int], base: str, wanted: list[str]) -> dict[str, Any]:
    """A base itself, or names in it."""
    if not wanted:
        thing = _named(base, state["root"])
        if thing[0] == "directory":
            state[base] = os.open(base, _PATH, dir_fd=state["root"])
        return {"things": {base: thing}}
    if base not in state:
        return {"things": {}}
    return {"things": {name: _named(name, state[base]) for name in wanted}}


def _named(name: str, directory: int) -> list[Any]:
    try:
        return _thing(os.stat(name, dir_fd=directory, follow_symlinks=False))
    except FileNotFoundError:
        return _thing(None)


def _thing(status: os.stat_result | None) -> list[Any]:
    if status is None:
        return ["missing", -1, -1, -1]
    kind = "directory" if stat.S_ISDIR(status.st_mode) else "other"
    return [kind, status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)]


def do_jobs(jobs: Sequence[Job], request: Request) -> None:
    """Do what was planned, on the file system that is proved once more.

    :raises IdentityError: it does not answer any more, or something came into the way.
    """
    if not jobs:
        return
    skels = {job.skel or request.skel for job in jobs if job.what == "home" and job.create}
    entries = {skel: read_skel(skel) for skel in skels}
    state: dict[str, int] = {}

    def step(job: Job | None) -> dict[str, Any]:
        if job is None:
            state["root"] = open_proved(request)[0]
            return {}
        if job.as_user:
            return _as_user(job, lambda: _do(state["root"], job, request, entries), request.patience)
        _do(state["root"], job, request, entries)
        return {}

    _in_time(step, [None, *jobs], request, "this was done, of which the beginning is in place")


def _in_time(
    step: Callable[[Any], dict[str, Any]], items: Sequence[Any], request: Request, doing: str
) -> list[dict[str, Any]]:
    """Answers to all steps, none of which may take long."""

    def told(item: Any) -> dict[str, Any]:
        try:
            return step(item)
        except IdentityError as error:
            return {"refused": str(error)}
        except OSError as error:
            return {"refused": "the system cut the run short (%s): mend the cause and run again" % error}

    answers = until_silence(told, items, request.patience, time.monotonic() + _LONGEST)
    for answer in answers:
        if "refused" in answer or "problem" in answer:
            raise IdentityError(answer.get("refused") or "%s: %s" % (request.mount_point, answer["problem"]))
    if len(answers) < len(items):
        raise IdentityError(
            "the file server of %s (%s) did not answer for %g seconds while %s: nothing waits for it any more; see"
            " whether it is up and can be reached at port 2049, then run again"
            % (request.mount_point, ", ".join(request.sources) or request.file_system_id, request.patience, doing)
        )
    return answers


def _as_user(job: Job, act: Callable[[], None], patience: float) -> dict[str, Any]:
    """Do one thing with the rights of a user and no others, in a process that has no way back."""

    def become_and_act(_item: None) -> dict[str, Any]:
        try:
            os.setgroups(list(job.groups)[:65536])
            os.setresgid(job.gid, job.gid, job.gid)
            os.setresuid(job.uid, job.uid, job.uid)
            os.umask(0o077)
            act()
        except IdentityError as error:
            return {"refused": str(error)}
        except OSError as error:
            return {"refused": "%s as uid %d: %s" % (job.path, job.uid, error)}
        return {}

    # sooner than whoever waits for this process gives up
    answers = until_silence(become_and_act, [None], patience * 0.8, time.monotonic() + _LONGEST)
    return answers[0] if answers else {"refused": "the file server does not answer any more: run again when it does"}


def _do(root: int, job: Job, request: Request, entries: dict[str, Any]) -> None:
    if job.what == "mark":
        _mark(root, job, request)
        return
    base, _slash, name = job.path.rpartition("/")
    directory = os.open(base, _DIRECTORY if not job.as_user else _PATH, dir_fd=root) if base else os.dup(root)
    try:
        _check_base(directory, job, request)
        if job.what == "home":
            home = HomeJob(job.name, "%s/%s" % (request.mount_point, job.path), job.uid, job.gid, job.mode, job.create)
            if job.create:
                make_home(directory, name, home, entries[job.skel or request.skel])
            else:
                _refuse(set_mode(directory, name, home), job)
        else:
            _make_directory(directory, name, job)
        if not job.as_user:
            os.fsync(directory)
    finally:
        os.close(directory)


def _check_base(directory: int, job: Job, request: Request) -> None:
    """What was a directory that nobody else can exchange names in still is one."""
    status = os.fstat(directory)
    if status.st_uid != 0 or (status.st_mode & _OTHERS_WRITE and not status.st_mode & stat.S_ISVTX):
        raise IdentityError(
            "%s/%s: the directory it is in changed hands meanwhile: look at it, then run again"
            % (request.mount_point, job.path)
        )


def _mark(root: int, job: Job, request: Request) -> None:
    handle = os.open(job.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=root)
    try:
        write_all(handle, marker_text(request.file_system_id))
        os.fchmod(handle, job.mode)
        os.fsync(handle)
    finally:
        os.close(handle)
    os.fsync(root)


def _make_directory(directory: int, name: str, job: Job) -> None:
    """A directory that is made, or whose group and mode are set, and nothing in it is."""
    if job.create and job.what != "mode":
        os.mkdir(name, 0o700, dir_fd=directory)
    handle = os.open(name, _DIRECTORY, dir_fd=directory)
    try:
        owner = os.fstat(handle).st_uid
        if owner != job.uid:
            _refuse("it belongs to uid %d, not to %d" % (owner, job.uid), job)
        if job.what != "mode" and os.fstat(handle).st_gid != job.gid:
            os.fchown(handle, -1, job.gid)
        os.fchmod(handle, job.mode)
    finally:
        os.close(handle)


def _refuse(reason: str, job: Job) -> None:
    if reason:
        raise IdentityError("%s: %s: look at it, then run again" % (job.path, reason))
