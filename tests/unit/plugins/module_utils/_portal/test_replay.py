# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A token is used once, whoever tries how often."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._portal._replay import UsedTokens
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._portal import portals

if TYPE_CHECKING:
    from pathlib import Path

NOW = portals.NOW


@pytest.fixture
def used(tmp_path: Path) -> UsedTokens:
    return UsedTokens(str(tmp_path / "used"))


def test_a_second_use_is_refused(used: UsedTokens, tmp_path: Path) -> None:
    used.use(portals.user(), NOW)
    for attempt in (used.check_unused, lambda user: used.use(user, NOW)):
        with pytest.raises(IdentityError, match="was used already"):
            attempt(portals.user())
    assert (tmp_path / "used").stat().st_mode & 0o7777 == 0o700
    assert [path.stat().st_mode & 0o7777 for path in (tmp_path / "used").iterdir()] == [0o600]


def test_the_same_id_of_another_portal_is_another_token(used: UsedTokens) -> None:
    used.use(portals.user(), NOW)
    used.use(portals.user(issuer=portals.OTHER), NOW)
    used.use(portals.user(jti="token-2"), NOW)


def test_looking_uses_nothing_up(used: UsedTokens, tmp_path: Path) -> None:
    used.check_unused(portals.user())
    assert not (tmp_path / "used").exists()
    used.use(portals.user(jti="another"), NOW)
    used.check_unused(portals.user())
    used.use(portals.user(), NOW)


def test_of_many_who_try_at_once_one_gets_through(used: UsedTokens) -> None:
    through = []
    barrier = threading.Barrier(8)

    def attempt() -> None:
        barrier.wait()
        try:
            used.use(portals.user(), NOW)
        except IdentityError:
            return
        through.append(1)

    for _round in range(20):
        threads = [threading.Thread(target=attempt) for _number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert through == [1]


def test_names_go_when_the_token_would_have_expired(used: UsedTokens, tmp_path: Path) -> None:
    used.use(portals.user(), NOW)
    used.use(portals.user(jti="later"), NOW + 300 + 599)
    assert len(list((tmp_path / "used").iterdir())) == 2
    used.use(portals.user(jti="last", expires=NOW + 5000), NOW + 300 + 601)
    assert len(list((tmp_path / "used").iterdir())) == 1


def test_a_file_that_was_cut_short_still_counts(used: UsedTokens, tmp_path: Path) -> None:
    used.use(portals.user(), NOW)
    (file,) = (tmp_path / "used").iterdir()
    file.write_text("")
    os.utime(file, (NOW, NOW))
    used.use(portals.user(jti="another", expires=NOW + 10**6), NOW + 6 * 86400)
    with pytest.raises(IdentityError, match="was used already"):
        used.use(portals.user(), NOW)
    used.use(portals.user(jti="third", expires=NOW + 10**6), NOW + 8 * 86400)
    assert not file.exists()


def test_a_link_in_the_directory_is_not_followed(used: UsedTokens, tmp_path: Path) -> None:
    used.use(portals.user(), NOW)
    (file,) = (tmp_path / "used").iterdir()
    file.unlink()
    target = tmp_path / "target"
    file.symlink_to(target)
    with pytest.raises(IdentityError, match="was used already"):
        used.use(portals.user(), NOW)
    used.use(portals.user(jti="another", expires=NOW + 10**6), NOW + 30 * 86400)
    assert not target.exists()


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o777, 0o1777])
def test_a_directory_that_others_see_is_refused(used: UsedTokens, tmp_path: Path, mode: int) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used").chmod(mode)
    for attempt in (used.check_unused, lambda user: used.use(user, NOW)):
        with pytest.raises(IdentityError, match=r"is not private|can be changed by others"):
            attempt(portals.user())


@pytest.mark.parametrize("mode", [0o757, 0o777])
def test_a_directory_that_others_could_move_away_is_refused(tmp_path: Path, mode: int) -> None:
    """Whoever renames it has every token counted again."""
    (tmp_path / "open" / "private").mkdir(parents=True)
    used = UsedTokens(str(tmp_path / "open" / "private" / "used"))
    used.use(portals.user(), NOW)
    (tmp_path / "open").chmod(mode)
    (tmp_path / "open" / "private" / "used").rename(tmp_path / "away")
    for attempt in (used.check_unused, lambda user: used.use(user, NOW)):
        with pytest.raises(IdentityError, match="can be changed by others"):
            attempt(portals.user())
    assert not (tmp_path / "open" / "private" / "used").exists()


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "missing")
    for name, says in (("file", "cannot be opened as a directory"), ("link", "missing does not exist")):
        for attempt in (UsedTokens.check_unused, lambda used, user: used.use(user, NOW)):
            with pytest.raises(IdentityError, match=says):
                attempt(UsedTokens(str(tmp_path / name)), portals.user())
    with pytest.raises(IdentityError, match="missing does not exist"):
        UsedTokens(str(tmp_path / "missing" / "used")).use(portals.user(), NOW)


def test_what_cannot_be_written_down_is_not_used(used: UsedTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    used.use(portals.user(), NOW)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(IdentityError, match="No space left on device"):
        used.use(portals.user(jti="another"), NOW)
