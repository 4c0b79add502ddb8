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
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._open_mount import mount_of
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import read_file

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._open_mount import Mount
    from ansible_collections.labfleet.identity.plugins.module_utils._storage._request import Request

__all__ = ["marker_text", "open_proved"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
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
    content = read_file(request.marker, dir_fd=root)
    if content is None:
        return False
    if content == marker_text(request.file_system_id):
        return True
    text = content[:300].decode("utf-8", "replace").strip()
    known = text[len(_MARKER) :] if text.startswith(_MARKER) else text
    raise IdentityError(
        "the file system at %s says of itself (%s) that it is %s, not %s: no home was touched; correct the file system"
        " that is expected, or what is mounted"
        % (request.mount_point, request.marker, quoted(known), request.file_system_id)
    )
