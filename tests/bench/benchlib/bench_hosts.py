# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of the benchmark: started once, put back to what they were before every first run."""

from __future__ import annotations

import dataclasses
import fcntl
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetlib import HostSpec, up
from fleetlib.access import inventory
from fleetlib.paths import state_directory

from .errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fleetlib import Console, Fleet

_HOSTSIDE = Path(__file__).resolve().parent.parent / "hostside"
_RELEASE = "bookworm"


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Keep a second benchmark away from the hosts of this one; their figures would be worth nothing anyway."""
    path = state_directory(name).parent / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BenchError(f"another benchmark has the hosts of {name}: wait until it is done") from error
        yield


def start(name: str, count: int, console: Console) -> Fleet:
    """Fresh hosts, each with a copy of itself to go back to."""
    specs = [HostSpec(f"bench{number + 1}", _RELEASE, "base") for number in range(count)]
    fleet = up(name, specs, console, login="root", fresh=True)
    _on_each(fleet, lambda host: _run(fleet, host, "restore.py", "keep"))
    return fleet


def first_of(fleet: Fleet, count: int) -> Fleet:
    """The same fleet, seen as if it had only its first COUNT hosts."""
    return dataclasses.replace(fleet, hosts=fleet.hosts[:count])


def write_inventory(fleet: Fleet, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(inventory(fleet), indent=2) + "\n", encoding="utf-8")


def restore(fleet: Fleet) -> None:
    _on_each(fleet, lambda host: _run(fleet, host, "restore.py", "restore"))


def observe(fleet: Fleet) -> dict[str, dict[str, Any]]:
    """What each host shows of its people."""
    seen = _on_each(fleet, lambda host: _run(fleet, host, "observe.py"))
    return {host: json.loads(text) for host, text in seen.items()}


def _run(fleet: Fleet, host: str, script: str, *arguments: str) -> str:
    source = (_HOSTSIDE / script).read_text(encoding="utf-8")
    return fleet.run(host, ["python3", "-", *arguments], stdin=source, timeout=300)


def _on_each(fleet: Fleet, what: Callable[[str], str]) -> dict[str, str]:
    names = [host.name for host in fleet.hosts]
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        return dict(zip(names, pool.map(what, names), strict=True))
