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

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "BELONGING_KEYS",
    "LOGIN_DIRECTORY",
    "LOGIN_SCRIPT",
    "NO_BELONGINGS",
    "OWN_HEADER",
    "Belongings",
    "group_belongings",
    "group_file",
    "user_belongings",
    "user_files",
]

OWN_HEADER = b"# Written by labfleet.identity: what is changed here is lost.\n"
BELONGING_KEYS = frozenset(("sudo", "limits", "subids", "linger", "environment", "umask", "mail_alias"))
# all paths below /etc
LOGIN_DIRECTORY = "labfleet-identity/login.d"
LOGIN_SCRIPT = "profile.d/labfleet-identity.sh"


@dataclass(frozen=True)
class Belongings:
    """None and missing: leave alone what is there. Empty: none of it."""

    files: Mapping[str, bytes] = field(default_factory=dict)  # by path below /etc
    subids: tuple[int, ...] | None = None  # first and how many
    linger: bool | None = None
    mail_alias: str | None = None


NO_BELONGINGS = Belongings()


def user_files(name: str, uid: int) -> dict[str, str]:
    """Every file that somebody can have, what it is about by its path below /etc."""
    return {
        "sudoers.d/labfleet-user-%s" % name: "sudo",
        "systemd/system/user-%d.slice.d/50-labfleet.conf" % uid: "limits",
        "security/limits.d/labfleet-%s.conf" % name: "session limits",
        "%s/%s.sh" % (LOGIN_DIRECTORY, name): "login environment",
    }


def group_file(name: str) -> str:
    """The path below /etc of a group's sudo rules."""
    return "sudoers.d/labfleet-group-%s" % name


def user_belongings(entry: Mapping[str, Any], name: str, uid: int) -> Belongings:
    """What an entry of ``users`` says of them.

    :raises IdentityError: one of them cannot be accepted; the message does not name the user.
    """
    if BELONGING_KEYS.isdisjoint(entry):
        return NO_BELONGINGS
    sudo, slices, limits, login = user_files(name, uid)
    files: dict[str, bytes] = {}
    if "sudo" in entry:
        files[sudo] = _sudo(entry["sudo"], name)
    if "limits" in entry:
        from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import (
            parse_limits,
            render_pam_limits,
            render_slice,
        )

        wanted = parse_limits(entry["limits"])
        files[slices], files[limits] = render_slice(wanted), render_pam_limits(name, wanted)
    if "environment" in entry or "umask" in entry:
        from ansible_collections.labfleet.identity.plugins.module_utils._belongings._login import (
            parse_environment,
            parse_umask,
            render_login,
        )

        umask = entry.get("umask") or ""
        files[login] = render_login(parse_environment(entry.get("environment") or {}), umask and parse_umask(umask))
    return Belongings(files, _subids(entry, uid), _boolean(entry, "linger"), _mail_alias(entry))


def group_belongings(entry: Mapping[str, Any], name: str) -> Belongings:
    """What an entry of ``groups`` says of them: rules of sudo."""
    if "sudo" not in entry:
        return NO_BELONGINGS
    return Belongings({group_file(name): _sudo(entry["sudo"], "%" + name)})


def _sudo(raw: Any, who: str) -> bytes:
    if raw == []:
        return b""
    from ansible_collections.labfleet.identity.plugins.module_utils._belongings._sudo import (
        parse_sudo_rules,
        render_sudo,
    )

    return render_sudo(who, parse_sudo_rules(raw))


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
