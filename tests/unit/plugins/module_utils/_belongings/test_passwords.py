# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._passwords import (
    NO_AGEING,
    Ageing,
    check_ageing,
    is_password,
    parse_ageing,
    parse_password,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

from .raw_data import documents, parsed, refusal

SECRET = "CanaryCanary7"
SALT = "Wq3ZtBx9Lk2Pd5Rs"
YESCRYPT = "$y$j9T$AxQ7smUnJokew88sJqs6T/$3VeR9SRnLWw4IznTGJoKimxJjqa9cPw7S4Tm5LhPKI8"
SHA512 = (
    "$6$rounds=656000$fE.vU2YlHHs5Wbv/$"
    "se51FDw/Q7mwsGpPmw8IWdQdOthX/H80RezYlCfILLxHKCtfuM7/.m6KReAcc6ZEOzIzlcZm6lIqdPlvUKS1z0"
)
PREFIXES = (
    "$6$" + SALT,
    "$6$rounds=6000$" + SALT,
    "$5$" + SALT,
    "$5$rounds=5000$abcdefgh",
    "$y$j9T$AxQ7smUnJokew88sJqs6T/",
    "$y$j75$.HN8UtFZPcVJADtnrv7u0/",
)


def crypt(secret: str, setting: str) -> str:
    """What crypt(3) of this machine makes of it; empty where it cannot."""
    command = ["perl", "-e", "print crypt($ARGV[0], $ARGV[1]) // ''", secret, setting]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout if done.stdout.startswith(setting) else ""


@pytest.mark.skipif(shutil.which("perl") is None, reason="needs perl, for its crypt(3)")
@pytest.mark.parametrize("setting", PREFIXES)
def test_what_crypt_makes_is_accepted_as_it_came(setting: str) -> None:
    made = [crypt("%s%d" % (SECRET, number), setting) for number in range(8)]
    if not all(made):
        pytest.skip("crypt(3) of this machine does not know this kind")
    assert [parse_password(field) for field in made] == made
    assert all(is_password(field) for field in made)


@pytest.mark.parametrize("field", [YESCRYPT, SHA512, "*"])
def test_pain_17_a_hash_is_data(field: str) -> None:
    """Pain 17: a password hash that is made anew on every run changes on every run. What came in goes out."""
    assert parse_password(field) == field
    assert parse_password(parse_password(field)) == field


REFUSED = {
    "plain text": SECRET,
    "empty": "",
    "a line": YESCRYPT + "\n",
    "a colon": YESCRYPT[:-1] + ":",
    "locked": "!" + YESCRYPT,
    "placeholder": "x",
    "two stars": "**",
    "DES": "abJnggxhB/yWI",
    "extended DES": "_J9..K0AyUubkf7Zkvc6",
    "MD5": "$1$WqZtBx9L$aLJuN9sgNQBpsrjNVl3kA1",
    "bcrypt": "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
    "sha1": "$sha1$40000$jtNX3nZ2$hBNaIXkt4wBI2o5rsi8KejSjNqIq",
    "argon2": "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$" + "a" * 43,
    "no hash after the salt": "$6$" + SALT,
    "a short hash": SHA512[:-1],
    "a long hash": SHA512 + "a",
    "bits that no hash has": SHA512[:-1] + "z",
    "a short salt": "$6$abc$" + SHA512[-86:],
    "a long salt": "$6$" + SALT + "a$" + SHA512[-86:],
    "a strange salt": "$6$" + SALT[:-1] + ":$" + SHA512[-86:],
    "few rounds": SHA512.replace("656000", "1000"),
    "endless rounds": SHA512.replace("656000", "999999999"),
    "rounds with zeros": SHA512.replace("656000", "0656000"),
    "no rounds": SHA512.replace("656000", ""),
    "rounds twice": SHA512.replace("$rounds=656000", "$rounds=656000$rounds=656000"),
    "yescrypt without its end": YESCRYPT[:-1],
    "yescrypt of no known cost": YESCRYPT.replace("j9T", "j0T"),
    "yescrypt that takes all memory": YESCRYPT.replace("j9T", "jzT"),
    "yescrypt of another flavour": YESCRYPT.replace("j9T", "/9T"),
    "not ASCII": YESCRYPT[:-1] + "\u0430",
    "other digits": SHA512.replace("656000", "\u0666\u0665\u0666\u0660\u0660\u0660"),
    "a number": 5,
    "a list": [YESCRYPT],
    "nothing": None,
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_strong_hash_is_refused_without_being_shown(case: str) -> None:
    raw: Any = REFUSED[case]
    message = refusal(parse_password, raw)
    assert message.startswith("password ")
    for start in range(len(str(raw)) - 7 if isinstance(raw, str) else 0):
        assert raw[start : start + 8] not in message


@given(
    st.one_of(documents(("password",)), st.text(max_size=120), st.text(max_size=20).map(lambda text: YESCRYPT + text))
)
def test_only_one_field_or_a_refusal_comes_out_of_data(raw: Any) -> None:
    field = parsed(parse_password, raw)
    if field is not None:
        assert field == raw
        assert field == "*" or is_password(field)
        assert not set(field) & set(": \n!")


@given(st.sampled_from((YESCRYPT, SHA512)), st.integers(0, 90), st.characters(codec="ascii"))
def test_a_hash_with_one_other_character_is_a_hash_or_refused(field: str, at: int, character: str) -> None:
    changed = field[:at] + character + field[at + 1 :]
    taken = parsed(parse_password, changed)
    assert taken in (None, changed)
    if character in ":\n\0 !*":
        assert taken is None


@pytest.mark.parametrize(
    ("field", "answer"),
    [
        (YESCRYPT, True),
        ("abJnggxhB/yWI", True),
        ("$1$WqZtBx9L$aLJuN9sgNQBpsrjNVl3kA1", True),
        ("*", False),
        ("!", False),
        ("!!", False),
        ("!*", False),
        ("!" + YESCRYPT, False),
        ("", False),
        ("x", False),
    ],
)
def test_who_has_a_password(field: str, answer: bool) -> None:
    assert is_password(field) is answer


AGEING = [
    ({}, NO_AGEING),
    ({"max_days": 365}, Ageing(max_days="365")),
    ({"max_days": 0, "min_days": 0}, Ageing(max_days="", min_days="")),
    (
        {"max_days": "90", "min_days": 1, "warn_days": 14, "inactive_days": 30},
        Ageing(min_days="1", max_days="90", warn_days="14", inactive_days="30"),
    ),
    ({"max_days": None}, Ageing()),
    ({"warn_days": 14}, Ageing(warn_days="14")),
]


@pytest.mark.parametrize(("raw", "ageing"), AGEING, ids=[str(raw) for raw, _ageing in AGEING])
def test_ageing_in_fields_of_shadow(raw: dict[str, Any], ageing: Ageing) -> None:
    assert parse_ageing(raw) == ageing


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ([], "must be a mapping"),
        ({"maximum": 1}, "unknown key"),
        ({"max_days": -1}, "no number of days"),
        ({"max_days": True}, "no number of days"),
        ({"max_days": 1.5}, "no number of days"),
        ({"max_days": "9:9"}, "no number of days"),
        ({"max_days": 10**400}, "no number of days"),
        ({"max_days": 99999}, "no number of days"),
        ({"max_days": 30, "min_days": 30}, "could not be changed in time"),
        ({"max_days": 7, "warn_days": 14}, "could not be changed in time"),
    ],
)
def test_ageing_that_makes_no_sense_is_refused(raw: Any, reason: str) -> None:
    assert reason in refusal(parse_ageing, raw)


@given(documents(("max_days", "min_days", "warn_days", "inactive_days")))
def test_only_days_or_a_refusal_come_out_of_data(raw: Any) -> None:
    ageing = parsed(parse_ageing, raw)
    if ageing is not None:
        for field in (ageing.min_days, ageing.max_days, ageing.warn_days, ageing.inactive_days):
            assert field is None or field == "" or field.isdigit()


@pytest.mark.parametrize("field", ["*", "!", "!" + YESCRYPT, "", "x"])
def test_pain_13_ageing_never_blocks_keys(field: str) -> None:
    """Pain 13: where there is no password, ageing makes sshd ask for a new one, and so keeps keys out."""
    for raw in ({"max_days": 365}, {"min_days": 1}, {"warn_days": 7}, {"inactive_days": 30}):
        with pytest.raises(IdentityError, match="refuse the keys"):
            check_ageing(parse_ageing(raw), field)
        check_ageing(parse_ageing(raw), YESCRYPT)
    check_ageing(parse_ageing({}), field)
    check_ageing(parse_ageing({"max_days": 0}), field)
    check_ageing(Ageing(), field)
