# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sign_invitation
short_description: Sign the claims of an invitation
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Signs with the key that is in use in a directory of M(labfleet.identity.token_key). The same claims and the same key
    give byte for byte the same token.
  - Only claims that are an invitation are signed. Whatever a verifier would refuse is refused here.
  - M(labfleet.identity.invitation) also notes the invitation in the ledger. The cluster that issued it lets nobody in
    with one that its ledger does not have, so this filter is for invitations into other clusters, and for tests.
  - The token lets whoever has it in. Use C(no_log) where it goes.
positional: _input, path, passphrase
options:
  _input:
    description:
      - The claims C(iss), C(aud), C(iat), C(nbf), C(exp) (whole seconds since 1970) and C(inv), and if wanted C(cnf),
        C(ref) and C(prt) (the token that it is delegated from, which can only be narrowed).
      - C(jti) follows from the other claims, and is added when it is not there.
    type: dict
    required: true
  path:
    description: The directory of the signing keys.
    type: path
    required: true
  passphrase:
    description: The passphrase of the signing key. Take it from a variable, never write it into the expression.
    type: str
    required: true
  longest_valid_for:
    description: The longest time that the invitation may count. A number with V(m), V(h), V(d) or V(w).
    type: str
    default: 7d
requirements:
  - PyJWT >= 2.13 and cryptography for the Python of the controller
seealso:
  - module: labfleet.identity.invitation
  - plugin: labfleet.identity.verify_invitation
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Invite somebody to the cluster of a partner, who trusts our keys
  ansible.builtin.copy:
    content: "{{ claims | labfleet.identity.sign_invitation('signing-keys', vault_signing_passphrase) }}"
    dest: judy.token
    mode: "0600"
  vars:
    begin: "{{ now(utc=true).timestamp() | int }}"
    claims:
      iss: cluster-a
      aud: partner-lab
      iat: "{{ begin | int }}"
      nbf: "{{ begin | int }}"
      exp: "{{ begin | int + 86400 }}"
      inv: { username: judy, role: guest, access_until: "2027-06-30" }
  delegate_to: localhost
  run_once: true
  no_log: true
"""

RETURN = r"""
_value:
  description: The token.
  type: str
"""

from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._invitations import (
    INVITATION_TYPE,
    check_invitation,
    check_narrower,
    jti_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import (
    TokenRefused,
    read_compact,
    sign_compact,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_directory import KeyDirectory
from ansible_collections.labfleet.identity.plugins.plugin_utils._keys_shown import parse_duration
from ansible_collections.labfleet.identity.plugins.plugin_utils._token_filters import refusal_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _sign_invitation(claims: Any, path: Any, passphrase: Any, longest_valid_for: Any = "7d") -> str:
    told, directory, secret, longest = (plain(value) for value in (claims, path, passphrase, longest_valid_for))
    try:
        return _signed(told, directory, secret, longest)
    except IdentityError as error:
        raise AnsibleTemplatePluginError(refusal_text(error)) from None


def _signed(claims: Any, path: Any, passphrase: Any, longest: Any) -> str:
    if not isinstance(claims, dict) or not all(isinstance(name, str) for name in claims):
        raise IdentityError("What is to be signed is no mapping of claims: give iss, aud, iat, nbf, exp and inv.")
    if not isinstance(path, str) or not path or not isinstance(passphrase, str) or not isinstance(longest, str):
        raise IdentityError("The path, the passphrase or longest_valid_for is no text: give all three as text.")
    claims = {**claims, "jti": claims["jti"] if "jti" in claims else _jti(claims)}
    invitation = check_invitation(claims)
    if invitation.ends - invitation.begins > parse_duration("longest_valid_for", longest):
        raise TokenRefused(
            "lives_too_long", f"The invitation would count for longer than {longest}: let it end earlier."
        )
    if invitation.parent:
        check_narrower(check_invitation(read_compact(invitation.parent)[1]), invitation)
    return sign_compact(claims, KeyDirectory(path).load(passphrase), INVITATION_TYPE)


def _jti(claims: dict[str, Any]) -> str:
    try:
        return jti_of(claims)
    except (TypeError, ValueError):
        raise TokenRefused("bad_claim", "A claim is of a type that no token has, such as a date: write text.") from None


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function."""
        return {"sign_invitation": _sign_invitation}
