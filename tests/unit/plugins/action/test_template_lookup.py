# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup in real playbooks: found by its name, resolved once a run, and never a template."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from .controllers import COLLECTION, HOSTS, Controller

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "{{ lookup('ansible.builtin.pipe', 'touch pwned') }}"


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    made = Controller(tmp_path)
    (tmp_path / "templates").mkdir()
    return made


def write(controller: Controller, name: str, text: str) -> None:
    (controller.directory / "templates" / f"{name}.yml").write_text(text)


def look(name: str, **options: Any) -> list[dict[str, Any]]:
    given = "".join(f", {key}={value!r}" for key, value in {"directories": ["templates"], **options}.items())
    call = f"lookup('labfleet.identity.template', {name!r}{given})"
    return [{"ansible.builtin.set_fact": {"said": "{{ " + call + " }}"}}]


def test_it_finds_the_labs_own_before_those_of_the_collection(controller: Controller) -> None:
    write(controller, "python-ml", "extends: python-ml\noverride: [packages]\npackages: [tmux]\n")
    said = controller.play(look("python-ml"))[0]["one"]
    assert said["packages"] == ["tmux"]
    assert said["files"][0] == str(controller.directory / "templates" / "python-ml.yml")
    assert [path.rsplit("/", 1)[1] for path in said["files"]] == ["python-ml.yml", "python-ml.yml", "base.yml"]
    assert said["variables"]["system_users_accounts"][0]["name"] == "researcher"
    assert said["phase"] == "default"


def test_what_looks_like_an_expression_stays_text_however_often_it_is_used(controller: Controller) -> None:
    write(controller, "t", f'system_users: [{{name: svc, uid: 1100, gecos: "{EVIL}"}}]\n')
    use = [{"ansible.builtin.set_fact": {"said": "{{ said.system_users[0].gecos }}"}} for _time in range(3)]
    said, printed = controller.play([*look("t"), *use[:1]])
    assert said["one"] == EVIL
    said, printed = controller.play(
        [
            *look("t"),
            {"ansible.builtin.set_fact": {"copy": "{{ said }}"}},
            {"ansible.builtin.debug": {"var": "copy"}},
            *use[:1],
        ]
    )
    assert EVIL in printed.replace("\\", "")
    assert said["one"] == EVIL
    assert not (controller.directory / "pwned").exists()


def test_options_may_come_from_variables(controller: Controller) -> None:
    write(controller, "t", "research_user: {auto_create: false}\nsystem_users: [{name: svc, uid: 4100}]\n")
    variables = {
        "template_directories": [str(controller.directory / "templates")],
        "template_research_phase": "opt_in",
        "system_users_band": "1000-4999",
    }
    task = {"ansible.builtin.set_fact": {"said": "{{ lookup('labfleet.identity.template', 't') }}"}, "vars": variables}
    said = controller.play([task])[0]["two"]
    assert said["variables"]["research_users_select"] == []
    assert said["service_owners"] == {"system_user": "", "people": "opted_in"}


def test_a_template_is_resolved_once_for_all_hosts_and_anew_when_it_changed(controller: Controller) -> None:
    write(controller, "t", "packages: [git]\n")
    change = {
        "ansible.builtin.copy": {"content": "packages: [git, curl]\n", "dest": "templates/t.yml"},
        "run_once": True,
        "when": "said.packages == ['git']",
    }
    log = {
        "ansible.builtin.shell": "ls ../home/tmp/*/labfleet-*.json | wc -l",
        "args": {"chdir": str(controller.directory / "ledger")},
        "register": "counted",
        "run_once": True,
        "changed_when": False,
    }
    keep = {"ansible.builtin.set_fact": {"said": "{{ {'packages': said.packages, 'answers': counted.stdout} }}"}}
    said = controller.play([*look("t"), log, keep])[0]
    assert [said[host] for host in HOSTS] == [{"packages": ["git"], "answers": "1"}] * 3
    said = controller.play([*look("t"), change, *look("t")])[0]
    assert [said[host]["packages"] for host in HOSTS] == [["git", "curl"]] * 3


REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("nope", {}, "The template 'nope' is not there: nope.yml was looked for in "),
    ("../../etc/passwd", {}, "The template name '../../etc/passwd' is not valid"),
    ("t", {"phase": "soon"}, "phase"),
    ("t", {"band": "1-9"}, "The band 1-9 is not inside 1000-4999"),
    ("t", {"directories": ["nowhere"]}, " is not there: correct template_directories"),
    ("broken", {}, "/templates/broken.yml is not valid YAML or JSON: line 2: "),
    ("latin", {}, "/templates/latin.yml cannot be read: 'utf-8' codec"),
    ("pipe", {}, "The template 'pipe' is not there"),
    ("big", {}, "/templates/big.yml has more than 1048576 bytes"),
]


def test_refusals_are_one_sentence(controller: Controller) -> None:
    directory = controller.directory / "templates"
    write(controller, "t", "packages: []")
    write(controller, "broken", "packages: [\n")
    write(controller, "big", "x" * (2**20 + 1))
    (directory / "latin.yml").write_bytes(b"description: caf\xe9\n")
    os.mkfifo(directory / "pipe.yml")
    keep = {"ansible.builtin.set_fact": {"said": "{{ said | default([]) + [ansible_failed_result.msg] }}"}}
    go_on = {"ansible.builtin.set_fact": {"other": 1}}
    blocks = []
    for name, options, _says in REFUSALS:
        (task,) = look(name, **options)
        task["ansible.builtin.set_fact"]["other"] = task["ansible.builtin.set_fact"].pop("said")
        blocks.append({"block": [task], "rescue": [keep, go_on]})
    said = controller.play(blocks)[0]["one"]
    assert len(said) == len(REFUSALS)
    for text, (_name, _options, says) in zip(said, REFUSALS):
        assert says in text
        assert "\n" not in text.split("failed: ", 2)[-1]


def test_every_template_of_the_collection_is_resolved_in_every_phase(controller: Controller) -> None:
    names = sorted(path.stem for path in (COLLECTION / "templates").glob("*.yml"))
    assert names == ["base", "python-ml", "r-research", "rocky"]
    call = "{{ names | product(['parallel', 'opt_in', 'default']) | map('join', ' ') }}"
    task = {
        "ansible.builtin.set_fact": {
            "said": "{{ said | default({}) | combine({item: lookup('labfleet.identity.template', item.split()[0],"
            " phase=item.split()[1])}) }}"
        },
        "loop": call,
        "vars": {"names": names},
    }
    said = controller.play([task])[0]["three"]
    owners = {key: value["service_owners"] for key, value in said.items()}
    assert owners["python-ml parallel"] == {"system_user": "researcher", "people": "none"}
    assert owners["python-ml opt_in"] == {"system_user": "researcher", "people": "opted_in"}
    assert owners["python-ml default"] == {"system_user": "", "people": "all"}
    assert owners["r-research parallel"] == {"system_user": "rstudio", "people": "none"}
    for template in said.values():
        assert template["description"]
        assert template["packages"]
        assert template["research_user"]["auto_create"]
