# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On which mount an open file is (private). What is open cannot be exchanged for something else meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

__all__ = ["Mount", "mount_number", "mount_of"]

# The others know no user but this kernel: no other machine sees them, and no server answers for them.
_LOCAL = frozenset(
    [
        "bcachefs",
        "btrfs",
        "ecryptfs",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "jfs",
        "nilfs2",
        "overlay",
        "ramfs",
        "reiserfs",
        "tmpfs",
        "ubifs",
        "xfs",
        "zfs",
    ]
)


@dataclass(frozen=True)
class Mount:
    """The mount that an open file is on."""

    number: str
    file_system: str
    source: str
    root: str  # which directory of the file system is mounted
    point: str

    @property
    def is_local(self) -> bool:
        """Whether no other machine can have it as well; what is not known counts as shared."""
        return self.file_system in _LOCAL


def mount_of(handle: int) -> Mount:
    """The mount of an open file, as the kernel tells of the descriptor.

    :raises IdentityError: it does not tell.
    """
    number = mount_number(handle)
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.split(" ")
            if fields[0] == number:
                dash = fields.index("-", 6)
                return Mount(number, fields[dash + 1], fields[dash + 2], fields[3], fields[4])
    raise IdentityError("mount %s is not in /proc/self/mountinfo: run where the whole system is seen" % number)


def mount_number(handle: int) -> str:
    """The number of the mount; two bind mounts of one file system have two."""
    try:
        with open("/proc/self/fdinfo/%d" % handle, encoding="ascii") as file:
            for line in file:
                if line.startswith("mnt_id:"):
                    return line.split()[1]
    except OSError as error:
        raise IdentityError("on which mount a file is cannot be seen (%s): mount /proc" % error) from error
    raise IdentityError("this kernel does not tell on which mount a file is: it is too old")
