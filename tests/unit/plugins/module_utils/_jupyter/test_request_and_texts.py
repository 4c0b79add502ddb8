# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets a server, and what is written for them."""

from __future__ import annotations

import subprocess
import uuid
from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import Limits
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._request import (
    Server,
    check_address,
    parse_servers,
)
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._texts import (
    render_command,
    render_pam,
    render_server_config,
    render_unit,
)

TOKEN = "canary-0123456789abcdef"


def unit_of(server: Server, home: str = "/home/alice") -> list[str]:
    return render_unit(server, 5238, home, "/opt/labfleet/jupyter/abc").decode().splitlines()


def test_names_and_mappings_are_users() -> None:
    servers = parse_servers(
        ["alice", {"name": "first.last"}, {"name": "ml-lab", "limits": {"memory": "1G"}}],
        {"alice": TOKEN},
        {"memory": "2G"},
    )
    assert [server.unit for server in servers] == [
        "jupyter-alice.service",
        "jupyter-first.last.service",
        "jupyter-ml-lab.service",
    ]
    assert [server.limits.memory for server in servers] == [2 * 1024**3, 2 * 1024**3, 1024**3]
    assert [server.token for server in servers] == [TOKEN, "", ""]


@pytest.mark.parametrize(
    ("users", "tokens", "says"),
    [
        (["../x"], {}, "is no name of a user"),
        (["a/b"], {}, "is no name of a user"),
        (["-a"], {}, "is no name of a user"),
        ([".a"], {}, "is no name of a user"),
        (["a%h"], {}, "is no name of a user"),
        (["a\nUser=root"], {}, "is no name of a user"),
        (["a" * 33], {}, "is no name of a user"),
        ([""], {}, "is no name of a user"),
        ([{}], {}, "is no name of a user"),
        ([7], {}, "write a name, or a mapping"),
        (["root"], {}, "root gets no notebook server"),
        (["alice", "alice"], {}, "names alice twice"),
        ([{"name": "alice", "token": TOKEN}], {}, "unknown key 'token'"),
        ([{"name": "alice", "port": 8901}], {}, "unknown key 'port' (known: name, limits)"),
        ([{"name": "alice", "limits": {"memory": "lots"}}], {}, "alice: limits: memory 'lots'"),
        (["alice"], {"bob": TOKEN}, "tokens names 'bob', who is not in users"),
        (["alice"], {"alice": TOKEN + "&x"}, "the token of 'alice' is not made of"),
        (["alice"], {"alice": "short-canary"}, "the token of 'alice' is not made of"),
        (["alice"], {"alice": 7}, "the token of 'alice' is not made of"),
        (["alice"], [TOKEN], "tokens is not a mapping"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_no_token(users: Any, tokens: Any, says: str) -> None:
    with pytest.raises(IdentityError) as refusal:
        parse_servers(users, tokens, {})
    assert says in str(refusal.value)
    assert "canary" not in str(refusal.value)


@pytest.mark.parametrize("address", ["lab1", "lab1.example.org", "10.0.0.1", "fd00::1", ""])
def test_addresses_of_hosts(address: str) -> None:
    assert check_address(address) == address


@pytest.mark.parametrize("address", ["a; rm -rf ~", "$(id)", "-oProxyCommand=id", "a b", "a`id`", "é"])
def test_nothing_else_gets_into_a_line_that_people_paste(address: str) -> None:
    with pytest.raises(IdentityError, match="is no name or address of a host"):
        check_address(address)


def test_a_unit_runs_as_the_user_in_the_users_slice() -> None:
    lines = unit_of(Server("alice", Limits(), token=TOKEN))
    for line in (
        "User=alice",
        "PAMName=labfleet-jupyter",
        "Slice=user-5238.slice",
        "RequiresMountsFor=/home/alice",
        "RuntimeDirectory=jupyter/alice",
        "RuntimeDirectoryMode=0700",
        "LoadCredential=token:/etc/labfleet/jupyter/tokens/alice",
        "IPAddressDeny=169.254.169.254/32 fd00:ec2::254/128",
        "NoNewPrivileges=yes",
        "OOMPolicy=continue",
        "WantedBy=multi-user.target",
    ):
        assert line in lines
    assert not any(TOKEN in line for line in lines)
    assert "--ServerApp.sock=/run/jupyter/alice/jupyter.sock --ServerApp.sock_mode=0600" in "\n".join(lines)


def test_nothing_listens_where_others_connect() -> None:
    """Who takes a port first is sent the token by the browser of its owner."""
    text = "\n".join(unit_of(Server("alice", Limits())))
    assert "ServerApp.ip" not in text
    assert "ServerApp.port" not in text


def test_limits_are_in_the_unit() -> None:
    limits = Limits(cpu_percent=150, memory=2**30, tasks=0, processes=100, open_files=0)
    lines = unit_of(Server("alice", limits))
    for line in (
        "CPUQuota=150%",
        "MemoryMax=1073741824",
        "TasksMax=infinity",
        "LimitNPROC=100",
        "LimitNOFILE=infinity",
    ):
        assert line in lines


@pytest.mark.parametrize("home", ["/home/a b", "home", "/home/%h", '/home/"', "/home/a\nUser=root", "/home/é"])
def test_a_home_that_no_unit_can_hold_is_refused(home: str) -> None:
    with pytest.raises(IdentityError, match="the home of alice is"):
        unit_of(Server("alice", Limits()), home)


def test_pam_lets_nobody_log_in() -> None:
    for common in (True, False):
        lines = render_pam(common).decode().splitlines()
        assert "auth required pam_deny.so" in lines
        assert ("@include common-account" in lines, "account include system-auth" in lines) == (common, not common)


def test_the_command_is_a_shell_script() -> None:
    for host in ("lab1", ""):
        script = render_command(host)
        subprocess.run(["sh", "-n"], input=script, check=True)
        assert b"host=%s\n" % (host.encode() or b"$(hostname)") in script


def test_a_server_without_its_token_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Jupyter would log any other exception, go on, make a token up and print it."""
    for name in ("RUNTIME_DIRECTORY", "CREDENTIALS_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    code = compile(render_server_config(), "server_config.py", "exec")
    with pytest.raises(SystemExit, match="No such file"):
        exec(code, {"get_config": Anything, "__file__": "server_config.py"})


def test_a_server_leaves_the_token_to_its_user_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "token").write_text(TOKEN + "\n")
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "given"))
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    settings = Anything()
    code = compile(render_server_config(), "server_config.py", "exec")
    for _again in range(2):
        exec(code, {"get_config": lambda: settings, "__file__": "server_config.py"})
    assert settings.IdentityProvider.token == TOKEN
    assert (tmp_path / "token").read_text() == TOKEN + "\n"
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o400


def test_kernels_talk_through_sockets_of_their_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """On a port of the loopback address every user of the host hears what cells hold and put out: no key is asked."""
    (tmp_path / "token").write_text(TOKEN + "\n")
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    settings = Anything()
    code = compile(render_server_config(), "server_config.py", "exec")
    exec(code, {"get_config": lambda: settings, "__file__": "server_config.py"})
    assert settings.KernelManager.transport == "ipc"


def test_the_sockets_of_the_longest_name_fit() -> None:
    """The system takes 107 bytes. Jupyter names a kernel's sockets kernel-UUID-ipc-NUMBER, from 1 to 5."""
    name = "a" * 32
    (server,) = parse_servers([name], {}, {})
    prefix = "Environment=JUPYTER_RUNTIME_DIR="
    (runtime,) = (line[len(prefix) :] for line in unit_of(server) if line.startswith(prefix))
    assert runtime.startswith("/run/jupyter/%s/" % name)
    assert len(("%s/kernel-%s-ipc-99" % (runtime, uuid.uuid4())).encode()) <= 107


class Anything:
    """Takes every setting."""

    def __getattr__(self, name: str) -> Any:
        made = Anything()
        setattr(self, name, made)
        return made
