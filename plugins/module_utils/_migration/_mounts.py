# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file systems a migration walks, and where each of them ends (private)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

__all__ = ["DEFAULT_EXCLUDE", "LOCAL", "Mount", "Root", "choose_roots", "open_root", "parse_mountinfo"]

# the root that stands for every local file system
LOCAL = "local"
# what lies here belongs to other systems, whose numbers are not those of this one
DEFAULT_EXCLUDE = (
    "/var/lib/containerd", "/var/lib/containers", "/var/lib/docker", "/var/lib/kubelet", "/var/lib/lxc", "/var/lib/lxd",
    "/var/lib/machines",
)  # fmt: skip
_LOCAL = frozenset(
    ("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "nilfs2", "overlay", "reiserfs", "tmpfs", "xfs", "zfs")
)
# no file lies long in these
_VOLATILE = ("/dev", "/proc", "/run", "/sys")
_SHARED_MEMORY = "/dev/shm"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True)
class Mount:
    """A line of mountinfo: the part ``root`` of a file system, seen at ``point``."""

    device: str
    root: str
    point: str
    kind: str


@dataclass(frozen=True)
class Root:
    """A directory to walk. ``stops`` are the names below it that are not entered, as a tree of mappings."""

    path: str
    kind: str
    stops: dict[str, Any] = field(default_factory=dict)
    shared: bool = False  # other hosts can change it meanwhile

    @property
    def local(self) -> bool:
        """Whether its files are on this host."""
        return self.kind in _LOCAL


def parse_mountinfo(text: str) -> list[Mount]:
    """The mounts that can be seen: of several at one place the last one."""
    found: dict[str, Mount] = {}
    for line in text.split("\n"):
        left, dash, right = line.partition(" - ")
        words = left.split(" ")
        if dash and len(words) > 5:
            point = _plain(words[4])
            found.pop(point, None)
            found[point] = Mount(words[2], _plain(words[3]), point, right.split(" ")[0])
    return list(found.values())


def _plain(text: str) -> str:
    """Undo the octal escapes of mountinfo."""
    parts = text.split("\\")
    return parts[0] + "".join(chr(int(part[:3], 8)) + part[3:] if part[:3].isdigit() else part for part in parts[1:])


def _inside(path: str, directory: str) -> bool:
    return directory == "/" or path == directory or path.startswith(directory + "/")


def choose_roots(
    mounts: Sequence[Mount], named: Sequence[str], exclude: Sequence[str], network: bool, exported: bool
) -> list[Root]:
    """The directories to walk.

    :param named: the places asked for; C(local) stands for every local file system, each once.
    :param network: whether places on a file server may be walked. One host does that for all.
    :param exported: whether this host is itself a file server.
    :raises IdentityError: a place cannot be walked.
    """
    places = [path for path in named if path != LOCAL]
    for path in [*places, *exclude]:
        if not path.startswith("/") or os.path.normpath(path) != path or path.startswith("//"):
            raise IdentityError("%s is not a plain absolute path: write it like /home" % ascii(path))
    stopped = [*exclude, *(mount.point for mount in mounts)]
    roots = []
    if LOCAL in named:
        places += _local_points(mounts, exclude)
    for path in sorted(_without_nested(places, mounts)):
        mount = _mount_of(path, mounts)
        below = [stop for stop in stopped if stop != path and _inside(stop, path)]
        kind = "tmpfs" if mount.kind == "devtmpfs" and path == _SHARED_MEMORY else mount.kind
        root = Root(path, kind, _as_tree(below, path), exported or kind not in _LOCAL)
        if not root.local and not network:
            raise IdentityError(
                "%s lies on a file system of the kind %s, which other hosts share or which is no place for files: one"
                " host walks it for all, and that one is told so with network_file_systems: true" % (path, mount.kind)
            )
        roots.append(root)
    if not roots:
        raise IdentityError("there is nothing to walk: name roots, or local for every local file system")
    return roots


def _mount_of(path: str, mounts: Sequence[Mount]) -> Mount:
    best = Mount("", "/", "/", "unknown")
    for mount in mounts:
        if _inside(path, mount.point) and len(mount.point) >= len(best.point):
            best = mount
    return best


def _without_nested(named: Sequence[str], mounts: Sequence[Mount]) -> list[str]:
    """Each place once: what lies inside another one of the same mount is walked with it."""
    kept: list[str] = []
    for path in sorted(set(named), key=lambda one: (one.count("/"), one)):
        if not any(_inside(path, other) and _mount_of(path, mounts) == _mount_of(other, mounts) for other in kept):
            kept.append(path)
    return kept


def _local_points(mounts: Sequence[Mount], exclude: Sequence[str]) -> list[str]:
    """Where each local file system is to be seen whole, or as much of it as there is to be seen."""
    candidates = [mount for mount in mounts if mount.kind in _LOCAL and os.path.isdir(mount.point)]
    # the container engine shows its own file systems; the one at / is the host's
    candidates = [mount for mount in candidates if mount.kind != "overlay" or mount.point == "/"]
    candidates = [mount for mount in candidates if not any(_inside(mount.point, path) for path in exclude)]
    chosen: list[Mount] = []
    for mount in sorted(candidates, key=lambda one: (len(one.root), len(one.point))):
        if mount.kind == "tmpfs" and any(_inside(mount.point, path) for path in _VOLATILE):
            continue
        if not any(_is_walked(mount, other, mounts) for other in chosen):
            chosen.append(mount)
    # a part of the volatile file system of devices, on some hosts, and yet a place for files
    shared_memory = {_SHARED_MEMORY} if os.path.isdir(_SHARED_MEMORY) else set()
    return sorted(shared_memory.union(mount.point for mount in chosen))


def _is_walked(mount: Mount, other: Mount, mounts: Sequence[Mount]) -> bool:
    """Whether the walk of another mount of the same file system gets to what this one shows."""
    if other.device != mount.device or not _inside(mount.root, other.root):
        return False
    place = os.path.normpath(os.path.join(other.point, os.path.relpath(mount.root, other.root)))
    if _mount_of(place, mounts) != other:
        return False  # this mount hides it there, or another one does
    # a walk does not enter another subvolume
    return mount.kind != "btrfs" or _device_of(place) == _device_of(other.point)


def _device_of(path: str) -> int:
    try:
        return os.stat(path).st_dev
    except OSError:
        return -1


def _as_tree(paths: Sequence[str], root: str) -> dict[str, Any]:
    """Names as nested mappings, seen from the root; an empty mapping is a place that is not entered."""
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        here = tree
        names = [name for name in path[len(root) :].split("/") if name]
        for index, name in enumerate(names):
            if name in here and not here[name]:
                break  # a place above is not entered either
            here = here.setdefault(name, {})
            if index == len(names) - 1:
                here.clear()
    return tree


def open_root(path: str) -> int:
    """Open a place to walk without following any link.

    :raises IdentityError: it is not there, or a link is in the way.
    """
    here = os.open("/", _DIRECTORY)
    for name in [name for name in path.split("/") if name]:
        try:
            below = os.open(name, _DIRECTORY, dir_fd=here)
        except OSError as error:
            raise IdentityError(
                "%s cannot be walked (%s): name a directory that is there, by a path without links"
                % (ascii(path), os.strerror(error.errno or 0))
            ) from error
        finally:
            os.close(here)
        here = below
    return here
