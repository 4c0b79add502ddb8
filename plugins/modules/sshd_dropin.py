#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin face of module_utils/_ssh/_sshd_dropin.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sshd_dropin
short_description: Put a drop-in of sshd and its lists of keys in place without locking anybody out
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Writes one file below C(/etc/ssh/sshd_config.d) and reloads sshd, in one remote call.
  - Before anything is written, sshd itself judges a private copy of its whole configuration with the new drop-in in it,
    in check mode as well.
  - Refuses a drop-in that sshd would not accept, that the main configuration does not read, or whose
    C(AuthorizedKeysFile) would have no effect because an earlier line wins.
  - Refuses to take away the last way in of a local account, be it a key file or a password, and to make sshd read
    keys from homes on a host where it did not.
  - Refuses to take the last way in from the user the run came in as, be it by a key that is to be revoked, by a
    drop-in that is taken away, or by a key that no longer signs certificates. Warns when the last key of another
    account that is no research user is revoked.
  - After the file is written sshd judges it in place and is reloaded. When either fails the old files come back.
  - sshd reads the lists of keys in O(files) anew for every login, so a change of these alone needs no reload.
options:
  path:
    description:
      - The drop-in. Names are read in alphabetical order, and the first value of a setting wins.
    type: path
    default: /etc/ssh/sshd_config.d/10-labfleet.conf
  state:
    description:
      - V(present) writes O(content), V(absent) removes the file.
    type: str
    choices: [present, absent]
    default: present
  content:
    description:
      - The whole text of the file. Required with O(state=present).
      - Lines with C(RevokedKeys) or C(TrustedUserCAKeys) and the path of a file of O(files) that has no keys are left
        out, since for a list of revoked keys that is not there sshd refuses every key.
    type: str
  files:
    description:
      - Files of public keys that the drop-in names. They are written before it, with mode V(0644) and owner root, and
        removed when sshd no longer has their name. One that others than root could change is written anew.
      - With O(state=absent) all of them are removed.
      - Where no service is known that could be reloaded, a file is emptied instead, which lets sshd go on.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - The absolute path of the file, in a directory that only root can change.
        type: str
        required: true
      kind:
        description:
          - V(revoked_keys) for what C(RevokedKeys) names. It has to be above every C(Match) of the drop-in, and there
            must be no other such list on the host.
          - V(user_ca_keys) for what C(TrustedUserCAKeys) names.
        type: str
        choices: [revoked_keys, user_ca_keys]
        required: true
      keys:
        description:
          - Public key lines, each without options. Order and repetition do not matter.
          - RSA has at least 3072 bits; to be revoked, 1024 are enough.
          - Left out, the file stays as it is. An empty list removes it.
        type: list
        elements: str
  service:
    description:
      - Names of the systemd service, without C(.service). The first one that is active is reloaded.
      - Where none is active but a socket unit of such a name is, nothing has to be reloaded.
    type: list
    elements: str
    default: [ssh, sshd]
  config:
    description:
      - The main configuration of sshd.
    type: path
    default: /etc/ssh/sshd_config
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - Everything that is refused in a run is refused in check mode too.
  diff_mode:
    description: Will return details on what has changed, or in C(check_mode) would change, when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row with the same arguments, the second invocation indicates no change.
    support: full
    details:
      - A run that was killed between writing and reloading is completed by the next one, which then reports a change.
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
requirements:
  - OpenSSH 8.2 or newer on the host, for C(Include)
  - root on the host
seealso:
  - module: labfleet.identity.accounts
"""

EXAMPLES = r"""
- name: Let sshd read keys that root owns, for everybody
  labfleet.identity.sshd_dropin:
    content: |
      AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2 /etc/ssh/authorized_keys.d/%u

- name: Make a key worthless on this host, wherever it is put
  labfleet.identity.sshd_dropin:
    content: |
      RevokedKeys /etc/ssh/labfleet_revoked_keys
    files:
      - path: /etc/ssh/labfleet_revoked_keys
        kind: revoked_keys
        keys:
          - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4mCGgGRrZ1AUCGKTRBBWIsJVYXFALhTGHzjvlJfw4i lost laptop of alice

- name: Take the drop-in away
  labfleet.identity.sshd_dropin:
    state: absent
"""

RETURN = r"""
file:
  description: The drop-in.
  type: str
  returned: success
  sample: /etc/ssh/sshd_config.d/10-labfleet.conf
files:
  description: The files of keys that are there or were, as they are after the run.
  type: list
  elements: dict
  returned: success
  contains:
    path:
      description: The file.
      type: str
    count:
      description: How many keys it has; V(0) where it is gone.
      type: int
    changed:
      description: Whether it was written or removed.
      type: bool
  sample:
    - path: /etc/ssh/labfleet_revoked_keys
      count: 1
      changed: true
reloaded:
  description: The unit that was reloaded (in check mode, that would be). Empty when nothing had to be reloaded.
  type: str
  returned: success
  sample: ssh.service
"""

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_dropin import (
    Host,
    apply,
    diffs,
    files_report,
    plan,
)

_PROGRAM_DIRECTORIES = ["/usr/local/sbin", "/usr/sbin", "/sbin"]


def main() -> None:
    module = QuietModule(
        argument_spec={
            "path": {"type": "path", "default": "/etc/ssh/sshd_config.d/10-labfleet.conf"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "content": {"type": "str"},
            "service": {"type": "list", "elements": "str", "default": ["ssh", "sshd"]},
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": {"type": "str", "required": True},
                    "kind": {"type": "str", "choices": ["revoked_keys", "user_ca_keys"], "required": True},
                    "keys": {"type": "list", "elements": "str", "no_log": False},
                },
            },
            "config": {"type": "path", "default": "/etc/ssh/sshd_config"},
        },
        required_if=[("state", "present", ["content"])],
        supports_check_mode=True,
    )
    params = module.params
    host = Host(
        run=lambda command: module.run_command(command, environ_update={"LC_ALL": "C"}),
        sshd=module.get_bin_path("sshd", opt_dirs=_PROGRAM_DIRECTORIES) or "",
        systemctl=module.get_bin_path("systemctl") or "",
        keygen=module.get_bin_path("ssh-keygen") or "",
        config=params["config"],
    )
    try:
        content = params["content"] if params["state"] == "present" else None
        planned = plan(host, params["path"], content, params["service"], params["files"])
        if planned.changed and not module.check_mode:
            apply(host, planned)
    except IdentityError as error:
        module.fail_json(msg=str(error))
    for warning in planned.warnings if planned.changed else ():
        module.warn(warning)
    module.exit_json(
        changed=planned.changed,
        file=planned.path,
        files=files_report(planned.files),
        reloaded=planned.unit,
        diff=diffs(planned),
    )


if __name__ == "__main__":
    main()
