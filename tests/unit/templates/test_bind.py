# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles are told in each phase."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._templates._bind import (
    PHASES,
    check_phase,
    role_variables,
    service_owners,
)

from .texts import resolved

USERS = "system_users: [{name: svc, uid: 1100}]\n"
SVC = {"name": "svc", "uid": 1100}


def template(text: str) -> Any:
    return resolved({"t": text})


@pytest.mark.parametrize("phase", PHASES)
def test_a_template_without_the_block_behaves_as_before(phase: str) -> None:
    """Existing templates have system users and no more: nothing else is said in any phase."""
    said = template(USERS + "system_groups: [{name: g, gid: 1200}]")
    assert role_variables(said, phase) == {
        "system_users_accounts": [SVC],
        "system_users_groups": [{"name": "g", "gid": 1200}],
    }
    assert service_owners(said, phase) == {"system_user": "", "people": ""}


@pytest.mark.parametrize("phase", PHASES)
def test_a_template_that_says_nothing_binds_nothing(phase: str) -> None:
    assert role_variables(template("packages: [git]"), phase) == {}


def test_the_block_in_the_words_of_the_roles() -> None:
    said = template(
        USERS + "research_user: {default_shell: /bin/zsh, default_groups: [lab], shared_directories: [genomics, lab]}\n"
        "jupyter: {limits: {cores: 2}}\nresource_limits: {users: {alice: {cores: 1}}}"
    )
    assert role_variables(said, "default") == {
        "system_users_accounts": [SVC],
        "research_users_shell": "/bin/zsh",
        "research_users_groups": ["lab"],
        "research_users_shared_groups": ["genomics", "lab"],
        "efs_shared_groups": ["genomics", "lab"],
        "jupyter_limits": {"cores": 2},
        "resource_limits_users": {"alice": {"cores": 1}},
    }


@pytest.mark.parametrize(("phase", "selects_nobody"), [("parallel", True), ("opt_in", True), ("default", False)])
def test_who_gets_an_account(phase: str, selects_nobody: bool) -> None:
    said = role_variables(template("research_user: {auto_create: false}"), phase)
    assert said == ({"research_users_select": []} if selects_nobody else {})
    assert role_variables(template("research_user: {auto_create: true}"), phase) == {}


@pytest.mark.parametrize(
    ("block", "parallel", "opt_in", "default"),
    [
        ("{system_user: svc}", ("svc", "none"), ("svc", "opted_in"), ("", "all")),
        ("{}", ("", "none"), ("", "opted_in"), ("", "all")),
        ("{primary_user: research_user}", ("", "none"), ("", "opted_in"), ("", "all")),
        ("{primary_user: svc}", ("svc", "none"), ("svc", "none"), ("svc", "none")),
        ("{primary_user: svc, system_user: svc}", ("svc", "none"), ("svc", "none"), ("svc", "none")),
    ],
)
def test_who_runs_services(
    block: str, parallel: tuple[str, str], opt_in: tuple[str, str], default: tuple[str, str]
) -> None:
    said = template(USERS + "research_user: " + block)
    for phase, (system_user, people) in zip(PHASES, (parallel, opt_in, default)):
        assert service_owners(said, phase) == {"system_user": system_user, "people": people}


@pytest.mark.parametrize("phase", ["", "optin", None, ["default"], {}])
def test_a_phase_that_is_none_is_refused(phase: Any) -> None:
    with pytest.raises(IdentityError, match="is not one: write parallel, opt_in or default"):
        check_phase(phase)
