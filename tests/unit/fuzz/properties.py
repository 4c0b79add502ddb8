# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold for every text, whoever wrote it: each property takes bytes and fails by an exception of its own.

A reader either understands a text, or refuses it with an IdentityError in one line that can be shown. It never does
anything else, never takes long, and what it writes back differs only where it was told to change something.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._local_ids import pin_local_ids
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import format_record, parse_record
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import DATABASES, Table, rewritten
from ansible_collections.labfleet.identity.plugins.module_utils._audit._key_lines import key_lines
from ansible_collections.labfleet.identity.plugins.module_utils._audit._sudo_rules import parse_sudoers
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._aliases import with_aliases
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._subids import derived_range, with_ranges
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._roster import parse_roster
from ansible_collections.labfleet.identity.plugins.module_utils._roster_file import read_roster_text
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import parse_key_entry
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_import import parse_authorized_keys
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._shell_keys import keys_in
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_config import (
    includes,
    key_file_rules,
    staged_config,
    words,
)
from ansible_collections.labfleet.identity.plugins.module_utils._templates._resolve import resolve
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["PROPERTIES", "SEEDS", "check"]

ALICE = ["alice", "x", "5238", "5238", "", "/home/alice", "/bin/bash"]
BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIJLkzsTeGsbuDsHrmZVTNQmfzDxrtfqsBGTSJ7YM6hKU"
SLOWEST = 5.0  # seconds of processor time; a parser that is not linear takes minutes


@contextlib.contextmanager
def refusals_are_fit_to_be_shown() -> Iterator[None]:
    try:
        yield
    except IdentityError as refusal:
        check_refusal(str(refusal))


def check_refusal(text: str) -> None:
    assert text.isprintable(), ascii(text)
    assert len(text) < 8000


def read_strictly(data: bytes, count: int) -> dict[bytes, list[bytes]]:
    """An account file as a reader that knows nothing of ours has it: the first line of a name, whole lines only."""
    found: dict[bytes, list[bytes]] = {}
    for line in data.split(b"\n"):
        fields = line.split(b":")
        if len(fields) == count and re.match(rb"[^#+\- \t]", line):
            found.setdefault(fields[0], fields)
    return found


def account_file(data: bytes) -> None:
    """Entries that are not ours stay byte for byte, and no name changes but that which was to change."""
    name = [line.split(b":")[0] for line in data.split(b"\n") if line.count(b":") == 6 and line[:1].isalpha()]
    edits: list[dict[str, list[str] | None]] = [{}, {"alice": ALICE}, {"alice": None}]
    edits += [{name[-1].decode("utf-8", "surrogateescape"): None}] if name else []
    for database, count in DATABASES.items():
        table = Table(database, data)
        assert table.text.encode("utf-8", "surrogateescape") == data
        before = read_strictly(data, count)
        for changes in edits if database == "passwd" else edits[:1]:
            try:
                new = rewritten(table, changes)
            except IdentityError as refusal:
                check_refusal(str(refusal))
                continue
            after = read_strictly(new, count)
            raw = {key.encode("utf-8", "surrogateescape") for key in changes}
            assert {key: line for key, line in after.items() if key not in raw} == {
                key: line for key, line in before.items() if key not in raw
            }
            for key, fields in changes.items():
                wanted = None if fields is None else [field.encode() for field in fields]
                assert after.get(key.encode("utf-8", "surrogateescape")) == wanted
            kept = [line for line in data.split(b"\n") if line.split(b":")[0] not in raw and line]
            left = [line for line in new.split(b"\n") if line.split(b":")[0] not in raw and line]
            assert kept == left


def record(data: bytes) -> None:
    """A record that is read is written as the same record; a damaged one is never taken for an empty one."""
    with refusals_are_fit_to_be_shown():
        found = parse_record(data)
        assert parse_record(format_record(found)) == found


def login_defs(data: bytes) -> None:
    """Pinning twice is pinning once, and no other line changes."""
    band, groups = parse_band("5000-5999"), parse_band("4000-4999")
    texts, _changes, problems = pin_local_ids(data, data, band, groups)
    assert all(problem.isprintable() for problem in problems)
    defs, adduser = texts.get("/etc/login.defs", data), texts.get("/etc/adduser.conf", data)
    assert pin_local_ids(defs, adduser, band, groups)[0] == {}
    # blanks are what Python takes for blanks, and lines are our own when they set, or seem to set, one of these
    keys = re.compile(r"[\s=]*(UID_MAX|GID_MAX|LAST_UID|LAST_GID)\b", re.IGNORECASE)

    def others(text: bytes) -> list[str]:
        lines = text.decode("utf-8", "surrogateescape").split("\n")
        return [line for line in lines if line.strip() and not keys.match(line)]

    assert others(defs) == others(adduser) == others(data)


def roster(data: bytes) -> None:
    """A roster is people, or a refusal in words."""
    with refusals_are_fit_to_be_shown():
        parse_roster(read_roster_text(data.decode("utf-8", "surrogateescape"), "/lab/roster.yml"))


def template(data: bytes) -> None:
    """A template is resolved to plain data that JSON can hold, or refused in words."""
    text = data.decode("utf-8", "surrogateescape")
    base = "packages: [git]\nsystem_users: [{name: svc, uid: 1100, groups: [g]}]\nresearch_user: {system_user: svc}\n"
    with refusals_are_fit_to_be_shown():
        said = resolve("t", ["/lab"], {"/lab/t.yml": text, "/lab/base.yml": base}.get, parse_band("1000-3999"))
        assert json.loads(json.dumps(said)) == said


def key_entry(data: bytes) -> None:
    """What is taken for a key is one line of printable text, which reads as the same key."""
    text = data.decode("utf-8", "surrogateescape")
    with refusals_are_fit_to_be_shown():
        for raw in (text, {"key": text}, {"key": "ssh-ed25519 " + BLOB, "command": text}):
            with contextlib.suppress(IdentityError):
                entry = parse_key_entry(raw)
                assert entry.line.isprintable()
                assert parse_key_entry(entry.as_data()) == entry
        parse_key_entry(text)


def authorized_keys(data: bytes) -> None:
    """The three who read authorized_keys (import, audit, the guard of sshd_dropin) read any text."""
    text = data.decode("utf-8", "surrogateescape")
    with refusals_are_fit_to_be_shown():
        for _name, entry, _expires in parse_authorized_keys(text):
            assert entry.line.isprintable()
    found = key_lines(data)
    assert all(key["fingerprint"].isprintable() for key in found["public_keys"])
    keys_in(data.decode(errors="replace"), "20270131000000")


def sshd_config(data: bytes) -> None:
    """Any configuration is read, and a staged copy differs in Include lines only."""
    text = data.decode("utf-8", "replace")
    key_file_rules(text)
    includes(text, "/etc/ssh/sshd_config.d/10-labfleet.conf")
    staged = staged_config(text, "/etc/ssh/sshd_config.d", "/tmp/staged").splitlines()
    assert len(staged) == len(text.splitlines())
    for old, new in zip(text.splitlines(), staged):
        assert old == new or words(old)[:1] == ["include"]


def sudoers(data: bytes) -> None:
    """Whatever a host has below sudoers.d is told or counted, never an end of the audit."""
    parse_sudoers(data)


def aliases(data: bytes) -> None:
    """Aliases of others stay; asking twice changes nothing the second time."""
    with refusals_are_fit_to_be_shown():
        new, _changes, _problems = with_aliases(data, {"alice": "alice@example.org"})
        assert with_aliases(new, {"alice": "alice@example.org"})[0] == new


def subids(data: bytes) -> None:
    """Ranges of others stay; asking twice changes nothing the second time."""
    with refusals_are_fit_to_be_shown():
        wanted = {"alice": derived_range(5238)}
        new, _changes, _problems = with_ranges(data, wanted, [5238], {"alice": 5238})
        assert with_ranges(new, wanted, [5238], {"alice": 5238})[0] == new
        others = [line for line in data.split(b"\n") if line and line.split(b":")[0] not in (b"alice", b"5238")]
        assert [line for line in new.split(b"\n") if line and line.split(b":")[0] not in (b"alice", b"5238")] == others


PASSWD = b"root:x:0:0:root:/root:/bin/bash\nalice:x:5238:5238:Alice,,,:/home/alice:/bin/sh\n# c\n+@lab::::::\n"
ROSTER = b"""users:
  - &base {username: alice, groups: [genomics], state: present, expires: 2027-01-31}
  - <<: *base
    username: bob
    keys: ["ssh-ed25519 %s bob@laptop", {key: "ssh-ed25519 %s", restrict: true}]
    gecos: !!str "Bob \\u00e9"
""" % (BLOB.encode(), BLOB[::-1].encode())
TEMPLATES = [
    b"""extends: base
override: [packages]
packages: [r-base, &a git, *a]
services: [{name: cron, state: started}]
""",
    b"""extends: base
system_users:
  - &u {name: svc, limits: {cores: 1.5, memory: 4G}, keys: [], sudo: [{commands: ALL}]}
  - {<<: *u, name: other, uid: 1101, override: [keys]}
system_groups: [{name: g, gid: 1200}]
""",
    b"""shared_directories: [{path: /srv/a, group: g, mode: '2770'}]
research_user: {primary_user: research_user, default_groups: [lab], auto_create: false}
jupyter: {users: [{name: svc}], limits: {}}
""",
]
KEYS = b'restrict,pty,from="*.lab,!10.0.0.0/8",expiry-time="20270131000000Z" ssh-ed25519 %s a@b\n# c\nssh-rsa A\n' % (
    BLOB.encode()
)
SEEDS: dict[str, list[bytes]] = {
    "account_file": [PASSWD, PASSWD * 2, b"alice:x:1:\nalice:x:5238:5238:::/bin/sh", b"+::::::\n"],
    "record": [
        b'{"format": 1,\n"users": {\n"alice": {"number": 5238, "owner": "l", "state": "present"}\n},"groups": {}}\n',
    ],
    "login_defs": [b"# c\nUID_MIN\t1000\nUID_MAX 60000\nGID_MAX\t0xffff\n", b"LAST_UID=59999\nlast_gid = '59999'\n"],
    "roster": [
        ROSTER,
        b'[{"username": "alice", "subject": "a"}]',
        b"&a [*a, *a]",
        b"a: &a [1]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]",
        b"- {username: alice, username: bob}\n- !!python/object:os.system []\n- ? [a]\n  : b\n",
        b"- {username: 0o17, uid: 1_000, expires: 2027-01-31T00:00:00Z, groups: !!set {a, b}, keys: !!binary aGk=}",
    ],
    "template": [*TEMPLATES, b"&a [*a, *a]"],
    "key_entry": [KEYS, b"ssh-ed25519 " + BLOB.encode(), b"ssh-ed25519 %s a\nb" % BLOB.encode()],
    "authorized_keys": [KEYS, KEYS * 3, b'command="a \\" b",no-pty ssh-ed25519 %s' % BLOB.encode()],
    "sshd_config": [
        b'Include /etc/ssh/sshd_config.d/*.conf\nAuthorizedKeysFile .ssh/a "/etc/k/%u"\nMatch User a\n\tInclude "x y"',
    ],
    "sudoers": [
        b"User_Alias LAB = alice, \\\n bob\nLAB ALL=(ALL:ALL) NOPASSWD: /bin/ls, sha224:a /x\n%sudo ALL=(ALL) ALL\n",
        b'#1000 ALL=ALL\n@includedir /etc/sudoers.d\nDefaults:alice env_keep += "A B"\n"a b" ALL = ALL\n',
    ],
    "aliases": [b"# c\npostmaster: root\nalice: a@b,\n  c@d\nroot: |/bin/x\n", b"alice\n: x\n"],
    "subids": [b"alice:100000:65536\n5238:165536:65536\nbob:x:1\n", b"alice:4294967295:99999999999999\n"],
}
PROPERTIES: dict[str, Callable[[bytes], None]] = {
    "account_file": account_file,
    "record": record,
    "login_defs": login_defs,
    "roster": roster,
    "template": template,
    "key_entry": key_entry,
    "authorized_keys": authorized_keys,
    "sshd_config": sshd_config,
    "sudoers": sudoers,
    "aliases": aliases,
    "subids": subids,
}


def check(name: str, data: bytes) -> None:
    """Hold one property against one text, and look at the time that it took."""
    begin = time.process_time()
    PROPERTIES[name](data)
    taken = time.process_time() - begin
    assert taken < SLOWEST, "%s took %.1f s for %d bytes" % (name, taken, len(data))
