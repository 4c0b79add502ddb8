# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files below /etc that users have beside the account files: read, judged by sudo itself, written (private)."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._shared_files import SHARED_FILES
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    do_side_by_side,
    make_trusted_directory,
    open_trusted_directory,
    read_file,
    replace_at,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["check_sudo_rules", "file_mode", "read_belongings", "write_belongings"]

_SLICES = "systemd/system"
_SLICE_DIRECTORY = ".slice.d"
_SLICE_FILE = "50-labfleet.conf"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
VISUDO = ("/usr/sbin/visudo", "/usr/local/sbin/visudo", "/sbin/visudo")


def file_mode(path: str) -> int:
    """The mode of one of our files: sudo wants its own unreadable for others."""
    return 0o440 if path.startswith("sudoers.d/") else 0o644


def read_belongings(etc: str) -> tuple[dict[str, bytes], frozenset[str]]:
    """Every file of ours by its path below ``etc``, and which of them others could change or sudo would not read."""
    found: dict[str, bytes] = {}
    loose: set[str] = set()
    for path in SHARED_FILES:
        if os.path.lexists(os.path.join(etc, path)):
            folder, name = os.path.split(path)
            directory = open_trusted_directory(os.path.join(etc, folder))
            try:
                _read_one(directory, name, path, found, loose)
            finally:
                os.close(directory)
    for folder, prefix, suffix in (("sudoers.d", "labfleet-", ""), (_SLICES, "user-", _SLICE_DIRECTORY)):
        if not os.path.isdir(os.path.join(etc, folder)):
            continue
        directory = open_trusted_directory(os.path.join(etc, folder))
        try:
            names = [name for name in os.listdir(directory) if name.startswith(prefix) and name.endswith(suffix)]
            for name in names:
                if folder == _SLICES:
                    _read_slice(directory, name, found, loose)
                else:
                    _read_one(directory, name, "%s/%s" % (folder, name), found, loose)
        finally:
            os.close(directory)
    return found, frozenset(loose)


def _read_slice(directory: int, name: str, found: dict[str, bytes], loose: set[str]) -> None:
    if not name[len("user-") : -len(_SLICE_DIRECTORY)].isdigit():
        return
    if not stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
        return  # a link that somebody made there; what is written goes through open_trusted_directory
    below = os.open(name, _DIRECTORY, dir_fd=directory)
    try:
        _read_one(below, _SLICE_FILE, "%s/%s/%s" % (_SLICES, name, _SLICE_FILE), found, loose)
    finally:
        os.close(below)


def _read_one(directory: int, name: str, path: str, found: dict[str, bytes], loose: set[str]) -> None:
    data = read_file(name, dir_fd=directory)
    if data is None:
        return
    found[path] = data
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if status.st_uid not in (0, os.geteuid()) or stat.S_IMODE(status.st_mode) != file_mode(path):
        loose.add(path)


def write_belongings(etc: str, files: Mapping[str, bytes]) -> list[int]:
    """Write or remove files; each is the old one or the new one, whole.

    :returns: open descriptors of the directories that were changed, for the caller to flush and close.
    """
    changed: dict[str, int] = {}
    slices: list[str] = []
    for path, data in files.items():
        folder, name = os.path.split(path)
        # hundreds of directories with one file each lie in one that is looked at once
        base, inner = (_SLICES, os.path.basename(folder)) if folder.endswith(_SLICE_DIRECTORY) else (folder, "")
        if base not in changed:
            if not data and not os.path.isdir(os.path.join(etc, base)):
                continue
            changed[base] = _make_path(etc, base)
        if inner:
            slices.append(path)
        else:
            _write_one(changed[base], name, data, file_mode(path))

    def write(path: str) -> None:
        folder, name = os.path.split(path)
        inner = os.path.basename(folder)
        with _inner_directory(changed[_SLICES], inner, make=bool(files[path])) as directory:
            _write_one(directory, name, files[path], file_mode(path))

    do_side_by_side(write, slices)
    return list(changed.values())


def _write_one(directory: int, name: str, data: bytes, mode: int) -> None:
    if directory < 0:
        return
    if data:
        # flushed once, by the caller, before it counts
        replace_at(directory, name, data, mode, sync=False, keep=False)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)


@contextlib.contextmanager
def _inner_directory(above: int, name: str, make: bool) -> Iterator[int]:
    """A directory in a trusted one, made when it is missing; -1 for none."""
    if make:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=above)
    try:
        directory = os.open(name, _DIRECTORY, dir_fd=above)
    except FileNotFoundError:
        yield -1
        return
    except NotADirectoryError as error:  # a link neither
        raise IdentityError("%s in /etc/%s is not a directory: move it away" % (name, _SLICES)) from error
    try:
        status = os.fstat(directory)
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
            raise IdentityError("/etc/%s/%s can be changed by others than root: chown and chmod it" % (_SLICES, name))
        yield directory
    finally:
        os.close(directory)


def _make_path(etc: str, folder: str) -> int:
    """A trusted directory below ``etc``, made with those above it where they are missing."""
    path = etc
    parts = folder.split("/")
    for part in parts[:-1]:
        path = os.path.join(path, part)
        os.close(make_trusted_directory(path, 0o755))
    return make_trusted_directory(os.path.join(path, parts[-1]), 0o750 if folder == "sudoers.d" else 0o755)


def check_sudo_rules(
    etc: str, files: Mapping[str, bytes], run_command: Callable[[list[str]], object], visudo: str = ""
) -> None:
    """Let the host's own visudo judge new rules, all at once, before anything is written.

    :raises IdentityError: sudo is not there, does not read its directory, or does not understand a rule.
    """
    rules = {path: data for path, data in files.items() if data and path.startswith("sudoers.d/")}
    if not rules:
        return
    program = visudo or next((path for path in VISUDO if os.access(path, os.X_OK)), "")
    if not program:
        raise IdentityError(
            "nothing was changed on this host: rules of sudo are asked for (%s) and sudo is not installed: install it,"
            " or leave the rules out" % _names(rules)
        )
    with tempfile.TemporaryDirectory(prefix="labfleet-sudo-") as scratch:
        complaint = _complaint(program, scratch, b"".join(rules.values()), run_command)
        if complaint:
            wrong = [path for path, data in rules.items() if _complaint(program, scratch, data, run_command)]
            raise IdentityError(
                "nothing was changed on this host: its sudo does not understand the rules of %s: %s"
                % (_names(wrong or rules), complaint)
            )
    main = read_file(os.path.join(etc, "sudoers")) or b""
    if not any(line.split()[:2] == [word, b"/etc/sudoers.d"] for line in main.splitlines() for word in _INCLUDES):
        raise IdentityError(
            "nothing was changed on this host: its /etc/sudoers does not read /etc/sudoers.d, so the rules of %s would"
            " do nothing: put the line '@includedir /etc/sudoers.d' there" % _names(rules)
        )


_INCLUDES = (b"@includedir", b"#includedir")


def _names(paths: Iterable[str]) -> str:
    names = sorted(os.path.basename(path).split("-", 2)[2] for path in paths)
    return ", ".join(names[:5]) + (" and %d more" % (len(names) - 5) if len(names) > 5 else "")


def _complaint(program: str, scratch: str, data: bytes, run_command: Callable[[list[str]], object]) -> str:
    """What visudo says against these rules; "" when nothing."""
    path = os.path.join(scratch, "rules")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o440)
    with open(handle, "wb") as file:
        file.write(data)
    answer = run_command([program, "-c", "-f", path])
    code, out, err = answer if isinstance(answer, tuple) else (0, "", "")
    if code == 0:
        return ""
    lines = [line.strip().replace(path, "line") for line in ("%s\n%s" % (err, out)).splitlines() if line.strip()]
    return "; ".join(lines[:3]) or "exit code %d" % code
