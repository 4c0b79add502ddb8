# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on a bench host as root: say as JSON which people are there, whoever made them."""

from __future__ import annotations

import grp
import json
import os
import pwd

FIRST = 5000
LAST = 99999
NOBODY = 65534
FILES = {
    "limits": "/etc/systemd/system/user-{uid}.slice.d/50-labfleet.conf",
    "sudo": "/etc/sudoers.d/labfleet-user-{name}",
}
SHARED = (
    ("subids", "/etc/subuid", "{name}:{derived}:32768"),  # useradd and newusers give others
    ("mail alias", "/etc/aliases", "{name}: "),
    ("session limits", "/etc/security/limits.d/labfleet-identity.conf", "{name} "),
    ("login", "/etc/profile.d/labfleet-identity.sh", "{name})"),
)
KEY_FILES = ("/etc/ssh/authorized_keys.d/{name}", "{home}/.ssh/authorized_keys")


def keys(name: str, home: str) -> list[str]:
    found = []
    for pattern in KEY_FILES:
        try:
            with open(pattern.format(name=name, home=home), encoding="utf-8") as stream:
                found += [line.strip() for line in stream if line.strip() and not line.startswith("#")]
        except FileNotFoundError:
            continue
    return sorted(found)


def beside(name: str, uid: int) -> list[str]:
    """What somebody has beside account, home and keys."""
    found = [what for what, pattern in FILES.items() if os.path.exists(pattern.format(name=name, uid=uid))]
    for what, path, pattern in SHARED:
        start = pattern.format(name=name, derived=655425536 + (uid - 65536) * 32768)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as stream:
                found += [what] if any(line.startswith(start) for line in stream) else []
    return sorted(found)


def main() -> None:
    groups: dict[str, list[str]] = {}
    gids: dict[str, int] = {}
    for group in grp.getgrall():
        gids[group.gr_name] = group.gr_gid
        for member in group.gr_mem:
            groups.setdefault(member, []).append(group.gr_name)
    people = {}
    for entry in pwd.getpwall():
        if FIRST <= entry.pw_uid <= LAST and entry.pw_uid != NOBODY:
            home = os.stat(entry.pw_dir)
            people[entry.pw_name] = {
                "uid": entry.pw_uid,
                "gid": entry.pw_gid,
                "private_gid": gids.get(entry.pw_name),
                "gecos": entry.pw_gecos,
                "home": entry.pw_dir,
                "shell": entry.pw_shell,
                "home_owner": [home.st_uid, home.st_gid],
                "groups": sorted(groups.get(entry.pw_name, [])),
                "keys": keys(entry.pw_name, entry.pw_dir),
                "beside": beside(entry.pw_name, entry.pw_uid),
            }
    print(json.dumps(people))


if __name__ == "__main__":
    main()
