# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of people, from a key store to the list that hosts get, through real playbooks."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import COLLECTION, Controller
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.keys import line, weak_line

if TYPE_CHECKING:
    from pathlib import Path

PASSPHRASE = "canary-9f3b71 correct horse"


class Keys(Controller):
    """A controller with a key store."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.store = directory / "keys"

    def task(self, **options: Any) -> dict[str, Any]:
        return {
            "labfleet.identity.ssh_key": {"store": "keys", "profile": "lab", "username": "alice", **options},
            "run_once": True,
            "failed_when": False,
        }

    def info(self, **options: Any) -> dict[str, Any]:
        return {"labfleet.identity.ssh_key_info": {"store": "keys", **options}, "run_once": True}

    def allocation(self, *people: dict[str, Any], **options: Any) -> dict[str, Any]:
        arguments = {"profile": "lab", "ledger": f"file:{self.ledger}", "roster": list(people), "key_store": "keys"}
        return {"labfleet.identity.uid_allocation": {**arguments, **options}, "failed_when": False}

    def results(self, tasks: list[dict[str, Any]], *arguments: str) -> tuple[list[dict[str, Any]], str]:
        """What every task returned, in one run."""
        registered = [f"said_{number}" for number in range(len(tasks))]
        together = {"ansible.builtin.set_fact": {"said": "{{ [" + ", ".join(registered) + "] }}"}}
        done = [{**task, "register": name} for task, name in zip(tasks, registered)]
        said, printed = self.play([*done, together], *arguments)
        results: list[dict[str, Any]] = said["one"]
        return results, printed


@pytest.fixture
def controller(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def statuses(result: dict[str, Any]) -> dict[str, str]:
    return {key["name"]: key["status"] for key in result["ssh_keys"]}


def test_check_mode_and_diff_say_what_the_run_then_does(controller: Keys) -> None:
    """Pain 12: no diff, weak check mode. What is foretold is what is done, and the second run changes nothing."""
    steps: list[dict[str, Any]] = [
        {"name": "laptop", "key": {"key": line(1, "alice@laptop"), "restrict": True}, "valid_until": "2099-01-31"},
        {"name": "laptop", "valid_until": "2099-02-01T09:00:00Z"},
        {"name": "laptop", "state": "rotated", "key": line(2), "overlap": "2w"},
        {"name": "laptop", "state": "rotated", "key": line(3), "overlap": "0d"},
        {"name": "laptop", "state": "inactive"},
        {"name": "laptop", "state": "absent"},
        {"state": "revoked", "all_keys": True},
        {"state": "revoked", "name": "leaked", "key": line(9)},
    ]
    tasks = []
    for step in steps:
        task = controller.task(**step)
        tasks += [{**task, "check_mode": True, "diff": True}, {**task, "diff": True}, task]
    results, printed = controller.results(tasks)
    for number, step in enumerate(steps):
        foretold, done, again = results[3 * number : 3 * number + 3]
        assert [one["changed"] for one in (foretold, done, again)] == [True, True, False], (step, done)
        assert [without_moments(one) for one in (foretold["ssh_keys"], done["ssh_keys"], again["ssh_keys"])].count(
            without_moments(done["ssh_keys"])
        ) == 3
        assert without_moments(foretold["diff"]) == without_moments(done["diff"])
        assert again["diff"]["before"] == again["diff"]["after"] == ""
    assert "+alice/laptop options: {'restrict': True}" in printed
    assert "-alice/laptop valid_until: 2099-01-31T00:00:00Z" in printed
    assert "+alice/laptop valid_until: 2099-02-01T09:00:00Z" in printed
    assert "alice/laptop state: revoked" not in printed
    assert statuses(results[-1])["leaked"] == "revoked"


def without_moments(value: Any) -> Any:
    """A result without what differs because time goes by between check and run."""
    if isinstance(value, list):
        return [without_moments(item) for item in value]
    if isinstance(value, dict):
        return {key: without_moments(item) for key, item in value.items()}
    return " ".join(
        word for word in str(value).split() if not (word[:2] == "20" and word.endswith("Z") and word[:4] != "2099")
    )


def test_what_is_refused_is_said_and_nothing_is_written(controller: Keys) -> None:
    (controller.directory / "bad_keys").write_text(f'environment="A=1" {line(5)}\n')
    cases: list[tuple[dict[str, Any], str]] = [
        ({"name": "laptop"}, "give the key itself"),
        ({}, "No key is named"),
        ({"name": "../x", "key": line(1)}, "The key name '../x' is not valid"),
        ({"name": "a", "key": line(1), "profile": "../x"}, "is not valid"),
        ({"name": "a", "key": line(1), "username": "root"}, "belongs to the system"),
        ({"name": "a", "key": f'command="id" {line(1)}'}, "options in front of the key"),
        ({"name": "a", "key": {"key": line(1), "expires": "2099-01-01"}}, "give valid_until"),
        ({"name": "a", "key": line(1), "valid_until": "soon"}, "is no moment in UTC"),
        ({"name": "a", "key": line(1), "valid_until": "2099-01-01", "valid_from": "2099-01-02"}, "which is never"),
        ({"name": "a", "state": "rotated", "key": line(1)}, "that could be rotated"),
        ({"name": "a", "state": "rotated", "key": line(1), "overlap": "soon"}, "'soon' is no duration"),
        ({"name": "a", "state": "rotated"}, "a new key is needed"),
        ({"name": "a", "state": "inactive"}, "alice has no key a"),
        ({"name": "a", "state": "inactive", "key": line(1)}, "With state inactive, key says nothing"),
        ({"name": "a", "all_keys": True, "state": "revoked"}, "name and all_keys exclude each other"),
        ({"import_from": "nowhere"}, "nowhere cannot be read"),
        ({"import_from": "bad_keys"}, "line 1: the option 'environment'"),
        ({"name": "a", "passphrase": PASSPHRASE}, "are for generate"),
        ({"name": "a", "generate": True, "passphrase": PASSPHRASE}, "private_key_path"),
        ({"name": "a", "generate": True, "passphrase": "short", "private_key_path": "p"}, "too short"),
        ({"name": "a", "generate": True, "passphrase": PASSPHRASE + "\n", "private_key_path": "p"}, "a line end"),
        ({"name": "a", "generate": True, "passphrase": PASSPHRASE, "private_key_path": "p", "key": line(1)}, "alone"),
        ({"name": "a", "generate": True, "passphrase": PASSPHRASE, "private_key_path": "no/p"}, "make it first"),
        ({"name": "a", "generate": True, "passphrase": PASSPHRASE, "private_key_path": "roster.yml"}, "choose another"),
    ]
    (controller.directory / "roster.yml").write_text("[]")
    results, printed = controller.results([controller.task(**options) for options, _reason in cases], "-vvvv")
    for result, (options, reason) in zip(results, cases):
        assert reason in result.get("msg", ""), options
    assert not controller.store.exists()
    assert PASSPHRASE not in printed


def test_an_existing_file_is_taken_over(controller: Keys) -> None:
    (controller.directory / "hers").write_text(
        f'# mine\n{line(1, "alice@laptop")}\nfrom="192.0.2.0/24",expiry-time="20990131Z" {line(2, "alice@desk")}\n'
    )
    task = controller.task(import_from="hers")
    (done, again, listed), _printed = controller.results([task, task, controller.info()])
    assert [done["changed"], again["changed"]] == [True, False]
    assert statuses(done) == {"alice-desk": "active", "alice-laptop": "active"}
    desk = listed["ssh_keys"][0]
    assert (desk["valid_until"], desk["options"]) == ("2099-01-31T00:00:00Z", {"from": ["192.0.2.0/24"]})


def test_keys_go_from_the_store_to_the_identities(controller: Keys) -> None:
    """Pain 3: rotated keys still work. From its end on, and once it is revoked, no list has the old key."""
    alice = {"username": "alice", "keys": [line(7, "in the roster")]}
    tasks = [
        controller.task(name="laptop", key=line(1, "a"), valid_until="2099-01-31"),
        controller.task(name="later", key=line(4), valid_from="2099-01-01"),
        controller.allocation(alice, {"username": "bob"}),
        controller.task(name="laptop", state="rotated", key=line(2), overlap="1w"),
        controller.allocation(alice, {"username": "bob"}),
        controller.task(name="laptop", state="rotated", key=line(3), overlap="0d"),
        controller.task(state="revoked", name="leaked", key=line(7)),
        controller.task(state="revoked", name="old", key=weak_line()),
        controller.allocation(alice, {"username": "bob"}),
        controller.allocation({"username": "bob", "keys": [line(3)]}),
        controller.allocation(alice, key_store="nowhere"),
        controller.allocation(alice, key_store=""),
    ]
    results, printed = controller.results(tasks)
    first, second, third, clash, missing, without = (results[number] for number in (2, 4, 8, 9, 10, 11))
    assert [one["public_keys"] for one in first["identities"] if "public_keys" in one] == [
        [{"key": line(1, "a"), "expires": "2099-01-31"}, line(7, "in the roster")]
    ]
    new, old, roster = second["identities"][0]["public_keys"]
    assert (new, old["key"], roster) == (line(2), line(1, "a"), line(7, "in the roster"))
    week = 7 * 86400
    ends = time.mktime(time.strptime(old["expires"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert abs(ends - time.time() - week) < 300
    assert third["identities"][0]["public_keys"][0] == line(3)
    assert line(2) not in third["identities"][0]["public_keys"]
    assert third["revoked_keys"] == [line(7), weak_line()]
    assert "which the key store has as revoked" in " ".join(printed.split())
    assert "is that of alice (lab) and of bob" in clash["msg"]
    assert "nowhere is no directory" in missing["msg"]
    assert without["identities"][0]["public_keys"] == [line(7, "in the roster")]
    assert without["revoked_keys"] == []


def test_the_store_is_read_once_a_run_and_again_after_this_run_wrote(controller: Keys) -> None:
    """What somebody edits while a run goes on counts from the next run on, for all hosts alike."""
    laptop = controller.store / "lab" / "alice" / "laptop.json"
    edit = {
        "ansible.builtin.replace": {"path": str(laptop), "regexp": '"active"', "replace": '"inactive"'},
        "run_once": True,
    }
    alice = {"username": "alice"}
    tasks = [
        controller.allocation(alice),
        controller.task(name="laptop", key=line(1)),
        controller.allocation(alice),
        edit,
        controller.allocation(alice),
        controller.task(name="desk", key=line(2)),
        controller.allocation(alice),
    ]
    (controller.directory / "keys").mkdir()
    results, printed = controller.results(tasks)
    lists = [results[number]["identities"][0].get("public_keys") for number in (0, 2, 4, 6)]
    assert lists == [None, [line(1)], [line(1)], [line(2)]]
    assert "has no directory lab" in " ".join(printed.split())
    # what is not known is no empty list, for which every host would let the revoked keys in again
    assert ["revoked_keys" in results[number] for number in (0, 2)] == [False, True]


def test_a_key_in_two_profiles_is_told_of(controller: Keys) -> None:
    tasks = [
        controller.task(name="laptop", key=line(1)),
        controller.task(name="mine", key=line(1), profile="other", username="bob"),
        controller.task(name="mine", key=line(1), username="bob"),
        controller.info(shared=True),
        controller.info(profile="lab", expiring_within="30d"),
    ]
    results, printed = controller.results(tasks)
    assert "is alice/laptop in the profile lab as well" in " ".join(printed.split())
    assert "is alice/laptop already" in results[2]["msg"]
    [shared] = results[3]["shared"]
    assert shared["places"] == ["lab/alice/laptop", "other/bob/mine"]
    assert len(results[3]["ssh_keys"]) == 2
    assert results[4]["ssh_keys"] == []
    assert results[3]["table"][0].startswith("PROFILE")


class Watcher(threading.Thread):
    """Looks at the arguments and the environment of every process, until it is told to stop."""

    def __init__(self, *canaries: str) -> None:
        super().__init__(daemon=True)
        self.canaries = [canary.encode() for canary in canaries]
        self.done = threading.Event()
        self.found: list[str] = []
        self.saw_ssh_keygen = 0

    def run(self) -> None:
        while not self.done.is_set():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                for file in ("cmdline", "environ"):
                    try:
                        with open(f"/proc/{pid}/{file}", "rb") as source:
                            data = source.read()
                    except OSError:
                        continue
                    self.saw_ssh_keygen += file == "cmdline" and data.startswith(b"ssh-keygen\0")
                    self.found += [f"{pid} {file}" for canary in self.canaries if canary in data]


def test_nothing_of_a_private_half_or_its_passphrase_is_seen_anywhere(controller: Keys) -> None:
    handover = controller.directory / "handover"
    handover.mkdir(mode=0o700)
    # the passphrase comes from a file, as it would from a vault
    (controller.directory / "secrets.yml").write_text(json.dumps({"secret": PASSPHRASE}))
    pair = {"generate": True, "private_key_path": "handover/alice", "passphrase": "{{ secret }}"}
    new = {**pair, "private_key_path": "handover/alice.new"}
    tasks = [
        {**controller.task(name="laptop", **pair), "check_mode": True},
        controller.task(name="laptop", **pair, key={"restrict": True}),
        controller.task(name="laptop", **pair),
        controller.task(name="laptop", state="rotated", **new),
        controller.task(name="laptop", state="rotated", **new),
        controller.task(name="desk", **pair),
        controller.task(name="desk", **{**pair, "passphrase": PASSPHRASE[::-1], "private_key_path": "handover/alice"}),
        controller.info(),
    ]
    watcher = Watcher(PASSPHRASE, PASSPHRASE[::-1])
    watcher.start()
    results, printed = controller.results(tasks, "-e", "@secrets.yml", "-vvvv", "--diff")
    watcher.done.set()
    watcher.join()
    foretold, made, same, rotated, again, shared, wrong, listed = results
    assert [one["changed"] for one in (foretold, made, same, rotated, again)] == [True, True, False, True, False]
    assert foretold["private_key"] == made["private_key"] == str(handover / "alice")
    assert foretold["ssh_keys"][0]["fingerprint"] == "(not made yet)"
    assert made["ssh_keys"][0]["options"] == {"restrict": True}
    assert "is alice/laptop-" in shared["msg"]
    assert "with another passphrase" in wrong["msg"]
    assert sorted(os.listdir(handover)) == ["alice", "alice.new"]
    private = [(handover / name).read_text() for name in ("alice", "alice.new")]
    for name, text in zip(("alice", "alice.new"), private):
        assert (handover / name).stat().st_mode & 0o777 == 0o600
        assert "aes256-ctr" in bytes_of(text)
        assert opens(handover / name, PASSPHRASE) in [key["public_key"].rsplit(" ", 1)[0] for key in listed["ssh_keys"]]
        assert opens(handover / name, "another passphrase") == ""
    events = json.dumps(results)
    for seen in (printed, events):
        assert PASSPHRASE not in seen
        assert PASSPHRASE[::-1] not in seen
        assert "PRIVATE KEY" not in seen
        assert not any(body in seen for text in private for body in text.splitlines()[1:-1])
    # neither in any file that the run left, but the one that holds it
    for path in controller.directory.rglob("*"):
        if path.is_file() and path.name not in ("secrets.yml", "play.yml") and "identity" not in path.parts:
            assert PASSPHRASE.encode() not in path.read_bytes(), path
    assert watcher.saw_ssh_keygen
    assert watcher.found == []


def test_no_job_event_has_a_secret(controller: Keys) -> None:
    (controller.directory / "handover").mkdir(mode=0o700)
    (controller.directory / "secrets.yml").write_text(json.dumps({"secret": PASSPHRASE}))
    options = {"generate": True, "private_key_path": "handover/alice", "passphrase": "{{ secret }}", "name": "laptop"}
    book = [{"hosts": "localhost", "gather_facts": False, "tasks": [controller.task(**options)]}]
    (controller.directory / "book.yml").write_text(json.dumps(book))
    program = "from ansible.cli.playbook import main; main()"
    # the callback comes with the package ansible, or from where the caller has it
    elsewhere = os.environ.get("ANSIBLE_COLLECTIONS_PATH", "")
    places = [str(controller.directory / "tree"), *filter(None, [elsewhere]), *site_packages()]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment.update(
        ANSIBLE_COLLECTIONS_PATH=os.pathsep.join(places),
        ANSIBLE_HOME=str(controller.directory / "home"),
        ANSIBLE_STDOUT_CALLBACK="ansible.posix.jsonl",
    )
    shown = ["-e", "@secrets.yml", "--diff", "-vvvv", "book.yml"]
    ran = subprocess.run(
        [sys.executable, "-c", program, "-i", "localhost,", "-c", "local", *shown],
        cwd=controller.directory, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    events = [json.loads(event) for event in ran.stdout.splitlines() if event.startswith("{")]
    assert any(event.get("_event") == "v2_runner_on_ok" for event in events)
    assert '"private_key"' in ran.stdout
    assert PASSPHRASE not in ran.stdout + ran.stderr
    assert "PRIVATE KEY" not in ran.stdout + ran.stderr


def site_packages() -> list[str]:
    """Where the collections of the test environment are."""
    return [path for path in sys.path if path.endswith("site-packages")]


def bytes_of(private: str) -> str:
    return base64.b64decode("".join(private.splitlines()[1:-1])).decode("latin-1")


def opens(path: Path, passphrase: str) -> str:
    """The public half that ssh-keygen finds with this passphrase, empty when it finds none."""
    ran = subprocess.run(
        ["ssh-keygen", "-y", "-P", passphrase, "-f", str(path)], check=False, capture_output=True, text=True
    )
    return " ".join(ran.stdout.split()[:2])


def test_the_playbooks_change_rotate_and_list(controller: Keys) -> None:
    def book(name: str, **variables: Any) -> str:
        ran = controller.run(
            "playbook", str(COLLECTION / "playbooks" / f"{name}.yml"), "-e", json.dumps({"store": "keys", **variables})
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "reserved name" not in ran.stderr
        return ran.stdout

    one = {"profile": "lab", "username": "alice", "key_name": "laptop"}
    assert "changed=1" in book("ssh_key", **one, key=line(1, "alice@laptop"))
    new_keys = [{"username": "alice", "name": "laptop", "key": line(2)}]
    assert "laptop-20" in book("rotate_keys", profile="lab", new_keys=new_keys, overlap="14d")
    assert "changed=0" in book("rotate_keys", profile="lab", new_keys=new_keys, overlap="14d")
    assert "revoked" in book("ssh_key", **one, key_state="revoked")
    assert "alice" in book("ssh_key", key_state="list", expiring_within="30d")


@pytest.mark.parametrize("playbook", ["ssh_key", "rotate_keys"])
def test_a_key_that_somebody_sent_is_data(controller: Keys, playbook: str) -> None:
    """Attack: its comment is a template, which would run on the controller."""
    proof, sent = controller.directory / "pwned", controller.directory / "sent.pub"
    comment = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}" % proof

    def run(**one: str) -> subprocess.CompletedProcess[str]:
        given: dict[str, Any] = {"store": "keys", "profile": "lab", "username": "alice", "key_name": "laptop", **one}
        if playbook == "rotate_keys":
            given["new_keys"] = [{"username": "alice", "name": "laptop", **one}]
        return controller.run("playbook", f"labfleet.identity.{playbook}", "-e", json.dumps(given))

    if playbook == "rotate_keys":
        controller.results([controller.task(name="laptop", key=line(9))])
    sent.write_text(f"{line(1, comment)}\n")
    ran = run(key_file=str(sent))
    assert ran.returncode == 2
    assert "has a comment with characters outside" in " ".join(ran.stdout.split())
    assert not proof.exists()
    sent.write_text(f"{line(1, 'alice@laptop')}\n")
    ran = run(key_file=str(sent))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "changed=1" in ran.stdout
    # what is warned of: this shows that the test could fail
    run(key=line(2, comment))
    assert proof.exists()
