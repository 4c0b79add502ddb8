#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin face of module_utils/_rstudio/_server.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rstudio_server
short_description: Configure RStudio Server so that only the right people get in, each within their own limits
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Writes C(/etc/rstudio/rserver.conf), C(/etc/rstudio/rsession.conf), the key of its cookies, the PAM service
    C(rstudio), a drop-in of C(rstudio-server.service) and the two small programs that put a session into the slice of
    its user, in one remote call. It knows the settings of the open source edition only.
  - Works before the package is installed as well. A package starts its server while it is installed, and this server
    then has these settings from its first second on.
  - The server itself judges a private copy of its configuration before the file is replaced, in check mode as well.
  - The server is restarted only when something changed that it reads at its start. Sessions are not touched by that,
    since they do not run in its unit. When it does not start, the files that were there come back.
  - A server whose user does not exist goes on as root. That is refused.
  - The key of the cookies is made on the host and never leaves it. One that others could read is made anew.
options:
  state:
    description:
      - V(absent) stops and disables the server, takes the files away, and gives back those that were there before.
    type: str
    choices: [present, absent]
    default: present
  groups:
    description:
      - Members of any of these groups may sign in. Required with O(state=present).
    type: list
    elements: str
    default: []
  minimum_uid:
    description:
      - Accounts with a lower number may not sign in, whatever group they are in. Never V(0).
    type: int
    default: 1000
  address:
    description:
      - Where the server listens. It speaks HTTP without encryption, so only V(127.0.0.1) and V(::1) are accepted.
    type: str
    default: 127.0.0.1
  port:
    description:
      - The port, from V(1024) on.
    type: int
    default: 8787
  origins:
    description:
      - Host names under which a proxy shows the server to browsers. Requests of pages from elsewhere are refused.
    type: list
    elements: str
    default: []
  behind_tls:
    description:
      - Whether people reach the server through HTTPS, so that its cookies are for HTTPS only.
    type: bool
    default: false
  server_user:
    description:
      - The system user that the server runs as between requests. The package makes V(rstudio-server).
    type: str
    default: rstudio-server
  sign_in_minutes:
    description:
      - After this time without a request people have to sign in again.
    type: int
    default: 60
  session_minutes:
    description:
      - After this time without a request a session is suspended to disk. V(0) means never.
    type: int
    default: 120
  session_settings:
    description:
      - More settings of C(rsession.conf), such as C(limit-file-upload-size-mb). Others than those of a list of known
        ones are refused; the message names the known ones.
    type: dict
    default: {}
  r_program:
    description:
      - The path of R. Empty lets the server look for it.
    type: path
  homes:
    description:
      - Directories that have to be mounted before the server starts.
    type: list
    elements: path
    default: [/home]
  reaches:
    description:
      - Addresses and networks that the server itself may reach beside the host, such as those of an LDAP server that
        PAM asks. Sessions are not bound by this.
    type: list
    elements: str
    default: []
  limits:
    description:
      - What the server itself may consume; C(cores), C(memory), C(memory_soft) and C(tasks) as in
        O(labfleet.identity.accounts#module:users[].limits). Sessions have the limits of their users.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - Everything that is refused in a run is refused in check mode too, except a start that fails.
  diff_mode:
    description: Will return details on what has changed, or in C(check_mode) would change, when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row with the same arguments, the second invocation indicates no change.
    support: full
    details:
      - A run that was killed between writing and restarting is completed by the next one, which then reports a change.
  platform:
    description: Target OS that can be operated against.
    platforms: debian
    support: full
requirements:
  - root on the host
seealso:
  - module: labfleet.identity.accounts
"""

EXAMPLES = r"""
- name: Let the research users in, and nobody else
  labfleet.identity.rstudio_server:
    groups: [research]
    homes: [/efs/home]

- name: Take everything of it away
  labfleet.identity.rstudio_server:
    state: absent
"""

RETURN = r"""
files:
  description: Paths of the files that were written or removed (in check mode, that would be).
  type: list
  elements: str
  returned: success
  sample: [/etc/rstudio/rserver.conf]
actions:
  description: What was done to the unit (in check mode, what would be), in order.
  type: list
  elements: str
  returned: success
  sample: [daemon-reload, restart]
"""

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule
from ansible_collections.labfleet.identity.plugins.module_utils._rstudio._server import (
    Host,
    apply,
    changed_files,
    diffs,
    plan,
)
from ansible_collections.labfleet.identity.plugins.module_utils._rstudio._settings import parse_settings


def main() -> None:
    module = QuietModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "groups": {"type": "list", "elements": "str", "default": []},
            "minimum_uid": {"type": "int", "default": 1000},
            "address": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "default": 8787},
            "origins": {"type": "list", "elements": "str", "default": []},
            "behind_tls": {"type": "bool", "default": False},
            "server_user": {"type": "str", "default": "rstudio-server"},
            "sign_in_minutes": {"type": "int", "default": 60},
            "session_minutes": {"type": "int", "default": 120},
            "session_settings": {"type": "dict", "default": {}},
            "r_program": {"type": "path"},
            "homes": {"type": "list", "elements": "path", "default": ["/home"]},
            "reaches": {"type": "list", "elements": "str", "default": []},
            "limits": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    host = Host(
        run=lambda command: module.run_command(command, environ_update={"LC_ALL": "C"}),
        systemctl=module.get_bin_path("systemctl") or "",
    )
    try:
        settings = parse_settings(module.params) if module.params["state"] == "present" else None
        planned = plan(host, settings)
        if planned.changed and not module.check_mode:
            apply(host, planned)
    except IdentityError as error:
        module.fail_json(msg=str(error))
    for warning in planned.warnings:
        module.warn(warning)
    module.exit_json(
        changed=planned.changed, files=changed_files(planned), actions=list(planned.actions), diff=diffs(planned)
    )


if __name__ == "__main__":
    main()
