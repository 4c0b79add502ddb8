# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of usernames, group names and profile ids, and the names that belong to the system (private)."""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

__all__ = [
    "RESERVED_NAMES",
    "SYSTEM_GROUPS",
    "check_group_name",
    "check_profile_id",
    "check_research_username",
    "check_shared_group_name",
    "check_username",
    "is_system_path",
    "quoted",
]

NAME_LENGTH = 32
PROFILE_ID_LENGTH = 63


_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")
_NAME_FIRST = _LOWER | {"_"}
_NAME_REST = _LOWER | _DIGITS | {"_", "-"}
_PROFILE_FIRST = _LOWER | _DIGITS
_PROFILE_REST = _PROFILE_FIRST | {".", "_", "-"}

_NAME_GRAMMAR = "a-z or _ first, then a-z, 0-9, _ and -, at most 32 characters"
_PROFILE_GRAMMAR = "a-z or 0-9 first, then a-z, 0-9, '.', _ and -, at most 63 characters"

_SYSTEM_GROUPS = """
adm audio backup bin cdrom crontab daemon dialout dip disk docker fax floppy games gnats fuse incus incus-admin input
irc kmem kvm libvirt libvirt-qemu lock lp lpadmin list lxd mail man mem microk8s mlocate netdev news nogroup nobody
operator plocate plugdev podman proxy render root sasl sgx shadow slocate src ssh _ssh ssh_keys ssl-cert staff sudo sys
systemd-journal tape tty users utempter utmp uucp video voice wheel www-data
"""
_SYSTEM_ACCOUNTS = """
_apt _chrony _rpc adm admin all avahi backup bin chrony clamav colord cwagent daemon dbus dhcpcd dnsmasq
ec2-instance-connect ftp games gdm geoclue git gnats grafana halt haproxy irc landscape libstoragemgmt list lp lxd
mail man messagebus mongodb munge mysql named netdata news nginx nobody nslcd ntp nvidia-persistenced operator
pollinate polkitd postfix postgres proxy prometheus pulse rabbitmq redis root rpc rpcuser rtkit saned setroubleshoot
shutdown slurm sshd _sshd sssd statd sudo sync sys syslog systemd-bus-proxy systemd-coredump systemd-journal-remote
systemd-network systemd-oom systemd-resolve systemd-timesync tcpdump tomcat toor tss unbound usbmux uucp uuidd
wireshark www-data zabbix
"""
_TEMPLATE_ACCOUNTS = """
ansible centos cloud-init cloud-user debian ec2-user fedora jenkins jovyan jupyter jupyterhub opensuse researcher rocky
rstudio rstudio-server shiny ssm-user ubuntu vagrant
"""
# Where root's programs find their configuration and code: a directory that a user owns there makes that user root.
_SYSTEM_DIRECTORIES = """
bin boot dev etc gnu lib lib32 lib64 libx32 nix opt ostree proc root run sbin snap sys sysroot usr var
"""

# Groups that the distributions bring along: each host numbers them itself, so the ledger never does.
SYSTEM_GROUPS = frozenset(_SYSTEM_GROUPS.split())
# No person may ever be called so.
RESERVED_NAMES = SYSTEM_GROUPS.union(_SYSTEM_ACCOUNTS.split(), _TEMPLATE_ACCOUNTS.split())


def quoted(text: object) -> str:
    """An untrusted value as one short line that is safe to show."""
    if isinstance(text, str):
        # A look-alike letter must be seen for what it is, so nothing but ASCII is shown as it stands.
        shown = ascii(str.__str__(text[:80]))
        return shown if len(shown) <= 66 else shown[:63] + "..."
    if text is None or isinstance(text, (bool, float)) or (isinstance(text, int) and text.bit_length() < 200):
        return repr(text)
    return f"(a value of type {type(text).__name__})"


def check_username(name: str) -> str:
    """Return a username of the strict grammar, or refuse it."""
    return _check_name(name, "username")


def check_group_name(name: str) -> str:
    """Return a group name of the strict grammar, or refuse it."""
    return _check_name(name, "group name")


def check_research_username(name: str) -> str:
    """Return a username that a person may have: the grammar, and not a name of the system."""
    _check_name(name, "username")
    if name in RESERVED_NAMES or name.startswith("systemd-"):
        raise IdentityError(
            f"The username {quoted(name)} belongs to the system or to a template: choose another name for this person."
        )
    return name


def check_shared_group_name(name: str) -> str:
    """Return the name of a group that the ledger may number: the grammar, and not a group of the system."""
    _check_name(name, "group name")
    if name in RESERVED_NAMES or name.startswith("systemd-"):
        raise IdentityError(
            f"The group {quoted(name)} belongs to the system, which numbers it on every host itself:"
            " choose another name, or add people to it in the variables of the hosts that have it."
        )
    return name


def is_system_path(path: str) -> bool:
    """Whether a plain absolute path lies where only the system keeps its files."""
    return path.split("/", 2)[1] in _SYSTEM_DIRECTORIES.split() and not path.startswith("/var/home/")


def check_profile_id(pid: str) -> str:
    """Return the id of a profile, or refuse it. It holds no colon, which separates it from the name when hashed."""
    if not isinstance(pid, str):
        raise IdentityError(f"The profile id {quoted(pid)} is not text: put it in quotes ({_PROFILE_GRAMMAR}).")
    if 0 < len(pid) <= PROFILE_ID_LENGTH and pid[0] in _PROFILE_FIRST and _PROFILE_REST.issuperset(pid):
        return pid
    raise IdentityError(f"The profile id {quoted(pid)} is not valid: write {_PROFILE_GRAMMAR}.")


def _check_name(name: str, what: str) -> str:
    if not isinstance(name, str):
        raise IdentityError(f"The {what} {quoted(name)} is not text: put it in quotes ({_NAME_GRAMMAR}).")
    if 0 < len(name) <= NAME_LENGTH and name[0] in _NAME_FIRST and _NAME_REST.issuperset(name):
        return name
    raise IdentityError(f"The {what} {quoted(name)} is not valid: {_reason(name)}; {_way_out(name)}.")


def _reason(name: str) -> str:
    if not name:
        return "it is empty"
    for position, character in enumerate(name):
        if character not in (_NAME_REST if position else _NAME_FIRST):
            place = "it begins with" if position == 0 else "it holds"
            return f"{place} {quoted(character)}" + ("" if character.isascii() else f" (U+{ord(character):04X})")
    return f"it has {len(name)} characters"


def _way_out(name: str) -> str:
    import unicodedata  # only a refused name pays for this import

    suggestion = unicodedata.normalize("NFKC", name[: 4 * NAME_LENGTH]).lower()
    if (
        suggestion != name
        and 0 < len(suggestion) <= NAME_LENGTH
        and suggestion[0] in _NAME_FIRST
        and _NAME_REST.issuperset(suggestion)
    ):
        return f"did you mean {quoted(suggestion)}? ({_NAME_GRAMMAR})"
    return f"write {_NAME_GRAMMAR}"
