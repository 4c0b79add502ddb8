# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscribe to every TCP port that somebody else listens on, and say which canaries went by.

Usage: listen.py UID FILE: until FILE is there. It has to be run by another user, with the Python of the servers.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import zmq

LISTENS = "0A"
SECONDS = 120


def addresses_of(uid: str) -> set[str]:
    found = set()
    for name, host in (("tcp", "127.0.0.1"), ("tcp6", "[::1]")):
        for line in Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if (fields[3], fields[7]) == (LISTENS, uid):
                found.add(f"tcp://{host}:{int(fields[1].rpartition(':')[2], 16)}")
    return found


def main() -> None:
    uid, end = sys.argv[1], Path(sys.argv[2])
    ears = zmq.Context().socket(zmq.SUB)
    ears.ipv6 = True
    ears.subscribe(b"")
    known: set[str] = set()
    heard: set[str] = set()
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and not end.exists():
        for address in addresses_of(uid) - known:
            known.add(address)
            ears.connect(address)
        while ears.poll(50):
            heard.update(re.findall("canary-of-[a-z]+", repr(ears.recv_multipart())))
    print("heard", *sorted(heard))


if __name__ == "__main__":
    main()
