# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user who exchanges what root is about to touch, before, between and during runs: nothing outside their own changes.

Two things stand between such a user and root. The directory of the homes is root's, so the user cannot exchange the
home itself; the first test shows that. And where a directory is theirs after all, nothing is opened through a link or
by a name that could mean another file a moment later; all other tests show that.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._survey import take_survey
from ansible_collections.labfleet.identity.plugins.module_utils._audit._host_facts import HostPlaces, Looked, host_facts
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding import _evidence_files
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._evidence import prove
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._accounts.conftest import public_key

from .intruder import ALICE, MARK, Scene, attempts, exchange, meanwhile, says_nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

SECONDS = 0.7  # that a race is kept up at least
MODES = ("0700", "0750")


@pytest.fixture
def scene() -> Iterator[Scene]:
    assert os.geteuid() == 0, "processes of other users attack here, which only root can start: run the tests as root"
    directory = tempfile.mkdtemp(prefix="labfleet-races-")  # where a user can pass: pytest's own is closed to them
    try:
        os.chmod(directory, 0o755)
        yield Scene(Path(directory))
    finally:
        shutil.rmtree(directory)


def for_a_while(is_enough: Callable[[int], bool] = lambda number: number >= 4) -> Iterator[int]:
    """Numbers, until the time of a race is over and it has come to what it is about, however slow the machine is."""
    begin = time.monotonic()
    number = 0
    while time.monotonic() < begin + SECONDS or not is_enough(number):
        assert time.monotonic() < begin + 20, "what has to happen in this race did not come about"
        yield number
        number += 1


def mode_of(path: Path) -> str:
    return "%04o" % stat.S_IMODE(path.stat().st_mode)


def test_what_a_user_cannot_even_try(scene: Scene) -> None:
    """The directories that the runs rely on are root's: the system itself refuses."""
    scene.host.run([scene.alice, scene.bob])
    before = scene.outside()
    home, base, keys = scene.home, scene.host.home, scene.host.keys
    own, other = home / ".profile", home / ".config"
    said = attempts(
        home,
        {
            "move the home": lambda: os.rename(home, base / "moved"),
            "exchange the home": lambda: exchange(str(home), str(base / "bob")),
            "put a link beside it": lambda: os.symlink(scene.precious, base / "link"),
            "remove it": lambda: os.rmdir(home),
            "take the key file": lambda: os.unlink(keys / "alice"),
            "put a link for it": lambda: os.symlink(own, keys / "alice2"),
            "move the homes": lambda: os.rename(base, scene.root / "moved"),
            "read the secret": lambda: os.open(scene.secret, os.O_RDONLY),
            "give the home away": lambda: os.chown(home, 0, 0),
            "exchange what is in it": lambda: exchange(str(own), str(other)),
        },
    )
    assert said.pop("exchange what is in it") == ""
    assert said.pop("give the home away") == "EPERM"
    assert set(said.values()) == {"EACCES"}
    assert scene.outside() == before


def test_a_hard_link_to_what_is_roots_is_refused_by_the_system(scene: Scene) -> None:
    """Where protected_hardlinks is on, as everywhere today; the other tests act as if it were off."""
    if Path("/proc/sys/fs/protected_hardlinks").read_text().strip() != "1":
        pytest.skip("the system that runs the tests lets everybody link to everything (fs.protected_hardlinks = 0)")
    scene.host.run([scene.alice])
    said = attempts(scene.home, {"link": lambda: os.link(scene.secret, "mine")})
    assert said == {"link": "EPERM"}


def set_traps(scene: Scene, kind: str) -> dict[str, str]:
    """Put links, or hard links of root's files, in the place of everything in the home."""
    for path in scene.home.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if kind == "links":
        scene.link(scene.home / ".ssh", scene.precious / "ssh")
        scene.link(scene.home / ".config", scene.precious)
        for name in (".profile", ".bashrc", "notes"):
            scene.link(scene.home / name, scene.secret)
    else:
        scene.directory(scene.home / ".ssh")
        os.link(scene.precious / "ssh" / "authorized_keys", scene.home / ".ssh" / "authorized_keys")
        for name in (".profile", ".bashrc", "notes"):
            os.link(scene.secret, scene.home / name)
    return traps(scene)


def traps(scene: Scene) -> dict[str, str]:
    found = {}
    for folder, names, files in os.walk(scene.home):
        for name in names + files:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            what = os.readlink(path) if stat.S_ISLNK(status.st_mode) else str(status.st_ino)
            found[path] = "%d %o %s" % (status.st_uid, status.st_mode, what)
    return found


@pytest.mark.parametrize("kind", ["links", "hard links"])
def test_a_home_full_of_traps_through_the_life_of_an_account(scene: Scene, kind: str) -> None:
    """Before and between runs: made, mode enforced, keys changed, shut, let in again, removed, made again."""
    host, alice, bob = scene.host, scene.alice, scene.bob
    host.run([alice, bob])
    laid = set_traps(scene, kind)
    before = scene.outside()
    life: list[dict[str, Any]] = [
        {"home_mode": "0750"},
        {"home_mode": "0711", "keys": [public_key(3, "new")]},
        {"home_mode": "0700", "gecos": "Alice", "limits": {"memory": "1G"}},
        {"home_mode": "0700", "state": "disabled"},
        {"home_mode": "0700"},
        {"state": "absent"},
        {"home_mode": "0750"},
    ]
    for wanted in life:
        predicted = host.run([{**alice, **wanted}, bob], check=True)
        assert predicted["changed"]
        says_nothing([predicted, host.run([{**alice, **wanted}, bob])])
        assert scene.outside() == before
        assert traps(scene) == laid
    assert mode_of(scene.home) == "0750"
    assert scene.home.stat().st_uid == ALICE


def test_dotfiles_that_change_places_while_the_mode_of_the_home_is_enforced(scene: Scene) -> None:
    """During runs: only the home itself is changed, whatever is in it at that moment."""
    host = scene.host
    host.run([scene.alice, scene.bob], home_mode=MODES[1])
    scene.directory(scene.home / ".ssh")
    scene.link(scene.home / "to-precious", scene.precious)
    scene.link(scene.home / "to-secret", scene.secret)
    before, others = scene.outside(), scene.whole_host()

    def attack() -> None:
        exchange(".ssh", "to-precious")
        exchange(".profile", "to-secret")
        exchange(".config", "to-precious")

    with meanwhile(scene.home, attack):
        for number in for_a_while():
            result = host.run([scene.alice, scene.bob], home_mode=MODES[number % 2])
            says_nothing(result)
            assert set(result["receipt"]["changed"]) == {"alice", "bob"}
            assert mode_of(scene.home) == MODES[number % 2]
    host.run([scene.alice, scene.bob], home_mode=MODES[1])
    after = scene.outside()
    bobs = os.path.join("home", "bob")  # whose mode was enforced, too
    assert (after.pop(bobs)[1], before.pop(bobs)[1]) == ("0o40750", "0o40750")
    assert after == before
    assert scene.whole_host() == others


@pytest.mark.parametrize("decoy", ["a link", "a directory of root's"])
def test_a_home_that_changes_places_is_changed_itself_or_not_at_all(scene: Scene, decoy: str) -> None:
    """During runs: what a user could do to whom the homes' directory belonged; here root does it for her."""
    host = scene.host
    host.run([scene.alice], home_mode=MODES[0])
    if decoy == "a link":  # to what is hers, so that nothing but the link speaks against it
        scene.link(host.home / "decoy", scene.precious / "workshop")
    else:
        (host.home / "decoy").mkdir(mode=0o755)
    real = scene.home.stat().st_ino
    reached: list[int] = []
    before = scene.outside()
    with meanwhile(host.home, lambda: exchange("alice", "decoy"), uid=0):
        for number in for_a_while(lambda _number: len(reached) > 3):
            with contextlib.suppress(IdentityError):  # it is told, not done, where the other one stood there
                says_nothing(host.run([scene.alice], home_mode=MODES[number % 2]))
                reached.append(number)
    assert scene.outside() == before
    found = {path.lstat().st_ino: path.lstat() for path in host.home.iterdir()}
    assert found.pop(real).st_uid == ALICE
    for status in found.values():
        assert (stat.S_IMODE(status.st_mode), status.st_uid) == ((0o777, ALICE) if decoy == "a link" else (0o755, 0))


def test_a_new_home_is_full_before_its_user_can_reach_into_it(scene: Scene) -> None:
    """During runs: somebody whose processes are still there while a home is made for them again."""
    host = scene.host
    for number in range(150):  # so that filling takes a moment
        (scene.root / "skel" / ("file%03d" % number)).write_text("from skel\n")
    trash = scene.root / "trash"
    trash.mkdir(mode=0o700)
    secret, precious = str(scene.secret), str(scene.precious)
    before = scene.outside()

    def attack() -> None:
        for name in os.listdir("."):
            with contextlib.suppress(OSError):
                os.symlink(secret, name + "/.zshrc")
                os.symlink(precious, name + "/.cache")
            for dotfile in ("file149", ".profile", ".config"):
                with contextlib.suppress(OSError):
                    os.rename(name + "/.zshrc", name + "/" + dotfile)

    def came_in(_number: int) -> bool:
        return any((path / name).is_symlink() for path in trash.iterdir() for name in (".zshrc", ".cache", ".profile"))

    with meanwhile(host.home, attack):
        for number in for_a_while(came_in):
            says_nothing(host.run([scene.alice]))  # also: it never fails
            assert scene.home.stat().st_uid == ALICE
            says_nothing(host.run([{**scene.alice, "state": "absent"}]))
            os.rename(scene.home, trash / str(number))
    assert scene.outside() == before


def test_what_a_killed_run_left_is_removed_without_leaving_it(scene: Scene) -> None:
    """During runs: a home of a run that was killed is hers already, and has her links in it."""
    host = scene.host
    remnant = host.home / (".labfleet-new-alice-%s" % os.uname().nodename.split(".")[0])
    trash = scene.root / "trash"
    trash.mkdir(mode=0o700)
    before = scene.outside()
    for number in range(30):
        scene.directory(remnant)
        for folder in ("tree", "other"):
            scene.directory(remnant / folder)
            for file in range(30):
                (remnant / folder / str(file)).touch()
        for folder in ("evil", "worse"):
            scene.link(remnant / folder, scene.precious)

        def attack() -> None:
            for folder, link in (("tree", "evil"), ("other", "worse")):
                with contextlib.suppress(OSError):
                    exchange(folder, link)

        with meanwhile(remnant, attack):
            host.run([scene.alice])  # it never fails either: nobody else's account waits for hers
        assert scene.outside() == before
        assert not remnant.exists()
        host.run([{**scene.alice, "state": "absent"}])
        os.rename(scene.home, trash / str(number))


def pool_of(scene: Scene) -> Path:
    """A directory of alice's with a directory of root's in it, and a link of root's to what is precious."""
    pool = scene.root / "pool"
    (pool / "homes").mkdir(parents=True)
    (pool / "decoy").symlink_to("../precious")
    scene.own(pool)
    return pool


def test_no_home_is_made_below_a_directory_of_the_users(scene: Scene) -> None:
    """During runs: root's own directory and root's own link change places, because the one above is hers."""
    pool = pool_of(scene)
    scene.host.run([scene.bob])
    before = scene.outside()
    with meanwhile(pool, lambda: exchange("homes", "decoy")):
        for number in for_a_while():
            home = str(pool / "homes" / ("carol%d" % number))
            with pytest.raises(IdentityError, match="belongs to uid %d" % ALICE):
                scene.host.run([scene.host.user("carol", 5404, home=home)])
            users = [{**scene.bob, "keys": [public_key(number)]}]
            with pytest.raises(IdentityError, match="belongs to uid %d" % ALICE):
                scene.host.run(users, keys_directory=str(pool / "homes" / "keys"))
    assert scene.outside() == before
    for path in pool.iterdir():
        assert path.is_symlink() or not list(path.iterdir())


def test_nothing_is_copied_from_a_skeleton_that_a_user_can_change(scene: Scene) -> None:
    """During runs: a hard link to a secret, put into a directory of the skeleton, would be read by root."""
    host = scene.host
    theirs = scene.root / "skel" / ".config"
    scene.own(theirs)
    os.link(scene.secret, theirs / "secret")
    before = scene.outside(times=False)  # names that change places touch the file
    with meanwhile(theirs, lambda: exchange("note", "secret"), uid=0):
        for _number in range(5):
            with pytest.raises(IdentityError, match="belongs to uid %d" % ALICE):
                host.run([scene.alice])
    assert not scene.home.exists()
    assert scene.outside(times=False) == before
    os.chown(theirs, 0, 0)
    (theirs / "secret").unlink()
    host.run([scene.alice])
    assert scene.home.is_dir()


def test_a_key_file_that_is_another_file_as_well(scene: Scene) -> None:
    """Before a run: what stands where a key file belongs is replaced, never written to."""
    host = scene.host
    host.run([scene.alice, scene.bob])
    (host.keys / "alice").unlink()
    os.link(scene.secret, host.keys / "alice")
    before = scene.outside(times=False)
    result = host.run([scene.alice, scene.bob])
    says_nothing(result)
    assert "keys +1 -1" in " ".join(result["receipt"]["changed"]["alice"])
    assert scene.outside(times=False) == before
    assert scene.secret.stat().st_nlink == 1
    (host.keys / "alice").unlink()
    scene.link(host.keys / "alice", scene.secret)
    for state in ("present", "disabled", "absent"):
        with pytest.raises(IdentityError, match="alice cannot be read") as refusal:
            host.run([{**scene.alice, "state": state}, scene.bob])
        says_nothing(str(refusal.value))
    assert scene.outside(times=False) == before


def test_jobs_that_are_links(scene: Scene) -> None:
    """Before a run: of an account that goes the names in the spool go, and nothing that they lead to."""
    host = scene.host
    host.run([scene.alice, scene.bob])
    for folder in ("cron/crontabs", "cron/atjobs"):
        (scene.root / "spool" / folder).mkdir(parents=True)
    scene.link(scene.root / "spool" / "cron" / "crontabs" / "alice", scene.secret)
    jobs = scene.root / "spool" / "cron" / "atjobs"
    os.link(scene.secret, jobs / "a00001")
    (jobs / "a00002").symlink_to(os.path.relpath(scene.precious / "workshop", jobs))
    (jobs / "a00003").touch()
    scene.own(jobs / "a00003")
    before = scene.outside()
    says_nothing(host.run([{**scene.alice, "state": "absent"}, scene.bob]))
    assert os.listdir(scene.root / "spool" / "cron" / "crontabs") == []
    # the one is root's file, the other root's link to what is hers
    assert sorted(os.listdir(jobs)) == ["a00001", "a00002"]
    assert scene.outside() == before


def test_a_survey_tells_links_and_follows_none(scene: Scene) -> None:
    """During surveys: homes and directories of homes that turn into links to what only root can list."""
    scene.host.run([scene.alice, scene.bob])
    pool = pool_of(scene)
    (pool / "decoy").unlink()
    (pool / "decoy").symlink_to("../precious/private")
    scene.link(scene.host.home / "decoy", scene.precious / "private")
    before = scene.outside()
    kinds: set[str] = set()
    with meanwhile(scene.host.home, lambda: exchange("alice", "decoy"), uid=0), meanwhile(
        pool, lambda: exchange("homes", "decoy")
    ):
        for _number in for_a_while(lambda _number: len(kinds) == 2):
            found = take_survey(str(scene.root), ["/home", "/pool/homes"], 100, 20)
            says_nothing(found)
            homes, refused = found["homes"]
            assert {entry["uid"] for entry in homes["entries"] if entry["name"] in ("alice", "decoy")} <= {ALICE}
            kinds.update(entry.get("kind", "directory") for entry in homes["entries"])
            assert (refused["state"], refused["entries"]) == ("unread", [])
    assert kinds == {"link", "directory"}
    assert scene.outside() == before


def facts_of(scene: Scene) -> dict[str, Any]:
    (scene.root / "mountinfo").write_text("22 1 0:5 / / rw - ext4 /dev/root rw\n")
    places = HostPlaces(
        etc=str(scene.host.etc),
        keys=str(scene.host.keys),
        record=scene.host.places.record,
        linger=scene.host.places.linger,
        crontabs=(str(scene.root / "spool" / "cron"),),
        proc=str(scene.root / "proc"),
        mountinfo=str(scene.root / "mountinfo"),
    )
    facts = host_facts(Looked(patience=20), lambda _command: (1, "", ""), places)
    says_nothing(facts)
    return facts


def keys_in_home(facts: dict[str, Any]) -> list[str]:
    alice = next(account for account in facts["accounts"] if account["name"] == "alice")
    return [key["comment"] for file in alice["home_state"].get("key_files", []) for key in file.get("public_keys", [])]


@pytest.fixture
def with_keys(scene: Scene) -> Path:
    """Alice's own ~/.ssh with a key in it."""
    scene.host.run([scene.alice, scene.bob])
    folder = scene.home / ".ssh"
    folder.mkdir(mode=0o700)
    (folder / "authorized_keys").write_text(public_key(5, "hers") + "\n")
    scene.own(folder)
    scene.own(folder / "authorized_keys")
    return folder


@pytest.mark.parametrize("what", ["the directory", "the file", "a hard link", "a file of root's group"])
def test_keys_in_a_home_are_read_with_the_rights_of_its_user(scene: Scene, with_keys: Path, what: str) -> None:
    """During audits: ~/.ssh and the key file change places with what only root can read."""
    one, other = ".ssh", "decoy"
    target = scene.precious / "ssh"
    if what != "the directory":
        one, other = ".ssh/authorized_keys", ".ssh/decoy"
        target = scene.precious / "of-the-group" if "group" in what else target / "authorized_keys"
    if what == "a hard link":
        os.link(target, scene.home / other)
    else:
        scene.link(scene.home / other, target)
    before = scene.outside(times=what != "a hard link")
    groups = os.getgroups()
    os.setgroups([0])  # as a login of root's has
    found: list[list[str]] = []
    try:
        with meanwhile(scene.home, lambda: exchange(one, other)):
            # it was read, and it was refused
            for _number in for_a_while(lambda _number: ["hers"] in found and [] in found):
                found.append(keys_in_home(facts_of(scene)))
    finally:
        os.setgroups(groups)
    assert with_keys.parent == scene.home
    assert {tuple(keys) for keys in found} == {("hers",), ()}
    assert scene.outside(times=what != "a hard link") == before


def test_a_key_file_of_roots_that_is_a_link_is_not_followed(scene: Scene) -> None:
    """Before an audit: also where an older tool left the user a way to put a link there."""
    scene.host.run([scene.alice, scene.bob])
    for name in ("alice", "stranger"):
        with contextlib.suppress(FileNotFoundError):
            (scene.host.keys / name).unlink()
        scene.link(scene.host.keys / name, scene.precious / "ssh" / "authorized_keys")
    facts = facts_of(scene)
    assert [gap for gap in facts["gaps"] if "/alice: it cannot be read" in gap]
    assert [stray["name"] for stray in facts["key_files_of_nobody"]] == ["stranger"]


def receipt(scene: Scene, home_state: str) -> dict[str, Any]:
    names = ("etc", "var", "run", "proc", "cgroup", "ssh/keys", "archives")
    places = _evidence_files.Places(*(str(scene.root / name) for name in names))
    user = {"name": "alice", "uid": ALICE, "home": str(scene.home), "state": "absent", "home_state": home_state}
    found = prove({"users": [user], "wait": 0}, lambda _command: (1, "", "su: no\n"), places)[0]
    says_nothing(found)
    return {step["step"]: step for step in found["steps"]}


def test_a_receipt_is_not_deceived_by_links_and_tells_nothing(scene: Scene) -> None:
    """During the proof that somebody is out: the home and ~/.ssh change places, key file and crontab are links."""
    host = scene.host
    host.run([scene.alice, scene.bob])
    host.run([{**scene.alice, "state": "absent"}, scene.bob])
    scene.link(host.keys / "alice", scene.secret)
    (scene.root / "var" / "spool" / "cron" / "crontabs").mkdir(parents=True)
    scene.link(scene.root / "var" / "spool" / "cron" / "crontabs" / "alice", scene.root / "nothing")
    (host.home / "decoy").symlink_to("../precious")
    before = scene.outside()
    told: set[str] = set()
    with meanwhile(host.home, lambda: exchange("alice", "decoy"), uid=0):
        for _number in for_a_while(lambda _number: len(told) == 2):
            steps = receipt(scene, "kept")
            assert not steps["SSH keys"]["holds"]
            assert not steps["crontab"]["holds"]
            told.add(steps["home kept"]["evidence"].split(" ", 1)[1])
    assert told == {"owner %d" % ALICE, "belongs to uid 0 now"}
    # a link that leads nowhere still is something that was left
    shutil.rmtree(host.home / ("decoy" if scene.home.is_symlink() else "alice"))
    for name in ("alice", "decoy"):
        with contextlib.suppress(FileNotFoundError):
            (host.home / name).unlink()
    assert receipt(scene, "removed")["home removed"]["holds"]
    scene.link(scene.home, scene.root / "nothing")
    assert not receipt(scene, "removed")["home removed"]["holds"]
    assert scene.outside() == before


def test_the_marks_would_be_seen(scene: Scene) -> None:
    """What the other tests look for can be found: by root, in the files that they guard."""
    assert MARK in scene.secret.read_text()
    assert MARK in (scene.precious / "ssh" / "authorized_keys").read_text()
    with pytest.raises(AssertionError):
        says_nothing({"keys": [scene.secret.read_text()]})
