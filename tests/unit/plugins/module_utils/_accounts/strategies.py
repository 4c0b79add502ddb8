# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and requests at random, made so that many of them go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HomeState, HostState

from .build import HEADER, NOLOGIN, OWNER, host, key, ours, request

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import Owned
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import Request

PEOPLE = {"alice": 5001, "bob": 5002, "carol": 5003, "dave": 5004}
SHARED = {"research": 4001, "old": 4002, "gpu": 4003}
GROUPS = st.sampled_from(["research", "research", "old", "gpu", "video", "video", "sudo", "bob"])
HASH = "$6$saltsalt$YTeBOLnmm3CoeJTzBuijUEtOEWCqrw/nQ8/AeMmON4LGp3k0ZiMjC1OdqzWFUAfDQBvYkOch9BWtQTBcZ1E/p0"
FILES = [
    "sudoers.d/labfleet-user-alice", "sudoers.d/labfleet-group-old", "security/limits.d/labfleet-identity.conf",
    "systemd/system/user-5003.slice.d/50-labfleet.conf",
    "profile.d/labfleet-identity.sh",
]  # fmt: skip
PARTS = st.sampled_from([b"x\n", b"bob - nproc 90\nzoe - nproc 90\n", b"case y in\nbob)\numask 0077\n;;\nesac\n"])
SUBIDS = st.sampled_from([None, b"", b"alice:327745536:65536\n", b"zoe:1000000:65536\nbob:1:2\nbob:3:4\n"])
ALIASES = st.sampled_from([None, b"root: admin\n", b"# BEGIN labfleet.identity\n# END labfleet.identity\n"])
MEMBERS = st.lists(st.sampled_from([*PEOPLE, "ubuntu", "zoe", ""]), max_size=4).map(",".join)


def often(value: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Mostly this value, so that many hosts and requests make sense together."""
    return st.sampled_from([value] * 16 + list(others))


class Lines:
    """The account files and the record while they are made up."""

    def __init__(self) -> None:
        self.files: dict[str, list[str]] = {"passwd": [], "group": [], "shadow": [], "gshadow": []}
        self.users: dict[str, Owned] = {}


@st.composite
def shared_groups(draw: st.DrawFn) -> Lines:
    """Some of the shared groups, with anybody in them, and not always the same in gshadow."""
    lines = Lines()
    for name, number in SHARED.items():
        if draw(st.booleans()):
            members = draw(MEMBERS)
            lines.files["group"].append("%s:x:%d:%s" % (name, number, members))
            secret = draw(st.sampled_from([members, members, draw(MEMBERS)]))
            admins = draw(often("", "bob", "bob,alice"))
            lines.files["gshadow"] += ["%s:!:%s:%s" % (name, admins, secret)] * draw(often(1, 0))
    return lines


def add_person(draw: st.DrawFn, lines: Lines, name: str, uid: int) -> None:
    """Somebody who is there in full, or in part, as after a run that was killed."""
    present = often(True, False) if draw(st.booleans()) else st.booleans()
    if draw(present):
        number, gid = draw(often(uid, 5001, 1001)), draw(often(str(uid), "100", "x"))
        shell, password = draw(st.sampled_from(["/bin/bash", NOLOGIN])), draw(often("x", ""))
        line = "%s:%s:%s:%s::/home/%s:%s" % (name, password, number, gid, name, shell)
        lines.files["passwd"] += [line] * draw(often(1, 2))
    if draw(present):
        password, expires = draw(often("*", "", "!")), draw(st.sampled_from(["", "1", "20500"]))
        lines.files["shadow"].append("%s:%s:19000:::::%s:" % (name, password, expires))
    if draw(present):
        lines.files["group"].append("%s:x:%d:%s" % (name, draw(often(uid, 1001)), draw(often("", "zoe", name))))
        lines.files["gshadow"] += ["%s:!::" % name] * draw(often(1, 0))
    if draw(present):
        state, owner = draw(st.sampled_from(["present", "disabled"])), draw(often(OWNER, "system"))
        lines.users[name] = ours(draw(often(uid, 5001)), state, owner)


@st.composite
def hosts(draw: st.DrawFn) -> HostState:
    """A host on which each of four people is there, was there, or is there in part, and odd things stand beside."""
    lines = draw(shared_groups())
    homes, key_files, busy = {}, {}, {}
    for name, uid in PEOPLE.items():
        if draw(st.booleans()):
            add_person(draw, lines, name, uid)
        if draw(st.booleans()):
            home = HomeState("directory", uid, uid, 0o755)
            homes["/home/" + name] = draw(often(home, HomeState("directory", 0, 0, 0o755), HomeState("other")))
        if draw(st.booleans()):
            key_files[name] = HEADER * draw(often(1, 0)) + draw(
                st.sampled_from([b"", key(1).encode() + b"\n", b"\xff"])
            )
        if draw(often(False, True)):
            busy[name] = "1 processes"
    odd = st.sampled_from(["stray:x:1005:", "+@people::::::", "zoe:x:1005:1005::/home/zoe:/bin/sh", "# alice", ""])
    loose = draw(st.sets(st.sampled_from(sorted(PEOPLE)))) if draw(st.booleans()) else set()
    groups = {
        name: ours(draw(often(number, 4009)), owner=draw(often(OWNER, "system")))
        for name, number in SHARED.items()
        if draw(st.booleans())
    }
    return host(
        passwd=[*lines.files["passwd"], *draw(st.lists(odd, max_size=2))],
        group=lines.files["group"],
        shadow=lines.files["shadow"],
        gshadow=draw(often(lines.files["gshadow"], None, [])),
        users=lines.users,
        groups=groups,
        homes=homes,
        key_files=key_files,
        loose_key_files=frozenset(loose.intersection(key_files)),
        busy=busy,
        files={path: HEADER + draw(PARTS) for path in draw(st.sets(st.sampled_from(FILES)))},
        loose_files=frozenset(draw(st.sampled_from([(), FILES]))),
        subids={"subuid": draw(SUBIDS), "subgid": draw(SUBIDS)},
        aliases=draw(
            st.sampled_from([None, b"root: admin\n", b"# BEGIN labfleet.identity\n# END labfleet.identity\n"])
        ),
        lingering=frozenset(draw(st.sets(st.sampled_from(sorted(PEOPLE))))),
        jobs=draw(st.dictionaries(st.sampled_from(sorted(PEOPLE)), st.just("crontab"))),
        protected=frozenset(draw(often(("root",), ("root", "alice")))),
        directory_names=draw(often({}, {5003: "zoe"})),
        login_defs=draw(often(b"UID_MAX 60000\n", b"UID_MAX 4000\nGID_MAX 3000\n", b"UID_MIN 9000\n")),
        adduser_conf=draw(st.sampled_from([None, b"", b"LAST_UID=59999\n"])),
    )


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Something that may be asked for."""
    shared = [name for name in SHARED if draw(often(True, False, False, False))]
    users = []
    for name, uid in PEOPLE.items():
        if draw(st.booleans()):
            user: dict[str, Any] = {"name": name, "uid": uid, "adopt": draw(often(True, False))}
            user["state"] = draw(st.sampled_from(["present", "present", "disabled", "absent"]))
            user["shell"] = draw(often("/bin/bash", "/bin/zsh"))
            user["create_home"] = draw(st.booleans())
            for field, values in (
                ("groups", st.lists(GROUPS, max_size=3)),
                ("keys", st.lists(st.sampled_from([key(1), key(2)]), max_size=2)),
                ("expires", st.sampled_from(["never", "2027-01-31"])),
                ("gecos", st.sampled_from(["", "Somebody"])),
                ("password", st.sampled_from(["*", HASH])),
                ("password_ageing", st.sampled_from([{}, {"max_days": 90}])),
                ("sudo", st.sampled_from([[], [{"commands": ["/usr/bin/id"], "nopasswd": True}]])),
                ("limits", st.sampled_from([{}, {"cores": 1}, {"processes": 90}])),
                ("subids", st.booleans()),
                ("linger", st.booleans()),
                ("umask", st.sampled_from(["", "0027"])),
                ("mail_alias", st.sampled_from(["", "somebody@lab.example"])),
            ):
                if draw(st.booleans()):
                    user[field] = draw(values)
            if user.get("password") == "*":
                user.pop("password_ageing", None)
            users.append(user)
    return request(
        draw(st.permutations(users)),
        [{"name": name, "gid": SHARED[name], "adopt": draw(often(True, False))} for name in shared],
        orphans=draw(st.sampled_from(["report", "disable", "absent"])),
        removal_cap=draw(often(4, 0, 1)),
        pin_local_ids=draw(often(False, True)),
        home_mode=draw(often(None, "0700")),
        allow_privileged_groups=draw(often(False, True)),
    )
