#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: identity_login
short_description: Find out who somebody is, from Globus Auth or another login provider
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Lets a person log in at an OpenID Connect provider, and keeps who they are for the invitation that they accept.
  - This takes two steps, since the person visits a page of the provider in between. With V(begun) they get an address,
    and with V(completed) they bring back what the provider gave them there.
  - The provider is Globus Auth, or one that has its addresses below the same paths (C(/v2/oauth2/authorize),
    C(/v2/oauth2/token), C(/v2/oauth2/userinfo), C(/v2/oauth2/token/revoke)).
  - Every login has a PKCE verifier, a state and a nonce of its own, random and used once. The signature of the
    provider's statement is checked with the provider's public keys, and its issuer, its audience, its times and its
    nonce are those of this login.
  - Kept are the subject, the ids of the identity providers, the ORCID iD, the e-mail address and the time, in a file
    that only its owner can read. No name is kept, and no token of the provider. It is asked to forget the tokens.
requirements:
  - globus-sdk >= 4
  - PyJWT >= 2.13
  - cryptography
attributes:
  check_mode:
    support: full
    description:
      - Checks everything that is known before the provider is asked. Writes nothing and sends nothing.
  diff_mode:
    support: none
    description: What a login keeps is in the result.
  idempotent:
    support: none
    description: Every login is a new one, and each can be completed once.
  platform:
    support: full
    platforms: posix
    description: Nothing happens on a managed host. The controller asks the provider.
  action:
    support: full
    description: Runs on the controller, so it needs no connection and no Python on the managed host.
options:
  state:
    description:
      - V(begun) begins a login and gives the address at which the person logs in.
      - V(completed) takes what they bring back, and finds out who they are. This works once for each login.
    type: str
    choices: [begun, completed]
    required: true
  directory:
    description:
      - A directory of the controller for logins, which nobody but its owner may use. It is made when it is not there,
        and its parent is. A relative path begins in the directory where C(ansible-playbook) was started.
      - Each provider needs one of its own, for what is in it vouches for people, whichever provider said so.
      - A login that is older than 15 minutes is removed with the next that begins, and who somebody is after an hour.
    type: str
    required: true
  client_id:
    description: The id of your registration at the provider. Required with V(begun).
    type: str
  client_secret:
    description:
      - The secret of your registration, when it has one. It is kept nowhere, so both steps need it. Without it the
        registration is one of a public client (Globus calls it a native app), which suits a controller best.
    type: str
  auth_url:
    description:
      - The issuer, with V(begun). It begins with V(https://), unless it is a loopback address.
      - Without it the one that globus_sdk knows is asked, V(https://auth.globus.org) unless its variables
        E(GLOBUS_SDK_ENVIRONMENT) or E(GLOBUS_SDK_SERVICE_URL_AUTH) say otherwise.
    type: str
  redirect_uri:
    description:
      - The page on which the provider ends the login, as registered there. The person copies its address. Without it
        C(/v2/web/auth-code) below O(auth_url), which is Globus's own page for that.
    type: str
  orcid_provider:
    description:
      - The id that the provider gives to the identity provider ORCID. A linked identity of it, with a username like
        V(0000-0002-1825-0097@orcid.org), shows the ORCID iD of a person. Without it no linked identity does.
    type: str
  orcid_claim:
    description:
      - Whether to believe the claim C(orcid) of the provider. Only for a provider that has people log in at ORCID
        before it says so. Globus Auth has no such claim.
    type: bool
    default: false
  invitation:
    description: The token of the invitation that the login is for, with V(begun). For no other one is it accepted.
    type: str
  session:
    description: The RV(session) of the first step. Required with V(completed).
    type: str
  answer:
    description:
      - The whole address that the browser shows at the end of the login, with V(completed). Takes the place of O(code)
        and O(returned_state).
    type: str
  code:
    description: The C(code) in that address, together with O(returned_state).
    type: str
  returned_state:
    description: The C(state) in that address, together with O(code).
    type: str
  timeout:
    description: How many seconds to wait for each answer of the provider, at most 300.
    type: int
    default: 20
notes:
  - Give O(answer), O(code), O(client_secret) and O(invitation) with C(no_log) on the task, from a prompt, a survey or a
    vault, and never with C(-e) on the command line, which other users of the controller can see.
seealso:
  - name: Globus Auth
    description: How to register an application.
    link: https://docs.globus.org/api/auth/developer-guide/
"""

EXAMPLES = r"""
- name: Begin a login for an invitation
  labfleet.identity.identity_login:
    state: begun
    directory: logins
    client_id: 6f8a2c3e-5b1d-4c7f-9a0e-2d4b6c8e0f1a
    invitation: "{{ invitation }}"
  delegate_to: localhost
  run_once: true
  register: login

- name: Send the person there
  ansible.builtin.pause:
    prompt: "Log in at {{ login.url }} and paste the address of the page that you end on"
    echo: false
  run_once: true
  register: pasted
  no_log: true

- name: Find out who came back
  labfleet.identity.identity_login:
    state: completed
    directory: logins
    session: "{{ login.session }}"
    answer: "{{ pasted.user_input }}"
  delegate_to: localhost
  run_once: true
  no_log: true
"""

RETURN = r"""
session:
  description: The id of the login.
  returned: success, unless in check mode
  type: str
  sample: 3f0c2d9a8b7e6f5c4d3b2a1908f7e6d5
url:
  description: The address at which the person logs in. Whoever has it can see the state of the login, but no secret.
  returned: with O(state=begun), unless in check mode
  type: str
  sample: https://auth.globus.org/v2/oauth2/authorize?client_id=6f8a2c3e-5b1d-4c7f-9a0e-2d4b6c8e0f1a&response_type=code
ends_at:
  description: Until when the login has to be completed, in UTC.
  returned: with O(state=begun), unless in check mode
  type: str
  sample: "2026-11-22T09:15:00Z"
issuer:
  description: The provider that was asked.
  returned: with O(state=completed), unless in check mode
  type: str
  sample: https://auth.globus.org
subject:
  description: The id of the person there, which is never another person's.
  returned: with O(state=completed), unless in check mode
  type: str
  sample: 8f0b2a4c-1d3e-4f5a-9b7c-6d8e0f1a2b3c
identity_provider:
  description: The id of the identity provider of the identity that logged in, empty when the provider names none.
  returned: with O(state=completed), unless in check mode
  type: str
  sample: 0b6d1f2e-3c4a-4e5f-8a9b-7c6d5e4f3a2b
identity_providers:
  description: The ids of the identity providers of all identities that are linked to it, its own among them.
  returned: with O(state=completed), unless in check mode
  type: list
  elements: str
  sample: [0b6d1f2e-3c4a-4e5f-8a9b-7c6d5e4f3a2b]
orcid:
  description: The ORCID iD of the person, empty when they did not show one.
  returned: with O(state=completed), unless in check mode
  type: str
  sample: 0000-0002-1825-0097
email:
  description: The e-mail address of the person, empty when the provider names none or did not verify it.
  returned: with O(state=completed), unless in check mode
  type: str
  sample: alice@uni.example
verified_at:
  description: When the login was completed, in UTC.
  returned: with O(state=completed), unless in check mode
  type: str
  sample: "2026-11-22T09:03:12Z"
"""
