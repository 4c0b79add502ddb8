#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin face of module_utils/_jupyter/_run.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyter_servers
short_description: Give users of a host a JupyterLab server each
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Makes one virtual environment with JupyterLab below C(/opt/labfleet/jupyter), of pinned packages whose hashes are
    checked, and one service C(jupyter-USER.service) for each user, which runs as that user.
  - A server listens on the UNIX socket C(/run/jupyter/USER/jupyter.sock), which only its user can reach, and asks for a
    token. It talks with its kernels through such sockets as well. There is no debugger for them, since that listens on
    a port and asks nobody who they are.
  - Tokens are made on the host, unless one is given, and are in root-only files below C(/etc/labfleet/jupyter/tokens).
    A server gets its own as a credential of systemd. The user finds it with the command C(labfleet-jupyter).
  - A service runs in the slice of its user, so that the limits of M(labfleet.identity.accounts) hold, and stops with
    it. PAM is asked before each start, and a closed or expired account gets no server.
  - Environments are never changed. Other pins make another one, servers go over to it when they are started, and the
    old one is removed when nothing runs from it any more.
  - Users who are no longer among O(users) lose service and token. Nothing in a home is touched.
  - All servers are started at the same time. When one of them does not start, which what its user keeps in the home can
    bring about, everything else is done, and then the module fails and names the user in RV(not_started).
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - Accounts that are not there are taken for accounts that the play makes first, and a missing C(python3-venv) for
        a package that it installs first.
  diff_mode:
    description: Will return details on what has changed, or will change in C(check_mode).
    support: full
    details:
      - Tokens are never among them.
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
    details:
      - A run that was cut short is completed by the next one, which restarts what has to be.
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
options:
  state:
    description:
      - V(present) gives exactly O(users) a server. V(absent) removes everything that this module made.
    type: str
    choices: [present, absent]
    default: present
  users:
    description:
      - Who has a server. Each is a name, or a mapping of C(name) and C(limits).
      - C(limits) of this server alone, in the words of the C(limits) of M(labfleet.identity.accounts). C(processes)
        counts whatever the user runs. C(sessions) has no meaning here.
    type: list
    elements: raw
    default: []
  tokens:
    description:
      - Tokens by name, for users whose token is not to be made on the host.
      - A token has 16 to 128 letters, digits, C(_) and C(-).
    type: dict
    default: {}
  limits:
    description:
      - Limits of the servers of users who have none of their own.
    type: dict
    default: {}
  requirements:
    description:
      - The text of a requirements file of pip, with hashes of everything that is installed. Required with users.
    type: str
    default: ""
  wheels:
    description:
      - A directory on the host with all the wheels. No index is asked then.
      - Those that O(requirements) names are copied to where only root reaches them, and pip sees the copies alone. A
        link in place of a wheel is refused.
    type: path
  index_url:
    description:
      - The package index. Without it and without O(wheels), pip of the host knows which.
    type: str
  python:
    description:
      - The Python of the environment, 3.11 to 3.13, with C(ensurepip) (Debian has it in C(python3-venv)).
    type: path
    default: /usr/bin/python3
  ssh_host:
    description:
      - The name that users reach this host by over SSH, for the line that C(labfleet-jupyter) prints. Empty for the
        name that the host has for itself.
    type: str
    default: ""
  restart:
    description:
      - Whether running servers are restarted when something of theirs changed, which ends their kernels. Otherwise they
        are named in RV(restart_due), and a later run with V(true) restarts them.
    type: bool
    default: true
requirements:
  - root and systemd 252 or newer on the host
seealso:
  - module: labfleet.identity.accounts
"""

EXAMPLES = r"""
- name: Give two users a server, from wheels that are on the host
  labfleet.identity.jupyter_servers:
    users:
      - alice
      - {name: bob, limits: {cores: 2, memory: 4G}}
    requirements: "{{ lookup('ansible.builtin.file', 'requirements.txt') }}"
    wheels: /srv/wheels

- name: Remove all of it
  labfleet.identity.jupyter_servers:
    state: absent
"""

RETURN = r"""
environment:
  description: The virtual environment of the servers, empty when nobody has one.
  type: str
  returned: success
  sample: /opt/labfleet/jupyter/5d41402abc4b2a76
built:
  description: Whether it was made, or would be made in check mode.
  type: bool
  returned: success
started:
  description: Users whose server did not run.
  type: list
  elements: str
  returned: success
restarted:
  description: Users whose server was restarted.
  type: list
  elements: str
  returned: success
not_started:
  description: Users whose server should have started and did not, with a sentence each that says what to do.
  type: dict
  returned: success, or failure because of them
  sample: {}
restart_due:
  description: Users whose server has to be restarted, and was not because of O(restart).
  type: list
  elements: str
  returned: success
closed:
  description: Users who have no running server because their account has expired or is disabled.
  type: list
  elements: str
  returned: success
removed:
  description: Units that were stopped and removed.
  type: list
  elements: str
  returned: success
  sample: [jupyter-carol.service]
pruned:
  description: Old environments that were removed, if nothing ran from them.
  type: list
  elements: str
  returned: success
"""

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._environment import Pins
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._request import check_address, parse_servers
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._run import apply, diffs, plan, plan_absence
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule


def main() -> None:
    """Read the arguments, act, answer."""
    module = QuietModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "users": {"type": "list", "elements": "raw", "default": []},
            "tokens": {"type": "dict", "default": {}, "no_log": True},
            "limits": {"type": "dict", "default": {}},
            "requirements": {"type": "str", "default": ""},
            "wheels": {"type": "path"},
            "index_url": {"type": "str", "no_log": True},
            "python": {"type": "path", "default": "/usr/bin/python3"},
            "ssh_host": {"type": "str", "default": ""},
            "restart": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    params = module.params

    def run(command: list[str], variables: dict[str, str]) -> tuple[int, str, str]:
        answer: tuple[int, str, str] = module.run_command(
            command, environ_update={"LC_ALL": "C.UTF-8", **variables}, umask=0o022, cwd="/"
        )
        return answer

    pins = Pins(params["requirements"], params["python"], params["wheels"] or "", params["index_url"] or "")
    try:
        if params["state"] == "absent":
            planned = plan_absence()
        else:
            servers = parse_servers(params["users"], params["tokens"], params["limits"])
            host = check_address(params["ssh_host"])
            planned = plan(servers, pins, host, params["restart"], module.check_mode, run)
        silent = apply(planned, pins, run) if planned.changed and not module.check_mode else {}
    except IdentityError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="the system cut the run short (%s): mend the cause and run again to complete it" % error)
    for name in planned.failing:
        module.warn("jupyter-%s.service ends again and again: see 'journalctl -u jupyter-%s'" % (name, name))
    answer = {
        "changed": planned.changed,
        "environment": planned.environment,
        "built": planned.builds,
        "started": [name for name in planned.started if name not in silent],
        "restarted": [name for name in planned.restarted if name not in silent],
        "not_started": silent,
        "restart_due": list(planned.due),
        "closed": list(planned.closed),
        "removed": list(planned.stopped),
        "pruned": list(planned.pruned),
        "diff": diffs(planned),
    }
    if silent:
        module.fail_json(msg="%s. Everything else is done." % "; ".join(silent.values()), **answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
