# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit of a run: what systemd is asked for (private, pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY

if TYPE_CHECKING:
    from typing import Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._run_as._account import Account
    from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import Job

__all__ = ["CLOSED", "OWN_PROCESSES_SINCE", "PAM_SERVICE", "WRITABLE", "properties", "render_pam", "variables"]

PAM_SERVICE = "labfleet-run"
OWN_PROCESSES_SINCE = 257  # the systemd that knows PrivatePIDs=
# Ways to programs that do things for others: message buses, and engines that make root of whoever may ask them.
CLOSED = (
    "/run/containerd",
    "/run/dbus",
    "/run/docker.sock",
    "/run/incus",
    "/run/lxd.socket",
    "/run/podman",
    "/run/systemd/private",
    "/var/lib/incus/unix.socket",
    "/var/lib/lxd/unix.socket",
    "/var/snap/lxd/common/lxd/unix.socket",
)
# What can be written to beside what is mapped: of the run alone, or of the kernel, which asks for root.
WRITABLE = ("/dev", "/proc", "/sys", "/tmp", "/var/tmp")
_PATH = "/usr/local/bin:/usr/bin:/bin"
_SHARED_MEMORY = "/dev/shm:rw,mode=1777,size=25%,nosuid,nodev"
_FIXED = """\
StandardInput=file:%(work)s/job
StandardOutput=file:%(work)s/stdout
StandardError=file:%(work)s/stderr
IgnoreSIGPIPE=no
UMask=0077
KillMode=control-group
SendSIGKILL=yes
TimeoutStopSec=5
AmbientCapabilities=
CapabilityBoundingSet=
KeyringMode=private
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateIPC=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=no
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @keyring
IPAddressDeny=169.254.169.254/32 fd00:ec2::254/128
ReadOnlyPaths=/run
ReadOnlyPaths=-/run/lock
"""
_PAM = """\
# Nobody logs in by this: it is asked whether the account is open, and gives the limits of a login.
auth required pam_deny.so
password required pam_deny.so
%s
# Logins are counted where people log in.
session [success=ok perm_denied=ignore default=bad] pam_limits.so
"""


def properties(
    job: Job, account: Account, mapped: Sequence[str], hidden: Sequence[str], work: str, version: int
) -> list[str]:
    """The settings of the unit.

    :param mapped: directories that the command sees and may write to.
    :param hidden: directories in whose place there is an empty one.
    :param work: root's directory with the job and the two pipes.
    :param version: of systemd.
    """
    lines = [
        "User=%s" % account.name,
        "PAMName=%s" % PAM_SERVICE,
        "Slice=user-%d.slice" % account.uid,
        "RuntimeMaxSec=%d" % job.timeout,
        *(_FIXED % {"work": work}).splitlines(),
        # ProtectProc= and its like make /run writable again, and ProtectHome=tmpfs leaves /home writable before 254
        "TemporaryFileSystem=%s" % " ".join("%s:ro,mode=0755" % path for path in hidden),
        "TemporaryFileSystem=%s" % _SHARED_MEMORY,
        *("BindPaths=%s" % path for path in mapped),
        "InaccessiblePaths=%s" % " ".join("-" + path for path in CLOSED),
    ]
    if version >= OWN_PROCESSES_SINCE:
        lines.append("PrivatePIDs=yes")
    if job.shared:
        # a terminal belongs to the number, and so to everybody who has it
        lines.append("InaccessiblePaths=/dev/pts")
    return lines


def variables(job: Job, account: Account, home: str) -> dict[str, str]:
    """The whole environment of the command."""
    given = dict(job.environment)
    return {
        "LANG": "C.UTF-8",
        "PATH": _PATH,
        "SHELL": "/bin/sh",
        **given,
        "HOME": home,
        "LOGNAME": account.name,
        "USER": account.name,
    }


def render_pam(common: bool) -> bytes:
    """The PAM service.

    :param common: whether the host has ``/etc/pam.d/common-account``, as Debian does.
    """
    return WRITTEN_BY + (_PAM % ("@include common-account" if common else "account include system-auth")).encode()
