#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin face of module_utils/_ssh/_sshd_dropin.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sshd_dropin
short_description: Put one drop-in file of sshd in place without locking anybody out
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
  - After the file is written sshd judges it in place and is reloaded. When either fails the old file comes back.
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
    type: str
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
reloaded:
  description: The unit that was reloaded (in check mode, that would be). Empty when nothing had to be reloaded.
  type: str
  returned: success
  sample: ssh.service
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_dropin import Host, apply, plan

_PROGRAM_DIRECTORIES = ["/usr/local/sbin", "/usr/sbin", "/sbin"]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/etc/ssh/sshd_config.d/10-labfleet.conf"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "content": {"type": "str"},
            "service": {"type": "list", "elements": "str", "default": ["ssh", "sshd"]},
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
        config=params["config"],
    )
    try:
        content = params["content"] if params["state"] == "present" else None
        planned = plan(host, params["path"], content, params["service"])
        if planned.changed and not module.check_mode:
            apply(host, planned)
    except IdentityError as error:
        module.fail_json(msg=str(error))
    if planned.changed and planned.warning:
        module.warn(planned.warning)
    module.exit_json(
        changed=planned.changed,
        file=planned.path,
        reloaded=planned.unit,
        diff={
            "before": (planned.old or b"").decode(errors="replace"),
            "after": (planned.new or b"").decode(errors="replace"),
            "before_header": planned.path,
            "after_header": planned.path,
        },
    )


if __name__ == "__main__":
    main()
