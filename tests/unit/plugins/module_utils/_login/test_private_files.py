# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of logins: what is in it is believed, so nobody else may have written it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._login._identity import (
    IDENTITY_SECONDS,
    VerifiedIdentity,
    check_identity,
    keep_identity,
    read_identity,
    upstream_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._login._private_files import (
    IDENTITY,
    SESSION,
    PrivateFiles,
    check_session_id,
)
from ansible_collections.labfleet.identity.plugins.module_utils._login._session import (
    SESSION_SECONDS,
    find_session,
    invitation_mark,
    new_session,
    use_up,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    Attack = Callable[[Path], None]

ID = "0123456789abcdef" * 2
NOW = 1_795_000_000
PERSON = VerifiedIdentity(
    issuer="https://auth.globus.org",
    subject="subject-1",
    identity_provider="university",
    identity_providers=("orcid", "university"),
    orcid="0000-0002-1825-0097",
    email="alice@uni.example",
    verified_at=NOW,
    invitation=invitation_mark("one"),
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where logins are kept."""
    return tmp_path / "logins"


@pytest.fixture
def files(directory: Path) -> Iterator[PrivateFiles]:
    """Its files, of which there are none yet."""
    with contextlib.closing(PrivateFiles(str(directory), make=True)) as opened:
        yield opened


def link_away(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("elsewhere")


def second_name(file: Path) -> None:
    os.link(file, file.with_name("elsewhere"))


def change(**values: Any) -> Attack:
    """Other values in the file; None takes one away."""

    def attack(file: Path) -> None:
        found = {**json.loads(file.read_text()), **values}
        file.write_text(json.dumps({name: value for name, value in found.items() if value is not None}))

    return attack


def mode(bits: int) -> Attack:
    """Other rights on the file."""
    return lambda file: file.chmod(bits)


def content(make: Callable[[bytes], bytes]) -> Attack:
    """Another content, made of the one that is there."""

    def attack(file: Path) -> None:
        file.write_bytes(make(file.read_bytes()))

    return attack


def in_its_place(make: Callable[[Path], None]) -> Attack:
    """Something else of the same name."""

    def attack(file: Path) -> None:
        file.unlink()
        make(file)

    return attack


NO_FILE, NOT_WRITTEN = "it is no plain file with one name", "it is not as this program writes it"
NOT_OURS: dict[str, tuple[Attack, str]] = {
    "others can read it": (mode(0o644), "others may use it, mode 0644"),
    "its group can write it": (mode(0o620), "others may use it, mode 0620"),
    "a link": (link_away, "cannot be believed: "),
    "a second name": (second_name, NO_FILE),
    "a directory": (in_its_place(lambda path: path.mkdir(0o700)), NO_FILE),
    "a pipe": (in_its_place(lambda path: os.mkfifo(path, 0o600)), NO_FILE),
    "cut off": (content(lambda data: data[:-1]), NOT_WRITTEN),
    "empty": (content(lambda _data: b""), NOT_WRITTEN),
    "NUL bytes": (content(lambda data: b"\0" * len(data)), NOT_WRITTEN),
    "a list": (content(lambda _data: b"[]"), NOT_WRITTEN),
    "huge": (content(lambda data: data + b" " * 16384), NOT_WRITTEN),
    "a value twice": (content(lambda data: b'{"issuer": "a",' + data[1:]), NOT_WRITTEN),
    "a value more": (change(admin=True), "is not as this program writes it"),
    "a value less": (change(issuer=None), "is not as this program writes it"),
}
NO_SESSION: dict[str, tuple[Attack, str]] = {
    "a number as verifier": (change(verifier=1), "is not as this program writes it"),
    "a time that is true": (change(began=True), "is not as this program writes it"),
    "a secret that is text": (change(has_secret="no"), "is not as this program writes it"),
    "too old": (change(began=NOW - SESSION_SECONDS - 1), "began more than 15 minutes ago"),
    "of the future": (change(began=NOW + 61), "began more than 15 minutes ago"),
}
NO_IDENTITY: dict[str, tuple[Attack, str]] = {
    "providers that are text": (change(identity_providers="university"), "is not as this program writes it"),
    "providers that are numbers": (change(identity_providers=[1]), "is not as this program writes it"),
    "an ORCID that is true": (change(orcid=True), "is not as this program writes it"),
    "too old": (change(verified_at=NOW - IDENTITY_SECONDS - 1), "is more than 60 minutes old"),
    "of the future": (change(verified_at=NOW + 61), "is more than 60 minutes old"),
}


def session_values() -> dict[str, Any]:
    _id, session = new_session("https://auth.globus.org", "client", "https://page", False, "orcid", False, "", NOW)
    return vars(session)


@pytest.mark.parametrize(("attack", "why"), [*NOT_OURS.values(), *NO_SESSION.values()], ids=[*NOT_OURS, *NO_SESSION])
def test_a_session_that_somebody_touched_is_refused(
    files: PrivateFiles, directory: Path, attack: Attack, why: str
) -> None:
    values = session_values()
    files.write(ID + SESSION, values)
    assert vars(find_session(files, ID, NOW)) == values
    attack(directory / f"{ID}{SESSION}")
    with pytest.raises(IdentityError, match=why) as refusal:
        find_session(files, ID, NOW)
    assert not any(values[name] in str(refusal.value) for name in ("verifier", "state", "nonce"))


@pytest.mark.parametrize(("attack", "why"), [*NOT_OURS.values(), *NO_IDENTITY.values()], ids=[*NOT_OURS, *NO_IDENTITY])
def test_an_identity_that_somebody_touched_is_refused(
    files: PrivateFiles, directory: Path, attack: Attack, why: str
) -> None:
    keep_identity(files, ID, PERSON)
    assert read_identity(str(directory), ID, NOW) == PERSON
    attack(directory / f"{ID}{IDENTITY}")
    with pytest.raises(IdentityError, match=why):
        read_identity(str(directory), ID, NOW)


def test_a_file_of_somebody_else_is_refused(files: PrivateFiles, directory: Path) -> None:
    keep_identity(files, ID, PERSON)
    with mock.patch.object(os, "geteuid", return_value=os.geteuid() + 1):
        with pytest.raises(IdentityError, match=f"it belongs to uid {os.getuid()}"):
            files.read(ID + IDENTITY)
        with pytest.raises(IdentityError, match=r"belongs to uid|is open to others than you"):
            read_identity(str(directory), ID, NOW)


@pytest.mark.parametrize("bits", [0o755, 0o710, 0o770, 0o777, 0o1777])
def test_a_directory_that_others_may_use_is_refused(files: PrivateFiles, directory: Path, bits: int) -> None:
    keep_identity(files, ID, PERSON)
    directory.chmod(bits)
    for use in (
        lambda: read_identity(str(directory), ID, NOW),
        lambda: PrivateFiles(str(directory), make=True),
        lambda: PrivateFiles.check(str(directory)),
    ):
        with pytest.raises(IdentityError, match=r"is open to others than you|can be changed by others"):
            use()


def test_a_directory_under_one_that_others_can_change_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    with pytest.raises(IdentityError, match="can be changed by others"):
        PrivateFiles(str(tmp_path / "shared" / "logins"), make=True)
    with pytest.raises(IdentityError, match="can be changed by others"):
        PrivateFiles.check(str(tmp_path / "shared" / "logins"))
    assert list((tmp_path / "shared").iterdir()) == []


def test_check_makes_nothing(directory: Path) -> None:
    PrivateFiles.check(str(directory))
    assert not directory.exists()
    with pytest.raises(IdentityError, match="does not exist"):
        PrivateFiles.check(str(directory / "deeper"))
    for none in ("", "a\nb"):
        with pytest.raises(IdentityError, match="is none"):
            PrivateFiles.check(none)


@pytest.mark.parametrize(
    "session", ["", "0" * 31, "0" * 33, "../" + "0" * 29, "A" * 32, "0" * 31 + "\n", "\u0661" * 32, "0" * 31 + "/"]
)
def test_a_session_id_is_no_path(files: PrivateFiles, session: str) -> None:
    for use in (
        lambda: check_session_id(session),
        lambda: find_session(files, session, NOW),
        lambda: use_up(files, session),
        lambda: keep_identity(files, session, PERSON),
    ):
        with pytest.raises(IdentityError, match="is not one that a login began with"):
            use()
    assert files_of(files) == []


def files_of(files: PrivateFiles) -> list[str]:
    return sorted(os.listdir(files.path))


def test_of_many_who_use_up_a_login_one_does(files: PrivateFiles) -> None:
    barrier = threading.Barrier(8)
    won: list[int] = []

    def take() -> None:
        barrier.wait()
        with contextlib.suppress(IdentityError):
            use_up(files, ID)
            won.append(1)

    for number in range(1, 21):
        files.write(ID + SESSION, session_values())
        threads = [threading.Thread(target=take) for _thread in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == number


def test_what_is_old_is_swept_and_nothing_else(files: PrivateFiles, directory: Path) -> None:
    other = "f" * 32
    old, new = time.time() - 1000, time.time()
    ages = {
        f"{ID}{SESSION}": old,
        f".{ID}{SESSION}.labfleet": old,
        f"{other}{SESSION}": new,
        f"{ID}{IDENTITY}": old,
        f"notes{SESSION}": old,
        "README": old,
    }
    for name, age in ages.items():
        (directory / name).write_text("{}")
        os.utime(directory / name, (age, age))
    files.sweep(SESSION, new - 900)
    assert files_of(files) == sorted([f"{other}{SESSION}", f"{ID}{IDENTITY}", f"notes{SESSION}", "README"])
    files.sweep(IDENTITY, new - 900)
    assert files_of(files) == sorted([f"{other}{SESSION}", f"notes{SESSION}", "README"])


def test_there_is_no_identity(files: PrivateFiles, directory: Path) -> None:
    files.write(ID + SESSION, session_values())
    with pytest.raises(IdentityError, match="There is no verified identity with the session"):
        read_identity(str(directory), ID, NOW)


def test_an_identity_has_one_name_in_the_ledger() -> None:
    assert upstream_of(PERSON) == "https://auth.globus.org subject-1"
    for wrong in ("a\nb", "s" * 255):
        with pytest.raises(IdentityError, match="upstream identity"):
            upstream_of(VerifiedIdentity(**{**vars(PERSON), "subject": wrong}))


@pytest.mark.parametrize(
    ("inv", "jti", "why"),
    [
        ({}, "two", "The login was made for another invitation: begin one for this invitation."),
        ({"idp": "other"}, "one", "people who log in with the identity provider other, and this login was made with"),
        ({"idp": ""}, "one", "people who log in with the identity provider"),
        ({"institutions": ["other"]}, "one", "none of the linked identities is of an identity provider that it names"),
        ({"institutions": []}, "one", "that it names (none)"),
        ({"orcid": "0000-0001-5109-3700"}, "one", "0000-0002-1825-0097 is linked to this login"),
        ({"orcid": ""}, "one", "The invitation is for the person with the ORCID iD"),
    ],
)
def test_whom_an_invitation_does_not_let_in(inv: dict[str, Any], jti: str, why: str) -> None:
    check_identity(PERSON, {}, "one")
    with pytest.raises(IdentityError, match=re.escape(why)):
        check_identity(PERSON, inv, jti)
