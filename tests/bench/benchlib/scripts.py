# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contenders without Ansible: one shell script for one SSH call, as a careful person would write it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from .people import SHARED_GROUPS, SHELL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .people import Person

_PREAMBLE = """\
set -eu
changed=0
keys() {
    file=/home/$1/.ssh/authorized_keys
    if [ ! -f "$file" ] || [ "$(cat "$file")" != "$2" ]; then
        install -d -m 0700 -o "$1" -g "$1" "/home/$1/.ssh"
        printf '%s\\n' "$2" >"$file"
        chown "$1:$1" "$file"
        chmod 0600 "$file"
        changed=$((changed + 1))
    fi
}
"""
_END = 'echo "changed=$changed"\n'


def _shared_groups() -> str:
    return "".join(
        f"getent group {shlex.quote(name)} >/dev/null || {{ groupadd -g {gid} {shlex.quote(name)}; changed=1; }}\n"
        for name, gid in SHARED_GROUPS
    )


def _keys(people: Iterable[Person]) -> str:
    return "".join(f"keys {shlex.quote(person.name)} {shlex.quote(chr(10).join(person.keys))}\n" for person in people)


def useradd_script(people: list[Person]) -> str:
    """`groupadd`, because GID = UID has to be asked for, and `useradd` for everybody who is missing; then the keys."""
    groups = ",".join(name for name, _gid in SHARED_GROUPS)
    lines = []
    for person in people:
        name = shlex.quote(person.name)
        group = f"groupadd -g {person.uid} {name}"
        user = f"useradd -m -u {person.uid} -g {name} -c {shlex.quote(person.gecos)} -s {SHELL} -G {groups} {name}"
        lines.append(f"getent passwd {name} >/dev/null || {{ {group}; {user}; changed=$((changed + 1)); }}\n")
    return _PREAMBLE + _shared_groups() + "".join(lines) + _keys(people) + _END


def newusers_script(people: list[Person]) -> str:
    """`newusers` for all who are missing at once, no password for them, the shared groups, then the keys."""
    batch = "".join(
        f"{person.name}:{person.name}:{person.uid}:{person.uid}:{person.gecos}:{person.home}:{SHELL}\n"
        for person in people
    )
    members = ",".join(person.name for person in people)
    membership = "".join(
        f'[ "$(getent group {name} | cut -d: -f4)" = {members} ] || '
        f"{{ gpasswd -M {members} {name} >/dev/null; changed=$((changed + 1)); }}\n"
        for name, _gid in SHARED_GROUPS
    )
    return (
        _PREAMBLE
        + _shared_groups()
        + "batch=$(mktemp)\n"
        + "awk -F: 'NR == FNR { there[$1]; next } !($1 in there)' /etc/passwd - >\"$batch\" <<'PEOPLE'\n"
        + batch
        + "PEOPLE\n"
        + 'if [ -s "$batch" ]; then\n'
        + '    newusers "$batch"\n'
        + '    awk -F: \'{ print $1 ":*" }\' "$batch" | chpasswd -e\n'
        + "    changed=1\n"
        + "fi\n"
        + 'rm -f "$batch"\n'
        + membership
        + _keys(people)
        + _END
    )
