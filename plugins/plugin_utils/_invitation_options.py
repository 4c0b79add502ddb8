# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions about invitations share: options, keys, and what options wish (private: no stable interface)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._issuing import Wish
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._export_file import export_file
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._invitations import (
    INVITATION_TYPE,
    invitation_claims,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import sign_compact
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_directory import KeyDirectory
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._offers import ROLES
from ansible_collections.labfleet.identity.plugins.plugin_utils._keys_shown import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._invitations._issuing import Outcome
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import SigningKey

__all__ = [
    "ISSUER_ARGUMENTS",
    "LONGEST_ARGUMENT",
    "TERMS_ARGUMENTS",
    "check_dest",
    "longest_life",
    "signed",
    "signing_key",
    "wish",
]

ISSUER_ARGUMENTS: dict[str, Any] = {
    "issuer": {"type": "str"},
    "signing_keys": {"type": "path"},
    "passphrase": {"type": "str"},
}
LONGEST_ARGUMENT: dict[str, Any] = {"longest_valid_for": {"type": "str", "default": "7d"}}
TERMS_ARGUMENTS: dict[str, Any] = {
    "role": {"type": "str", "choices": list(ROLES)},
    "groups": {"type": "list", "elements": "str"},
    "shell": {"type": "str"},
    "quota": {"type": "dict"},
    "access_until": {"type": "str"},
    "institutions": {"type": "list", "elements": "str"},
    "idp": {"type": "str"},
    "policy": {
        "type": "dict",
        "options": {
            "templates": {"type": "list", "elements": "str"},
            "instance_types": {"type": "list", "elements": "str"},
            "regions": {"type": "list", "elements": "str"},
            "max_cost_per_day": {"type": "str"},
        },
    },
    "valid_for": {"type": "str"},
    **LONGEST_ARGUMENT,
}
_NOT_TERMS = frozenset(("valid_for", *LONGEST_ARGUMENT))


def signing_key(arguments: Mapping[str, Any]) -> SigningKey:
    """The key with which this cluster signs now."""
    for name in ("issuer", "signing_keys", "passphrase"):
        if not arguments[name]:
            raise IdentityError(f"Whoever invites has to sign: give {name} too.")
    return KeyDirectory(arguments["signing_keys"]).load(arguments["passphrase"])


def check_dest(dest: str, mode: int, is_ours: Callable[[str], bool]) -> str:
    """The absolute path of a file that can be written, and in which nothing else would be lost."""
    path = os.path.abspath(os.path.expanduser(dest))
    _changed, before = export_file(dest, "", mode, write=False)
    if before.strip() and not is_ours(before):
        raise IdentityError(
            f"There is something else in {path}, which would be lost: name a file of its own, or move that one away."
        )
    return path


def longest_life(arguments: Mapping[str, Any]) -> int:
    """For how many seconds an invitation can be valid at most."""
    return parse_duration("longest_valid_for", arguments["longest_valid_for"])


def wish(name: str, arguments: Mapping[str, Any], terms: Mapping[str, Any], now: int, parent: str = "") -> Wish:
    """The invitation that options ask for.

    :param terms: what of them says what is offered and demanded, besides how long it is valid.
    """
    life = parse_duration("valid_for", arguments["valid_for"]) if arguments["valid_for"] else None
    claims = invitation_claims(
        {**{term: _said(value) for term, value in terms.items() if term not in _NOT_TERMS}, "name": name},
        now,
        issuer=arguments["issuer"],
        audience=arguments["profile"],
        life=life,
        longest_life=longest_life(arguments),
        parent=parent,
    )
    return Wish(name, claims, life)


def signed(outcome: Outcome, key: SigningKey) -> str:
    """The token of an invitation, the same bytes every time."""
    return sign_compact(dict(outcome.claims or {}), key, INVITATION_TYPE)


def _said(value: Any) -> Any:
    """What a survey passes on that was left empty says nothing; of a mapping, neither do its empty parts."""
    if isinstance(value, dict):
        return {key: inner for key, inner in value.items() if inner is not None} or None
    return None if value == "" else value
