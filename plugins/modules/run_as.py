#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: run_as
short_description: Let a user of a portal run one command on a host
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Takes a short-lived signed token (JWT, RS256 or Ed25519) of a portal, whose subject is the user, and runs O(argv) on
    the host as the local account that this user means.
  - The token is verified on the controller, offline, and stays there. The host is told whom it named.
  - Every token is good for one run on one host. A second use is refused, also of a run that failed.
  - On the host the command runs in a unit of systemd of its own, in the user's slice. PAM is asked whether the account
    is open. See M(labfleet.identity.run_as_unit) for what closes the command in.
  - Somebody whom the ledger has as disabled or retired is refused, whatever the portal says.
  - The task fails when the command fails, and returns what the command said in either case.
attributes:
  check_mode:
    support: full
    description: Checks token, mapping and host, and says what it would run. The token is not used up.
  diff_mode:
    support: full
    description: Shows one line for everything that is added to the ledger.
  idempotent:
    support: none
    description: A command is run whenever it is asked for, and each run needs a token of its own.
  platform:
    support: full
    platforms: linux
    description: The host needs systemd 252 or newer. The controller needs PyJWT 2.13 or newer and cryptography.
  action:
    support: full
    description: The token is verified on the controller.
options:
  ledger:
    description:
      - Where the ledger is kept, as V(file:PATH) or V(dynamodb:TABLE).
    type: str
    required: true
  lock_timeout:
    description: How many seconds to wait for other runs that write the ledger, or for a table that does not answer.
    type: int
    default: 60
  profile:
    description: The profile whose people have accounts on the host.
    type: str
    required: true
  token:
    description:
      - The token. It is not shown, not logged, not sent to the host, and no argument of any program.
    type: str
    required: true
  trusted:
    description:
      - The portals that are trusted, each with a file of its public keys (a JWK set) on the controller. The C(iss) of
        the token has to be one of them to the letter, and a key counts for its own portal only. The file is no link,
        and nobody else can change it or its directory.
    type: dict
    required: true
  audience:
    description: What the token's C(aud) has to be.
    type: str
    required: true
  roles:
    description: The roles that may run commands. The token needs one of them.
    type: list
    elements: str
    required: true
  role_claim:
    description: The claim that has the role, as text or as a list.
    type: str
    default: role
  types:
    description: What the C(typ) in the token's header may be.
    type: list
    elements: str
    default: [JWT]
  lifetime:
    description: For how many seconds a token may count from C(iat) on. Others are refused.
    type: int
    default: 600
  leeway:
    description: By how many seconds the portal's clock may differ.
    type: int
    default: 30
  used_tokens:
    description:
      - A private directory of the controller, which notes used tokens until they have expired. All controllers that
        take tokens of one portal share it, and it outlives them. It is refused where somebody else could write in it or
        in a directory above it.
    type: str
    required: true
  mapping:
    description:
      - V(existing) takes the account of the person whom M(labfleet.identity.ledger_link) linked to the user. The
        upstream identity is written as issuer, a blank, subject.
      - V(create) does the same, and issues a number to whoever is not linked yet. Number and link come into the ledger
        together. The account comes with the usual run, once the roster has the person with the C(subject) that
        RV(events) shows. Until then the host refuses. An entry of the roster without it is another person.
      - V(shared) takes the account O(username), which is nobody's own. Every user has a directory of their own there.
    type: str
    choices: [existing, create, shared]
    required: true
  username:
    description:
      - With O(mapping=shared) the shared account. With O(mapping=create) the username of somebody new, in the place of
        what the portal proposes. A name that anybody has or had, or that an open invitation proposes, is refused.
    type: str
  username_claim:
    description: The claim with the username that the portal proposes, for O(mapping=create).
    type: str
    default: preferred_username
  owner:
    description:
      - Whose the account is in the host's record. C(research:) and O(profile) without it, as the role
        P(labfleet.identity.research_users#role) makes accounts.
    type: str
  argv:
    description:
      - The program and its arguments, as a list. No shell reads them. A name without a slash is looked for in C(PATH).
    type: list
    elements: str
    required: true
  environment:
    description:
      - Variables of the command. Values are text. Beside them it has C(HOME), C(LANG), C(LOGNAME), C(PATH), C(SHELL)
        and C(USER), and nothing else.
    type: dict
    default: {}
  chdir:
    description: Where the command begins. The first mapped directory without it.
    type: str
  directories:
    description:
      - Directories that the command sees and may write to, in the place of the home. Each belongs to the account and
        lies in a directory that only root can change. Not with O(mapping=shared).
    type: list
    elements: str
    default: []
  shared_directories:
    description:
      - Those of O(directories) that may belong to root, as directories of projects do.
    type: list
    elements: str
    default: []
  hidden:
    description:
      - Directories in whose place the command sees an empty one, but for what is mapped. C(/home), C(/root), the
        directory of the account's home and where sockets of its other programs are (C(/run/user), C(/run/jupyter),
        C(/run/rstudio-server), C(/run/screen)) always are.
    type: list
    elements: str
    default: [/efs, /media, /mnt, /scratch, /srv]
  timeout:
    description: After how many seconds the command is ended.
    type: int
    default: 600
  max_output:
    description: How many bytes of each of the two outputs are kept. What is more is read and thrown away.
    type: int
    default: 1048576
  without:
    description:
      - Protections that the host may lack. RV(without) says which of them it lacked. All others are needed, and with
        O(mapping=shared) these are, too.
      - V(other_processes) lets a command run on a host with a systemd before 257 while the account has a process
        outside of jobs, a login for example. Through such a process a command gets out of what closes it in.
    type: list
    elements: str
    choices: [keyring, message_bus, metadata, namespaces, other_processes]
    default: []
seealso:
  - module: labfleet.identity.run_as_unit
  - module: labfleet.identity.ledger_link
"""

EXAMPLES = r"""
# What a portal wrote is read from a file, for an extra variable is a template, which can run programs here.
- name: Run what a user of the portal asked for
  labfleet.identity.run_as:
    ledger: file:ledger.jsonl
    profile: lab
    token: "{{ portal_wrote.token }}"
    trusted:
      https://portal.example: /etc/labfleet/portal.jwks.json
    audience: labfleet
    roles: [user, pi]
    used_tokens: /var/lib/labfleet/used-tokens
    mapping: existing
    argv: "{{ portal_wrote.argv }}"
    environment:
      OMP_NUM_THREADS: "4"
    timeout: 3600
  no_log: true
  register: job
  vars:
    portal_wrote: "{{ lookup('ansible.builtin.file', '/srv/portal/jobs/4711.json') | from_json }}"

- name: The same for users who have no account of their own
  labfleet.identity.run_as:
    ledger: file:ledger.jsonl
    profile: lab
    token: "{{ portal_wrote.token }}"
    trusted:
      https://portal.example: /etc/labfleet/portal.jwks.json
    audience: labfleet
    roles: [user]
    used_tokens: /var/lib/labfleet/used-tokens
    mapping: shared
    username: portal-jobs
    argv: [python3, -c, "print(6 * 7)"]
  no_log: true
  register: job
  vars:
    portal_wrote: "{{ lookup('ansible.builtin.file', '/srv/portal/jobs/4712.json') | from_json }}"
"""

RETURN = r"""
identity:
  description: Whom the token named (C(issuer), C(subject)), and the C(role) that let them in.
  type: dict
  returned: when the token was accepted
  sample: {issuer: https://portal.example, subject: "4711", role: user}
mapping:
  description: How the account was found.
  type: str
  returned: when the token was accepted
  sample: existing
events:
  description: What was added to the ledger, or would be in check mode.
  type: list
  elements: dict
  returned: when the token was accepted
ledger:
  description: The ledger, a file with its absolute path.
  type: str
  returned: when the token was accepted
  sample: file:/srv/fleet/ledger.jsonl
unit:
  description: The unit that ran the command.
  type: str
  returned: when the host accepted it
  sample: labfleet-run-0123456789abcdef0123456789abcdef.service
account:
  description: The local account.
  type: str
  returned: when the host accepted it
  sample: alice
uid:
  description: Its number.
  type: int
  returned: when the host accepted it
  sample: 5238
directories:
  description: What the command could write to.
  type: list
  elements: str
  returned: when the host accepted it
  sample: [/home/alice]
written:
  description: Files of the host that were not as runs need them, and are now.
  type: list
  elements: str
  returned: when the host accepted it
rc:
  description: The exit status of the command, 128 and the number of the signal when one ended it.
  type: int
  returned: when the command was run
  sample: 0
signal:
  description: The signal that ended the command, else empty.
  type: str
  returned: when the command was run
timed_out:
  description: Whether it was ended because its time was over.
  type: bool
  returned: when the command was run
stdout:
  description: What the command wrote to its standard output, up to O(max_output) bytes.
  type: str
  returned: when the command was run
stderr:
  description: The same of its standard error.
  type: str
  returned: when the command was run
stdout_cut:
  description: Whether it wrote more than is in RV(stdout).
  type: bool
  returned: when the command was run
stderr_cut:
  description: Whether it wrote more than is in RV(stderr).
  type: bool
  returned: when the command was run
elapsed:
  description: How many seconds it took.
  type: float
  returned: when the command was run
without:
  description:
    - Protections that were not in force, all of them allowed by O(without).
    - With a systemd before 257 also V(other_processes), when a process of the account began outside of jobs while the
      command ran.
  type: list
  elements: str
  returned: when the command was run
"""
