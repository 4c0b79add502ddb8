# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host is asked to run, checked before anything is done (private, pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_research_username, quoted
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import SYSTEM_BAND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["MAY_BE_MISSING", "OTHER_PROCESSES", "Job", "check_path", "parse_job"]

# That nothing of the account runs beside a job where the two could reach each other: looked for from outside.
OTHER_PROCESSES = "other_processes"
# Protections that a host may lack when the caller says so. Of all others nobody can do without one.
MAY_BE_MISSING = ("keyring", "message_bus", "metadata", "namespaces", OTHER_PROCESSES)
MOST_WORDS = 4096
MOST_BYTES = 98304
LONGEST_RUN = 7 * 86400
LARGEST_OUTPUT = 64 << 20
_HASH_LENGTH = 32
_HEX = frozenset("0123456789abcdef")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = frozenset("0123456789")
_PLAIN_PATH = _LETTERS | _DIGITS | frozenset("/._+@-")
# the run says who and where the user is
_GIVEN_BY_THE_RUN = frozenset(("HOME", "LOGNAME", "USER"))


@dataclass(frozen=True)
class Job:
    """One command of one external identity."""

    account: str
    uid: int
    owner: str  # of the account in the host's record
    issuer: str
    subject: str
    run: str  # the hash of issuer and jti
    identity: str  # the hash of issuer and subject
    shared: bool
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    directories: tuple[str, ...] = ()
    shared_directories: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    chdir: str = ""
    timeout: int = 600
    max_output: int = 1 << 20
    without: frozenset[str] = frozenset()

    @property
    def unit(self) -> str:
        """The unit that runs it. One token makes one name, so no token makes two units of a host."""
        return "labfleet-run-%s.service" % self.run


def parse_job(params: Mapping[str, Any]) -> Job:
    """Check what was asked for.

    :param params: the parameters of the module.
    :raises IdentityError: names what cannot be accepted, why, and what to do.
    """
    uid = params["uid"]
    account = check_research_username(params["account"])
    if uid <= SYSTEM_BAND.last or uid == 65534:
        raise IdentityError(
            "%s has the number %d, which is the system's: only people's accounts run jobs" % (account, uid)
        )
    shared = params["shared"]
    directories = _paths(params["directories"], "directories")
    if shared and (directories or params["shared_directories"]):
        raise IdentityError(
            "a shared account sees its job directory alone: leave out directories and shared_directories"
        )
    without = frozenset(params["without"])
    if shared and without:
        raise IdentityError("a shared account needs every protection: leave 'without' out")
    chdir = params["chdir"] or ""
    if chdir:
        check_path(chdir, "chdir")
    return Job(
        account=account,
        uid=uid,
        owner=_line(params["owner"], "owner"),
        issuer=_line(params["issuer"], "issuer"),
        subject=_line(params["subject"], "subject"),
        run=_hash(params["run"], "run"),
        identity=_hash(params["identity"], "identity"),
        shared=shared,
        argv=_argv(params["argv"]),
        environment=_environment(params["environment"]),
        directories=directories,
        shared_directories=_paths(params["shared_directories"], "shared_directories"),
        hidden=_paths(params["hidden"], "hidden"),
        chdir=chdir,
        timeout=_within(params["timeout"], "timeout", LONGEST_RUN),
        max_output=_within(params["max_output"], "max_output", LARGEST_OUTPUT),
        without=without,
    )


def check_path(path: str, what: str) -> str:
    """Return a path that a unit can name, or refuse it."""
    parts = path.split("/") if isinstance(path, str) else []
    if len(parts) < 2 or parts[0] or not all(parts[1:]) or not _PLAIN_PATH.issuperset(path):
        raise IdentityError(
            "%s has %s: write an absolute path of letters, digits and . _ - + @ without a slash at the end"
            % (what, quoted(path))
        )
    if {".", ".."}.intersection(parts):
        raise IdentityError("%s has %s: write the path itself, without . and .. in it" % (what, quoted(path)))
    return path


def _paths(raw: list[str], what: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(check_path(path, what) for path in raw))


def _argv(raw: list[str]) -> tuple[str, ...]:
    if not raw or not raw[0]:
        raise IdentityError("argv names no program: write the program and each of its arguments as one item of a list")
    for word in raw:
        _check_text(word, "argv")
    if "/" in raw[0] and not raw[0].startswith("/"):
        raise IdentityError("argv begins with %s: write a name, or an absolute path" % quoted(raw[0]))
    _check_size(raw, "argv")
    return tuple(raw)


def _environment(raw: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    for name, value in raw.items():
        plain = isinstance(name, str) and name[:1] not in _DIGITS and (_LETTERS | _DIGITS | {"_"}).issuperset(name)
        if not plain or not name:
            raise IdentityError("environment has the name %s: write letters, digits and _" % quoted(name))
        if not isinstance(value, str):
            raise IdentityError("the variable %s is not text: put its value in quotes" % name)
        _check_text(value, "the variable %s" % name)
        if name in _GIVEN_BY_THE_RUN:
            raise IdentityError("the variable %s is given by the run: leave it out" % name)
        # they make the loader bring foreign code into programs, which is a way into those that may more
        if (name.startswith("LD_") and name != "LD_LIBRARY_PATH") or name == "GLIBC_TUNABLES":
            raise IdentityError("the variable %s would change how programs are loaded: leave it out" % name)
    _check_size([word for pair in raw.items() for word in pair], "environment")
    return tuple(sorted(raw.items()))


def _check_text(text: str, what: str) -> None:
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise IdentityError("%s holds %s, which is no text: write it in UTF-8" % (what, quoted(text))) from None
    if b"\0" in data:
        raise IdentityError("%s holds a NUL, which no program can be given: take it out" % what)


def _check_size(words: list[str], what: str) -> None:
    if len(words) > MOST_WORDS or sum(len(word.encode("utf-8")) + 1 for word in words) > MOST_BYTES:
        raise IdentityError(
            "%s has more than %d words or %d bytes: put it into a file of the user's" % (what, MOST_WORDS, MOST_BYTES)
        )


def _line(text: str, what: str) -> str:
    if not text or len(text) > 255 or not text.isprintable():
        raise IdentityError("%s is %s: write one line of at most 255 characters" % (what, quoted(text)))
    return text


def _hash(text: str, what: str) -> str:
    if len(text) != _HASH_LENGTH or not _HEX.issuperset(text):
        raise IdentityError("%s is %s: it is made of %d digits of a hash" % (what, quoted(text), _HASH_LENGTH))
    return text


def _within(number: int, what: str, most: int) -> int:
    if not 1 <= number <= most:
        raise IdentityError("%s is %d: write a number from 1 to %d" % (what, number, most))
    return number
