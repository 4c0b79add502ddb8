# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import getpass
import shlex
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._login import (
    parse_environment,
    parse_umask,
    render_login,
)
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._shared_files import LOGIN_SCRIPT, joined

from .raw_data import documents, parsed, refusal

SHELLS = ("bash", "dash")


def environment_of(shell: str, data: bytes) -> dict[str, str]:
    """What a real shell exports after it read the file, with every option on that makes it strict."""
    done = subprocess.run(
        [shell, "-euc", 'eval "$1"; umask; exec /usr/bin/env -0', "sh", data.decode("utf-8")],
        env={},
        check=True,
        stdout=subprocess.PIPE,
    )
    umask, _newline, rest = done.stdout.partition(b"\n")
    variables = dict(entry.split("=", 1) for entry in rest.decode("utf-8").split("\0") if entry)
    return {"umask": umask.decode(), **variables}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_real_shell_reads_what_was_said(shell: str) -> None:
    said = {
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": 4,
        "QUOTED": 'it\'s "so" $HOME `id` $(id) \\ ; & | # *',
        "EMPTY": "",
        "BLANKS": "  two  ",
        "UNICODE": "Z\u00fcrich \u6771\u4eac",
        "http_proxy": "http://proxy:3128",
        "PATH": "/opt/lab/bin:/usr/bin:/bin",
    }
    read = environment_of(shell, render_login(parse_environment(said), parse_umask("027")))
    assert read["umask"] == "0027"
    assert {name: read[name] for name in said} == {name: str(value) for name, value in said.items()}


@settings(max_examples=25)
@given(st.dictionaries(st.from_regex(r"V_[A-Z0-9_]{1,5}", fullmatch=True), st.text(max_size=30), max_size=4))
def test_whatever_a_value_holds_a_shell_takes_it_for_nothing_but_a_value(raw: dict[str, str]) -> None:
    environment = parsed(parse_environment, raw)
    if environment is not None:
        data = render_login(environment, "")
        assert data.count(b"\n") == len(raw)
        read = environment_of("dash", data)
        assert {name: value for name, value in read.items() if name.startswith("V_")} == raw


def test_nothing_to_say_is_no_file() -> None:
    assert render_login(parse_environment({}), parse_umask("")) == b""
    assert render_login((), "0027") == b"umask 0027\n"


REFUSED = {
    "no mapping": (["A=b"], "must be a mapping"),
    "small letters": ({"path": "x"}, "is no name of a variable"),
    "digit first": ({"1A": "x"}, "is no name of a variable"),
    "command as a name": ({"A;id": "x"}, "is no name of a variable"),
    "newline in a name": ({"A\n": "x"}, "is no name of a variable"),
    "number as a name": ({1: "x"}, "is no name of a variable"),
    "HOME": ({"HOME": "/"}, "set by the login"),
    "agent": ({"SSH_AUTH_SOCK": "/tmp/x"}, "set by the login"),
    "IFS": ({"IFS": "/"}, "would break or end shells"),
    "readonly": ({"SHELLOPTS": "xtrace"}, "would break or end shells"),
    "logout": ({"TMOUT": "1"}, "would break or end shells"),
    "preload": ({"LD_PRELOAD": "/tmp/x.so"}, "data would become commands"),
    "library path": ({"LD_LIBRARY_PATH": "/opt/lib"}, "data would become commands"),
    "BASH_ENV": ({"BASH_ENV": "/tmp/x"}, "data would become commands"),
    "ENV": ({"ENV": "/tmp/x"}, "data would become commands"),
    "prompt": ({"PS1": "$(id)"}, "data would become commands"),
    "prompt command": ({"PROMPT_COMMAND": "id"}, "data would become commands"),
    "python": ({"PYTHONSTARTUP": "/tmp/x.py"}, "data would become commands"),
    "two lines": ({"A": "a\nid"}, "must be one line"),
    "NUL": ({"A": "a\0"}, "must be one line"),
    "escape": ({"A": "\x1b[2J"}, "must be one line"),
    "line separator": ({"A": "a\u2028b"}, "must be one line"),
    "half a character": ({"A": "\ud800"}, "must be one line"),
    "too long": ({"A": "x" * 4097}, "must be one line"),
    "true": ({"A": True}, "put it in quotes"),
    "nothing": ({"A": None}, "put it in quotes"),
    "fraction": ({"A": 1.5}, "put it in quotes"),
    "relative PATH": ({"PATH": "bin:/usr/bin:/bin"}, "whole search path"),
    "PATH with a hole": ({"PATH": "/usr/bin::/bin"}, "whole search path"),
    "PATH without the system": ({"PATH": "/opt/bin"}, "whole search path"),
    "too many": ({"V%d" % number: "" for number in range(101)}, "at most 100"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_run_or_break_is_refused(case: str) -> None:
    raw, reason = REFUSED[case]
    assert reason in refusal(parse_environment, raw)


@pytest.mark.parametrize(("raw", "mask"), [("027", "0027"), ("0077", "0077"), ("002", "0002"), ("", "")])
def test_a_umask_has_four_digits(raw: str, mask: str) -> None:
    assert parse_umask(raw) == mask


@pytest.mark.parametrize(
    "raw", [27, "27", "888", "1027", "777", "700", "000", "020", "u=rwx", "027\n", None, True, [], "\u0660\u0662\u0667"]
)
def test_a_umask_that_harms_or_is_none_is_refused(raw: Any) -> None:
    assert "umask" in refusal(parse_umask, raw)


@given(documents(("A", "LANG", "PATH", "LD_PRELOAD")))
def test_only_lines_or_a_refusal_come_out_of_data(raw: Any) -> None:
    environment = parsed(parse_environment, raw)
    umask = parsed(parse_umask, raw)
    for line in render_login(environment or (), umask or "").decode("utf-8").split("\n")[:-1]:
        words = shlex.split(line)
        assert len(words) == 2
        assert words[0] in ("export", "umask")


def logged_in(shell: str, script: bytes, options: str = "-eu") -> str:
    """What stands in V after the script was read as /etc/profile reads it, and all that was printed."""
    text = 'umask 022; . "$1"; printf "%s|%s" "${V-unset}" "$(umask)"'
    done = subprocess.run(
        [shell, options + "c", text, "sh", "/dev/stdin"],
        input=script,
        env={"PATH": "/usr/bin:/bin"},
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.stdout.decode()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_login_shell_is_told_what_is_its_users_alone(shell: str) -> None:
    me = getpass.getuser()
    mine = render_login((("V", "it's $(id) mine"),), "0027")
    theirs = render_login((("V", "theirs"),), "0077")
    assert logged_in(shell, joined(LOGIN_SCRIPT, {me: mine, "aaron": theirs, "zoe": theirs})) == (
        "it's $(id) mine|0027"
    )
    assert logged_in(shell, joined(LOGIN_SCRIPT, {"aaron": theirs, me + "2": theirs, me[:-1]: theirs})) == "unset|0022"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_quiet_without_the_program_it_asks(shell: str) -> None:
    script = joined(LOGIN_SCRIPT, {getpass.getuser(): render_login((("V", "x"),), "")})
    assert b"command id" in script
    assert logged_in(shell, script.replace(b"command id", b"command no-such-program")) == "unset|0022"
