#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the users and groups of a host to a stated whole in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: accounts
short_description: Bring the users and groups of a host to a stated whole, in one call
version_added: 0.1.0
description:
  - Takes the whole desired state of a host's users and shared groups, compares it with what the host has, and does what
    is missing in one batch. The cost of a call hardly depends on the number of users.
  - Writes C(/etc/group), C(/etc/gshadow), C(/etc/shadow) and C(/etc/passwd) itself, under the lock that C(useradd)
    takes, each replaced atomically with a backup (C(/etc/passwd-) and so on). Lines that are not its business stay byte
    for byte. A run that is killed at any point leaves files that parse, and the next run completes it.
  - SSH keys are written to root-owned files, one per user, outside the homes. See
    R(labfleet.identity.ssh_access, ansible_collections.labfleet.identity.ssh_access_role) for the sshd side.
  - Accounts that this module did not make are not changed and not removed, unless they are adopted by name. What it
    made is recorded in C(/var/lib/labfleet-identity/accounts.json).
  - Everything that cannot be done safely is refused with one message, before anything is written; a UID that is
    taken, a name that exists with another UID, a home that belongs to somebody else, for example.
author:
  - The labfleet.identity developers (@labfleet)
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed, or will change in C(check_mode), one line an attribute.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
options:
  users:
    description:
      - The users this O(owner) speaks for. In all optional attributes, leaving them out means leaving alone what the
        host has, except where a default is given.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Login name, C(a-z_) first, then C(a-z0-9_-), at most 32 characters.
        type: str
        required: true
      uid:
        description: Number of the user; must lie in O(band). It is never changed on an account that exists.
        type: int
        required: true
      gid:
        description: Number of the primary group. The default is the same as O(users[].uid).
        type: int
      group:
        description:
          - Name of the primary group. The default is the same as O(users[].name), a private group that is made and
            removed with the user. Any other group has to exist or to be named in O(groups).
        type: str
      gecos:
        description: Full name or other comment; no colon, at most 256 characters.
        type: str
      home:
        description:
          - Home directory. The default is C(/home/NAME).
          - It is made as a copy of O(skel) when missing. Its parent directory has to exist and must be changeable by
            root only. When it exists, it has to belong to O(users[].uid). Files are not moved when it changes.
        type: str
      create_home:
        description: Whether the home is made, and its owner checked. It is without O(user_defaults.create_home), too.
        type: bool
      shell:
        description: Login shell, which has to exist on the host. The default is C(/bin/bash).
        type: str
      groups:
        description:
          - Supplementary groups. Exact among the groups that are managed (O(groups), and those managed earlier for the
            same O(owner)); groups of the host are only ever added.
        type: list
        elements: str
      keys:
        description:
          - SSH public keys, all that are valid for the user. An empty list removes every key.
          - Each is C(TYPE BASE64 [COMMENT]), or a mapping with that line as C(key) and with what limits it, such as
            C(from) (a list), C(expires) (C(YYYY-MM-DD)), C(restrict) (V(true)) and C(command).
          - ed25519, ecdsa, their security key forms, and RSA with at least 3072 bits.
        type: list
        elements: raw
      state:
        description:
          - V(disabled) keeps the account and lets nobody in, by expiry, C(nologin), a locked password and no keys; its
            sessions, user units and processes are ended, and its sudo rules, limits, sub-ids, login environment, mail
            alias and lingering go. Its jobs of cron and at stay, and are refused.
          - V(absent) also takes it out of the account files, and removes its jobs of cron and at. The home always
            stays.
        type: str
        choices: [present, disabled, absent]
        default: present
      expires:
        description: Last day of the account plus one, as C(YYYY-MM-DD), or V(never).
        type: str
      selected:
        description:
          - With V(false) the person is known but not meant for this host. Nothing is made. An account of theirs that is
            there is an orphan (see O(orphans)); as long as it is there, O(users[].keys) and O(users[].expires) hold for
            it, so that a key which was taken from them does not work on. It leaves the shared groups that
            O(users[].groups) no longer names, and enters none.
        type: bool
        default: true
      formerly:
        description:
          - Usernames that the same person had before. An account that this O(owner) made under one of them with the
            same number is renamed, with its private group, its place in groups and its key file. Number and home stay.
          - What belongs to the old name outside these files (a crontab, lingering, C(/etc/subuid)) is not moved.
        type: list
        elements: str
      adopt:
        description: Take over an account, and its private group, that exists with the right numbers.
        type: bool
        default: false
      home_mode:
        description: Mode of this user's home; see O(home_mode), which holds for all others.
        type: str
      skel:
        description:
          - Directory of root's whose content this user's new home gets instead of that of O(skel). A home that exists
            is its owner's, and nothing is written into it.
        type: path
      password:
        description:
          - Password hash as C(mkpasswd -m yescrypt) or C(openssl passwd -6) makes it, or V(*) for keys only. It is
            compared as text, never made anew. New accounts have V(*).
        type: str
      password_ageing:
        description:
          - How a password ages, in days, with the keys C(min_days), C(max_days), C(warn_days) and C(inactive_days). An
            empty mapping ends it. Nothing ages for who has no password, because an old one shuts keys out as well.
        type: dict
      sudo:
        description:
          - Rules of sudo, each a mapping with C(commands) (a list of absolute paths, or V(ALL)) and C(runas),
            C(runas_groups), C(nopasswd), C(noexec), C(setenv). An empty list takes all away.
          - The host's own C(visudo) judges them before anything is written. Nobody has any by default. Whoever can
            become root can read what others have on NFS.
        type: list
        elements: raw
      limits:
        description:
          - What the user's sessions and units may take together, with the keys C(cores), C(memory), C(tasks),
            C(processes), C(open_files) and C(sessions); V(0) is unlimited. An empty mapping takes all limits away.
        type: dict
      subids:
        description:
          - Whether the user has ranges in C(/etc/subuid) and C(/etc/subgid), for containers without root. They are
            derived from the number, so that they are the same on every host and never overlap.
        type: bool
      linger:
        description: Whether the user's units run without a session.
        type: bool
      environment:
        description:
          - Variables of login shells. No place for secrets. With O(users[].umask) in one file, which has what is named
            here and nothing else.
        type: dict
      umask:
        description: File mode mask of login shells, such as V("0027").
        type: str
      mail_alias:
        description: Where mail to the user goes, one address; empty for no alias.
        type: str
  user_defaults:
    description:
      - What holds for every user of whom O(users) says nothing. What most users have in common is better said here than
        with each of them, because Ansible takes longer over a request than the host over what is in it.
      - The keys C(limits) and C(environment) are taken as a whole from one or the other.
    type: dict
    suboptions:
      create_home:
        description: See O(users[].create_home). Without it homes are made.
        type: bool
      environment:
        description: See O(users[].environment).
        type: dict
      expires:
        description: See O(users[].expires).
        type: str
      home_mode:
        description: See O(users[].home_mode).
        type: str
      limits:
        description: See O(users[].limits).
        type: dict
      linger:
        description: See O(users[].linger).
        type: bool
      mail_alias:
        description: See O(users[].mail_alias).
        type: str
      password_ageing:
        description: See O(users[].password_ageing).
        type: dict
      shell:
        description: See O(users[].shell). Without it C(/bin/bash).
        type: str
      skel:
        description: See O(users[].skel).
        type: path
      subids:
        description: See O(users[].subids).
        type: bool
      umask:
        description: See O(users[].umask).
        type: str
  groups:
    description: Shared groups that are managed on the host.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Group name, same grammar as user names.
        type: str
        required: true
      gid:
        description: Number of the group; must lie in O(group_band).
        type: int
        required: true
      adopt:
        description: Take over a group that exists with this number.
        type: bool
        default: false
      sudo:
        description: Rules of sudo for the members, as in O(users[].sudo).
        type: list
        elements: raw
  owner:
    description:
      - Label under which the host records what this call made, such as V(research:lab-shared). Different owners on a
        host do not touch each other's accounts.
    type: str
    required: true
  band:
    description: Numbers that the users may have, such as V(5000-5999) or V(wide) (65536-99999).
    type: str
    required: true
  group_band:
    description: Numbers that shared groups may have.
    type: str
    default: 4000-4999
  guest_bands:
    description:
      - Further bands in which users may have their numbers, those of other profiles whose people are guests here under
        the number they have at home. See C(profile.guest_bands) of M(labfleet.identity.uid_allocation).
    type: list
    elements: str
    default: []
  orphans:
    description: What happens to accounts recorded for O(owner) that O(users) does not name.
    type: str
    choices: [report, disable, absent]
    default: report
  removal_cap:
    description: A run that would disable or remove more accounts than this is refused.
    type: int
    default: 3
  protected_users:
    description:
      - Users who are never disabled or removed. An orphan among them is reported, whatever O(orphans) says.
    type: list
    elements: str
    default: []
  pin_local_ids:
    description:
      - Lower C(UID_MAX) and C(GID_MAX) in C(/etc/login.defs), and C(LAST_UID) and C(LAST_GID) in C(/etc/adduser.conf),
        below the bands, so that C(useradd) never gives a local user a number of the ledger.
      - A host whose C(UID_MIN) lies above that is refused.
    type: bool
    default: false
  home_mode:
    description: Mode of the homes, made and existing ones. Without it new homes are made 0700 and others let be.
    type: str
  keys_directory:
    description: Root-owned directory of the key files, one per user.
    type: path
    default: /etc/ssh/authorized_keys.d
  skel:
    description: Directory whose content new homes get.
    type: path
    default: /etc/skel
  allow_privileged_groups:
    description: Let O(users[].groups) name groups whose members can become root, such as C(sudo) or C(docker).
    type: bool
    default: false
  lock_timeout:
    description: How long to wait, in seconds, while another program holds the lock of the account files.
    type: int
    default: 60
notes:
  - Runs as root.
  - Files that users have below C(/etc) begin with a line that says so, and are this module's alone.
  - A directory service (LDAP, sssd) is asked about new names and numbers where C(/etc/nsswitch.conf) names one.
seealso:
  - module: labfleet.identity.uid_allocation
"""

EXAMPLES = r"""
- name: Two researchers, as numbered by the ledger
  labfleet.identity.accounts:
    owner: research:personal-research
    band: 5000-5999
    groups:
      - {name: research, gid: 4444}
    users:
      - name: alice
        uid: 5238
        gecos: Alice Example
        groups: [research]
        keys:
          - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJLkzsTeGsbuDsHrmZVTNQmfzDxrtfqsBGTSJ7YM6hKU alice@laptop
      - name: bob
        uid: 5831
        state: disabled

- name: What else a user can have
  labfleet.identity.accounts:
    owner: research:personal-research
    band: 5000-5999
    users:
      - name: alice
        uid: 5238
        keys:
          - key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJLkzsTeGsbuDsHrmZVTNQmfzDxrtfqsBGTSJ7YM6hKU alice@laptop
            from: [192.0.2.0/24]
            expires: "2027-01-31"
        sudo:
          - {commands: [/usr/bin/systemctl restart jupyter], nopasswd: true}
        limits: {cores: 4, memory: 16G, tasks: 2000}
        subids: true
        umask: "0027"

- name: A template's service user
  labfleet.identity.accounts:
    owner: system
    band: 1000-4999
    users:
      - {name: researcher, uid: 1001, shell: /bin/bash, adopt: true}
"""

RETURN = r"""
receipt:
  description: What was done, or would be done in check mode, by name.
  returned: success
  type: dict
  contains:
    created:
      description: Users that were made.
      type: list
      elements: str
      sample: [alice]
    changed:
      description: For each user that existed, what changed.
      type: dict
      sample: {bob: ["shell /bin/sh -> /bin/bash", "keys +1 -1"]}
    disabled:
      description: Users that were closed.
      type: list
      elements: str
    removed:
      description: Users taken out of the account files.
      type: list
      elements: str
    groups:
      description: What changed about shared groups.
      type: list
      elements: str
    host:
      description: What changed about the host's own number ranges.
      type: list
      elements: str
    orphans:
      description: Accounts recorded for the owner that O(users) does not name, whatever O(orphans) says.
      type: list
      elements: str
    files:
      description: Configuration and account files that were replaced.
      type: list
      elements: str
      sample: [/etc/group, /etc/gshadow, /etc/passwd, /etc/shadow]
"""

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._run import bring_about
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule


def main() -> None:
    """Read the arguments, act, answer."""
    user = {
        "name": {"type": "str", "required": True},
        "uid": {"type": "int", "required": True},
        "gid": {"type": "int"},
        "group": {"type": "str"},
        "gecos": {"type": "str"},
        "home": {"type": "str"},
        "create_home": {"type": "bool"},
        "shell": {"type": "str"},
        "groups": {"type": "list", "elements": "str"},
        "keys": {"type": "list", "elements": "raw", "no_log": False},
        "state": {"type": "str", "choices": ["present", "disabled", "absent"], "default": "present"},
        "expires": {"type": "str"},
        "adopt": {"type": "bool", "default": False},
        "selected": {"type": "bool", "default": True},
        "formerly": {"type": "list", "elements": "str"},
        "home_mode": {"type": "str"},
        "skel": {"type": "path"},
        "password": {"type": "str", "no_log": True},
        "password_ageing": {"type": "dict", "no_log": False},
        "sudo": {"type": "list", "elements": "raw"},
        "limits": {"type": "dict"},
        "subids": {"type": "bool"},
        "linger": {"type": "bool"},
        "environment": {"type": "dict"},
        "umask": {"type": "str"},
        "mail_alias": {"type": "str"},
    }
    defaults = {
        name: user[name]
        for name in (
            "create_home",
            "environment",
            "expires",
            "home_mode",
            "limits",
            "linger",
            "mail_alias",
            "password_ageing",
            "shell",
            "skel",
            "subids",
            "umask",
        )
    }
    group = {
        "name": {"type": "str", "required": True},
        "gid": {"type": "int", "required": True},
        "adopt": {"type": "bool", "default": False},
        "sudo": {"type": "list", "elements": "raw"},
    }
    module = QuietModule(
        argument_spec={
            "users": {"type": "list", "elements": "dict", "options": user, "default": []},
            "user_defaults": {"type": "dict", "options": defaults},
            "groups": {"type": "list", "elements": "dict", "options": group, "default": []},
            "owner": {"type": "str", "required": True},
            "band": {"type": "str", "required": True},
            "group_band": {"type": "str", "default": "4000-4999"},
            "guest_bands": {"type": "list", "elements": "str", "default": []},
            "orphans": {"type": "str", "choices": ["report", "disable", "absent"], "default": "report"},
            "removal_cap": {"type": "int", "default": 3},
            "protected_users": {"type": "list", "elements": "str", "default": []},
            "pin_local_ids": {"type": "bool", "default": False},
            "home_mode": {"type": "str"},
            "keys_directory": {"type": "path", "default": "/etc/ssh/authorized_keys.d", "no_log": False},
            "skel": {"type": "path", "default": "/etc/skel"},
            "allow_privileged_groups": {"type": "bool", "default": False},
            "lock_timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )

    def run_command(command: list[str]) -> object:
        return module.run_command(command, handle_exceptions=False)

    try:
        result = bring_about(module.params, module.check_mode, run_command)
    except IdentityError as error:
        module.fail_json(msg=str(error))
    for warning in result.pop("warnings"):
        module.warn(warning)
    # the request came from the controller: it is not sent back
    module.exit_json(invocation={"module_args": {"owner": module.params["owner"]}}, **result)


if __name__ == "__main__":
    main()
