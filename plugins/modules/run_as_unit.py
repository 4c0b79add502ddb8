#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin face of module_utils/_run_as/_run.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_as_unit
short_description: Run one command as a user of the host, closed in by systemd
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - The host's part of M(labfleet.identity.run_as), which checks a portal's token first and says who is meant. Use that
    one. This module trusts what it is told, as every module does that becomes root.
  - Runs O(argv) as O(account) in a transient unit of systemd, in the user's slice, so that the limits of
    M(labfleet.identity.accounts) hold. PAM is asked whether the account is open.
  - The command gets no new privileges, no capabilities, directories for temporary files of its own, and can write to
    nothing but the directories that are mapped. The first program in the unit looks whether all of that is in force,
    and runs nothing otherwise.
  - The command gets its words as they are. No shell reads them, and no environment but what is said here.
  - Writes a line to the log (facility C(auth), name C(labfleet-run)) when a run begins, ends or is refused.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - Checks everything that can be checked without starting the unit.
  diff_mode:
    description: Will return details on what has changed, or will change in C(check_mode).
    support: none
  idempotent:
    description: A second run with the same options changes nothing.
    support: partial
    details:
      - A command is run whenever it is asked for. O(state=absent) is idempotent.
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
options:
  state:
    description:
      - V(present) runs the command. V(absent) ends all runs of the host and removes what was written for them.
    type: str
    choices: [present, absent]
    default: present
  account:
    description: The account that runs the command. It has to be one that the host records for O(owner).
    type: str
  uid:
    description: The number of the account in the ledger.
    type: int
  owner:
    description: Whose the account is in the host's record, such as V(research:lab).
    type: str
  issuer:
    description: The portal that speaks for the user.
    type: str
  subject:
    description: What the portal calls the user.
    type: str
  run:
    description: 32 digits of a hash that name this run and no other.
    type: str
  identity:
    description: 32 digits of a hash that name the external identity and no other.
    type: str
  shared:
    description:
      - Whether the account is one that several external identities run commands as. Each identity gets a directory of
        its own below C(/var/lib/labfleet/jobs/ACCOUNT), which is all that its commands can write to, and their home.
      - Such an account is refused when it has a login shell, a password, keys, rules of sudo, jobs of cron or at, or is
        in a group of the system.
    type: bool
    default: false
  argv:
    description: The program and its arguments. A name without a slash is looked for in C(PATH).
    type: list
    elements: str
    default: []
  environment:
    description: Variables of the command. Values are text.
    type: dict
    default: {}
  chdir:
    description: Where the command begins. The first mapped directory without it.
    type: str
  directories:
    description:
      - Directories that the command sees and may write to, in the place of the home. Each belongs to the account and
        lies in a directory that only root can change.
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
        C(/run/rstudio-server), C(/run/screen)) always are. Those that are not there are left out.
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
      - Protections that the host may lack. RV(without) says which of them it lacked. All others are needed.
      - V(other_processes) lets a command run on a host with a systemd before 257 while the account has a process
        outside of jobs, a login for example. Through such a process a command gets out of what closes it in.
    type: list
    elements: str
    choices: [keyring, message_bus, metadata, namespaces, other_processes]
    default: []
  remove_jobs:
    description:
      - Whether O(state=absent) removes the job directories of shared accounts, with everything in them.
    type: bool
    default: false
requirements:
  - root, systemd 252 or newer and the system's own Python 3.8 or newer on the host
seealso:
  - module: labfleet.identity.run_as
"""

EXAMPLES = r"""
- name: Remove from a host what runs of portals need
  labfleet.identity.run_as_unit:
    state: absent
    remove_jobs: true
"""

RETURN = r"""
unit:
  description: The unit that ran the command.
  type: str
  returned: when O(state=present)
  sample: labfleet-run-0123456789abcdef0123456789abcdef.service
account:
  description: The account that ran it.
  type: str
  returned: when O(state=present)
  sample: alice
uid:
  description: Its number.
  type: int
  returned: when O(state=present)
  sample: 5238
directories:
  description: What the command could write to.
  type: list
  elements: str
  returned: when O(state=present)
  sample: [/home/alice]
written:
  description: Files of the host that were not as runs need them, and are now.
  type: list
  elements: str
  returned: when O(state=present)
  sample: [/etc/pam.d/labfleet-run]
removed:
  description: What went.
  type: list
  elements: str
  returned: when O(state=absent)
rc:
  description: The exit status of the command, 128 and the number of the signal when one ended it.
  type: int
  returned: when the command was run
  sample: 0
signal:
  description: The signal that ended the command, else empty.
  type: str
  returned: when the command was run
  sample: SIGKILL
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

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._account import Places
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._host import prepare, take_away
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import MAY_BE_MISSING, parse_job
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._run import (
    in_words,
    look,
    run_job,
    tell_refusal,
)

NEEDED = ["account", "uid", "owner", "issuer", "subject", "run", "identity", "argv"]


def main() -> None:
    """Read the arguments, act, answer."""
    module = QuietModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "account": {"type": "str"},
            "uid": {"type": "int"},
            "owner": {"type": "str"},
            "issuer": {"type": "str"},
            "subject": {"type": "str"},
            "run": {"type": "str"},
            "identity": {"type": "str"},
            "shared": {"type": "bool", "default": False},
            "argv": {"type": "list", "elements": "str", "default": []},
            "environment": {"type": "dict", "default": {}},
            "chdir": {"type": "str"},
            "directories": {"type": "list", "elements": "str", "default": []},
            "shared_directories": {"type": "list", "elements": "str", "default": []},
            "hidden": {
                "type": "list",
                "elements": "str",
                "default": ["/efs", "/media", "/mnt", "/scratch", "/srv"],
            },
            "timeout": {"type": "int", "default": 600},
            "max_output": {"type": "int", "default": 1048576},
            "without": {"type": "list", "elements": "str", "choices": list(MAY_BE_MISSING), "default": []},
            "remove_jobs": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", NEEDED)],
        supports_check_mode=True,
    )
    params = module.params

    def run(command: list[str]) -> tuple[int, str, str]:
        answer: tuple[int, str, str] = module.run_command(command, environ_update={"LC_ALL": "C.UTF-8"}, cwd="/")
        return answer

    result = {}
    job = None
    try:
        if params["state"] == "absent":
            gone = take_away(run, params["remove_jobs"], module.check_mode)
            result = {"changed": bool(gone), "removed": gone}
        else:
            job = parse_job(params)
            ready = look(job, run, Places(), not module.check_mode)
            result = {
                "changed": True,
                "unit": job.unit,
                "account": job.account,
                "uid": job.uid,
                "directories": [one.path for one in ready.mapped],
                "written": prepare(module.check_mode),
            }
            if not module.check_mode:
                result.update(run_job(job, ready, run))
    except IdentityError as error:
        if job is not None and not module.check_mode:
            tell_refusal(job, error)
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="the system cut the run short (%s): mend the cause and run again" % error)
    if result.get("rc") or result.get("timed_out"):
        module.fail_json(msg=in_words(result), **result)
    # what was asked is not sent back
    module.exit_json(invocation={"module_args": {}}, **result)


if __name__ == "__main__":
    main()
