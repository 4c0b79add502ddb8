# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible.template import is_trusted_as_template, trust_as_template

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain

DAY = datetime.date(2027, 1, 31)
MOMENT = datetime.datetime(2027, 1, 31, 12, tzinfo=datetime.timezone.utc)


def test_values_stay_what_they_are() -> None:
    data = {"a": [1, 2.5, None, True, "x", DAY, MOMENT], "b": {"c": []}}
    assert plain(data) == data
    assert [type(item) for item in plain(data)["a"]] == [type(item) for item in data["a"]]
    assert plain(("a", 1)) == ["a", 1]


def test_nothing_is_trusted_as_a_template_any_more() -> None:
    trusted = trust_as_template("{{ 1 + 1 }}")
    assert is_trusted_as_template(trusted)
    for value in (plain(trusted), plain([trusted])[0], next(iter(plain({trusted: 1})))):
        assert value == "{{ 1 + 1 }}"
        assert value.__class__ is str
        assert not is_trusted_as_template(value)


def test_bottomless_data_is_refused() -> None:
    data: list[Any] = []
    data.append(data)
    with pytest.raises(IdentityError, match="levels deep"):
        plain(data)
