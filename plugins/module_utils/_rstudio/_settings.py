# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What RStudio Server is told (private, pure).

Only settings of the open source edition are known here; those that need a licence would be ignored, or be refused when
the server starts. Everything is checked before a byte of it is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import Limits, parse_limits
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    check_group_name,
    check_username,
    quoted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["SERVICE_LIMITS", "SESSION_SETTINGS", "Settings", "parse_settings"]

LOOPBACK = ("127.0.0.1", "::1")
LEAST_PORT = 1024  # the unit leaves the server no right to a lower one
MOST_PORT = 65535
MOST_MINUTES = 7 * 24 * 60
MOST_UID = 2**31 - 1
MOST_NUMBER = 2**31 - 1
MOST_TEXT = 1024
SERVICE_LIMITS = ("cores", "memory", "memory_soft", "tasks")

# What rsession.conf may say beside the time after which a session ends, and of what kind it is.
SESSION_SETTINGS = {
    "allow-external-publish": bool,
    "allow-file-downloads": bool,
    "allow-file-uploads": bool,
    "allow-package-installation": bool,
    "allow-publish": bool,
    "allow-r-cran-repos-edit": bool,
    "allow-rpubs-publish": bool,
    "allow-shell": bool,
    "allow-terminal-websockets": bool,
    "allow-vcs": bool,
    "copilot-enabled": bool,
    "limit-cpu-time-minutes": int,
    "limit-file-upload-size-mb": int,
    "limit-xfs-disk-quota": bool,
    "r-cran-repos": str,
    "r-libs-user": str,
    "session-default-new-project-dir": str,
    "session-default-working-dir": str,
    "session-disconnected-timeout-minutes": int,
    "session-quit-child-processes-on-exit": bool,
    "session-save-action-default": str,
    "session-timeout-suspend": bool,
}


@dataclass(frozen=True)
class Settings:
    """Checked: no text in here can begin another line or another option."""

    address: str
    port: int
    origins: tuple[str, ...]
    behind_tls: bool
    groups: tuple[str, ...]
    minimum_uid: int
    server_user: str
    sign_in_minutes: int
    session_minutes: int
    session: tuple[tuple[str, str], ...]
    r_program: str
    homes: tuple[str, ...]
    reaches: tuple[str, ...]
    limits: Limits


def parse_settings(raw: Mapping[str, Any]) -> Settings:
    """Check what somebody wishes of RStudio Server.

    :param raw: the options of the module ``rstudio_server`` by name.
    :raises IdentityError: names the option that cannot be accepted, why, and what to do.
    """
    return Settings(
        address=_address(raw["address"]),
        port=_number(raw, "port", LEAST_PORT, MOST_PORT),
        origins=tuple(_origin(origin) for origin in raw["origins"]),
        behind_tls=raw["behind_tls"],
        groups=_groups(raw["groups"]),
        minimum_uid=_number(raw, "minimum_uid", 1, MOST_UID),
        server_user=_server_user(raw["server_user"]),
        sign_in_minutes=_number(raw, "sign_in_minutes", 1, MOST_MINUTES),
        session_minutes=_number(raw, "session_minutes", 0, MOST_MINUTES),
        session=tuple((key, _session_value(key, raw["session_settings"][key])) for key in sorted(_session_keys(raw))),
        r_program=_path(raw["r_program"], "r_program") if raw["r_program"] else "",
        homes=tuple(_path(home, "homes") for home in raw["homes"]),
        reaches=tuple(_network(network) for network in raw["reaches"]),
        limits=_limits(raw["limits"]),
    )


def _address(address: str) -> str:
    if address not in LOOPBACK:
        raise IdentityError(
            "address %s is not one of %s: RStudio Server speaks HTTP without encryption, so people reach it through an"
            " SSH tunnel or a proxy on the same host" % (quoted(address), " and ".join(LOOPBACK))
        )
    return address


def _number(raw: Mapping[str, Any], key: str, least: int, most: int) -> int:
    number: int = raw[key]
    if not least <= number <= most:
        why = {
            "minimum_uid": ": 0 would let root in",
            "sign_in_minutes": ": 0 would keep people signed in for 30 days",
        }.get(key, "")
        raise IdentityError("%s %d is not between %d and %d%s" % (key, number, least, most, why))
    return number


def _origin(origin: str) -> str:
    plain = origin.replace("-", "").replace(".", "")
    if not (plain.isascii() and plain.isalnum()):
        raise IdentityError("origin %s is no host name such as rstudio.lab.example" % quoted(origin))
    return origin


def _groups(groups: list[str]) -> tuple[str, ...]:
    if not groups:
        raise IdentityError("groups is empty, which would let every account of the host in: name at least one group")
    return tuple(check_group_name(group) for group in groups)


def _server_user(name: str) -> str:
    if check_username(name) == "root":
        raise IdentityError("server_user root would give every request root's rights: take rstudio-server")
    return name


def _session_keys(raw: Mapping[str, Any]) -> list[str]:
    for key in raw["session_settings"]:
        if key not in SESSION_SETTINGS:
            raise IdentityError(
                "session_settings: %s is not known in the open source edition, or not safe to give away (known: %s)"
                % (quoted(key), ", ".join(sorted(SESSION_SETTINGS)))
            )
    return list(raw["session_settings"])


def _session_value(key: str, value: Any) -> str:
    kind = SESSION_SETTINGS[key]
    if kind is bool and isinstance(value, bool):
        return "1" if value else "0"
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_NUMBER:
        return str(value)
    if kind is str and isinstance(value, str) and _is_plain(value):
        return value
    words = {bool: "true or false", int: "a whole number from 0", str: "text of one line"}
    raise IdentityError("session_settings: %s must be %s, not %s" % (key, words[kind], quoted(value)))


def _is_plain(text: str) -> bool:
    """Whether the text is one whole line of a configuration file: nothing that ends it or begins a comment."""
    return 0 < len(text) <= MOST_TEXT and text.isprintable() and text == text.strip() and "#" not in text


def _path(path: str, option: str) -> str:
    steps = path.split("/")
    letters = path.replace("/", "").replace("-", "").replace("_", "").replace(".", "").replace("+", "")
    if path[:1] != "/" or ".." in steps or not (letters.isascii() and letters.isalnum()):
        raise IdentityError(
            "%s: %s is not an absolute path of letters, digits and . _ - + without '..'" % (option, quoted(path))
        )
    return path


def _network(network: str) -> str:
    import ipaddress  # only where the server reaches something

    if "%" in network:  # Python takes any text for the name of an interface, the end of a line too
        raise IdentityError("reaches: %s names an interface: write the address or the network alone" % quoted(network))
    try:
        return str(ipaddress.ip_network(network))
    except ValueError as error:
        raise IdentityError(
            "reaches: %s is no address or network such as 10.1.0.0/16: %s" % (quoted(network), quoted(str(error)))
        ) from error


def _limits(raw: Any) -> Limits:
    limits = parse_limits(raw)
    more = sorted(key for key, value in raw.items() if value is not None and key not in SERVICE_LIMITS)
    if more:
        raise IdentityError(
            "limits: %s is nothing a service can have (it can have %s): give it to the accounts of people"
            % (more[0], ", ".join(SERVICE_LIMITS))
        )
    return limits
