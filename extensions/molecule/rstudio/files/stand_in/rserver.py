# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the server of RStudio, for tests: it shows no IDE. Around the lie everything is as the open source
edition does it: it reads rserver.conf and refuses what it does not know, listens as told, asks PAM through rserver-pam,
asks for groups and numbers, keeps people signed in by a cookie, opens no PAM session, and starts rsession-path as the
user."""

from __future__ import annotations

import contextlib
import getopt
import grp
import hashlib
import hmac
import http.server
import json
import os
import pwd
import socket
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
STREAMS = Path("/run/rstudio-server/rstudio-rsession")
BOOLS = [
    *("auth-none", "auth-validate-users", "auth-encrypt-password", "auth-cookies-force-secure"),
    "www-enable-origin-check",
]
NUMBERS = ["www-port", "auth-minimum-user-id", "auth-timeout-minutes"]
WORDS = [
    *("www-address", "www-allow-origin", "www-same-site", "server-user", "secure-cookie-key-file"),
    *("auth-required-user-group", "rsession-path", "rsession-which-r"),
]
DEFAULTS = {
    "www-address": "0.0.0.0",
    "www-port": "8787",
    "www-enable-origin-check": "0",
    "server-user": "rstudio-server",
    "secure-cookie-key-file": "/var/lib/rstudio-server/secure-cookie-key",
    "auth-none": "0",
    "auth-validate-users": "1",
    "auth-required-user-group": "",
    "auth-minimum-user-id": "1000",
    "auth-timeout-minutes": "60",
    "rsession-path": str(HERE / "rsession"),
}


class ConfigError(Exception):
    """A configuration that this version does not accept."""


def read_conf(path: Path) -> dict[str, str]:
    """The settings, with the defaults of the real server, which listens everywhere and lets everybody in."""
    forgotten = HERE.parent / "options-of-a-later-version"
    later = forgotten.read_text().split() if forgotten.exists() else []
    known = set(BOOLS + NUMBERS + WORDS) - set(later)
    conf = dict(DEFAULTS)
    for line in path.read_text().splitlines() if path.exists() else []:
        if not line.strip() or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if key not in known or not equals:
            raise ConfigError(f"unrecognised option '{key}' in config file {path}")
        if (key in BOOLS and value not in ("0", "1")) or (key in NUMBERS and not value.isdigit()):
            raise ConfigError(f"the argument ('{value}') for option '{key}' is invalid in config file {path}")
        conf[key] = value
    return conf


@contextlib.contextmanager
def as_root() -> Iterator[None]:
    """The rights that the server laid down, for the moment in which it starts another process."""
    user, group = os.geteuid(), os.getegid()
    os.seteuid(0)
    os.setegid(0)
    try:
        yield
    finally:
        os.setegid(group)
        os.seteuid(user)


class Server(http.server.HTTPServer):
    """What all requests share."""

    conf: dict[str, str]
    key: bytes
    children: list[subprocess.Popen[bytes]]

    def token(self, user: str, until: int) -> str:
        """What nobody can make who does not have the key of the cookies."""
        text = f"{user}|{until}"
        return text + "|" + hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()

    def validate(self, user: str) -> bool:
        """Groups and number, as the real server asks them; not whether the account is expired."""
        try:
            account = pwd.getpwnam(user)
        except KeyError:
            return False
        if account.pw_uid < int(self.conf["auth-minimum-user-id"]):
            return False
        groups = [name for name in self.conf["auth-required-user-group"].split(",") if name]
        return not groups or any(self._member(account, name) for name in groups)

    @staticmethod
    def _member(account: pwd.struct_passwd, group: str) -> bool:
        try:
            entry = grp.getgrnam(group)
        except KeyError:
            return False
        return account.pw_gid == entry.gr_gid or account.pw_name in entry.gr_mem

    def password_is_good(self, user: str, password: str) -> bool:
        """Asked by the helper, which runs as root."""
        with as_root():
            helper = subprocess.run([HERE / "rserver-pam", user], input=password.encode(), check=False)
        return helper.returncode == 0

    def session(self, user: str, command: str) -> tuple[int, str]:
        """Let the session of a user do something; it is started when there is none."""
        stream = STREAMS / f"{user}-d"
        if not self._answers(stream):
            account = pwd.getpwnam(user)
            environment = {"HOME": account.pw_dir, "USER": user, "RS_LIMIT_RPC_CLIENT_UID": str(os.geteuid())}
            with as_root():
                child = subprocess.Popen(
                    [self.conf["rsession-path"], "-u", user],
                    user=account.pw_uid,
                    group=account.pw_gid,
                    extra_groups=os.getgrouplist(user, account.pw_gid),
                    env=environment,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            self.children = [old for old in self.children if old.poll() is None] + [child]
            end = time.monotonic() + 10
            while not self._answers(stream):
                if child.poll() is not None or time.monotonic() > end:
                    return 503, "the session did not start\n"
                time.sleep(0.05)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(stream))
            connection.sendall(json.dumps(command).encode() + b"\n")
            return 200, b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    @staticmethod
    def _answers(stream: Path) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(str(stream)) == 0


class Handler(http.server.BaseHTTPRequestHandler):
    """Sign in, and the one thing that a session can do: run a command."""

    server: Server
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        """The page to sign in at, or the main page of who did."""
        if self.path.startswith("/auth-sign-in"):
            self._answer(200, "Sign in. This is a stand-in for RStudio Server, not RStudio Server.\n")
        elif self._user():
            self._answer(200, f"Signed in as {self._user()}\n")
        else:
            self._answer(302, "", ("Location", "/auth-sign-in"))

    def do_POST(self) -> None:
        """Sign in, or a command for the session."""
        origin = urllib.parse.urlsplit(self.headers.get("Origin", "")).netloc
        if self.server.conf["www-enable-origin-check"] == "1" and origin not in ("", self.headers["Host"]):
            self._answer(400, "another origin\n")
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        if self.path == "/auth-do-sign-in":
            form = urllib.parse.parse_qs(body)
            self._sign_in(form.get("username", [""])[0], form.get("password", [""])[0])
        elif not self._user():
            self._answer(302, "", ("Location", "/auth-sign-in"))
        elif not self.server.validate(self._user()):
            self._answer(403, "not allowed any more\n")
        else:
            self._answer(*self.server.session(self._user(), body))

    def _sign_in(self, user: str, password: str) -> None:
        if self.server.password_is_good(user, password) and self.server.validate(user):
            until = int(time.time()) + 60 * int(self.server.conf["auth-timeout-minutes"])
            cookie = f"user-id={self.server.token(user, until)}; HttpOnly"
            self._answer(302, "", ("Location", "/"), ("Set-Cookie", cookie))
        else:
            self._answer(302, "", ("Location", "/auth-sign-in?error=Incorrect+or+invalid+username/password"))

    def _user(self) -> str:
        value = self.headers.get("Cookie", "").partition("user-id=")[2].partition(";")[0]
        user, _bar, rest = value.partition("|")
        until = rest.partition("|")[0]
        if not until.isdigit() or int(until) < time.time():
            return ""
        return user if hmac.compare_digest(value, self.server.token(user, int(until))) else ""

    def _answer(self, code: int, text: str, *headers: tuple[str, str]) -> None:
        self.send_response(code)
        for header in headers:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_arguments: object) -> None:
        """Nothing: a path may hold what belongs in no log."""


def serve(conf: dict[str, str]) -> None:
    """Listen, become the server's user, and tell systemd by the end of the parent."""
    STREAMS.mkdir(parents=True, exist_ok=True)
    STREAMS.chmod(0o1777)
    server = Server((conf["www-address"], int(conf["www-port"])), Handler)
    server.conf, server.children = conf, []
    server.key = read_key(Path(conf["secure-cookie-key-file"]))
    child = os.fork()
    if child:
        Path("/run/rstudio-server.pid").write_text(f"{child}\n")
        os._exit(0)
    os.setsid()
    os.umask(0o022)
    try:
        account = pwd.getpwnam(conf["server-user"])
        os.setegid(account.pw_gid)
        os.seteuid(account.pw_uid)
    except KeyError:
        print("Running as root user is not recommended!", file=sys.stderr)
    server.serve_forever()


def read_key(path: Path) -> bytes:
    """The key of the cookies, made when there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.write_text(os.urandom(16).hex())
    key = path.read_bytes()
    if not key:
        raise ConfigError(f"{path} is empty")
    return key


def main() -> int:
    """Do what the real server does with the same words on its command line."""
    words = ["config-file=", "test-config", "verify-installation=", "server-daemonize="]
    given = dict(getopt.getopt(sys.argv[1:], "", words)[0])
    try:
        conf = read_conf(Path(given.get("--config-file", "/etc/rstudio/rserver.conf")))
        if "--test-config" in given:
            return 0
        if "--verify-installation" in given:
            return 0 if Path(conf["rsession-path"]).exists() else 1
        serve(conf)
    except (ConfigError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
