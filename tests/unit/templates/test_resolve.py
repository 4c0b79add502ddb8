# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a name to all that a template says, and everything that is refused on the way."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

from .texts import resolved

NOTHING = {
    "description": "",
    "packages": [],
    "services": [],
    "system_users": [],
    "system_groups": [],
    "shared_directories": [],
    "research_user": {},
    "jupyter": {},
    "rstudio": {},
    "resource_limits": {},
    "roles": [],
}


def test_a_template_that_says_nothing_has_every_key() -> None:
    assert resolved({"t": "packages: []"}) == {"name": "t", "files": ["/lab/t.yml"], **NOTHING}


def test_defaults_are_filled_in() -> None:
    said = resolved(
        {"t": "services: [{name: cron}]\nshared_directories: [{path: /srv/a, group: g}]\nresearch_user: {}\n"}
    )
    assert said["services"] == [{"name": "cron", "state": "started", "enabled": True}]
    assert said["shared_directories"] == [{"path": "/srv/a", "group": "g", "mode": "2770"}]
    assert said["research_user"] == {
        "auto_create": True,
        "primary_user": "research_user",
        "system_user": "",
        "shared_directories": [],
        "default_shell": "",
        "default_groups": [],
    }


def test_a_chain_is_merged_from_its_end() -> None:
    files = {
        "a": "packages: [git, curl]\nservices: [{name: cron, enabled: false}]",
        "b": "extends: a\npackages: [curl, r-base]\nsystem_users: [{name: svc, uid: 1100}]",
        "t": "extends: b\nservices: [{name: cron, state: stopped}]\nsystem_users: [{name: svc, shell: /bin/sh}]",
    }
    said = resolved(files)
    assert said["files"] == ["/lab/t.yml", "/lab/b.yml", "/lab/a.yml"]
    assert said["packages"] == ["git", "curl", "r-base"]
    assert said["services"] == [{"name": "cron", "state": "stopped", "enabled": False}]
    assert said["system_users"] == [{"name": "svc", "uid": 1100, "shell": "/bin/sh"}]


def test_the_block_of_people_can_be_dropped() -> None:
    assert resolved({"a": "research_user: {}", "t": "extends: a\noverride: [research_user]"})["research_user"] == {}


def test_the_labs_own_template_comes_first_and_can_extend_the_one_behind_it() -> None:
    files = {
        "/lab/t.yml": "extends: t\npackages: [lab]",
        "/ours/t.yml": "extends: base\npackages: [ours]",
        "/ours/base.yml": "packages: [ours-base]",
        "/lab/base.yml": "packages: [lab-base]",
    }
    said = resolved(files)
    assert said["files"] == ["/lab/t.yml", "/ours/t.yml", "/lab/base.yml"]
    assert said["packages"] == ["lab-base", "ours", "lab"]


def test_a_key_without_a_value_says_nothing() -> None:
    files = {"a": "packages: [git]", "t": "extends: a\npackages:\nservices:\n  - {name: cron, state: }"}
    said = resolved(files)
    assert (said["packages"], said["services"][0]["state"]) == (["git"], "started")


def test_a_day_is_text() -> None:
    said = resolved({"t": "system_users: [{name: svc, uid: 1100, expires: 2027-01-31}]"})
    assert said["system_users"][0]["expires"] == "2027-01-31"


def test_expressions_stay_text() -> None:
    evil = "{{ lookup('pipe', 'id') }}{% for x in y %}"
    assert resolved({"t": f'description: "{evil}"'})["description"] == evil


REFUSED: list[tuple[str, Any, str]] = [
    (
        "a loop",
        {"t": "extends: a", "a": "extends: b", "b": "extends: a"},
        "extends itself: /lab/t.yml extends /lab/a.yml extends /lab/b.yml extends /lab/a.yml. Take one 'extends' out",
    ),
    (
        "a template that extends itself",
        {"t": "extends: t"},
        "'t', which /lab/t.yml extends, is not there: t.yml was looked for in /ours",
    ),
    (
        "no parent",
        {"t": "extends: bse"},
        "'bse', which /lab/t.yml extends, is not there: bse.yml was looked for in /lab, /ours;",
    ),
    ("a parent by path", {"t": "extends: ../t"}, "extends: The template name '../t' is not valid"),
    ("two parents", {"t": "extends: [a, b]"}, "extends: The template name (a value of type list) is not valid"),
    (
        "a long chain",
        {"t": "extends: a0", **{f"a{i}": f"extends: a{i + 1}" for i in range(20)}},
        "extends more than 16 others",
    ),
    (
        "an unknown key",
        {"t": "pakages: []"},
        "/lab/t.yml cannot be used: there is no key 'pakages': did you mean 'packages'?",
    ),
    (
        "an unknown key of a parent",
        {"t": "extends: a", "a": "x: 1"},
        "/lab/a.yml cannot be used: there is no key 'x' (known: ",
    ),
    (
        "an unknown key of a user",
        {"t": "system_users: [{name: svc, uid: 1100, shel: /bin/sh}]"},
        "system_users: svc: there is no key 'shel': did you mean 'shell'?",
    ),
    ("an unknown key of the block", {"t": "research_user: {primary: x}"}, "research_user: there is no key 'primary'"),
    (
        "an unknown key of a role",
        {"t": "jupyter: {usrs: []}"},
        "jupyter: there is no key 'usrs': did you mean 'users'?",
    ),
    ("an unknown limit", {"t": "system_users: [{name: svc, uid: 1100, limits: {ram: 1}}]"}, "unknown key 'ram'"),
    (
        "an override of nothing",
        {"t": "override: [pakages]"},
        "override names 'pakages', which is no key to begin anew: did you mean 'packages'?",
    ),
    ("an override of the parent", {"t": "override: [extends]"}, "override names 'extends'"),
    ("an override that is text", {"t": "override: packages"}, "override must be a list, not 'packages'"),
    (
        "an override of a mapping",
        {"t": "research_user: {override: [{default_groups: 1}]}"},
        "research_user: override names (a value of type dict), which is no key",
    ),
    (
        "an override in depth that is text",
        {"a": "jupyter: {limits: {memory: 4G}}", "t": "extends: a\njupyter: {limits: {override: memory_soft}}"},
        "/lab/t.yml cannot be used: jupyter.limits: override must be a list, not 'memory_soft'",
    ),
    (
        "an override of limits that is a number",
        {
            "a": "system_users: [{name: svc, uid: 1100, limits: {memory: 4G}}]",
            "t": "extends: a\nsystem_users: [{name: svc, limits: {override: 1}}]",
        },
        "system_users: svc: limits: override must be a list, not 1",
    ),
    (
        "an override in an environment",
        {
            "a": "system_users: [{name: svc, uid: 1100, environment: {A: b}}]",
            "t": "extends: a\nsystem_users: [{name: svc, environment: {override: true}}]",
        },
        "system_users: svc: environment: override must be a list, not True",
    ),
    (
        "a directory with a list for a name",
        {"t": "shared_directories: [{path: /srv/a, group: g, name: [a]}]"},
        "shared_directories: /srv/a: there is no key 'name'",
    ),
    ("an override of a name", {"t": "system_users: [{name: svc, override: [name]}]"}, "override names 'name'"),
    ("__class__", {"t": "__class__: {__init__: 1}"}, "there is no key '__class__'"),
    (
        "__class__ in depth",
        {"t": "jupyter: {limits: {__class__: 1}}"},
        "jupyter.limits: the key '__class__' is not valid",
    ),
    (
        "__class__ in an environment",
        {"t": "system_users: [{name: svc, uid: 1100, environment: {__class__: 1}}]"},
        "environment: the key '__class__' is not valid",
    ),
    ("a number for a key", {"t": "jupyter: {limits: {1: 2}}"}, "the key 1 is not text"),
    ("a name with a line break", {"t": 'system_users: [{name: "svc\\nroot", uid: 1100}]'}, "holds a line break"),
    (
        "a name of two words",
        {"t": "system_users: [{name: two words, uid: 1100}]"},
        "'two words' is not valid: it holds ' '",
    ),
    ("a package that is an option", {"t": "packages: ['--allow-unauthenticated']"}, "is not the name of a package"),
    ("a package that is a file", {"t": "packages: [/tmp/evil.deb]"}, "is not the name of a package"),
    ("a package that is an address", {"t": "packages: ['https://evil.example/x.rpm']"}, "is not the name of a package"),
    ("a package that is a number", {"t": "packages: [7]"}, "packages: 7 is not the name of a package"),
    ("a service that is a path", {"t": "services: [{name: ../x}]"}, "is not the name of a service"),
    ("a service that is an option", {"t": "services: [{name: --force}]"}, "is not the name of a service"),
    ("a state of a service", {"t": "services: [{name: cron, state: restarted}]"}, "must be one of started, stopped"),
    ("a flag in words", {"t": "services: [{name: cron, enabled: 'no'}]"}, "enabled must be true or false, not 'no'"),
    (
        "a directory of the system",
        {"t": "shared_directories: [{path: /etc/lab, group: g}]"},
        "is where the system keeps its files",
    ),
    ("a whole file system", {"t": "shared_directories: [{path: /srv, group: g}]"}, "or a whole file system"),
    ("a way up", {"t": "shared_directories: [{path: /srv/../etc, group: g}]"}, "is not a plain absolute path"),
    (
        "a directory for everybody",
        {"t": "shared_directories: [{path: /srv/a, group: g, mode: '2777'}]"},
        "everybody could write there",
    ),
    (
        "a mode that YAML made a number",
        {"t": "shared_directories: [{path: /srv/a, group: g, mode: 2770}]"},
        "must be a mode in quotes",
    ),
    ("a directory of nobody", {"t": "shared_directories: [{path: /srv/a}]"}, "/srv/a: there is no group"),
    ("a user twice", {"t": "system_users: [{name: svc, uid: 1100}, {name: svc, uid: 1101}]"}, "'svc' is there twice"),
    ("a user without a name", {"t": "system_users: [{uid: 1100}]"}, "system_users: entry 1 has no name"),
    ("a user without a number", {"t": "system_users: [{name: svc}]"}, "svc: there is no uid: choose one of 1000-3999"),
    ("a number of the system", {"t": "system_users: [{name: svc, uid: 0}]"}, "uid 0 is not one of 1000-3999"),
    (
        "a number of the ledger's groups",
        {"t": "system_users: [{name: svc, uid: 4000}]"},
        "uid 4000 is not one of 1000-3999",
    ),
    ("a number of a person", {"t": "system_users: [{name: svc, uid: 5238}]"}, "uid 5238 is not one of 1000-3999"),
    ("a number in words", {"t": "system_users: [{name: svc, uid: '1100'}]"}, "uid must be a whole number, not '1100'"),
    ("a number that is true", {"t": "system_users: [{name: svc, uid: true}]"}, "uid must be a whole number, not True"),
    (
        "the same number in parent and child",
        {"a": "system_users: [{name: one, uid: 1100}]", "t": "extends: a\nsystem_users: [{name: two, uid: 1100}]"},
        "/lab/t.yml with what it extends cannot be used: 'one' and 'two' both have uid 1100",
    ),
    (
        "a group with the number of a private one",
        {"t": "system_users: [{name: svc, uid: 1100}]\nsystem_groups: [{name: g, gid: 1100}]"},
        "'svc' and 'g' both have gid 1100",
    ),
    (
        "a group with the name of a private one",
        {"t": "system_users: [{name: svc, uid: 1100}]\nsystem_groups: [{name: svc, gid: 1101}]"},
        "is the private group of the system user svc already",
    ),
    (
        "a password",
        {"t": "system_users: [{name: svc, uid: 1100, password: x}]"},
        "a template is no place for a password",
    ),
    (
        "a primary user that is not there",
        {"t": "research_user: {primary_user: svc}"},
        "primary_user svc is no system user that this template has (it has: none)",
    ),
    (
        "a primary user that is gone",
        {"t": "system_users: [{name: svc, uid: 1100, state: absent}]\nresearch_user: {primary_user: svc}"},
        "svc is no system user",
    ),
    (
        "two who would run services",
        {"t": "research_user: {primary_user: x, system_user: y}"},
        "leave one out",
    ),
    (
        "a group of the system for people",
        {"t": "research_user: {default_groups: [sudo]}"},
        "'sudo' belongs to the system",
    ),
    ("a shell that is none", {"t": "research_user: {default_shell: 'bash -i'}"}, "is not the path of a shell"),
    ("a list for a mapping", {"t": "research_user: [a]"}, "research_user must be a mapping"),
    ("a mapping for a list", {"t": "packages: {git: 1}"}, "packages must be a list"),
    (
        "kinds that do not fit",
        {"a": "jupyter: {users: [a]}", "t": "extends: a\njupyter: {users: {a: 1}}"},
        "/lab/t.yml does not fit to what it extends: 'jupyter.users' is a mapping in the child",
    ),
    ("nothing at all", {"t": ""}, "/lab/t.yml is empty"),
    ("a list", {"t": "- git"}, "must be a mapping such as 'packages: [git]', not (a value of type list)"),
    ("a key twice", {"t": "packages: [git]\npackages: [curl]"}, "has the key 'packages' twice"),
    (
        "an object of Python's",
        {"t": "packages: [!!python/object/apply:os.system ['id']]"},
        "/lab/t.yml is not valid YAML or JSON",
    ),
    ("bytes", {"t": "description: !!binary aGk="}, "is neither text, a number"),
    ("a set", {"t": "packages: !!set {git}"}, "is neither text, a number"),
    ("a moment", {"t": "description: 2027-01-31T00:00:00Z"}, "is neither text, a number"),
    ("no number", {"t": "jupyter: {limits: .nan}"}, "the number nan is too large"),
    ("a number without end", {"t": "jupyter: {limits: .inf}"}, "the number inf is too large"),
    (
        "too many entries",
        {"t": "packages: [" + ", ".join(f"p{i}" for i in range(501)) + "]"},
        "packages has 501 entries, and 500 are the most",
    ),
    ("a long file", {"t": "description: " + "x" * 262144}, "is longer than 262144 characters"),
    ("a long text", {"t": "description: " + "x" * 5000}, "has more than 4096 characters"),
]


@pytest.mark.parametrize(("files", "says"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_no_template_may_say_is_refused(files: dict[str, str], says: str) -> None:
    with pytest.raises(IdentityError) as refusal:
        resolved(files)
    text = str(refusal.value)
    assert says in text, text
    assert text.isprintable()
    assert text[-1] in ".?"
    assert text[-2] != "?"


@pytest.mark.parametrize("name", ["", "../t", "a/b", "T", "a.b", "-a", "a\n", "{{ x }}", "a" * 64, None, 5, ["t"]])
def test_a_name_that_is_no_name_opens_no_file(name: Any) -> None:
    with pytest.raises(IdentityError, match=r"The template name .* is not valid"):
        resolved({}, name)


def test_a_template_that_is_nowhere_is_told_where_it_was_looked_for() -> None:
    with pytest.raises(
        IdentityError, match=r"'t' is not there: t\.yml was looked for in /lab, /ours; correct the name"
    ):
        resolved({})


def test_the_band_is_the_labs_to_choose_inside_that_of_system_users() -> None:
    files = {"t": "system_users: [{name: svc, uid: 4500}]"}
    assert resolved(files, band="1000-4999")["system_users"][0]["uid"] == 4500
    for band in ("500-2000", "1000-5000", "wide", "x"):
        with pytest.raises(IdentityError, match=r"The band .* is not"):
            resolved(files, band=band)
