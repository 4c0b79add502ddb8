# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that the expected file system is mounted, by an open directory of it (private).

What was proved is the descriptor, not the path: whatever is mounted or unmounted meanwhile, all that is done with the
descriptor is done on that file system.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._open_mount import mount_of

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._open_mount import Mount
    from ansible_collections.labfleet.identity.plugins.module_utils._storage._request import Request

__all__ = ["marker_text", "open_proved"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MARKER_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OTHERS_WRITE = 0o022
_MOST = 600  # bytes of a marker, more than the longest that is one
_MARKER = "labfleet.identity: this file system is "


def marker_text(file_system_id: str) -> bytes:
    """What the marker file says."""
    return (_MARKER + file_system_id + "\n").encode("utf-8")


def open_proved(request: Request) -> tuple[int, Mount, bool]:
    """Open the root of the file system, which mounts it where an automount waits.

    :returns: a directory descriptor, its mount, and whether the marker is there.
    :raises IdentityError: it is not mounted, or another one is.
    """
    point = request.mount_point
    try:
        handle = os.open(point, _DIRECTORY)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise IdentityError("there is no directory %s to mount at: apply the role efs first" % point) from error
        raise IdentityError(
            "%s cannot be mounted (%s): see journalctl --unit with the name of its mount unit, and whether the file"
            " server can be reached" % (point, os.strerror(error.errno or 0))
        ) from error
    try:
        mount = mount_of(handle)
        if mount.point != point:
            raise IdentityError("nothing is mounted at %s, so no home was touched: mount the file system" % point)
        if mount.file_system not in request.kinds:
            raise IdentityError(
                "what is mounted at %s is of the type %s, not %s: it is another file system than expected"
                % (point, quoted(mount.file_system), " or ".join(request.kinds))
            )
        if request.sources and mount.source not in request.sources:
            raise IdentityError(
                "what is mounted at %s comes from %s, not from %s: unmount it, or correct the source that is expected"
                % (point, quoted(mount.source), " or ".join(request.sources))
            )
        return handle, mount, _is_marked(handle, request)
    except BaseException:
        os.close(handle)
        raise


def _is_marked(root: int, request: Request) -> bool:
    """Whether the file system says what it is.

    :raises IdentityError: it says that it is another one.
    """
    content = _read_marker(root, request)
    if content is None:
        return False
    if content == marker_text(request.file_system_id):
        return True
    text = content.decode("utf-8", "replace").strip()
    known = text[len(_MARKER) :] if text.startswith(_MARKER) else text
    raise IdentityError(
        "the file system at %s says of itself (%s) that it is %s, not %s: no home was touched; correct the file system"
        " that is expected, or what is mounted"
        % (request.mount_point, request.marker, quoted(known), request.file_system_id)
    )


def _read_marker(root: int, request: Request) -> bytes | None:
    """The beginning of the marker, or None when there is none.

    :raises IdentityError: others than the owner of the file system could have written it.
    """
    try:
        handle = os.open(request.marker, _MARKER_FILE, dir_fd=root)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IdentityError(
            "%s/%s cannot be read (%s): look at it, and have root write it again"
            % (request.mount_point, request.marker, os.strerror(error.errno or 0))
        ) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise IdentityError(
                "%s/%s is not a regular file: remove it, and have root write it again"
                % (request.mount_point, request.marker)
            )
        # in a root like that of /tmp anybody can be the first to make it
        if status.st_uid != os.fstat(root).st_uid or status.st_mode & _OTHERS_WRITE:
            raise IdentityError(
                "%s/%s (mode %04o) belongs to uid %d, and what others than root can write proves nothing: no home was"
                " touched; remove it, and have root write it again"
                % (request.mount_point, request.marker, stat.S_IMODE(status.st_mode), status.st_uid)
            )
        return os.read(handle, _MOST)
    finally:
        os.close(handle)
