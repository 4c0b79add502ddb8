# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys of an authorized_keys file give a shell (private, pure: no stable interface)."""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_options import split_line
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import PublicKey

__all__ = ["keys_in"]

_KEY_TYPES = ("ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-")


def keys_in(text: str, now: str) -> dict[str, PublicKey]:
    """The keys of an authorized_keys file that give a shell, by their base64.

    :param now: the moment as YYYYMMDDHHMMSS. What has expired, forces a command or signs certificates is left out.
    """
    found = {}
    for line in text.splitlines():
        options, rest = "", line.strip()
        if rest.startswith("#"):
            continue
        if not rest.startswith(_KEY_TYPES):
            options, rest = split_line(rest)
        fields = rest.split(None, 2)
        if len(fields) > 1 and fields[0].startswith(_KEY_TYPES) and not _is_no_way_in(options.lower(), now):
            found[fields[1]] = PublicKey(fields[0], fields[1], "")
    return found


def _is_no_way_in(options: str, now: str) -> bool:
    if "cert-authority" in options or "command=" in options:
        return True
    _before, there, rest = options.partition('expiry-time="')
    digits = "".join(char for char in rest.partition('"')[0] if char.isdigit())
    return bool(there) and digits.ljust(len(now), "0") <= now
