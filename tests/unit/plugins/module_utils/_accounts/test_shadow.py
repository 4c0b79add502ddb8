# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords, their ageing and the end of an account, in the shadow file."""

from __future__ import annotations

from typing import Any

import pytest

from .build import TODAY, done, fields, hers, host, is_empty, ours, plan_for, request, said

DIGEST = "YTeBOLnmm3CoeJTzBuijUEtOEWCqrw/nQ8/AeMmON4LGp3k0ZiMjC1OdqzWFUAfDQBvYkOch9BWtQTBcZ1E/p0"
HASH = "$6$saltsalt$" + DIGEST
OTHER = "$6$othersalt$" + "gcBGladVPPtf6DMB8Jq4z7EhzmLfAAbXMbD.d5Ml7Wr6Pj9NYR4utlaKSF7Xvn.YLIeXvW2KSZb7fNRhJzJMs1"


def alice(**more: Any) -> dict[str, Any]:
    return {"name": "alice", "uid": 5238, **more}


def entry(password: str = "*", ageing: str = "::::", expires: str = "") -> str:
    return f"alice:{password}:19000:{ageing}{expires}:"


def shadow(state: Any) -> list[str]:
    found = fields(state, "shadow", "alice")
    assert found is not None
    return found


def test_a_new_user_has_no_password_unless_one_is_given() -> None:
    _plan, new = done(host(), [alice()])
    assert shadow(new) == ["alice", "*", str(TODAY), "", "", "", "", "", ""]
    plan, new = done(host(), [alice(password=HASH, password_ageing={"max_days": 90, "warn_days": 7})])
    assert shadow(new) == ["alice", HASH, str(TODAY), "", "90", "7", "", "", ""]
    assert DIGEST not in repr(plan.changes)


def test_a_hash_is_compared_as_text_and_never_made_anew() -> None:
    """Pain 17: a password hash does not change every run."""
    _plan, new = done(hers(shadow=[entry()]), [alice(password=HASH)])
    assert shadow(new)[1] == HASH
    assert is_empty(plan_for(request([alice(password=HASH)]), new))
    # who is not asked about keeps what they changed themselves
    assert is_empty(plan_for(request([alice()]), new))
    plan, new = done(new, [alice(password=OTHER)])
    assert said(plan) == [("alice", "password set -> as given")]
    assert shadow(new)[1:3] == [OTHER, str(TODAY)]
    plan, new = done(new, [alice(password="*")])
    assert said(plan) == [("alice", "password set -> none (keys only)")]


def test_nothing_ages_for_who_has_no_password() -> None:
    """Pain 13: an old password that nobody has would keep keys out."""
    plan, new = done(hers(shadow=[entry(ageing="0:90:7:30:")]), [alice()])
    assert shadow(new)[3:7] == ["0", "", "7", ""]
    assert said(plan)[0][1].startswith("password ageing at least 0 days, at most 90 days")
    plan, new = done(hers(shadow=[entry("!", "0:90:7:30:")]), [alice(password_ageing={"max_days": 10})])
    assert shadow(new)[4] == ""
    # 99999 days is how shadow says never
    assert is_empty(plan_for(request([alice()]), hers(shadow=[entry(ageing="0:99999:7::")])))
    # who loses the password loses its ageing with it
    _plan, new = done(hers(shadow=[entry(HASH, "0:90:7:30:")]), [alice(password="*")])
    assert shadow(new)[3:7] == ["0", "", "7", ""]


def test_ageing_is_as_asked_for_where_there_is_a_password() -> None:
    begin = hers(shadow=[entry(HASH, "0:90:7::")])
    assert is_empty(plan_for(request([alice()]), begin))
    _plan, new = done(begin, [alice(password_ageing={"max_days": 365})])
    assert shadow(new)[3:7] == ["0", "365", "7", ""]
    _plan, new = done(new, [alice(password_ageing={})])
    assert shadow(new)[3:7] == ["", "", "", ""]


def test_ageing_of_a_password_that_is_taken_away_is_refused() -> None:
    with pytest.raises(Exception, match="password_ageing is for a password"):
        request([alice(password="*", password_ageing={"max_days": 90})])


def test_a_password_is_locked_with_the_account_and_comes_back_with_it() -> None:
    """Pain 13: a lock that locks."""
    plan, shut = done(hers(shadow=[entry(HASH)]), [alice(state="disabled")])
    assert shadow(shut)[1] == "!labfleet!" + HASH
    assert shadow(shut)[7] == "1"
    assert DIGEST not in repr(plan.changes)
    plan, again = done(shut, [alice()])
    assert shadow(again)[1] == HASH
    assert ("alice", "password locked -> set") in said(plan)


def test_what_somebody_else_locked_stays_locked() -> None:
    begin = hers(shadow=[entry("!" + HASH)])
    _plan, shut = done(begin, [alice(state="disabled")])
    assert shadow(shut)[1] == "!" + HASH
    _plan, again = done(shut, [alice()])
    assert shadow(again)[1] == "!" + HASH


def test_an_empty_password_is_never_left() -> None:
    for state in ("present", "disabled"):
        _plan, new = done(hers(shadow=[entry("")]), [alice(state=state)])
        assert shadow(new)[1] == "*"


def test_a_password_of_somebody_disabled_is_locked_also_where_the_entry_was_missing() -> None:
    begin = hers(shadow=[], users={"alice": ours(5238)})
    _plan, shut = done(begin, [alice(state="disabled", password=HASH)])
    assert shadow(shut)[1] == "!labfleet!" + HASH
