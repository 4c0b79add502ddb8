# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: identity
short_description: What the ledger says about a person
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Reads the ledger on the controller and returns the number of a person, and who issued it when.
  - It never issues a number. Use M(labfleet.identity.uid_allocation) for that.
  - A person without a number in the profile is an error, and so is a ledger that is missing or broken.
options:
  _terms:
    description: The usernames to look up.
    type: list
    elements: str
    required: true
  ledger:
    description:
      - The ledger, as O(labfleet.identity.uid_allocation#module:ledger) has it.
    type: str
    required: true
  profile:
    description: The id of the profile.
    type: str
    required: true
seealso:
  - module: labfleet.identity.uid_allocation
  - plugin: labfleet.identity.first_choice_uid
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the UID of alice
  ansible.builtin.debug:
    msg: "{{ lookup('labfleet.identity.identity', 'alice', ledger='file:ledger.jsonl', profile='lab-shared').uid }}"
"""

RETURN = r"""
_raw:
  description: What the ledger says, one mapping a username, in the order of the usernames.
  type: list
  elements: dict
  contains:
    username:
      description: The login name.
      type: str
    uid:
      description: The UID.
      type: int
    gid:
      description: The GID of the person's private group, the same number.
      type: int
    subject:
      description: The stable id of the person in the profile.
      type: str
    profile:
      description: The id of the profile.
      type: str
    state:
      description: V(reserved), V(active), V(disabled) or V(retired).
      type: str
    issued_at:
      description: When the number was issued, in UTC.
      type: str
    issued_by:
      description: Who issued it, as C(USER@CONTROLLER).
      type: str
    upstreams:
      description: What login authorities call the person.
      type: list
      elements: str
    uuid:
      description: The UUID of the person in a federation, empty when there is none.
      type: str
    redirected_to:
      description: The identity that stands for this one now, as C(profile), C(subject) and C(uid).
      returned: when the identity was merged into another one
      type: dict
  sample:
    - username: alice
      uid: 5238
      gid: 5238
      subject: alice
      profile: personal-research
      state: active
      issued_at: "2026-11-21T22:00:00Z"
      issued_by: sam@controller
      upstreams: [https://idp.example alice@uni.example]
      uuid: zzzzz-tpzed-0ds1crjfq01cpga
"""

from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError
from ansible.plugins.lookup import LookupBase

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import person_record
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_profile_id, check_username
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain

if TYPE_CHECKING:
    from typing import Any


class LookupModule(LookupBase):
    """The lookup, as Ansible looks for it."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """One mapping a username."""
        options: Any = self  # the base class has no types
        options.set_options(var_options=variables, direct=kwargs)
        try:
            return identities(plain(options.get_option("ledger")), plain(options.get_option("profile")), plain(terms))
        except IdentityError as error:
            raise AnsibleTemplatePluginError(str(error)) from error


def identities(ledger: str, profile_id: str, usernames: list[Any]) -> list[dict[str, Any]]:
    """What the ledger says about these people, or an error."""
    check_profile_id(profile_id)
    store = open_store(ledger)
    loaded = store.load()
    if loaded is None:
        raise IdentityError(f"There is no ledger {store.name}: correct the path, or issue numbers with uid_allocation.")
    profile = loaded.profiles.get(profile_id)
    if profile is None:
        known = ", ".join(sorted(loaded.profiles)) or "none"
        raise IdentityError(f"The ledger {store.name} has no profile {profile_id!r} (it has: {known}).")
    records = []
    for username in usernames:
        person = profile.called(check_username(username))
        if person is None:
            raise IdentityError(
                f"The ledger {store.name} has no number for {username!r} in the profile {profile_id}: put them into the"
                " roster and run uid_allocation."
            )
        records.append(person_record(loaded, person))
    return records
