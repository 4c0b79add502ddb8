# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and host states made by hand, for the tests of what is pure."""

from __future__ import annotations

import base64
import dataclasses
import struct
from typing import TYPE_CHECKING, Any

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._plan import make_plan
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import Owned, Record
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import Request, parse_request
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HomeState, HostState, Plan
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import Table
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._transaction import new_contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OWNER = "research:lab"
NOLOGIN = "/usr/sbin/nologin"
TODAY = 20_000
HEADER = b"# Written by labfleet.identity: what is changed here is lost.\n"
PASSWD = ("root:x:0:0:root:/root:/bin/bash", "ubuntu:x:1000:1000::/home/ubuntu:/bin/bash")
GROUP = ("root:x:0:", "sudo:x:27:ubuntu", "video:x:44:", "docker:x:999:", "ubuntu:x:1000:")
SHADOW = ("root:*:19000:0:99999:7:::", "ubuntu:!:19000:0:99999:7:::")
GSHADOW = ("root:*::", "sudo:*::ubuntu", "video:*::", "docker:!::", "ubuntu:!::")


def key(number: int, comment: str = "") -> str:
    """An ed25519 public key line that is well-formed and nobody's."""
    blob = b"".join(struct.pack(">I", len(part)) + part for part in (b"ssh-ed25519", b"%032d" % number))
    return ("ssh-ed25519 " + base64.b64encode(blob).decode("ascii") + " " + comment).strip()


def params(users: Iterable[Any] = (), groups: Iterable[Any] = (), **more: Any) -> dict[str, Any]:
    """The module's parameters, with its defaults."""
    return {
        "users": list(users), "groups": list(groups), "owner": OWNER, "band": "5000-5999", "group_band": "4000-4999",
        "orphans": "report", "removal_cap": 3, "pin_local_ids": False, "home_mode": None,
        "keys_directory": "/etc/ssh/authorized_keys.d", "skel": "/etc/skel", "allow_privileged_groups": False,
        "lock_timeout": 60, **more,
    }  # fmt: skip


def request(users: Iterable[Any] = (), groups: Iterable[Any] = (), **more: Any) -> Request:
    """A request that was read and accepted."""
    return parse_request(params(users, groups, **more))


def ours(number: int, state: str = "present", owner: str = OWNER) -> Owned:
    """An entry of the record."""
    return Owned(number, owner, state)


def table(database: str, lines: Iterable[str]) -> Table:
    """An account file with these lines."""
    return Table(database, "".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape"))


def host(
    passwd: Iterable[str] = (),
    group: Iterable[str] = (),
    shadow: Iterable[str] = (),
    gshadow: Iterable[str] | None = (),
    users: Mapping[str, Owned] | None = None,
    groups: Mapping[str, Owned] | None = None,
    homes: Mapping[str, HomeState] | None = None,
    **more: Any,
) -> HostState:
    """A small Debian host with these lines more; without a gshadow file when that is None."""
    tables = {
        "passwd": table("passwd", [*PASSWD, *passwd]),
        "group": table("group", [*GROUP, *group]),
        "shadow": table("shadow", [*SHADOW, *shadow]),
    }
    if gshadow is not None:
        tables["gshadow"] = table("gshadow", [*GSHADOW, *gshadow])
    values: dict[str, Any] = {
        "key_files": {}, "shells": frozenset(("/bin/bash", "/bin/sh", "/bin/zsh")), "nologin": NOLOGIN,
        "directory_uids": {}, "directory_names": {}, "busy": {}, "protected": frozenset(("root", "ubuntu")),
        "login_defs": None, "adduser_conf": None, "today": TODAY, **more,
    }  # fmt: skip
    return HostState(
        tables=tables, record=Record(dict(users or {}), dict(groups or {})), homes=dict(homes or {}), **values
    )


def plan_for(wanted: Request, state: HostState) -> Plan:
    """The plan; homes that the state does not mention are missing and can be made."""
    homes = {user.home: HomeState("missing") for user in wanted.users if user.create_home}
    return make_plan(wanted, dataclasses.replace(state, homes={**homes, **state.homes}))


def after(plan: Plan, state: HostState) -> HostState:
    """The host when the plan has been carried out, with the contents that the apply writes."""
    tables = dict(state.tables)
    contents = new_contents(plan, state.tables)
    for database, data in contents.closing + contents.opening:
        tables[database] = Table(database, data)
    homes = {job.path: HomeState("directory", job.uid, job.gid, job.mode) for job in plan.homes}
    key_files = {name: data for name, data in {**state.key_files, **plan.key_files}.items() if data}
    stopped = {name for name, _uid in plan.stop}
    return dataclasses.replace(
        state,
        tables=tables,
        record=plan.record_last or plan.record_first or state.record,
        homes={**state.homes, **homes},
        key_files=key_files,
        loose_key_files=state.loose_key_files.difference(plan.key_files),
        busy={name: what for name, what in state.busy.items() if name not in stopped},
        files={path: data for path, data in {**state.files, **plan.files}.items() if data},
        loose_files=state.loose_files.difference(plan.files),
        subids={name: plan.texts.get("/etc/" + name, text) for name, text in state.subids.items()},
        aliases=plan.texts.get("/etc/aliases", state.aliases),
        lingering=state.lingering.union(name for name, lingers in plan.linger.items() if lingers).difference(
            (name for name, lingers in plan.linger.items() if not lingers), stopped
        ),
        jobs={name: what for name, what in state.jobs.items() if name not in {name for name, _uid in plan.jobs}},
        login_defs=plan.texts.get("/etc/login.defs", state.login_defs),
        adduser_conf=plan.texts.get("/etc/adduser.conf", state.adduser_conf),
    )


def is_empty(plan: Plan) -> bool:
    """Nothing to say, and nothing to write either."""
    work = (
        plan.record_first, plan.record_last, plan.texts, plan.homes, plan.key_files, plan.stop, plan.files, plan.linger,
        plan.jobs,
    )  # fmt: skip
    return not plan.changes and not any(work) and not any((*plan.closings.values(), *plan.edits.values()))


def hers(**more: Any) -> HostState:
    """A host with alice (uid 5238) on it, as we made her."""
    values: dict[str, Any] = {
        "passwd": ["alice:x:5238:5238:Alice:/home/alice:/bin/bash"], "group": ["alice:x:5238:"],
        "shadow": ["alice:*:19000::::::"], "gshadow": ["alice:!::"], "users": {"alice": ours(5238)},
        "homes": {"/home/alice": HomeState("directory", 5238, 5238, 0o700)},
        **more,
    }  # fmt: skip
    return host(**values)


def fields(state: HostState, database: str, name: str) -> list[str] | None:
    """The fields of an entry, None when there is none."""
    return state.tables[database].entries.get(name)


def done(state: HostState, users: list[Any], groups: list[Any] | None = None, **more: Any) -> tuple[Plan, HostState]:
    """The plan and the host after it, on which the same request has nothing left to do."""
    wanted = request(users, groups or [], **more)
    plan = plan_for(wanted, state)
    new = after(plan, state)
    assert is_empty(plan_for(wanted, new))
    return plan, new


def said(plan: Plan) -> list[tuple[str, str]]:
    """The changes in words, with the name of each."""
    return [(change.name, str(change)) for change in plan.changes]
