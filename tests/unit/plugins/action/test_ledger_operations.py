# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a person in a ledger, step by step through real playbooks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import COLLECTION, Controller

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

UPSTREAM = "https://idp.example alice@uni.example"
UUID = "zzzzz-tpzed-pk9i2aer8eynrbk"


class Registry(Controller):
    """A controller that runs tasks of the ledger and tells what each of them said."""

    def results(self, tasks: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """What every task returned, or how it failed."""
        return self._said([self._task(*task) for task in tasks])[0]

    def life(self, steps: Sequence[tuple[str, str, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
        """What every step said, one after the other in one run.

        A step that names the line of its diff is run three times: check mode foretells what the run then does, and the
        second run changes nothing. Its result has what the second run said as C(again).
        """
        tasks = []
        for shown, module, options in steps:
            task = self._task(module, options)
            tasks += [{**task, "check_mode": True, "diff": True}, task, task] if shown else [task]
        said, printed = self._said(tasks)
        for shown, _module, _options in steps:
            if not shown:
                yield said.pop(0)
                continue
            foretold, done, again, *said = said
            assert f"+{shown}" in printed
            # had check mode written anything, the run would find nothing to do
            assert (foretold["changed"], done["changed"], again["changed"]) == (True, True, False), shown
            assert without_stamps(foretold) == without_stamps(done)
            assert again.get("events", []) == []
            yield {**done, "again": again}

    def _task(self, module: str, options: dict[str, Any]) -> dict[str, Any]:
        arguments = {"ledger": f"file:{self.ledger}", "profile": "lab", **options}
        return {f"labfleet.identity.{module}": arguments, "run_once": True, "failed_when": False}

    def _said(self, tasks: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
        registered = [f"said_{number}" for number in range(len(tasks))]
        together = {"ansible.builtin.set_fact": {"said": "{{ [" + ", ".join(registered) + "] }}"}}
        said, printed = self.play([*({**task, "register": name} for task, name in zip(tasks, registered)), together])
        results: list[dict[str, Any]] = said["one"]
        return results, printed


def without_stamps(result: dict[str, Any]) -> Any:
    """A result without what differs from run to run."""
    kept = {key: value for key, value in result.items() if key not in ("diff", "warnings", "failed_when_result")}
    kept["events"] = [{**event, "at": "", "by": "", "run": ""} for event in result.get("events", [])]
    return kept


def roster(*people: dict[str, Any]) -> dict[str, Any]:
    return {"roster": list(people)}


def states(result: dict[str, Any]) -> dict[str, tuple[int, str]]:
    return {one["username"]: (one["uid"], one["state"]) for one in result["identities"]}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


ALICE = {"username": "alice", "subject": "alice@uni.example"}


GUEST = {**ALICE, "username": "alicia", "home_profile": "lab"}
STRANGER = "another@uni.example"


def test_the_life_of_a_person(registry: Registry) -> None:
    life = registry.life(
        [
            ("user alice 5301", "ledger_issue", {"people": [{**ALICE, "uid": 5301}], "state": "reserved"}),
            ("profile shared 6000-6999", "ledger_issue", {"profile": "shared", "usernames": ""}),
            ("withhold 5302 (lab)", "ledger_withhold", {"numbers": "5302-5303, 5310", "reason": "old server"}),
            # what was reserved begins when a roster names it
            ("state active (lab", "uid_allocation", roster(ALICE)),
            ("state disabled (lab", "ledger_disable", {"usernames": "alice", "reason": "key found"}),
            ("", "uid_allocation", roster(ALICE)),
            ("state active (lab", "ledger_revive", {"username": "alice", "subject": ""}),
            ("", "uid_allocation", roster(ALICE)),
            ("rename to alicia", "ledger_rename", {"username": "alice", "new_username": "alicia"}),
            ("grant 5301 in shared", "ledger_grant", {"username": "alicia", "into": "shared", "number": "home"}),
            ("", "uid_allocation", {"profile": "shared", **roster(GUEST)}),
            ("revoke 5301 in shared", "ledger_grant", {"username": "alicia", "into": "shared", "state": "absent"}),
            ("", "uid_allocation", {"profile": "shared", **roster(GUEST)}),
            ("state retired (lab", "ledger_retire", {"usernames": "alicia", "reason": "left"}),
            ("", "uid_allocation", roster({"username": "alicia", "subject": STRANGER})),
            ("", "ledger_issue", {"people": [{"username": "alice", "subject": STRANGER}]}),
            ("", "uid_allocation", roster({**ALICE, "username": "alicia"})),
            ("", "ledger_issue", {"people": [{**ALICE, "username": "alicia"}]}),
            ("", "ledger_revive", {"username": "alicia"}),
            ("state active (lab", "ledger_revive", {"subject": "alice@uni.example", "reason": "back"}),
            ("link 'https://idp", "ledger_link", {"username": "alicia", "upstream": UPSTREAM, "prefix": "zzzzz"}),
            ("user alice2 ", "ledger_issue", {"usernames": ["alice2"]}),
            ("redirect to 'alice@uni", "ledger_redirect", {"username": "alice2", "to_username": "alicia"}),
            ("", "uid_allocation", roster({"username": "alice2"})),
            ("no longer redirect", "ledger_redirect", {"username": "alice2", "state": "absent"}),
        ]
    )
    said = next(life)
    assert said["issued"] == [{"kind": "user", "name": "alice", "number": 5301}]
    assert [event["kind"] for event in said["events"]] == ["profile", "user", "state"]
    assert said["again"]["numbers"] == {"alice": 5301}
    assert said["profile"] == {"id": "lab", "uid_band": "5000-5999", "group_band": "4000-4999"}
    assert [event["kind"] for event in next(life)["events"]] == ["profile"]
    assert [event["number"] for event in next(life)["events"]] == [5302, 5303, 5310]

    assert states(next(life)) == {"alice": (5301, "present")}
    assert next(life)["events"][0]["reason"] == "key found"
    kept_out = next(life)
    assert states(kept_out) == {"alice": (5301, "disabled")}
    assert "the ledger has them as disabled" in kept_out["warnings"][0]
    assert next(life)["events"][0]["rev"] == 4
    assert states(next(life)) == {"alice": (5301, "present")}

    assert next(life)["events"][0]["username"] == "alicia"
    said = next(life)
    assert (said["uid"], said["again"]["uid"]) == (5301, 5301)
    there = next(life)
    assert states(there) == {"alicia": (5301, "present")}
    assert there["identities"][0]["former_usernames"] == ["alice"]
    assert there["profile"]["guest_bands"] == ["5000-5999"]
    assert next(life)["again"]["uid"] == 5301
    there = next(life)
    assert states(there) == {"alicia": (5301, "disabled")}
    assert "the grant was revoked" in there["warnings"][0]

    assert next(life)["events"][0]["state"] == "retired"
    assert "the username alicia belongs to the subject 'alice@uni.example'" in next(life)["msg"]
    assert "a name is never given to somebody else" in next(life)["msg"]
    stale = next(life)
    assert states(stale) == {"alicia": (5301, "disabled")}
    assert "is in the roster but gets a disabled account: the ledger has them as retired" in stale["warnings"][0]
    stale = next(life)
    assert (stale["changed"], stale["numbers"]) == (False, {"alicia": 5301})
    assert "alicia (lab) keeps 5301 and gets a disabled account: the ledger has them as" in stale["warnings"][0]
    assert "give their subject 'alice@uni.example' as well" in next(life)["msg"]
    assert next(life)["events"][0]["reason"] == "back"

    said = next(life)
    assert (said["uuid"], said["again"]["uuid"]) == (UUID, UUID)
    assert said["events"][0]["upstream"] == UPSTREAM
    assert "uid" in next(life)["events"][0]
    assert [event["kind"] for event in next(life)["events"]] == ["redirect", "state"]
    assert states(next(life))["alice2"][1] == "disabled"
    assert next(life)["events"][0]["to_profile"] == ""


def test_every_operation_as_its_playbook_with_an_empty_survey(registry: Registry) -> None:
    variables: dict[str, dict[str, Any]] = {
        "issue": {"usernames": "alice,bob\ncarol", "shared_groups": "research", "band": "", "people": "", "state": ""},
        "withhold": {"numbers": "5000-5003,4010"},
        "disable": {"usernames": "bob\n", "subjects": ""},
        "retire": {"usernames": " bob", "subjects": ""},
        "revive": {"username": "", "subject": "bob"},
        "rename": {"username": "bob", "subject": "", "new_username": "robert"},
        "grant": {"username": "carol", "into": "shared", "number": "", "state": ""},
        "link": {"username": "carol", "upstream": UPSTREAM, "prefix": "", "uuid": ""},
        "redirect": {"username": "robert", "to_profile": "", "to_subject": "", "to_username": "carol", "state": ""},
    }
    registry.results([("ledger_issue", {"profile": "shared", "band": "6000-6999"})])
    books = []
    for operation, survey in variables.items():
        given = {"ledger": f"file:{registry.ledger}", "profile": "lab", **survey}
        books.append({"ansible.builtin.import_playbook": f"labfleet.identity.ledger_{operation}", "vars": given})
        text = (COLLECTION / "playbooks" / f"ledger_{operation}.yml").read_text(encoding="utf-8")
        assert f"# ansible-playbook labfleet.identity.ledger_{operation} " in text
    (registry.directory / "surveys.yml").write_text(yaml.safe_dump(books))
    ran = registry.run("playbook", "-i", "localhost,", "surveys.yml")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "ok=9 " in ran.stdout
    assert "changed=9 " in ran.stdout
    kinds = [json.loads(line).get("kind") for line in registry.ledger.read_text().splitlines()]
    assert kinds.count("withhold") == 5
    assert kinds.count("user") == 3


HUGE = "x" * 100_000
BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "nobody": ("ledger_disable", {"usernames": "", "subjects": []}, "Nobody is named: give usernames or subjects."),
    "no lists": ("ledger_retire", {}, "Nobody is named: give usernames or subjects."),
    "no person": ("ledger_revive", {"username": "", "subject": ""}, "Nobody is named: give a username or a subject."),
    "two people": (
        "ledger_revive",
        {"username": "alice", "subject": "bob"},
        "The subject 'bob' of the profile lab is called bob in the ledger, not 'alice'",
    ),
    "a stranger": ("ledger_disable", {"usernames": ["alice", "mallory"]}, "nobody with the username 'mallory'"),
    "no target": ("ledger_redirect", {"username": "alice"}, "give to_username or to_subject"),
    "itself": ("ledger_redirect", {"username": "alice", "to_username": "alice"}, "leads to alice (lab,"),
    "own profile": ("ledger_grant", {"username": "alice", "into": "lab"}, "is at home in the profile lab"),
    "no profile": ("ledger_grant", {"username": "alice", "into": "lob"}, "has no profile 'lob' (it has: lab)"),
    "a choice": (
        "ledger_grant",
        {"username": "alice", "into": "lab", "number": "5"},
        "number must be one of: own, home",
    ),
    "system name": ("ledger_rename", {"username": "alice", "new_username": "root"}, "belongs to the system"),
    "capital": ("ledger_rename", {"username": "alice", "new_username": "Alice"}, "did you mean 'alice'?"),
    "taken": ("ledger_rename", {"username": "alice", "new_username": "bob"}, "a name is never given to somebody else"),
    "no numbers": ("ledger_withhold", {"numbers": ""}, "No number is named"),
    "a word": ("ledger_withhold", {"numbers": "all"}, "'all' is neither a number like 5300 nor a range like 5300-5310"),
    "backwards": ("ledger_withhold", {"numbers": "5310-5300"}, "5310-5300 is empty"),
    "too many": ("ledger_withhold", {"numbers": "0-4294967295"}, "at most 100000"),
    "elsewhere": ("ledger_withhold", {"numbers": "7000"}, "7000 is in no band of the profile lab"),
    "held": ("ledger_withhold", {"numbers": [5301]}, "5301 cannot be withheld, for it was issued to alice"),
    "nothing to link": ("ledger_link", {"username": "alice"}, "give an upstream identity, a UUID, or both"),
    "prefix": ("ledger_link", {"username": "alice", "upstream": "a", "prefix": "ZZ"}, "cluster prefix 'ZZ' is not"),
    "uuid": ("ledger_link", {"username": "alice", "uuid": "1-2-3"}, "UUID '1-2-3' is not of the form"),
    "decomposed": ("ledger_link", {"username": "alice", "upstream": "Zoe\u0308"}, "normal form NFC"),
    "huge reason": ("ledger_disable", {"usernames": ["alice"], "reason": HUGE}, "at most 255 printable characters"),
    "two lines": ("ledger_disable", {"usernames": ["alice"], "reason": "a\nb"}, r"The reason 'a\nb' is not one line"),
    "same number": (
        "ledger_issue",
        {"people": [{"username": "carol", "uid": 5301}]},
        "carol is to keep 5301, but the ledger has it for alice",
    ),
    "other band": ("ledger_issue", {"people": [{"username": "carol", "uid": 1000}]}, "outside the band 5000-5999"),
    "twice": ("ledger_issue", {"usernames": "carol", "people": [{"username": "carol"}]}, "has this username already"),
    "unnamed": ("ledger_issue", {"people": [{"uid": 5400}]}, "username found in people"),
    "unknown": ("ledger_disable", {"users": ["alice"]}, "ledger_disable has no option users: it has ledger,"),
}


def test_bad_input_is_one_clear_sentence_and_changes_nothing(registry: Registry) -> None:
    registry.results([("ledger_issue", {"people": [{"username": "alice", "uid": 5301}, {"username": "bob"}]})])
    before = registry.ledger.read_bytes()
    for result, (name, (_module, _options, reason)) in zip(
        registry.results([(module, options) for module, options, _reason in BAD.values()]), BAD.items()
    ):
        assert reason in result["msg"], name
        assert result["msg"].isprintable(), name
        assert len(result["msg"]) < 600, name
    assert registry.ledger.read_bytes() == before
