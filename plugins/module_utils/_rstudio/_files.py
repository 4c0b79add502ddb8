# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of every file that RStudio Server gets from us (private, pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import resource_lines

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._rstudio._settings import Settings

__all__ = [
    "COOKIE_KEY",
    "DROPIN",
    "MANAGER",
    "PAM",
    "RSERVER_CONF",
    "RSESSION_CONF",
    "SESSION",
    "render",
]

RSERVER_CONF = "/etc/rstudio/rserver.conf"
RSESSION_CONF = "/etc/rstudio/rsession.conf"
COOKIE_KEY = "/etc/rstudio/secure-cookie-key"
PAM = "/etc/pam.d/rstudio"
DROPIN = "/etc/systemd/system/rstudio-server.service.d/50-labfleet.conf"
SESSION = "/usr/local/libexec/labfleet-rstudio-session"
MANAGER = "/usr/local/libexec/labfleet-rstudio-manager"

# What the server needs to become the user who signed in, to ask PAM, and to look after its own files. A session has
# none of them: they go when it becomes the user.
CAPABILITIES = (
    "CAP_AUDIT_WRITE CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID"
    " CAP_SETUID CAP_SYS_RESOURCE"
)

# Not here, since sessions inherit them: MemoryDenyWriteExecute= (JIT compilers of R packages), RestrictSUIDSGID=
# (chmod g+s in a shared directory), PrivateTmp= (a file that was put into /tmp over SSH), PrivateDevices= (GPUs),
# ProtectHome= (the homes), ProtectProc= (the server looks for the sessions of its users).
HARDENING = """\
NoNewPrivileges=yes
CapabilityBoundingSet=%s
ProtectSystem=full
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
DevicePolicy=closed
KeyringMode=private
IPAddressDeny=any
IPAddressAllow=localhost%s
"""

SESSION_PROGRAM = """\
#!/bin/sh
%s# rserver starts this as the user who signed in. It goes on as rsession, in the slice of that user and so within the
# limits that the user has. The open source edition opens no PAM session, which would do the same.
set -eu
refuse() {
    echo "labfleet-rstudio-session: $1" >&2
    exit 1
}
uid=$(/usr/bin/id -u)
[ "${uid}" -ge %d ] || refuse "uid ${uid} is below auth-minimum-user-id"
# A cookie outlives the account, and no PAM is asked for a session that it starts.
entry=$(/usr/bin/getent passwd "${uid}") || refuse "uid ${uid} has no account"
case ${entry##*:} in
    */nologin | */false) refuse "the account ${entry%%%%:*} is disabled" ;;
esac
# The second time it is in the scope. Users can put a program of their own where their systemd listens, so that is seen.
case $(/usr/bin/cat /proc/self/cgroup) in
    *"/user-${uid}.slice/"*)
        unset LABFLEET_RSTUDIO_SCOPE
        exec /usr/lib/rstudio-server/bin/rsession "$@"
        ;;
esac
[ -z "${LABFLEET_RSTUDIO_SCOPE-}" ] || refuse "the session of ${entry%%%%:*} is not in the slice of the user"
export LABFLEET_RSTUDIO_SCOPE=1
export XDG_RUNTIME_DIR="/run/user/${uid}"
[ -S "${XDG_RUNTIME_DIR}/systemd/private" ] || refuse "no systemd of ${entry%%%%:*} runs: sign out and in again"
exec /usr/bin/systemd-run --user --scope --quiet --collect -- /usr/local/libexec/labfleet-rstudio-session "$@"
"""

MANAGER_PROGRAM = """\
#!/bin/sh
%s# PAM runs this as root once the password and the account of who signs in were found good. The systemd of that user
# has to run before a session can be put into the user's slice, and it must not end with the last SSH session.
set -eu
[ "${PAM_TYPE}" = account ] || exit 0
uid=$(/usr/bin/id -u -- "${PAM_USER}")
if [ ! -e "/var/lib/systemd/linger/${PAM_USER}" ]; then
    /usr/bin/loginctl enable-linger -- "${PAM_USER}"
fi
[ -S "/run/user/${uid}/systemd/private" ] || /usr/bin/systemctl start "user@${uid}.service"
"""

PAM_SERVICE = """\
%s# Who may sign in is asked here and in rserver.conf, so that one of them is enough to keep somebody out. An account
# that is expired or disabled is refused by common-account.
@include common-auth
account requisite pam_nologin.so
account requisite pam_succeed_if.so quiet_success uid >= %d
account requisite pam_succeed_if.so quiet_success user ingroup %s
@include common-account
account required pam_exec.so quiet %s
# The open source edition opens no PAM session. Whatever opens one under this name gets one in the user's slice.
@include common-session
"""


def render(settings: Settings) -> dict[str, tuple[bytes, int]]:
    """Content and mode of each file by path, in the order in which they have to be written."""
    mark = WRITTEN_BY.decode("ascii")
    return {
        SESSION: ((SESSION_PROGRAM % (mark, settings.minimum_uid)).encode("ascii"), 0o755),
        MANAGER: ((MANAGER_PROGRAM % mark).encode("ascii"), 0o755),
        PAM: (_pam(settings, mark), 0o644),
        DROPIN: (_dropin(settings), 0o644),
        RSESSION_CONF: (_rsession_conf(settings), 0o644),
        RSERVER_CONF: (_rserver_conf(settings), 0o644),
    }


def _pam(settings: Settings, mark: str) -> bytes:
    return (PAM_SERVICE % (mark, settings.minimum_uid, ":".join(settings.groups), MANAGER)).encode("ascii")


def _rserver_conf(settings: Settings) -> bytes:
    lines = [
        "www-address=%s" % settings.address,
        "www-port=%d" % settings.port,
        "www-enable-origin-check=1",
        *("www-allow-origin=%s" % origin for origin in settings.origins),
        "www-same-site=lax",
        "server-user=%s" % settings.server_user,
        "secure-cookie-key-file=%s" % COOKIE_KEY,
        "auth-none=0",
        "auth-validate-users=1",
        "auth-encrypt-password=1",
        "auth-required-user-group=%s" % ",".join(settings.groups),
        "auth-minimum-user-id=%d" % settings.minimum_uid,
        "auth-timeout-minutes=%d" % settings.sign_in_minutes,
        "auth-cookies-force-secure=%d" % settings.behind_tls,
        "rsession-path=%s" % SESSION,
    ]
    if settings.r_program:
        lines.append("rsession-which-r=%s" % settings.r_program)
    return _text(lines)


def _rsession_conf(settings: Settings) -> bytes:
    lines = ["session-timeout-minutes=%d" % settings.session_minutes]
    return _text(lines + ["%s=%s" % setting for setting in settings.session])


def _dropin(settings: Settings) -> bytes:
    lines = ["[Unit]"]
    if settings.homes:
        lines.append("RequiresMountsFor=%s" % " ".join(settings.homes))
    lines.append("[Service]")
    hardening = HARDENING % (CAPABILITIES, "".join(" " + network for network in settings.reaches))
    return _text([*lines, *hardening.splitlines(), *resource_lines(settings.limits)])


def _text(lines: list[str]) -> bytes:
    return WRITTEN_BY + ("\n".join(lines) + "\n").encode("utf-8")
