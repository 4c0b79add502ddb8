# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many invitations a second a controller signs, verifies, issues and accepts, beside what PyJWT alone takes."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from .errors import BenchError
from .report import machine
from .stats import spread
from .table import figures, markdown
from .workplace import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RATES = REPOSITORY / "tests" / "bench" / "invitationside" / "rates.py"
_PAGE = """\
<!--
Copyright (c) 2026, The labfleet.identity developers
GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->

# Benchmarks of invitations

The figures of one run on {date}. `make bench` measures anew and prints them, `make bench ARGS=--write` writes this
page.

{machine}

{table}
## How to read it

- A new process each round, {repeats} rounds, one thing after the other on one core. Shown is the median of the rates,
  with least and most in brackets. Ed25519 signs; the terms are a role, two groups and a quota.
- *PyJWT alone* signs and verifies the same tokens, right after ours: `jwt.encode`, and `jwt.decode` with the one key,
  the algorithm, the audience and the issuer. What ours takes longer is the checking of every term, the id that follows
  from them, the one way in which a token may be written, and on signing the making of the claims.
- *issue in bulk* goes from the text of a table to the text with the tokens, with all invitations in a durable ledger.
- *accept* is one person after the other, each verified and durable in the ledger, the key store and the roster before
  the next begins; so many invitations are in the ledger. It is the ledger file that is read, checked and written anew.
"""


def measure_invitations(
    tokens: int, tables: Sequence[int], acceptances: int, repeats: int
) -> dict[tuple[str, int], list[float]]:
    """The rates of every round, by what was done and how many rows there were."""
    subprocess.run([str(REPOSITORY / "scripts" / "tree")], check=True, capture_output=True)
    found: dict[tuple[str, int], list[float]] = {}
    for _turn in range(repeats):
        for turn, rows in enumerate(tables):
            for what, rate in _round(tokens if turn == 0 else 1, rows, min(acceptances, rows)).items():
                if what in ("issue in bulk", "accept"):
                    found.setdefault((what, rows), []).append(rate)
                elif turn == 0:
                    found.setdefault((what, 0), []).append(rate)
    return found


def rates_table(rates: Mapping[tuple[str, int], Sequence[float]]) -> str:
    """What was done, with how many in the ledger, and how many a second."""
    rows = [[what, str(many) if many else "-", figures(spread(found))] for (what, many), found in sorted(rates.items())]
    return markdown(("what", "invitations in the ledger", "a second"), rows, frozenset({1, 2}))


def rates_page(rates: Mapping[tuple[str, int], Sequence[float]], repeats: int) -> str:
    return _PAGE.format(
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        machine=machine(),
        table=rates_table(rates),
        repeats=repeats,
    )


def _round(tokens: int, rows: int, acceptances: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="bench-invitations-") as directory:
        ran = subprocess.run(
            [sys.executable, str(_RATES), directory, str(tokens), str(rows), str(acceptances)],
            env={"PYTHONPATH": str(REPOSITORY / ".build")},
            check=False,
            capture_output=True,
            text=True,
        )
    if ran.returncode != 0:
        raise BenchError(f"a controller failed: {ran.stderr.strip()[-300:]}")
    said: dict[str, float] = json.loads(ran.stdout)
    return said
