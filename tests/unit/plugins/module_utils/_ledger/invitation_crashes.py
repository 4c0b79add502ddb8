# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers that are killed while they redeem an invitation; started by test_ledger_crash.py.

python invitation_crashes.py DIRECTORY   one for every system call, killed before, in the middle of or after it

What happened is printed as JSON, judged from the plain lines of the file.
"""

from __future__ import annotations

import json
import runpy
import shutil
import signal
import sys
from pathlib import Path

runpy.run_path(str(Path(__file__).resolve().parents[3] / "conftest.py"))

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitations import Acceptance, accept
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle, stamp_now
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.campaigns import (
    fault_point,
    in_child,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import NOW, jti_of, key_of
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.races import begin


def redeem(ledger: Path, name: str) -> str:
    """What a controller says to somebody who redeems the one invitation."""
    acceptance = Acceptance("lab", jti_of("one"), "cluster-a", (), name, name, key_of(name), f"https://idp {name}")
    try:
        settled = settle(
            open_store(f"file:{ledger}"), lambda known: accept(known, acceptance, NOW, stamp_now()), write=True
        )
    except IdentityError as refusal:
        return f"refused: {refusal}"
    return f"in, {len(settled.decision.events)} events"


def kept(ledger: Path) -> list[str]:
    """Kind and subject of what the file says of people, read without the collection."""
    events = [json.loads(line) for line in ledger.read_text(encoding="ascii").splitlines()[1:]]
    return [f"{event['kind']} {event['subject']}" for event in events if "subject" in event]


WHOLE = ["user alice", "link alice", "redeem alice"]


def main(directory: Path) -> dict[str, int]:
    base = directory / "base"
    base.mkdir()
    begin(f"file:{base / 'ledger.jsonl'}", ["one"])
    trial = directory / "trial"
    shutil.copytree(base, trial)
    with fault_point() as calls:
        redeem(trial / "ledger.jsonl", "alice")
    report = {"points": 0, "written": 0, "not_written": 0, "half": 0, "lost": 0, "taken": 0, "again": 0}
    for at in range(1, len(calls) + 1):
        for when in ("before", "half", "after"):
            place = directory / "place"
            shutil.copytree(base, place)
            _one_kill(place / "ledger.jsonl", at, when, report)
            shutil.rmtree(place)
    return report


def _one_kill(ledger: Path, at: int, when: str, report: dict[str, int]) -> None:
    def controller() -> str:
        with fault_point(at, when):
            return redeem(ledger, "alice")

    killed, said = in_child(controller)
    report["points"] += killed == signal.SIGKILL
    found = kept(ledger)
    report["written"] += found == WHOLE
    report["not_written"] += found == []
    report["half"] += found not in (WHOLE, [])
    report["lost"] += bool(said) and found != WHOLE
    if found == WHOLE:
        # the invitation is used, although nobody was told so
        _killed, stranger = in_child(lambda: redeem(ledger, "mallory"))
        report["taken"] += not stranger.startswith("refused")
    _killed, again = in_child(lambda: redeem(ledger, "alice"))
    report["again"] += again == ("in, 0 events" if found == WHOLE else "in, 3 events") and kept(ledger) == WHOLE


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
