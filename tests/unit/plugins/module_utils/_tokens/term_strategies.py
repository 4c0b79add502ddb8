# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Terms of invitations, out of a world so small that two of them often meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

DAYS = ("2027-01-01", "2027-06-30", "2027-12-31")
NAMES = ("heidi", "judy", "mallory")
GROUPS = ("genomics", "proteins", "imaging")
INSTITUTIONS = ("uni-a", "uni-b", "uni-c")
SHELLS = ("/bin/bash", "/bin/zsh")
ORCIDS = ("0000-0002-1825-0097", "0000-0001-5109-3700")
PROVIDERS = ("globus", "orcid")
ROLES = ("guest", "member", "manager", "lead")
ISSUERS = ("cluster-a", "cluster-b", "cluster-c")
REGIONS = ("eu", "us")
COSTS = ("0.00", "9.99", "10.00", "100.00")
TASKS = (0, 16, 100)
MEMORY = (0, 64 * 1024**2, 2**30)
CORES = ("0", "0.5", "2")
FINGERPRINTS = (
    "SHA256:8kzClnl/KmcaWx2TtRfk/AyqBDZmia4jHPwp12Lb0HI",
    "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
)


def _some(values: tuple[str, ...], least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=least, unique=True).map(sorted)


def each_term() -> dict[str, st.SearchStrategy[Any]]:
    """What may be said of each term."""
    return {
        "role": st.sampled_from(ROLES),
        "groups": _some(GROUPS),
        "shell": st.sampled_from(SHELLS),
        "quota": st.fixed_dictionaries(
            {},
            optional={
                "tasks": st.sampled_from(TASKS),
                "memory": st.sampled_from(MEMORY),
                "cores": st.sampled_from(CORES),
            },
        ),
        "access_until": st.sampled_from(DAYS),
        "institutions": _some(INSTITUTIONS),
        "orcid": st.sampled_from(ORCIDS),
        "idp": st.sampled_from(PROVIDERS),
        "policy": st.fixed_dictionaries(
            {},
            optional={
                "templates": _some(("r", "python")),
                "instance_types": _some(("small", "large")),
                "regions": _some(REGIONS),
                "max_cost_per_day": st.sampled_from(COSTS),
            },
        ),
    }


@st.composite
def terms(draw: st.DrawFn) -> dict[str, Any]:
    """Terms that make sense."""
    told: dict[str, Any] = draw(st.fixed_dictionaries({}, optional=each_term()))
    if draw(st.booleans()):
        told["username"] = draw(st.sampled_from(NAMES))
        told["username_fixed"] = draw(st.booleans())
    if draw(st.booleans()):
        told["depth"] = draw(st.integers(1, 3))
        told["delegates"] = draw(_some(ISSUERS))
    return told
