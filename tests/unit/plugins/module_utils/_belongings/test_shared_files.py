# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import (
    parse_limits,
    render_pam_limits,
)
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._login import (
    parse_environment,
    render_login,
)
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._shared_files import (
    LIMITS_FILE,
    LOGIN_SCRIPT,
    SHARED_FILES,
    joined,
    parts_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.from_regex(r"[a-z_][a-z0-9_-]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(["esac", ";;", "x)", "case a in"])


def login(values: dict[str, str]) -> bytes:
    try:
        return render_login(parse_environment(values), "0027")
    except IdentityError:  # two lines, for example
        return b""


LOGINS = st.dictionaries(st.sampled_from(["A", "B"]), VALUES).map(login)


@given(st.dictionaries(NAMES, LOGINS, max_size=4))
def test_what_is_joined_comes_apart_again(parts: dict[str, bytes]) -> None:
    given_parts = {name: part for name, part in parts.items() if part}
    data = joined(LOGIN_SCRIPT, parts)
    assert parts_of(LOGIN_SCRIPT, data) == given_parts
    assert joined(LOGIN_SCRIPT, given_parts) == data
    assert data.startswith(WRITTEN_BY) if given_parts else data == b""


@given(st.sets(NAMES, max_size=4))
def test_limits_come_apart_again(names: set[str]) -> None:
    parts = {name: render_pam_limits(name, parse_limits({"processes": 99, "open_files": 999})) for name in names}
    data = joined(LIMITS_FILE, parts)
    assert parts_of(LIMITS_FILE, data) == parts
    assert sum(line.split()[0].decode() in names for line in data.splitlines() if not line.startswith(b"#")) == 2 * len(
        names
    )


@given(
    st.sampled_from(sorted(SHARED_FILES)), st.binary(max_size=80) | st.sampled_from([b"case x)\n;;\n", b"a)", b")\n"])
)
def test_a_file_that_is_not_ours_any_more_does_no_harm(path: str, data: bytes) -> None:
    parts = parts_of(path, data)
    assert all(isinstance(part, bytes) for part in parts.values())


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_name_of_nobody_ends_the_shells_of_everybody(tmp_path: Path, shell: str) -> None:
    """A person called esac, the word that ends a case, would make the file one that every login shell stops at."""
    script = tmp_path / "login.sh"
    parts = {name: login({"A": name}) for name in ("alice", "esac", "if")}
    for name in parts:
        script.write_bytes(joined(LOGIN_SCRIPT, parts).replace(b"$(command id -un 2>/dev/null || :)", name.encode()))
        told = subprocess.run([shell, "-c", '. "$1"; echo "$A"', shell, str(script)], capture_output=True, check=False)
        assert (told.stdout, told.stderr) == (name.encode() + b"\n", b"")
    assert parts_of(LOGIN_SCRIPT, joined(LOGIN_SCRIPT, parts)) == parts
