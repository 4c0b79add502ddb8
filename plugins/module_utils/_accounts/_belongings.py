# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user has on a host beside the account files, home and keys: read from a request (private, pure).

Everything here is rendered when the request is read, so that the planner compares bytes. How each kind is written
stands in ``_belongings/``, of which only what a request uses is imported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY, sudo_file_name
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._shared_files import (
    LIMITS_FILE,
    LOGIN_SCRIPT,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "ALWAYS",
    "BELONGING_KEYS",
    "NO_BELONGINGS",
    "NO_PASSWORD",
    "NO_UTMP",
    "OWN_HEADER",
    "Belongings",
    "group_belongings",
    "group_file",
    "user_belongings",
    "user_files",
]

OWN_HEADER = WRITTEN_BY
BELONGING_KEYS = frozenset(("sudo", "limits", "subids", "linger", "environment", "umask", "mail_alias"))
# when a warning is to be given
ALWAYS, NO_PASSWORD, NO_UTMP = "always", "the user has no password", "the host has no utmp"


@dataclass(frozen=True)
class Belongings:
    """None and missing: leave alone what is there. Empty: none of it."""

    files: Mapping[str, bytes] = field(default_factory=dict)  # by path below /etc
    parts: Mapping[str, bytes] = field(default_factory=dict)  # of files that all share, likewise
    subids: tuple[int, ...] | None = None  # first and how many
    linger: bool | None = None
    mail_alias: str | None = None
    warnings: tuple[tuple[str, str], ...] = ()  # what is rarely meant, each with the condition that makes it true


NO_BELONGINGS = Belongings()


def user_files(name: str, uid: int) -> dict[str, str]:
    """Every file that somebody can have alone, what it is about by its path below /etc."""
    return {
        "sudoers.d/" + sudo_file_name("user", name): "sudo",
        "systemd/system/user-%d.slice.d/50-labfleet.conf" % uid: "limits",
    }


def group_file(name: str) -> str:
    """The path below /etc of a group's sudo rules."""
    return "sudoers.d/" + sudo_file_name("group", name)


def user_belongings(entry: Mapping[str, Any], name: str, uid: int) -> Belongings:
    """What an entry of ``users`` says of them.

    :raises IdentityError: one of them cannot be accepted; the message does not name the user.
    """
    if BELONGING_KEYS.isdisjoint(entry):
        return NO_BELONGINGS
    sudo, slices = user_files(name, uid)
    files: dict[str, bytes] = {}
    parts: dict[str, bytes] = {}
    warnings: list[tuple[str, str]] = []
    if "sudo" in entry:
        files[sudo] = _sudo(entry["sudo"], name, warnings)
    if "limits" in entry:
        from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import (
            limits_warnings,
            parse_limits,
            render_pam_limits,
            render_slice,
        )

        wanted = parse_limits(entry["limits"])
        files[slices], parts[LIMITS_FILE] = render_slice(wanted), render_pam_limits(name, wanted)
        warnings += [(NO_UTMP, warning) for warning in limits_warnings(name, wanted, counts_logins=False)]
    if "environment" in entry or "umask" in entry:
        from ansible_collections.labfleet.identity.plugins.module_utils._belongings._login import (
            parse_environment,
            parse_umask,
            render_login,
        )

        environment, umask = parse_environment(entry.get("environment") or {}), parse_umask(entry.get("umask") or "")
        parts[LOGIN_SCRIPT] = render_login(environment, umask)
    rest = (_subids(entry, uid), _boolean(entry, "linger"), _mail_alias(entry))
    return Belongings(files, parts, *rest, tuple(warnings))


def group_belongings(entry: Mapping[str, Any], name: str) -> Belongings:
    """What an entry of ``groups`` says of them: rules of sudo."""
    if "sudo" not in entry:
        return NO_BELONGINGS
    warnings: list[tuple[str, str]] = []
    return Belongings({group_file(name): _sudo(entry["sudo"], "%" + name, warnings)}, warnings=tuple(warnings))


def _sudo(raw: Any, who: str, warnings: list[tuple[str, str]]) -> bytes:
    if raw == []:
        return b""
    from ansible_collections.labfleet.identity.plugins.module_utils._belongings._sudo import (
        parse_sudo_rules,
        render_sudo,
        sudo_warnings,
    )

    rules = parse_sudo_rules(raw)
    always = sudo_warnings(who, rules, has_password=True)
    warnings += [(ALWAYS, warning) for warning in always]
    if not who.startswith("%"):  # the members of a group differ
        without = sudo_warnings(who, rules, has_password=False)
        warnings += [(NO_PASSWORD, warning) for warning in without if warning not in always]
    return render_sudo(who, rules)


def _boolean(entry: Mapping[str, Any], key: str) -> bool | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, bool):
        raise IdentityError("%s must be true or false, not %s" % (key, ascii(str(value)[:40])))
    return value


def _subids(entry: Mapping[str, Any], uid: int) -> tuple[int, ...] | None:
    wanted = _boolean(entry, "subids")
    if not wanted:
        return None if wanted is None else ()
    from ansible_collections.labfleet.identity.plugins.module_utils._belongings._subids import derived_range

    return derived_range(uid)


def _mail_alias(entry: Mapping[str, Any]) -> str | None:
    alias = entry.get("mail_alias")
    if not alias:
        return None if alias is None else ""
    from ansible_collections.labfleet.identity.plugins.module_utils._belongings._aliases import parse_mail_alias

    return parse_mail_alias(alias)
