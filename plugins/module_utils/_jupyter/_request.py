# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets a server, as asked for (private, pure)."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import Limits, parse_limits
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Server", "check_address", "is_token", "parse_servers"]

LEAST_TOKEN = 16
MOST_TOKEN = 128
# Accounts of a directory service may have dots. All of these stand for themselves in the name of a unit.
_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz_")
_DIGITS = frozenset("0123456789")
_NAME = _FIRST | _DIGITS | frozenset(".-")
_TOKEN = _FIRST | _DIGITS | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ-")
_ADDRESS = _TOKEN | frozenset(".:")
_KEYS = ("name", "limits")


@dataclass(frozen=True)
class Server:
    """One server. Without a token one is made on the host."""

    name: str
    limits: Limits
    token: str = ""

    @property
    def unit(self) -> str:
        return "jupyter-%s.service" % self.name


def parse_servers(users: Any, tokens: Any, limits: Any) -> tuple[Server, ...]:
    """Check what was asked for.

    :param users: names, or mappings of ``name`` and ``limits``.
    :param tokens: tokens by name, for those whose token is not made on the host. No message shows one.
    :param limits: of those who have none of their own.
    :raises IdentityError: names the user, what is wrong and what to do.
    """
    general = parse_limits(limits)
    given = _tokens(tokens)
    servers: list[Server] = []
    for entry in users:
        server = _server({"name": entry} if isinstance(entry, str) else entry, given, general)
        if any(server.name == other.name for other in servers):
            raise IdentityError("users names %s twice: leave one out" % server.name)
        servers.append(server)
    unknown = sorted(set(given) - {server.name for server in servers})
    if unknown:
        raise IdentityError("tokens names %s, who is not in users: correct it" % quoted(unknown[0]))
    return tuple(servers)


def check_address(address: str) -> str:
    """The name that people reach the host by; it stands in a line that they paste into a shell."""
    if address and (not _ADDRESS.issuperset(address) or address.startswith("-")):
        raise IdentityError("ssh_host %s is no name or address of a host: write one such as lab1" % quoted(address))
    return address


def _server(entry: Any, tokens: dict[str, str], general: Limits) -> Server:
    if not isinstance(entry, dict):
        raise IdentityError("users holds %s: write a name, or a mapping with name and limits" % quoted(entry))
    for key in entry:
        if key not in _KEYS:
            raise IdentityError("users: unknown key %s (known: %s)" % (quoted(key), ", ".join(_KEYS)))
    name = _name(entry.get("name"))
    raw = entry.get("limits")
    try:
        limits = general if raw is None else parse_limits(raw)
    except IdentityError as error:
        raise IdentityError("%s: %s" % (name, error)) from error
    return Server(name=name, limits=limits, token=tokens.get(name, ""))


def _name(name: Any) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= 32 or name[0] not in _FIRST or not _NAME.issuperset(name):
        raise IdentityError(
            "%s is no name of a user: write a-z or _ first, then a-z, 0-9, '.', _ and -, at most 32 characters"
            % quoted(name)
        )
    if name == "root":
        raise IdentityError("root gets no notebook server: name a user")
    return name


def _tokens(tokens: Any) -> dict[str, str]:
    if not isinstance(tokens, dict):
        raise IdentityError("tokens is not a mapping: write usernames with a token each")
    for name, token in tokens.items():
        if not is_token(token):
            raise IdentityError(
                "the token of %s is not made of %d to %d letters, digits, _ and -: take one from 'openssl rand -hex 24'"
                % (quoted(name), LEAST_TOKEN, MOST_TOKEN)
            )
    return tokens


def is_token(token: Any) -> bool:
    """Whether this can be a token: hard to guess by its length, and plain in a URL."""
    return isinstance(token, str) and LEAST_TOKEN <= len(token) <= MOST_TOKEN and _TOKEN.issuperset(token)
