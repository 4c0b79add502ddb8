# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two labs that both gave out 5238 become one, with a real git and a real ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import (
    open_store,
    settle,
    stamp_now,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import COLLECTION, Controller
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import wanted
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.test_ledger_git import (
    GIT_ENVIRONMENT,
)

if TYPE_CHECKING:
    from pathlib import Path

# the first choice of both is 5238: alice's in personal-research, jana's in neuro
ALICE, TWIN = "alice", "jana"


class Labs(Controller):
    """Two labs, each with a ledger in a repository of its own, and a controller that sees both."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        for name in ("personal-research", "neuro"):
            self.git(name, "init", "-q", "-b", "main")
            (directory / name / ".gitattributes").write_text("ledger.jsonl text eol=lf merge=union\n")

    def git(self, repository: str, *arguments: str) -> str:
        (self.directory / repository).mkdir(exist_ok=True)
        return subprocess.run(
            ["git", *arguments],
            cwd=self.directory / repository,
            env=GIT_ENVIRONMENT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def commit(self, repository: str, message: str) -> None:
        self.git(repository, "add", "ledger.jsonl", ".gitattributes")
        self.git(repository, "commit", "-q", "-m", message)

    def do(self, *tasks: dict[str, Any], arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run tasks once, on the controller."""
        book = [{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}]
        (self.directory / "once.yml").write_text(yaml.safe_dump(book, sort_keys=False))
        return self.run("playbook", "once.yml", *arguments)

    def issue(self, lab: str, *usernames: str) -> None:
        store = open_store(f"file:{self.directory / lab / 'ledger.jsonl'}")
        settle(store, lambda known: allocate(known, wanted(usernames, name=lab), stamp_now()), True)
        self.commit(lab, f"people of {lab}")

    def merge(self, *arguments: str, **options: Any) -> tuple[dict[str, Any], str]:
        """The result of the module, and all that was printed."""
        options = {
            "ledger": "file:both/ledger.jsonl",
            "sources": ["file:personal-research/ledger.jsonl", "file:neuro/ledger.jsonl"],
            **options,
        }
        task = {"labfleet.identity.ledger_merge": options, "register": "said", "ignore_errors": True}
        keep = {
            "ansible.builtin.copy": {"content": "{{ said | to_json }}", "dest": "said.json"},
            "check_mode": False,
            "diff": False,
        }
        ran = self.do(task, keep, arguments=arguments)
        printed = ran.stdout + ran.stderr
        assert ran.returncode == 0, printed
        assert "DEPRECATION" not in printed
        said: dict[str, Any] = json.loads((self.directory / "said.json").read_text())
        return said, printed

    def uids(self, ledger: str) -> dict[str, int]:
        known = open_store(f"file:{self.directory / ledger}").load()
        assert known is not None
        return {person.username: person.uid for profile in known.profiles.values() for person in profile.people()}


@pytest.fixture
def labs(tmp_path: Path) -> Labs:
    labs = Labs(tmp_path)
    labs.issue("personal-research", ALICE, "bob")
    labs.issue("neuro", TWIN, "zoe")
    (tmp_path / "both").mkdir()
    return labs


def test_two_labs_that_both_gave_out_5238(labs: Labs, tmp_path: Path) -> None:
    assert labs.uids("personal-research/ledger.jsonl")[ALICE] == labs.uids("neuro/ledger.jsonl")[TWIN] == 5238
    sources = {lab: (tmp_path / lab / "ledger.jsonl").read_bytes() for lab in ("personal-research", "neuro")}

    said, printed = labs.merge()
    assert (said["changed"], said["failed"]) == (False, False)
    assert [it["kind"] for it in said["conflicts"]] == ["bands_overlap", "one_number"]
    assert [it["after_profiles"] for it in said["conflicts"]] == [False, True]
    assert len(said["decisions_template"]) == 1
    assert os.listdir(tmp_path / "both") == []

    said, printed = labs.merge(state="merged")
    assert said["failed"]
    assert "The ledgers contradict each other, and nothing was written: the bands of neuro" in said["msg"]
    assert os.listdir(tmp_path / "both") == []

    template = said["decisions_template"]
    template[0]["decisions"] = [it for it in template[0]["choices"] if it["profile"] == "neuro"]
    (tmp_path / "decisions.yml").write_text(yaml.safe_dump(template, sort_keys=False))
    decided = {"decisions": "decisions.yml", "state": "merged"}
    planned, printed = labs.merge("--check", "--diff", **decided)
    assert planned["changed"]
    assert "+profile neuro 6000-6999, groups 4000-4999" in printed
    assert "+number 5238 becomes 6238 (neuro, subject 'jana')" in printed
    assert os.listdir(tmp_path / "both") == []

    said, printed = labs.merge(**decided)
    assert said["changed"]
    assert said["renumbered"] == planned["renumbered"]
    assert said["renumbered"][0] == {
        "kind": "user",
        "profile": "neuro",
        "subject": TWIN,
        "username": TWIN,
        "was": 5238,
        "uid": 6238,
    }
    without_time = [{**it, "at": "", "run": ""} for it in said["events"]]
    assert without_time == [{**it, "at": "", "run": ""} for it in planned["events"]]
    uids = labs.uids("both/ledger.jsonl")
    assert (uids[ALICE], uids[TWIN], len(uids)) == (5238, 6238, 4)
    assert sources == {lab: (tmp_path / lab / "ledger.jsonl").read_bytes() for lab in sources}

    before = (tmp_path / "both" / "ledger.jsonl").stat()
    said, printed = labs.merge(**decided)
    assert (said["changed"], said["events"], len(said["renumbered"])) == (False, [], 2)
    assert (tmp_path / "both" / "ledger.jsonl").stat().st_mtime_ns == before.st_mtime_ns


def test_two_people_who_merge_on_two_branches_of_git_agree(labs: Labs) -> None:
    decision = {"profile": "neuro", "uid_band": "5000-5999", "become": {"uid_band": "6000-6999"}}
    options = {"ledger": "file:personal-research/ledger.jsonl", "decisions": [decision], "state": "merged"}
    for branch in ("sam", "kim"):
        labs.git("personal-research", "checkout", "-q", "-b", branch, "main")
        # each has a clone of their own, and the lock file notes what was written in this one
        (labs.directory / "personal-research" / "ledger.jsonl.lock").unlink()
        said, _printed = labs.merge(**options)
        assert said["changed"], said
        labs.commit("personal-research", f"{branch} merged")
    labs.git("personal-research", "merge", "-q", "--no-edit", "sam")
    assert labs.uids("personal-research/ledger.jsonl")[TWIN] == 6238
    said, _printed = labs.merge(**options)
    assert (said["changed"], said["conflicts"]) == (False, [])


def test_the_playbook(labs: Labs, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("username,uid,upstream\ncarol,7100,https://idp carol\ndan,8100,\n")
    play = str(COLLECTION / "playbooks" / "ledger_merge.yml")
    sources = "sources=file:personal-research/ledger.jsonl,file:neuro/ledger.jsonl"
    ran = labs.run(
        "playbook", play, "-e", "ledger=file:both/ledger.jsonl", "-e", sources, "-e", f"template={tmp_path}/t.yml"
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    template = yaml.safe_load((tmp_path / "t.yml").read_text())
    assert template[0]["decisions"] == []
    template[0]["decisions"] = template[0]["choices"][:1]
    person = {"person": {"profile": "cluster", "subject": "dan", "uid": 8100}, "become": {"uid": "new"}}
    (tmp_path / "t.yml").write_text(yaml.safe_dump([*template, person]))
    (tmp_path / "link.yml").symlink_to("t.yml")
    listed = [
        "file:personal-research/ledger.jsonl",
        "file:neuro/ledger.jsonl",
        {"database": "users.csv", "profile": "cluster", "uid_band": "7000-7999"},
    ]
    extra = {"ledger": "file:both/ledger.jsonl", "sources": listed, "decisions": "link.yml", "state": "merged"}
    ran = labs.run("playbook", play, "-e", json.dumps(extra))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    uids = labs.uids("both/ledger.jsonl")
    assert uids["carol"] == 7100
    assert 7000 <= uids["dan"] <= 7999
    again = labs.run("playbook", play, "-e", json.dumps(extra))
    assert "changed=0" in again.stdout


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi")
)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"decisions": "both"}, "both is not a file: correct the path"),
    ({"decisions": "nowhere.yml"}, "nowhere.yml is not there: correct the path"),
    ({"decisions": "huge.yml"}, "has 5000000 bytes, and more than 4194304 cannot be meant"),
    ({"decisions": "bomb.yml"}, "unfolds to more than 1000000 values: write it without aliases"),
    ({"decisions": "bytes.yml"}, "bytes.yml is not valid YAML or JSON"),
    ({"decisions": "broken.yml"}, "The decisions file"),
    ({"decisions": "twice.yml"}, "has the key 'event' twice"),
    ({"decisions": "pipe"}, "pipe is not a file"),
    ({"decisions": [{"event": "0" * 16, "keep": True}]}, "no ledger has an event 0000000000000000"),
    ({"sources": []}, "No sources are named"),
    ({"sources": ["file:edited/ledger.jsonl"]}, "does not fit its checksum, so it was edited or damaged"),
    ({"sources": ["file:neuro/other.jsonl"]}, "other.jsonl"),
    ({"sources": ["ftp:x"]}, "is neither of the form file:PATH"),
    ({"sources": [7]}, "is neither of the form file:PATH"),
    ({"sources": [{"database": "users.csv"}]}, "is not of the form {database: PATH, profile: ID}"),
    ({"sources": [{"database": "users.csv", "profile": "x", "y": 1}]}, "has the unknown key 'y'"),
    ({"sources": [{"database": "both", "profile": "x"}]}, "both is not a file"),
    ({"sources": [{"database": "users.csv", "profile": "x"}]}, "no ledger registers the profile x"),
]


def test_what_cannot_be_read_is_refused_in_a_sentence(labs: Labs, tmp_path: Path) -> None:
    (tmp_path / "huge.yml").write_text("#" * 5000000)
    (tmp_path / "bomb.yml").write_text(BOMB)
    (tmp_path / "bytes.yml").write_bytes(b"- \xff\xfe\n")
    (tmp_path / "broken.yml").write_text("- [")
    (tmp_path / "twice.yml").write_text("- event: a\n  event: b\n")
    (tmp_path / "users.csv").write_text("username,uid\ncarol,7100\n")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "edited").mkdir()
    text = (tmp_path / "neuro" / "ledger.jsonl").read_text()
    (tmp_path / "edited" / "ledger.jsonl").write_text(text.replace('"uid": 5238', '"uid": 5239'))
    usual = {"ledger": "file:both/ledger.jsonl", "sources": ["file:neuro/ledger.jsonl"], "state": "merged"}
    tasks = [
        {
            "labfleet.identity.ledger_merge": {**usual, **options},
            "register": f"said{number}",
            "ignore_errors": True,
        }
        for number, (options, _reason) in enumerate(REFUSED)
    ]
    said = [f"said{number}" for number, _refused in enumerate(REFUSED)]
    content = f"{{{{ [{', '.join(said)}] | to_json }}}}"
    ran = labs.do(*tasks, {"ansible.builtin.copy": {"content": content, "dest": "said.json"}})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    for result, (_options, reason) in zip(json.loads((tmp_path / "said.json").read_text()), REFUSED):
        assert result["failed"], reason
        assert reason in result["msg"]
    assert os.listdir(tmp_path / "both") == []
