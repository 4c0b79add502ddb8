# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of people, whose old numbers come as JSON: many at home, and some elsewhere."""

from __future__ import annotations

import json
import os
import sys

uids = json.load(sys.stdin)
for name, uid in uids.items():
    for folder in range(20 if name != "bob" else 200):
        place = "/home/%s/data/%03d" % (name, folder)
        os.makedirs(place, 0o700)
        for number in range(100):
            handle = os.open("%s/%d" % (place, number), os.O_CREAT | os.O_WRONLY, 0o600)
            os.write(handle, b"of %s\n" % name.encode())
            os.fchown(handle, uid, uid)
            os.close(handle)
        os.chown(place, uid, uid)
    os.chown("/home/%s/data" % name, uid, uid)
    for path in ("/var/tmp/of-" + name, "/tmp/of-" + name):
        with open(path, "w") as handle:
            handle.write("of %s\n" % name)
        os.chown(path, uid, uid)
    # a link to a file of root stays what it is
    os.symlink("/etc/shadow", "/home/%s/link" % name)
    os.chown("/home/%s/link" % name, uid, uid, follow_symlinks=False)
