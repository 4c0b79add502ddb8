# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a cluster on the disk: made, rotated, retired, and never lost when a run is killed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._tokens import _private_keys
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_directory import KeyDirectory
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import (
    KeySet,
    key_set_text,
    parse_jwks,
    read_jwks,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import generate_key, signing_key
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._private_keys import encrypted_pem, read_pem
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._rotation import have, retire, rotate
from ansible_collections.labfleet.identity.plugins.plugin_utils._key_pair import check_passphrase
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens import token_samples as samples

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._rotation import Decision

PASSPHRASE = "correct horse battery"
DAY, WEEK = 86400, 7 * 86400


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What protects a passphrase takes time, here for nothing."""
    monkeypatch.setattr(_private_keys, "ROUNDS", 1000)


@pytest.fixture
def directory(tmp_path: Path) -> KeyDirectory:
    return KeyDirectory(str(tmp_path / "signing"))


def first(keys: KeySet) -> Decision:
    return have(keys, None)


def rotation(now: int, kid: str = "", older_than: int = DAY) -> Any:
    return lambda keys: rotate(keys, kid, older_than, WEEK, now)


def test_a_key_is_made_once(directory: KeyDirectory) -> None:
    changed = directory.change(first, PASSPHRASE, samples.NOW)
    kid = directory.load(PASSPHRASE).kid
    assert changed.needs_key
    assert list(changed.after.keys) == [kid]
    assert set(os.listdir(directory.path)) == {".lock", "jwks.json", f"{kid}.pem"}
    modes = {
        name: stat.S_IMODE(os.stat(os.path.join(directory.path, name)).st_mode) for name in os.listdir(directory.path)
    }
    assert (modes[f"{kid}.pem"], modes["jwks.json"]) == (0o600, 0o644)
    before = contents(directory)
    again = directory.change(first, PASSPHRASE, samples.NOW + 1)
    assert (again.needs_key, again.before, again.removed) == (False, again.after, ())
    assert contents(directory) == before


def contents(directory: KeyDirectory) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(directory.path).iterdir() if path.name != ".lock"}


def test_what_is_only_said_writes_nothing(directory: KeyDirectory) -> None:
    assert directory.change(first, PASSPHRASE, samples.NOW, write=False).needs_key
    assert not os.path.exists(directory.path)
    directory.change(first, PASSPHRASE, samples.NOW)
    before = contents(directory)
    told = directory.change(rotation(samples.NOW + DAY), PASSPHRASE, samples.NOW + DAY, write=False)
    assert told.needs_key
    assert told.removed == tuple(told.before.keys)
    assert contents(directory) == before


@pytest.mark.parametrize("write", [True, False])
def test_a_directory_that_cannot_be_made_is_foretold(tmp_path: Path, write: bool) -> None:
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    for place, told in (("nowhere", "does not exist"), ("open", "can be changed by others")):
        directory = KeyDirectory(str(tmp_path / place / "signing"))
        with pytest.raises(IdentityError, match=told):
            directory.change(first, PASSPHRASE, samples.NOW, write=write)
        assert not os.path.exists(directory.path)


def test_a_rotated_key_signs_no_more_and_verifies_for_a_while(directory: KeyDirectory) -> None:
    directory.change(first, PASSPHRASE, samples.NOW)
    old = directory.load(PASSPHRASE)
    assert not directory.change(rotation(samples.NOW + 5), PASSPHRASE, samples.NOW + 5).needs_key
    changed = directory.change(rotation(samples.NOW + DAY), PASSPHRASE, samples.NOW + DAY)
    new = directory.load(PASSPHRASE)
    keys = read_jwks(directory.public_path)
    assert changed.removed == (old.kid,)
    assert list(keys.keys) == [new.kid, old.kid]
    assert keys.in_use is not None
    assert keys.in_use.kid == new.kid
    assert (keys.keys[old.kid].use_until, keys.keys[old.kid].verify_until) == (
        samples.NOW + DAY,
        samples.NOW + DAY + WEEK,
    )
    assert not os.path.exists(os.path.join(directory.path, f"{old.kid}.pem"))
    # the same wish again changes nothing, whether it names the key that is gone or its age
    for wish in (rotation(samples.NOW + DAY + 9), rotation(samples.NOW + DAY + 9, kid=old.kid, older_than=0)):
        assert not directory.change(wish, PASSPHRASE, samples.NOW + DAY + 9).needs_key
    # and once its time is over, it is gone with the next rotation
    later = samples.NOW + 9 * DAY
    assert old.kid not in directory.change(rotation(later), PASSPHRASE, later).after.keys


def test_a_retired_key_is_trusted_by_nobody_and_never_comes_back(directory: KeyDirectory) -> None:
    directory.change(first, PASSPHRASE, samples.NOW)
    stolen = directory.load(PASSPHRASE).kid
    new = "another passphrase"
    changed = directory.change(lambda keys: retire(keys, stolen, samples.NOW), new, samples.NOW)
    assert stolen not in changed.after.keys
    assert changed.after.retired == {stolen}
    assert directory.load(new).kid != stolen
    assert not directory.change(lambda keys: retire(keys, stolen, samples.NOW), new, samples.NOW).needs_key
    with pytest.raises(IdentityError, match="There is no key"):
        directory.change(lambda keys: retire(keys, "x" * 43, samples.NOW), new, samples.NOW)


def test_a_key_that_was_rotated_out_is_retired_without_a_new_one(directory: KeyDirectory) -> None:
    directory.change(first, PASSPHRASE, samples.NOW)
    old = directory.load(PASSPHRASE).kid
    directory.change(rotation(samples.NOW + DAY), PASSPHRASE, samples.NOW + DAY)
    using = directory.load(PASSPHRASE).kid
    changed = directory.change(lambda keys: retire(keys, old, samples.NOW), PASSPHRASE, samples.NOW)
    assert (changed.needs_key, list(changed.after.keys)) == (False, [using])


def test_keys_of_rsa(directory: KeyDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    private = samples.pair("rsa-a")[0].key
    asked: list[tuple[str, int]] = []

    def made(kind: str, bits: int) -> object:
        asked.append((kind, bits))
        return private

    # making one takes a second, and there is one already
    monkeypatch.setattr(sys.modules[KeyDirectory.__module__], "generate_key", made)
    directory.change(lambda keys: have(keys, "RS256"), PASSPHRASE, samples.NOW, "RS256", 4096)
    assert asked == [("RS256", 4096)]
    assert (directory.load(PASSPHRASE).algorithm, directory.load(PASSPHRASE).kid) == (
        "RS256",
        samples.pair("rsa-a")[0].kid,
    )
    with pytest.raises(IdentityError, match="rotate it"):
        directory.change(lambda keys: have(keys, "EdDSA"), PASSPHRASE, samples.NOW)
    # a new one is of the same kind when nothing is said
    monkeypatch.undo()
    monkeypatch.setattr(sys.modules[KeyDirectory.__module__], "generate_key", made)
    with pytest.raises(IdentityError, match="another passphrase"):
        directory.change(first, PASSPHRASE[::-1], samples.NOW)
    directory.change(lambda keys: rotate(keys, "", 0, WEEK, samples.NOW + 1), PASSPHRASE, samples.NOW + 1)
    assert asked[1:] == [("RS256", 3072)]


def test_the_private_half_is_encrypted_so_that_others_can_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    key = generate_key("EdDSA")
    data = encrypted_pem(key, PASSPHRASE)
    assert signing_key(read_pem(data, PASSPHRASE))[1] == signing_key(key)[1]
    path = tmp_path / "key.pem"
    path.write_bytes(data)
    told = subprocess.run(["openssl", "asn1parse", "-in", str(path)], check=True, capture_output=True, text=True).stdout
    assert "PBES2" in told
    assert "aes-256-cbc" in told
    assert "hmacWithSHA256" in told
    assert f"INTEGER           :{600000:06X}" in told
    opened = ["openssl", "pkey", "-in", str(path), "-passin", "stdin", "-pubout"]
    subprocess.run(opened, input=PASSPHRASE, check=True, capture_output=True, text=True)


@pytest.mark.parametrize("passphrase", ["tiny", "x" * 513, "with a\nline end in it", "\N{SNOWMAN}" * 11])
def test_a_passphrase_that_is_none_is_refused(passphrase: str) -> None:
    with pytest.raises(IdentityError) as refusal:
        check_passphrase(passphrase)
    assert passphrase not in str(refusal.value)


def spoilt(directory: KeyDirectory, how: str) -> None:
    (pem,) = Path(directory.path).glob("*.pem")
    public = Path(directory.public_path)
    if how == "readable":
        pem.chmod(0o640)
    elif how == "missing":
        pem.unlink()
    elif how == "link":
        pem.rename(pem.with_suffix(".kept"))
        pem.symlink_to(pem.with_suffix(".kept"))
    elif how == "plain":
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        key = read_pem(pem.read_bytes(), PASSPHRASE)
        pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    elif how == "another":
        pem.write_bytes(encrypted_pem(generate_key("EdDSA"), PASSPHRASE))
    elif how == "two in use":
        public.write_bytes(key_set_text(samples.keys("a", "b")))
    elif how == "writable":
        os.chmod(directory.path, 0o777)
    elif how == "damaged":
        public.write_bytes(b"{")
    elif how == "lost":
        public.unlink()
        Path(directory.path, "A" * 43 + ".pem").write_bytes(b"x")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("readable", "its owner alone can read"),
        ("missing", "is missing"),
        ("link", "its owner alone can read"),
        ("plain", "no private key that a passphrase protects"),
        ("another", "not the one of its name"),
        ("two in use", "in use"),
        ("writable", "can be changed by others"),
        ("damaged", "cannot be used"),
        ("lost", "jwks.json"),
    ],
)
def test_keys_that_are_not_as_they_should_be_are_not_used(directory: KeyDirectory, how: str, told: str) -> None:
    directory.change(first, PASSPHRASE, samples.NOW)
    spoilt(directory, how)
    before = contents(directory)
    with pytest.raises(IdentityError) as refusal:
        directory.change(first, PASSPHRASE, samples.NOW)
    assert told in str(refusal.value)
    assert PASSPHRASE not in str(refusal.value)
    assert contents(directory) == before
    with pytest.raises(IdentityError):
        directory.load(PASSPHRASE)


@pytest.mark.parametrize("how", ["readable", "plain", "another", "two in use", "damaged", "lost", "other passphrase"])
def test_no_failure_and_no_object_shows_a_secret(directory: KeyDirectory, how: str) -> None:
    changed = directory.change(first, PASSPHRASE, samples.NOW)
    key = directory.load(PASSPHRASE)
    private = key.key.private_bytes_raw().hex() if isinstance(key.key, Ed25519PrivateKey) else ""
    spoilt(directory, how)
    (pem, *_others) = sorted(Path(directory.path).glob("*.pem"))
    given = PASSPHRASE[::-1] if how == "other passphrase" else PASSPHRASE
    shown = [repr(changed), repr(key), repr(directory), str(vars(directory))]
    for attempt in (lambda: directory.load(given), lambda: directory.change(first, given, samples.NOW)):
        with pytest.raises(IdentityError) as refusal:
            attempt()
        shown += traceback.format_exception(refusal.value)
    everything = "".join(shown)
    secrets = [PASSPHRASE, given, private, *pem.read_text().splitlines()[1:-1]]
    assert private
    assert not [secret for secret in secrets if secret in everything]


def test_another_passphrase_opens_nothing(directory: KeyDirectory) -> None:
    directory.change(first, PASSPHRASE, samples.NOW)
    for attempt in (
        lambda: directory.load("another passphrase"),
        lambda: directory.change(first, "another passphrase", samples.NOW),
        lambda: directory.change(first, "another passphrase", samples.NOW, write=False),
    ):
        with pytest.raises(IdentityError, match="has another passphrase") as refusal:
            attempt()
        assert "another passphrase opens" not in str(refusal.value)


def test_a_lost_list_of_public_keys_is_written_again(directory: KeyDirectory) -> None:
    directory.change(first, PASSPHRASE, samples.NOW)
    kid = directory.load(PASSPHRASE).kid
    os.unlink(directory.public_path)
    directory.change(first, PASSPHRASE, samples.NOW)
    assert directory.load(PASSPHRASE).kid == kid


# A run that is killed at its n-th change of a file: no clean-up of its own is done.
KILLED = """
import os, sys
sys.path.insert(0, sys.argv[1])
left = [0]
def killer(function):
    def counted(*given, **named):
        left[0] -= 1
        if left[0] == 0:
            os._exit(9)
        result = function(*given, **named)
        return result
    return counted
from ansible_collections.labfleet.identity.plugins.module_utils._tokens import _private_keys
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_directory import KeyDirectory
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._rotation import have, retire, rotate
import cryptography.hazmat.primitives.ciphers, cryptography.hazmat.primitives.serialization
_private_keys.ROUNDS = 1000
for name in ("rename", "unlink", "write", "fsync", "mkdir", "fchmod"):
    setattr(os, name, killer(getattr(os, name)))
path, state, kid, passphrase, now = sys.argv[2:7]
decide = {
    "present": lambda keys: have(keys, None),
    "rotated": lambda keys: rotate(keys, kid, 0, 604800, int(now)),
    "retired": lambda keys: retire(keys, kid, int(now)),
}[state]
for number in range(1, 100):
    work = f"{path}-{number}"
    if kid:
        import shutil
        shutil.copytree(path, work)
    pid = os.fork()
    if pid == 0:
        left[0] = number
        KeyDirectory(work).change(decide, passphrase, int(now))
        os._exit(0)
    _pid, status = os.waitpid(pid, 0)
    if status == 0:
        print(number)
        break
"""


@pytest.mark.parametrize("state", ["present", "rotated", "retired"])
def test_a_run_that_is_killed_leaves_a_key_in_use(directory: KeyDirectory, state: str) -> None:
    old = ""
    if state != "present":
        directory.change(first, PASSPHRASE, samples.NOW)
        old = directory.load(PASSPHRASE).kid
    tree = str(Path(__file__).resolve().parents[8])
    command = [sys.executable, "-c", KILLED, tree, directory.path, state, old, PASSPHRASE, str(samples.NOW + DAY)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    instructions = int(ran.stdout)
    assert instructions > 8
    decide = {
        "present": first,
        "rotated": rotation(samples.NOW + DAY, old),
        "retired": lambda keys: retire(keys, old, samples.NOW + DAY),
    }[state]
    ends = set()
    for number in range(1, instructions + 1):
        left = KeyDirectory(f"{directory.path}-{number}")
        keys = left.key_set()
        if old or keys.keys:
            # a key is in use, with both halves, and it is the old one or the new one
            assert keys.in_use is not None
            assert left.load(PASSPHRASE).kid == keys.in_use.kid
            ends.add(keys.in_use.kid == old)
        left.change(decide, PASSPHRASE, samples.NOW + DAY)
        assert left.load(PASSPHRASE).kid != old
        kid = left.load(PASSPHRASE).kid
        assert set(contents(left)) == {"jwks.json", f"{kid}.pem"}
        assert not left.change(decide, PASSPHRASE, samples.NOW + DAY).needs_key
        if state == "retired":
            assert left.key_set().retired == {old}
    assert ends == ({False} if state == "present" else {True, False})


def test_many_at_once_make_one_key(directory: KeyDirectory) -> None:
    failures: list[BaseException] = []
    kids: list[str] = []

    def run() -> None:
        try:
            directory.change(first, PASSPHRASE, samples.NOW)
            kids.append(directory.load(PASSPHRASE).kid)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(kids) == 8
    assert len(set(kids)) == 1


def test_who_signs_while_a_key_is_rotated_has_one_of_the_two(directory: KeyDirectory) -> None:
    directory.change(first, PASSPHRASE, samples.NOW)
    failures: list[BaseException] = []
    done = threading.Event()
    seen: set[str] = set()

    def sign() -> None:
        while not done.is_set():
            try:
                seen.add(directory.load(PASSPHRASE).kid)
            except BaseException as failure:
                failures.append(failure)
                return

    thread = threading.Thread(target=sign)
    thread.start()
    made = {directory.load(PASSPHRASE).kid}
    for number in range(1, 20):
        changed = directory.change(rotation(samples.NOW + number, older_than=0), PASSPHRASE, samples.NOW + number)
        assert changed.after.in_use is not None
        made.add(changed.after.in_use.kid)
    done.set()
    thread.join()
    assert not failures
    assert seen <= made
    assert len(made) == 20


def test_public_keys_are_written_for_other_programs(directory: KeyDirectory) -> None:
    import jwt

    directory.change(first, PASSPHRASE, samples.NOW)
    data = Path(directory.public_path).read_bytes()
    known = jwt.PyJWKSet.from_json(data.decode())
    assert [key.key_id for key in known.keys] == list(parse_jwks(data).keys)
    assert b"PRIVATE" not in data
