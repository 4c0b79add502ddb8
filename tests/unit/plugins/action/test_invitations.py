# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an invitation to a person and out again, through real playbooks."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import Controller
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.keys import line

if TYPE_CHECKING:
    from pathlib import Path

PASSPHRASE = "canary-5d20e8 correct horse"
HEIDI, MALLORY = line(1, "heidi@laptop"), line(2, "mallory@laptop")
# what ansible-playbook and its workers start is written down with its arguments
_TOLD_OF_PROGRAMS = """
import sys
def told(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        with open("programs", "a", encoding="utf-8") as file:
            print(event, arguments, file=file)
sys.addaudithook(told)
"""


class Lab(Controller):
    """A controller with a signing key, a key store and a ledger with one profile."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        os.chmod(directory, 0o755)
        (directory / "secrets.yml").write_text(json.dumps({"signing_passphrase": PASSPHRASE}))
        (directory / "rosters").mkdir()

    def task(self, module: str, **options: Any) -> dict[str, Any]:
        return {f"labfleet.identity.{module}": options, "failed_when": False, "run_once": True}

    def key(self, cluster: str = "a", **options: Any) -> dict[str, Any]:
        return self.task("token_key", path=f"keys-of-{cluster}", passphrase="{{ signing_passphrase }}", **options)

    def allocation(self) -> dict[str, Any]:
        arguments = {"profile": "lab", "ledger": f"file:{self.ledger}", "roster": "rosters", "key_store": "keys"}
        return self.task("uid_allocation", **arguments)

    def profile(self) -> dict[str, Any]:
        people = [{"username": "alice"}]
        return self.task("uid_allocation", profile="lab", ledger=f"file:{self.ledger}", roster=people, groups=["stats"])

    def invite(self, name: str = "heidi@uni", cluster: str = "a", **options: Any) -> dict[str, Any]:
        signs = {"issuer": cluster, "signing_keys": f"keys-of-{cluster}", "passphrase": "{{ signing_passphrase }}"}
        where = {"ledger": f"file:{self.ledger}", "profile": "lab", "name": name, "dest": f"{name}.token"}
        return self.task("invitation", **{**where, **signs, **options})

    def revoke(self, **options: Any) -> dict[str, Any]:
        where = {"ledger": f"file:{self.ledger}", "profile": "lab", "key_store": "keys", "state": "revoked"}
        return self.task("invitation", **where, **options)

    def accept(self, name: str = "heidi@uni", **options: Any) -> dict[str, Any]:
        where = {"ledger": f"file:{self.ledger}", "profile": "lab", "key_store": "keys", "roster": "rosters/new.json"}
        trusted = {"a": "keys-of-a/jwks.json"}
        said = {"token": "{{ lookup('file', '%s.token') }}" % name, "key": HEIDI, "issuer": "a", "trusted": trusted}
        return self.task("invitation_accept", **{**where, **said, **options})

    def results(self, *tasks: dict[str, Any], arguments: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """What every task returned, in one run in which no canary is seen."""
        registered = [f"said_{number}" for number in range(len(tasks))]
        together = {"ansible.builtin.set_fact": {"said": "{{ [" + ", ".join(registered) + "] }}"}}
        done = [{**task, "register": name} for task, name in zip(tasks, registered)]
        said, printed = self.play([*done, together], "-e", "@secrets.yml", "-vvvv", "--diff", *arguments)
        assert PASSPHRASE not in printed
        assert "PRIVATE KEY" not in printed
        for token in self.tokens():
            assert token not in printed
            # its signature is what makes an invitation of claims
            assert token.rpartition(".")[2] not in printed
        results: list[dict[str, Any]] = said["one"]
        return results

    def tokens(self) -> list[str]:
        return [file.read_text().strip() for file in self.directory.glob("*.token")]

    def invited(self) -> list[dict[str, Any]]:
        path = self.directory / "rosters" / "new.json"
        return list(json.loads(path.read_text())) if path.exists() else []


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_one_invitation_is_one_person_and_nobody_else(lab: Lab) -> None:
    terms: dict[str, Any] = {"username": "heidi", "role": "member", "groups": ["stats"], "access_until": "2099-01-31"}
    roles = {"member": {"limits": {"cores": 2}}}
    _key, _profile, foretold = lab.results(lab.key(), lab.profile(), {**lab.invite(**terms), "check_mode": True})
    assert foretold["changed"]
    assert lab.tokens() == []
    issued, again = lab.results(lab.invite(**terms), lab.invite(**terms))
    assert (issued["changed"], again["changed"]) == (True, False)
    assert issued["jti"] == again["jti"]
    assert (lab.directory / "heidi@uni.token").stat().st_mode & 0o777 == 0o600
    before = lab.ledger.read_bytes()
    foretold = lab.results(lab.accept(roles=roles), arguments=("--check",))[0]
    assert lab.ledger.read_bytes() == before
    assert not (lab.directory / "keys").exists()
    assert lab.invited() == []
    accepted, second, other_key, other_name, taken, members = lab.results(
        lab.accept(roles=roles),
        lab.accept(roles=roles),
        lab.accept(key=MALLORY, key_name="mine"),
        lab.accept(username="mallory"),
        lab.accept(username="alice"),
        lab.allocation(),
    )
    assert {name: foretold[name] for name in ("uid", "entry", "diff")} == {
        name: accepted[name] for name in ("uid", "entry", "diff")
    }
    assert (accepted["changed"], second["changed"], second["uid"]) == (True, False, accepted["uid"])
    subject = f"invitation:{issued['jti']}"
    offered = {"groups": ["stats"], "limits": {"cores": 2}, "expires": "2099-01-31"}
    assert lab.invited() == [{"username": "heidi", "subject": subject, **offered}]
    for refused in (other_key, other_name, taken):
        assert refused["changed"] is False
    assert "only they, with the same username, key and identity, can come again" in other_key["msg"]
    assert [(person["username"], person["uid"], person["public_keys"]) for person in members["identities"]] == [
        ("heidi", accepted["uid"], [HEIDI])
    ]


def test_what_was_interrupted_is_completed(lab: Lab) -> None:
    lab.results(lab.key(), lab.profile(), lab.invite(username="heidi"))
    first = lab.results(lab.accept())[0]
    # as if the run had been killed after the ledger was written
    (lab.directory / "rosters" / "new.json").unlink()
    shutil.rmtree(lab.directory / "keys")
    second = lab.results(lab.accept())[0]
    assert (second["changed"], second["uid"], second["events"]) == (True, first["uid"], [])
    assert [entry["username"] for entry in lab.invited()] == ["heidi"]
    assert sorted(os.listdir(lab.directory / "keys" / "lab" / "heidi")) == ["invitation.json", "invitation.pub"]


@pytest.mark.parametrize("state", ["inactive", "absent", "revoked"])
def test_an_invitation_that_was_used_brings_no_key_back(lab: Lab, state: str) -> None:
    """Attack: a laptop is stolen, its key is closed, and the thief accepts the invitation once more."""
    named = {"store": "keys", "profile": "lab", "username": "heidi", "name": "invitation"}
    states = ["inactive", state] if state == "absent" else [state]
    closed = [lab.task("ssh_key", **named, state=one) for one in states]
    lab.results(lab.key(), lab.profile(), lab.invite(username="heidi"), lab.accept(), *closed)
    again, known = lab.results(lab.accept(), lab.task("ssh_key_info", store="keys", profile="lab"))
    assert again["changed"] is False
    assert [one["status"] for one in known["ssh_keys"]] in ([], [state])


def test_revoked_is_out_everywhere_and_for_good(lab: Lab) -> None:
    lab.results(lab.key(), lab.profile(), lab.invite(username="heidi"), lab.invite("judy@uni", username="judy"))
    lab.results(lab.accept())
    foretold = lab.results(lab.revoke(name="heidi@uni", reason="the end"), arguments=("--check",))[0]
    revoked, again, unused, late, accepted, members, issued = lab.results(
        lab.revoke(name="heidi@uni", reason="the end"),
        lab.revoke(name="heidi@uni"),
        lab.revoke(name="judy@uni"),
        lab.accept("judy@uni", key=MALLORY),
        lab.accept(),
        lab.allocation(),
        lab.invite(username="heidi"),
    )
    assert foretold["revoked"] == revoked["revoked"]
    assert [(person["username"], person["closed_keys"]) for person in revoked["revoked"]] == [("heidi", ["invitation"])]
    assert (revoked["changed"], again["changed"], unused["changed"], unused["revoked"]) == (True, False, True, [])
    assert "was revoked at" in late["msg"]
    assert "was revoked at" in accepted["msg"]
    assert [(person["username"], person["state"]) for person in members["identities"]] == [("heidi", "disabled")]
    # nobody proved that the key was hers, so that it is closed here and not for everybody who has it
    assert members["revoked_keys"] == []
    assert "was revoked, and that is for good" in issued["msg"]


def test_a_key_that_is_known_to_be_theirs_can_be_revoked_for_ever(lab: Lab) -> None:
    lab.results(lab.key(), lab.profile(), lab.invite(username="heidi"), lab.accept())
    _revoked, members = lab.results(lab.revoke(name="heidi@uni", revoke_keys=True), lab.allocation())
    assert [key.split()[1] for key in members["revoked_keys"]] == [HEIDI.split()[1]]


def test_a_key_that_could_not_be_closed_is_told(lab: Lab) -> None:
    """The key store is mistyped, or has another key of hers: whoever revokes must not take the key for closed."""
    lab.results(lab.key(), lab.profile(), lab.invite(username="heidi"), lab.accept())
    elsewhere = {**lab.revoke(name="heidi@uni", revoke_keys=True)["labfleet.identity.invitation"], "key_store": "kyes"}
    mistyped = lab.task("invitation", **elsewhere)
    foretold, revoked = lab.results({**mistyped, "check_mode": True}, mistyped)
    for one in (foretold, revoked):
        assert one["changed"] is True
        assert [told for told in one["warnings"] if "kyes knows nobody called heidi" in told]
    assert not (lab.directory / "kyes").exists()
    replaced = lab.task(
        "ssh_key", store="keys", profile="lab", username="heidi", name="invitation", key=MALLORY, state="rotated",
        overlap="0m",
    )  # fmt: skip
    again, _replaced = lab.results(lab.revoke(name="heidi@uni", revoke_keys=True), replaced)
    assert not [told for told in again.get("warnings", []) if "key store" in told]
    for path in (lab.directory / "keys" / "lab" / "heidi").glob("invitation-*"):
        path.unlink()
    (last,) = lab.results(lab.revoke(name="heidi@uni", revoke_keys=True))
    assert [told for told in last["warnings"] if "is not in the key store" in told and "not revoked" in told]


@pytest.mark.parametrize(
    ("beside", "taken"),
    [
        ({"username": "bob"}, "has this username already"),
        ({"username": "robert", "groups": ["bob"]}, "names a shared group so"),
        ({"username": "robert", "keys": [HEIDI]}, "has the same SSH key"),
    ],
)
def test_nobody_comes_in_as_somebody_whom_a_roster_names(lab: Lab, beside: dict[str, Any], taken: str) -> None:
    """Attack: bob is in the roster of the sysadmins and has no number yet, and somebody chooses his name or key."""
    (lab.directory / "rosters" / "people.yml").write_text(json.dumps([beside]))
    lab.results(lab.key(), lab.profile(), lab.invite("mallory@uni"))
    before = lab.ledger.read_bytes()
    refused = lab.results(lab.accept("mallory@uni", username="bob"))[0]
    assert taken in refused["msg"]
    assert lab.ledger.read_bytes() == before
    assert lab.invited() == []


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("laptop", ["present"]),
        ("invitation", ["present", "inactive"]),
        ("invitation", ["present", "inactive", "absent"]),
    ],
)
def test_nobody_comes_in_under_a_name_that_has_keys_already(lab: Lab, name: str, states: list[str]) -> None:
    """Attack: the keys of bob, who has no number, would open the account of who accepts as bob."""
    named = {"store": "keys", "profile": "lab", "username": "bob", "name": name}
    key = HEIDI if name == "invitation" else MALLORY
    entered = [lab.task("ssh_key", **named, state=one, **({"key": key} if one == "present" else {})) for one in states]
    assert [one["changed"] for one in lab.results(*entered)] == [True] * len(states)
    lab.results(lab.key(), lab.profile(), lab.invite())
    files = (lab.directory / "keys" / "lab" / "bob").iterdir()
    before = lab.ledger.read_bytes(), {file: file.read_bytes() for file in files}
    refused, foretold, other = lab.results(
        lab.accept(username="bob"), {**lab.accept(username="bob"), "check_mode": True}, lab.accept(username="robert")
    )
    for one in (refused, foretold):
        assert (one["changed"], "is in the key store" in one["msg"]) == (False, True), one
    after = (lab.directory / "keys" / "lab" / "bob").iterdir()
    assert {file: file.read_bytes() for file in after} == before[1]
    # who chooses another name comes in, unless the key is somebody's
    assert other["changed"] is (states[-1] == "absent" or name == "laptop")
    assert b'"bob"' not in lab.ledger.read_bytes()
    if not other["changed"]:
        assert lab.ledger.read_bytes() == before[0]


@pytest.mark.parametrize("is_over", [False, True])
def test_the_name_that_an_open_invitation_proposes_is_not_given_away(lab: Lab, is_over: bool) -> None:
    """Attack: what sysadmins prepared for heidi is for whoever is called so, and mallory is faster."""
    lab.results(lab.key(), lab.profile(), lab.invite(username="heidi"), lab.invite("mallory@uni"))
    over = [lab.revoke(name="heidi@uni")] if is_over else []
    *_over, mallory, heidi = lab.results(*over, lab.accept("mallory@uni", username="heidi", key=MALLORY), lab.accept())
    assert (mallory["changed"], heidi["changed"]) == (is_over, not is_over)
    if not is_over:
        assert "proposes the name heidi" in mallory["msg"]
        assert (heidi["username"], [entry["username"] for entry in lab.invited()]) == ("heidi", ["heidi"])


def test_nobody_is_called_like_the_home_of_somebody_else(lab: Lab) -> None:
    """Attack: alice has the home /home/asmith, which is where hosts would put the home of who accepts as asmith."""
    alice = {"username": "alice", "home": "/home/asmith"}
    (lab.directory / "rosters" / "people.yml").write_text(json.dumps([alice]))
    lab.results(lab.key(), lab.profile(), lab.invite())
    before = lab.ledger.read_bytes()
    refused = lab.results(lab.accept(username="asmith"))[0]
    assert "the home /home/asmith is that of alice" in refused["msg"]
    assert lab.ledger.read_bytes() == before
    assert lab.invited() == []
    assert lab.results(lab.accept(username="smith"))[0]["changed"] is True


def test_an_invitation_is_not_used_up_for_a_key_that_has_no_place(lab: Lab) -> None:
    lab.results(lab.key(), lab.profile(), lab.invite(username="heidi"))
    before = lab.ledger.read_bytes()
    nowhere = lab.accept(key_store="nowhere/keys")
    for refused in lab.results({**nowhere, "check_mode": True}, nowhere):
        assert "nowhere of the key store: make it" in refused["msg"]
    assert lab.ledger.read_bytes() == before
    assert lab.invited() == []


def test_who_was_interrupted_for_too_long_is_entered_by_hand(lab: Lab) -> None:
    """As the guide says of an invitation that expired before the run could be completed."""
    issued, first = lab.results(lab.key(), lab.profile(), lab.invite(username="heidi"), lab.accept())[2:]
    (lab.directory / "rosters" / "new.json").unlink()
    shutil.rmtree(lab.directory / "keys")
    entry = {"username": "heidi", "subject": f"invitation:{issued['jti']}"}
    (lab.directory / "rosters" / "people.yml").write_text(json.dumps([entry]))
    key = lab.task("ssh_key", store="keys", profile="lab", username="heidi", name="laptop", key=HEIDI)
    members = lab.results(key, lab.allocation())[1]
    assert [(person["username"], person["uid"], person["public_keys"]) for person in members["identities"]] == [
        ("heidi", first["uid"], [HEIDI])
    ]


def test_who_accepted_is_not_whom_a_roster_means_later(lab: Lab) -> None:
    """Attack: as above, but the roster with bob comes later."""
    lab.results(lab.key(), lab.profile(), lab.invite("mallory@uni"), lab.accept("mallory@uni", username="bob"))
    (lab.directory / "rosters" / "people.yml").write_text(json.dumps([{"username": "bob", "groups": ["stats"]}]))
    (lab.directory / "rosters" / "new.json").unlink()
    refused = lab.results(lab.allocation())[0]
    assert "identities" not in refused
    assert "bob" in refused["msg"]


def test_a_used_invitation_brings_no_entry_back(lab: Lab) -> None:
    """Attack: a sysadmin took the entry out of the roster, and the invitation comes once more."""
    lab.results(lab.key(), lab.profile(), lab.invite(username="heidi"), lab.accept())
    (lab.directory / "rosters" / "new.json").write_text("[]")
    assert lab.results(lab.accept())[0]["changed"] is False
    assert lab.invited() == []


def test_who_was_renamed_is_told_the_name_of_today(lab: Lab) -> None:
    renamed = {"profile": "lab", "username": "heidi", "new_username": "heidi-meier"}
    lab.results(lab.key(), lab.profile(), lab.invite(username="heidi"), lab.accept())
    lab.results(lab.task("ledger_rename", ledger=f"file:{lab.ledger}", **renamed))
    again = lab.results(lab.accept())[0]
    assert (again["changed"], again["username"], again["entry"]["username"]) == (False, "heidi-meier", "heidi-meier")
    assert again["message"][0].startswith("heidi-meier is in the profile lab with the number ")


def test_a_stolen_signing_key_invites_nobody(lab: Lab, tmp_path: Path) -> None:
    """The thief signs with the key of the cluster, into a ledger of their own; however the cluster is mistyped."""
    thief = f"file:{tmp_path / 'thief.jsonl'}"
    lab.results(
        lab.key(),
        lab.profile(),
        lab.task("uid_allocation", profile="lab", ledger=thief, roster=[]),
        lab.invite(username="mallory", role="lead", ledger=thief),
    )
    mistyped = ("A", "a ", "zz")
    refused, *others = lab.results(*(lab.accept(issuer=issuer, inviters=["a"]) for issuer in ("a", *mistyped)))
    assert "signed with our own key, but it was not issued with this ledger" in refused["msg"]
    for issuer, other in zip(mistyped, others):
        assert f"The issuer '{issuer}' is not among trusted (a): name this cluster as it is there" in other["msg"]
    assert lab.invited() == []


def test_a_partner_passes_on_less_and_never_more(lab: Lab) -> None:
    trusted = {"a": "keys-of-a/jwks.json", "b": "keys-of-b/jwks.json"}
    passed_on = {"parent": "{{ lookup('file', 'partner.token') }}", "trusted": trusted, "ledger": "file:b.jsonl"}
    lab.results(
        lab.key(),
        lab.key("b"),
        lab.profile(),
        lab.task("uid_allocation", profile="lab", ledger="file:b.jsonl", roster=[]),
        lab.invite("partner", depth=1, delegates=["b"], role="member", groups=["stats"], valid_for="7d"),
    )
    child: dict[str, Any] = {"cluster": "b", "username": "heidi", "role": "guest", **passed_on}
    good, lead, group, root = lab.results(
        lab.invite(**child),
        lab.invite("lead@b", **{**child, "role": "lead"}),
        lab.invite("group@b", **{**child, "groups": ["admins"]}),
        lab.invite("root@b", cluster="b", username="mallory", ledger="file:b.jsonl"),
    )
    assert (good["changed"], root["changed"]) == (True, True)
    for refused in (lead, group):
        assert refused["changed"] is False
        assert refused["msg"]
    itself, not_trusted, not_a_root, accepted = lab.results(
        lab.accept("partner", username="mallory", key=MALLORY),
        lab.accept(),
        lab.accept("root@b", trusted=trusted, key=MALLORY),
        lab.accept(trusted=trusted),
    )
    assert "is to be passed on and lets nobody in itself" in itself["msg"]
    assert "b" in not_trusted["msg"]
    assert "invite on its own" in not_a_root["msg"]
    assert (accepted["username"], len(accepted["chain"])) == ("heidi", 1)
    revoked, members = lab.results(lab.revoke(name="partner"), lab.allocation())
    assert [person["username"] for person in revoked["revoked"]] == ["heidi"]
    assert [person["state"] for person in members["identities"]] == ["disabled"]


def test_a_new_signing_key_does_not_end_what_the_old_one_signed(lab: Lab) -> None:
    lab.results(lab.key(), lab.profile(), lab.invite(username="heidi"))
    _rotated, accepted = lab.results(lab.key(state="rotated", older_than="0m"), lab.accept())
    assert accepted["username"] == "heidi"


def test_a_table_of_many_has_a_row_for_each(lab: Lab) -> None:
    rows = [f"p{number}@uni,p{number}" for number in range(20)]
    (lab.directory / "class.csv").write_text("\n".join(["name,username", *rows, "x@uni,root", "y@uni,../y", "=1,evil"]))
    bulk = lab.task(
        "invitation_bulk", ledger=f"file:{lab.ledger}", profile="lab", issuer="a", signing_keys="keys-of-a",
        passphrase="{{ signing_passphrase }}", src="class.csv", dest="tokens.csv", report="report.csv", role="guest",
    )  # fmt: skip
    *_set_up, done, again = lab.results(lab.key(), lab.profile(), bulk, bulk)
    assert done["counts"] == {"issued": 21, "kept": 0, "accepted": 0, "refused": 2}
    assert again["counts"] == {"issued": 0, "kept": 21, "accepted": 0, "refused": 2}
    assert (done["changed"], again["changed"]) == (True, True)
    with (lab.directory / "report.csv").open(newline="") as file:
        report = list(csv.DictReader(file))
    assert [row["status"] for row in report] == ["kept"] * 20 + ["refused"] * 2 + ["kept"]
    assert report[-1]["name"] == "'=1"
    assert (lab.directory / "tokens.csv").stat().st_mode & 0o777 == 0o600
    with (lab.directory / "tokens.csv").open(newline="") as file:
        tokens = {row["name"]: row["token"] for row in csv.DictReader(file)}
    (lab.directory / "p7@uni.token").write_text(tokens["p7@uni"])
    accepted, info = lab.results(
        lab.accept("p7@uni"),
        lab.task("invitation_info", ledger=f"file:{lab.ledger}", profile="lab", states=["accepted"]),
    )
    assert accepted["username"] == "p7"
    assert [record["name"] for record in info["invitations"]] == ["p7@uni"]
    assert not any(token in json.dumps([done, again, info]) for token in tokens.values())


def test_nothing_but_an_invitation_is_written_over(lab: Lab) -> None:
    """The table of a class, the ledger or a key, named as dest by mistake, would be lost."""
    lab.results(lab.key(), lab.profile())
    table = "name,username\nheidi@uni,heidi\n"
    (lab.directory / "class.csv").write_text(table)
    (lab.directory / "same").symlink_to(lab.directory)
    before = lab.ledger.read_bytes()

    def bulk(dest: str, report: str) -> dict[str, Any]:
        signs = {"issuer": "a", "signing_keys": "keys-of-a", "passphrase": "{{ signing_passphrase }}"}
        where = {"ledger": f"file:{lab.ledger}", "profile": "lab", "src": "class.csv"}
        return lab.task("invitation_bulk", **where, **signs, dest=dest, report=report)

    refused = lab.results(
        lab.invite(dest=str(lab.ledger)),
        {**lab.invite(dest="secrets.yml"), "check_mode": True},
        bulk("class.csv", "report.csv"),
        bulk("tokens.csv", "class.csv"),
        bulk("tokens.csv", str(lab.ledger)),
    )
    assert [one["changed"] for one in refused] == [False] * len(refused)
    for one in refused:
        assert "There is something else in " in one["msg"]
    assert "give dest and report two files" in lab.results(bulk("tokens.csv", "same/tokens.csv"))[0]["msg"]
    assert lab.ledger.read_bytes() == before
    assert (lab.directory / "class.csv").read_text() == table
    # what a spreadsheet made of an earlier report is one still
    (lab.directory / "report.csv").write_text("\ufeffline;name;status;jti;expires;reason\r\n2;x;issued;;;\r\n")
    (lab.directory / "heidi@uni.token").write_text("\n")
    many, one, again = lab.results(
        bulk("tokens.csv", "report.csv"),
        lab.invite("judy@uni", dest="heidi@uni.token"),
        bulk("tokens.csv", "report.csv"),
    )
    assert (many["changed"], one["changed"]) == (True, True)
    assert again["counts"] == {"issued": 0, "kept": 1, "accepted": 0, "refused": 0}
    assert lab.results(lab.invite("max@uni", dest="heidi@uni.token"))[0]["changed"] is True


def test_bad_input_is_one_sentence_and_nothing_is_issued(lab: Lab) -> None:
    lab.results(lab.key(), lab.profile())
    before = lab.ledger.read_bytes()
    invite = lab.invite()["labfleet.identity.invitation"]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": None}, "Give the invitation a name"),
        ({"dest": None}, "Give the invitation a name by which you know it again, and dest"),
        ({"dest": "nowhere/x.token"}, "nowhere/x.token was not written"),
        ({"issuer": None}, "Whoever invites has to sign: give issuer too"),
        ({"valid_for": "8d"}, "give it 1 to 604800 s"),
        ({"role": "admin"}, "value of role must be one of"),
        ({"access_until": "tomorrow"}, "access_until"),
        ({"key": "ssh-rsa AAAA"}, "key"),
        ({"policy": {"max_cost_per_day": "-1"}}, "max_cost_per_day"),
        ({"parent": "x.y.z"}, "Nobody is trusted to invite"),
        ({"passphrase": "another passphrase"}, "passphrase"),
    ]
    tasks = []
    for options, _refusal in wrong:
        given = {name: value for name, value in {**invite, **options}.items() if value is not None}
        tasks.append(lab.task("invitation", **given))
    for (options, refusal), result in zip(wrong, lab.results(*tasks)):
        assert refusal in result["msg"], options
        assert result["changed"] is False
    assert lab.ledger.read_bytes() == before
    assert lab.tokens() == []


def test_no_job_event_and_no_process_list_has_a_secret(lab: Lab) -> None:
    lab.results(lab.key(), lab.profile(), lab.invite(username="heidi"))
    token = lab.tokens()[0]
    (lab.directory / "answers.yml").write_text(json.dumps({"signing_passphrase": PASSPHRASE, "invitation": token}))
    tasks = [lab.invite("judy@uni"), lab.accept(token="{{ invitation }}"), lab.accept(token="{{ invitation }}x")]
    book = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]
    (lab.directory / "book.yml").write_text(json.dumps(book))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    elsewhere = os.environ.get("ANSIBLE_COLLECTIONS_PATH", "")
    places = [str(lab.directory / "tree"), *filter(None, [elsewhere])]
    places += [path for path in sys.path if path.endswith("site-packages")]
    environment.update(
        ANSIBLE_COLLECTIONS_PATH=os.pathsep.join(places),
        ANSIBLE_HOME=str(lab.directory / "home"),
        ANSIBLE_STDOUT_CALLBACK="ansible.posix.jsonl",
    )
    program = f"{_TOLD_OF_PROGRAMS}from ansible.cli.playbook import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", program, "-i", "localhost,", "-c", "local", "-e", "@answers.yml", "--diff",
         "-vvvv", "book.yml"],
        cwd=lab.directory, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    seen = ran.stdout + ran.stderr + (lab.directory / "programs").read_text()
    assert '"jti"' in seen
    assert "subprocess.Popen" in seen
    for secret in (PASSPHRASE, token, token.rpartition(".")[2], lab.tokens()[1].rpartition(".")[2]):
        assert secret not in seen
