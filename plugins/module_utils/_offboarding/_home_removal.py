# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove a home by directory descriptors; what was begun is finished by the next run (private)."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_walk import (
    DIRECTORY,
    Descent,
    OtherMountError,
    shown,
)
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import fsync_directory

__all__ = ["leaving_name", "remove_home"]

_ROUNDS = 50


def leaving_name(name: str, uid: int) -> str:
    """What a home is called, beside where it was, while it is removed."""
    return ".labfleet-leaving-%s-%d" % (name, uid)


def remove_home(base: int, folder: str, top: int, name: str, uid: int) -> int:
    """Take a home out of its user's reach and remove it.

    :param base: the open directory it is in, which only root can change.
    :param folder: its name there, or the one of a removal that was cut short.
    :param top: the open home.
    :returns: how many entries were removed.
    :raises IdentityError: something in it cannot be removed; the next run goes on.
    """
    leaving = leaving_name(name, uid)
    if folder != leaving:
        try:
            os.rename(folder, leaving, src_dir_fd=base, dst_dir_fd=base)
        except OSError as error:
            raise IdentityError(
                "the home of %s cannot be moved away: %s; is something mounted there?"
                % (name, os.strerror(error.errno or 0))
            ) from error
        fsync_directory(base)
    moved = os.open(leaving, DIRECTORY, dir_fd=base)
    try:
        here, there = os.fstat(top), os.fstat(moved)
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
            raise IdentityError("the home of %s was exchanged while it was moved away: look at %s" % (name, leaving))
        # from here on nobody finds a way in by its name
        os.fchown(moved, 0, 0)
        os.fchmod(moved, 0o700)
        removed = _empty(moved)
    finally:
        os.close(moved)
    os.rmdir(leaving, dir_fd=base)
    fsync_directory(base)
    return removed + 1


def _empty(top: int) -> int:
    """Remove everything below an open directory, also what is put there meanwhile."""
    descent = Descent(top)
    removed = 0
    try:
        waiting = [os.listdir(descent.handle)]
        rounds = 0
        while True:
            if waiting[-1]:
                name = waiting[-1].pop()
                if _enter_or_unlink(descent, name):
                    waiting.append(os.listdir(descent.handle))
                else:
                    removed += 1
                continue
            if len(waiting) == 1:
                waiting[0] = os.listdir(descent.handle)
                rounds += 1
                if not waiting[0]:
                    return removed
                if rounds > _ROUNDS:
                    raise IdentityError("the home is filled faster than it is emptied: end what still runs in it")
                continue
            waiting.pop()
            name = descent.leave()
            try:
                os.rmdir(name, dir_fd=descent.handle)
                removed += 1
            except OSError as error:
                # something was put into it or in its place: the last look at the top finds it again
                if error.errno not in (errno.ENOTEMPTY, errno.ENOENT, errno.ENOTDIR):
                    raise _refused(descent, name, error) from error
    finally:
        descent.close()


def _enter_or_unlink(descent: Descent, name: str) -> bool:
    """Go into a directory (True) or remove anything else; a link goes, never what it leads to."""
    try:
        status = os.stat(name, dir_fd=descent.handle, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            with contextlib.suppress(NotADirectoryError):
                descent.enter(name)
                return True
        os.unlink(name, dir_fd=descent.handle)
    except OtherMountError as error:
        raise IdentityError(
            "something is mounted at %s in the home: unmount it, then run again" % shown(descent.path(name))
        ) from error
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR):  # exchanged just now: the last look finds it again
            return False
        raise _refused(descent, name, error) from error
    return False


def _refused(descent: Descent, name: str, error: OSError) -> IdentityError:
    hint = {
        errno.EBUSY: "something is mounted there: unmount it",
        errno.EPERM: "it may be immutable: look with lsattr",
        errno.EROFS: "the file system is mounted read-only",
    }
    reason = hint.get(error.errno or 0, os.strerror(error.errno or 0))
    return IdentityError("%s in the home cannot be removed: %s, then run again" % (shown(descent.path(name)), reason))
