# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written on a host: the unit of a user, and what all servers share (private, pure)."""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import render_slice
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._request import Server

__all__ = ["render_command", "render_pam", "render_server_config", "render_unit"]

CONFIG = "/etc/labfleet/jupyter/server_config.py"
TOKENS = "/etc/labfleet/jupyter/tokens"
COMMAND = "/usr/local/bin/labfleet-jupyter"
PAM = "/etc/pam.d/labfleet-jupyter"
_PLAIN_PATH = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@")

# What is left out, and why: MemoryDenyWriteExecute= (just-in-time compilers), ProcSubset=pid (psutil and numba read
# /proc/cpuinfo and meminfo), RestrictSUIDSGID= (shared directories hand their group on), ProtectHome= and
# ProtectSystem=strict (people work in their homes, in /efs and on scratch disks, whose modes say who may), UMask= (that
# of a login, by pam_umask), @resources (thread pinning).
_UNIT = """\
[Unit]
Description=JupyterLab of %(name)s
After=network.target remote-fs.target nss-user-lookup.target
RequiresMountsFor=%(home)s
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
User=%(name)s
PAMName=labfleet-jupyter
Slice=user-%(uid)d.slice
WorkingDirectory=~
LoadCredential=token:%(tokens)s/%(name)s
RuntimeDirectory=jupyter/%(name)s
RuntimeDirectoryMode=0700
Environment=PATH=%(environment)s/bin:/usr/local/bin:/usr/bin:/bin
Environment=JUPYTER_RUNTIME_DIR=/run/jupyter/%(name)s/runtime
# PAM refuses an account that is closed or expired: then the unit is skipped and has not failed.
ExecCondition=/bin/true
ExecStart=%(environment)s/bin/jupyter-lab --no-browser --config=%(config)s %(options)s
Restart=always
RestartSec=15
TimeoutStartSec=300
TimeoutStopSec=20
# A kernel that takes too much memory ends alone; the server tells its user.
OOMPolicy=continue
%(limits)s
# The instance metadata service, which hands out the rights of the machine.
IPAddressDeny=169.254.169.254/32 fd00:ec2::254/128
AmbientCapabilities=
CapabilityBoundingSet=
KeyringMode=private
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=full
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged

[Install]
WantedBy=multi-user.target
"""

_PAM = """\
# Nobody logs in by this: it is asked whether the account is open, and gives the limits and the umask of a login.
auth required pam_deny.so
password required pam_deny.so
%s
# Logins are counted where people log in.
session [success=ok perm_denied=ignore default=bad] pam_limits.so
session optional pam_umask.so
"""

_SERVER_CONFIG = '''\
"""Settings of every JupyterLab server; root's, without a secret in it."""

import contextlib
import os
import socket
import sys
import threading
import time

RUNTIME = os.environ["RUNTIME_DIRECTORY"]
SOCKET = os.path.join(RUNTIME, "jupyter.sock")


def read_token():
    with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "token"), encoding="ascii") as handle:
        return handle.read().strip()


def leave(name, text):
    """For the user alone, who asks labfleet-jupyter for it."""
    path = os.path.join(RUNTIME, name)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="ascii") as handle:
        handle.write(text + "\\n")


def answers():
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(SOCKET)
            connection.sendall(b"GET /api HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n")
            return b" 200 " in connection.recv(64)
    except OSError:
        return False


def tell_systemd(where):
    """The unit is started when the server answers, and not before."""
    while not answers():
        time.sleep(0.1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.connect("\\0" + where[1:] if where.startswith("@") else where)
        connection.sendall(b"READY=1")


# What goes wrong here must end the server: it would go on without a setting, and print a token that it made up.
try:
    c = get_config()
    c.IdentityProvider.token = read_token()
    # Sockets in the user's own directory: on ports everybody hears what cells hold and put out.
    c.KernelManager.transport = "ipc"
    c.PasswordIdentityProvider.allow_password_change = False
    c.ServerApp.quit_button = False
    c.ServerApp.use_redirect_file = False
    c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
    c.LabApp.extension_manager = "readonly"
    c.LabApp.news_url = None
    leave("token", c.IdentityProvider.token)
    own_programs = os.path.expanduser("~/.local/bin")
    if own_programs not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = own_programs + os.pathsep + os.environ["PATH"]
    if "NOTIFY_SOCKET" in os.environ:
        threading.Thread(target=tell_systemd, args=(os.environ.pop("NOTIFY_SOCKET"),), daemon=True).start()
except Exception as error:
    sys.exit("%s: %s" % (__file__, error))
'''

_COMMAND = """\
# Tells its user how to reach the JupyterLab server of this host.
set -eu
user=$(id -un)
run=/run/jupyter/${user}
host=%(host)s
if [ ! -r "${run}/token" ]; then
    echo "labfleet-jupyter: no JupyterLab server of ${user} runs on this host: ask who looks after it, or see" \\
        "systemctl status jupyter-${user}.service" >&2
    exit 1
fi
read -r token <"${run}/token"
cat <<END
1. On your own machine, in a terminal that stays open:

   ssh -N -L 8888:${run}/jupyter.sock ${user}@${host}

2. In your browser. The address is a key to your account: keep it to yourself.

   http://localhost:8888/lab?token=${token}
END
"""


def render_unit(server: Server, uid: int, home: str, environment: str) -> bytes:
    """The unit of one user.

    :param environment: the virtual environment that the server runs from.
    :raises IdentityError: the home has a name that a unit file cannot hold.
    """
    if not home.startswith("/") or not _PLAIN_PATH.issuperset(home):
        raise IdentityError(
            "the home of %s is %s: give the account one whose path has letters, digits and . _ - + @ only"
            % (server.name, quoted(home))
        )
    options = "--ServerApp.sock=/run/jupyter/%s/jupyter.sock --ServerApp.sock_mode=0600" % server.name
    text = _UNIT % {
        "name": server.name,
        "uid": uid,
        "home": home,
        "environment": environment,
        "tokens": TOKENS,
        "config": CONFIG,
        "options": options,
        "limits": _limits(server),
    }
    return WRITTEN_BY + text.encode("ascii")


def _limits(server: Server) -> str:
    """Limits of this server; those of everything that the user runs are in the user's slice."""
    limits = server.limits
    lines = render_slice(limits).decode("ascii").partition("[Slice]\n")[2].splitlines()
    for key, value in (("LimitNPROC", limits.processes), ("LimitNOFILE", limits.open_files)):
        if value is not None:
            lines.append("%s=%s" % (key, value or "infinity"))
    return "\n".join(lines)


def render_pam(common: bool) -> bytes:
    """The PAM service.

    :param common: whether the host has ``/etc/pam.d/common-account``, as Debian does.
    """
    return WRITTEN_BY + (_PAM % ("@include common-account" if common else "account include system-auth")).encode()


def render_server_config() -> bytes:
    """The settings of every server."""
    return WRITTEN_BY + _SERVER_CONFIG.encode()


def render_command(host: str) -> bytes:
    """The program that users ask; without a name of the host it gives the one that the host has for itself."""
    return b"#!/bin/sh\n" + WRITTEN_BY + (_COMMAND % {"host": host or "$(hostname)"}).encode()
