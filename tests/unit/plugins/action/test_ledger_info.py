# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a ledger in a real ansible-playbook; what is answered is tested at the functions behind it."""

from __future__ import annotations

import csv
import datetime
import json
import stat
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._export import run_query
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written, format_ledger
from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import Controller
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.stories import (
    STORY,
    UPSTREAM,
    on,
    state,
)

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = '=cmd|"/C calc"!A1 {{ lookup("pipe", "id") }}, "a"'


class Asker(Controller):
    """A controller with a ledger that has a past."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        events = [*STORY, state("carol", 1, "disabled", on("07-01"), HOSTILE)]
        self.ledger.write_bytes(format_ledger(Written(), events))

    def answers(self, *questions: dict[str, Any], flags: tuple[str, ...] = ()) -> tuple[list[dict[str, Any]], str]:
        """What every question was answered, or how it failed."""
        names = [f"said_{number}" for number in range(len(questions))]
        tasks: list[dict[str, Any]] = [
            {
                "labfleet.identity.ledger_info": {"ledger": f"file:{self.ledger}", **question},
                "register": name,
                "run_once": True,
                "failed_when": False,
            }
            for name, question in zip(names, questions)
        ]
        tasks.append({"ansible.builtin.set_fact": {"said": "{{ [" + ", ".join(names) + "] }}"}})
        said, printed = self.play(tasks, *flags)
        answered: list[dict[str, Any]] = said["one"]
        return answered, printed


@pytest.fixture
def asker(tmp_path: Path) -> Asker:
    return Asker(tmp_path)


def test_questions(asker: Asker) -> None:
    before = asker.ledger.read_bytes()
    march, day, moment, linked, trail, nobody = asker.answers(
        {"uid": 5238, "at": "2026-03"},
        # in the playbook these are a date and a time without quotes, which YAML does not read as text
        {"at": datetime.date(2026, 3, 4)},
        {"at": datetime.datetime(2026, 3, 4, 9, tzinfo=datetime.timezone.utc)},
        {"upstream": UPSTREAM, "prefix": "zzzzz"},
        {"usernames": "carol", "query": "events[].{what: summary, why: reason}"},
        {"usernames": ["zoe"], "profile": "uni"},
    )[0]
    assert [(held["kind"], held["name"]) for held in march["holders"]] == [
        ("former", "bob"),
        ("user", "alicia"),
        ("guest", "alicia"),
    ]
    assert march["changed"] is False
    assert march["ledger"] == f"file:{asker.ledger}"
    assert march["table"][0].startswith("NUMBER  KIND")
    for told in (day, moment):
        assert [person["username"] for person in told["people"]] == ["alice", "carol", "dora"]
    assert [person["subject"] for person in linked["people"]] == ["a@x"]
    assert trail["result"][-1] == {"what": "state disabled (lab, subject 'carol')", "why": HOSTILE}
    assert nobody["people"] == []
    assert nobody["warnings"] == ["Nobody in the profile uni has or had the username 'zoe'."]
    assert asker.ledger.read_bytes() == before
    assert [path.name for path in asker.ledger.parent.iterdir()] == [asker.ledger.name]


def test_an_export_is_written_once_and_foretold(asker: Asker) -> None:
    question = {"at": "2026-12", "export": {"dest": "people.csv", "format": "csv"}}
    dest = asker.directory / "people.csv"
    (foretold,), printed = asker.answers(question, flags=("--check", "--diff"))
    assert foretold["changed"] is True
    assert '+"carol",5400,5400,"carol","lab","disabled"' in printed
    assert not dest.exists()
    (written, again), _printed = asker.answers(question, question)
    assert (written["changed"], again["changed"]) == (True, False)
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600
    with dest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert [(row["username"], row["uid"]) for row in rows] == [
        ("alicia", "5238"),
        ("bob", "5300"),
        ("carol", "5400"),
        ("dora", "5500"),
        ("erin", "5600"),
    ]


def test_what_is_exported(asker: Asker) -> None:
    to_json = {"dest": "all.json", "format": "json", "mode": "0640"}
    (everything, trail, holders, result), _printed = asker.answers(
        {"export": to_json},
        {"usernames": ["carol"], "export": {"dest": "events.csv", "format": "csv", "content": "events"}},
        {"uid": 5238, "export": {"dest": "holders.csv", "format": "csv"}},
        {"query": "people[?uid > `5300`].username", "export": {"dest": "result.csv", "format": "csv"}},
    )
    written = json.loads((asker.directory / "all.json").read_text())
    assert written == {name: everything[name] for name in written}
    assert list(written) == ["holders", "people", "groups", "withheld", "profiles", "events"]
    assert stat.S_IMODE((asker.directory / "all.json").stat().st_mode) == 0o640
    with (asker.directory / "events.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert len(rows) == len(trail["events"])
    assert rows[-1]["reason"] == f"'{HOSTILE}"
    assert (asker.directory / "holders.csv").read_text().count("\n") == 1 + len(holders["holders"])
    assert (asker.directory / "result.csv").read_text() == '"value"\n"carol"\n"dora"\n"erin"\n'
    assert result["result"] == ["carol", "dora", "erin"]


def test_what_is_refused(asker: Asker) -> None:
    (asker.directory / "link.csv").symlink_to("elsewhere")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"at": "March"}, "'March' is no time"),
        ({"uid": -1}, "-1 is not the number of a user or group"),
        ({"prefix": "zzzzz"}, "give one with upstream"),
        ({"upstream": " "}, "The upstream identity ' ' is not one line"),
        ({"profile": "labb"}, "has no profile 'labb'"),
        ({"ledger": "file:nowhere/ledger.jsonl"}, "does not exist"),
        ({"ledger": "file:new.jsonl"}, "There is no ledger file:"),
        ({"query": "people["}, "it ends too early at position 8"),
        ({"query": "people[?]"}, "']' is not expected at position 9"),
        ({"export": {"dest": "link.csv", "format": "csv"}}, "it is a link, and none is followed"),
        ({"export": {"dest": "x", "format": "csv", "content": "everything"}}, "more than one table"),
        ({"export": {"dest": "x", "format": "csv", "content": "result"}}, "there is no query"),
        ({"export": {"dest": "x", "format": "csv", "mode": 420}}, "The mode '420' is not valid"),
        ({"export": {"dest": "x", "format": "xlsx"}}, "xlsx"),
        ({"export": {"dest": "x"}}, "format"),
        ({"bogus": 1}, "has no option bogus"),
    ]
    answered, _printed = asker.answers(*(question for question, _reason in cases))
    for (question, reason), said in zip(cases, answered):
        assert reason in said["msg"], question
    assert not (asker.directory / "x").exists()
    assert (asker.directory / "link.csv").is_symlink()


def test_the_playbook_answers_in_a_terminal(asker: Asker) -> None:
    book = "labfleet.identity.ledger_info"
    ran = asker.run("playbook", book, "-e", f"ledger=file:{asker.ledger}", "-e", "uid=5238", "-e", "at=2026-03")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "5238    user    alicia  lab      retired  2026-01-10T09:00:00Z" in ran.stdout
    ran = asker.run(
        "playbook",
        book,
        "-e",
        f"ledger=file:{asker.ledger}",
        "-e",
        "usernames=carol,bob",
        "-e",
        "expression=people[].uid",
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "[5300, 5400]" in "".join(ran.stdout.split("\n")).replace(" ", "").replace(",", ", ")
    ran = asker.run("playbook", book, "-e", f"ledger=file:{asker.ledger}", "-e", "export=people.csv")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (asker.directory / "people.csv").exists()


# what jmespath says, told in one sentence


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "cannot be empty"),
        ("people[", "it ends too early at position 8"),
        ("people[?uid=5238]", "Unknown token '=' at position 12"),
        ("people[]]", "']' is not expected at position 9"),
        ("people[].{a}", "is not expected at position 12"),
        ("nonsense(people)", "Unknown function: nonsense()"),
        ("length(people, people)", "Expected 1 argument for function length(), received 2"),
        ("length(`5`)", "the function length got 5, which is number"),
        ("join(', ', people)", "the function join got"),
        ("people[?username == 'x", "Unclosed ' delimiter at position"),
        ('`"`', "Bad token"),
        ("\u202epeople \x1b[2J", "at position 1"),
        ("(" * 3000 + "people" + ")" * 3000, "it is nested too deep"),
        ("!" * 5000 + "people", "it is nested too deep"),
    ],
)
def test_a_wrong_query_is_one_clear_sentence(expression: str, reason: str) -> None:
    with pytest.raises(IdentityError) as caught:
        run_query(expression, {"people": [{"username": "x" * 500}]})
    message = str(caught.value)
    assert reason in message
    assert message.startswith("The query ")
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 600


def test_a_query_finds_what_it_asks_for() -> None:
    data = {"people": [{"username": "alice", "uid": 5238}, {"username": "bob", "uid": 5831}]}
    assert run_query("people[?uid == `5238`].username | [0]", data) == "alice"
    assert run_query("people[?starts_with(username, 'z')]", data) == []
    assert run_query("nothing", data) is None
