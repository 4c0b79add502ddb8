# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: template
short_description: What a template says, with all that it inherits
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Reads the template of a kind of machine, C(NAME.yml), and those that it extends, and returns everything they say
    together, merged, checked and with the defaults filled in.
  - The files are data. What looks like a Jinja expression in them stays text.
  - A template is resolved once in a run, however many hosts ask for it.
  - Anything wrong in one of the files is an error that names the file, the key, the reason and the way out.
options:
  _terms:
    description: The names of the templates.
    type: list
    elements: str
    required: true
  directories:
    description:
      - Directories on the controller that are searched before the templates of the collection, in this order.
      - A template that is found in one of them stands in front of one of the same name that comes later, and can
        extend it by its own name.
    type: list
    elements: str
    default: []
    vars:
      - name: template_directories
  phase:
    description:
      - How far a lab has come in letting research users run the services of its machines.
      - V(parallel). Research users have accounts beside the system users, and services stay with the system user.
      - V(opt_in). The same, and those whom V(template_research_opt_in) chooses on a host run their own services.
      - V(default). Everybody who is selected on a host has an account and runs their own services.
      - A template whose C(primary_user) is a system user keeps its services with that one in every phase.
    type: str
    choices: [parallel, opt_in, default]
    default: default
    vars:
      - name: template_research_phase
  band:
    description: The numbers that system users and their groups may have, inside V(1000-4999).
    type: str
    default: 1000-3999
    vars:
      - name: system_users_band
seealso:
  - module: labfleet.identity.accounts
"""

EXAMPLES = r"""
- name: Show what a template says
  ansible.builtin.debug:
    msg: "{{ lookup('labfleet.identity.template', 'python-ml', directories=[inventory_dir ~ '/../templates']) }}"
"""

RETURN = r"""
_raw:
  description: What each template says, in the order of the names.
  type: list
  elements: dict
  contains:
    name:
      description: The name of the template.
      type: str
    files:
      description: The file of the template, that of the one it extends, and so on.
      type: list
      elements: str
    description:
      description: What kind of machine it is for.
      type: str
    packages:
      description: Packages to install.
      type: list
      elements: str
    services:
      description: Services with C(name), C(state) and C(enabled).
      type: list
      elements: dict
    system_users:
      description: System users, as O(labfleet.identity.accounts#module:users) wants them.
      type: list
      elements: dict
    system_groups:
      description: Their groups, as O(labfleet.identity.accounts#module:groups) wants them.
      type: list
      elements: dict
    shared_directories:
      description: Local directories of groups, with C(path), C(group) and C(mode).
      type: list
      elements: dict
    research_user:
      description: The block of the same name with its defaults, empty for a template without it.
      type: dict
    jupyter:
      description: What the role P(labfleet.identity.jupyter#role) is told.
      type: dict
    rstudio:
      description: What the role P(labfleet.identity.rstudio#role) is told.
      type: dict
    resource_limits:
      description: What the role P(labfleet.identity.resource_limits#role) is told.
      type: dict
    roles:
      description: Which of these three roles the template has a block for, if only an empty one.
      type: list
      elements: str
    phase:
      description: The phase that was asked for.
      type: str
    variables:
      description:
        - The same in the words of the roles, by the names of their variables. What the template is silent about is
          not in it.
      type: dict
    service_owners:
      description: Who runs the services that people use.
      type: dict
      contains:
        system_user:
          description: The system user that runs them, empty for none.
          type: str
        people:
          description: Which research users run their own; V(none), V(opted_in) or V(all). Empty without the block.
          type: str
  sample:
    - name: python-ml
      files: [/srv/lab/templates/python-ml.yml]
      description: ""
      packages: [git]
      services: [{name: cron, state: started, enabled: true}]
      system_users: [{name: researcher, uid: 1001}]
      system_groups: []
      shared_directories: []
      research_user: {}
      jupyter: {}
      rstudio: {}
      resource_limits: {}
      roles: []
      phase: default
      variables: {system_users_accounts: [{name: researcher, uid: 1001}]}
      service_owners: {system_user: "", people: ""}
"""

import os
from typing import TYPE_CHECKING

from ansible import constants
from ansible.errors import AnsibleTemplatePluginError
from ansible.plugins.lookup import LookupBase

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import file_mark
from ansible_collections.labfleet.identity.plugins.module_utils._templates._bind import (
    check_phase,
    role_variables,
    service_owners,
)
from ansible_collections.labfleet.identity.plugins.module_utils._templates._document import check_template_name
from ansible_collections.labfleet.identity.plugins.module_utils._templates._resolve import resolve
from ansible_collections.labfleet.identity.plugins.module_utils._templates._whole import system_band
from ansible_collections.labfleet.identity.plugins.plugin_utils._run_cache import kept_for_the_run

if TYPE_CHECKING:
    from typing import Any

OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "templates")
MOST_BYTES = 2**20
TIMEOUT = 60


class LookupModule(LookupBase):
    """The lookup, as Ansible looks for it."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """One mapping a template."""
        options: Any = self  # the base class has no types
        options.set_options(var_options=variables, direct=kwargs)
        try:
            phase = check_phase(plain(options.get_option("phase")))
            directories = [*map(_directory, plain(options.get_option("directories"))), OURS]
            band = plain(options.get_option("band"))
            return [_template(name, directories, phase, band) for name in plain(terms)]
        except IdentityError as error:
            # the sentence says it all; Ansible would add the words of what is behind it
            raise AnsibleTemplatePluginError(str(error)) from None


def _template(name: Any, directories: list[str], phase: str, band: str) -> dict[str, Any]:
    """The template, resolved by whoever asks first in a run."""
    check_template_name(name)
    numbers = system_band(band)

    def find() -> tuple[dict[str, Any], dict[str, Any]]:
        found = resolve(name, directories, _read, numbers)
        bound = {"variables": role_variables(found, phase), "service_owners": service_owners(found, phase)}
        answer = {**found, "phase": phase, **bound}
        return answer, answer

    question = ["template", name, [_marks(directory) for directory in directories], phase, band]
    return kept_for_the_run(str(vars(constants)["DEFAULT_LOCAL_TMP"]), question, find, TIMEOUT)


def _read(path: str) -> str | None:
    """The text of a file, None when there is none."""
    if not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise IdentityError(f"The template {path} has more than {MOST_BYTES} bytes, which no template needs.")
        return data.decode("utf-8")
    except (OSError, UnicodeError) as error:
        raise IdentityError(f"The template {path} cannot be read: {error}.") from error


def _directory(path: Any) -> str:
    if not isinstance(path, str) or not path:
        raise IdentityError(f"The template directory {quoted(path)} is not a path: correct template_directories.")
    full = os.path.abspath(os.path.expanduser(path))
    if not os.path.isdir(full):
        raise IdentityError(f"The template directory {quoted(full)} is not there: correct template_directories.")
    return full


def _marks(directory: str) -> list[Any]:
    """What changes when a template in the directory does."""
    names = sorted(name for name in os.listdir(directory) if name.endswith(".yml"))
    return [directory, *([name, file_mark(os.path.join(directory, name))] for name in names)]
