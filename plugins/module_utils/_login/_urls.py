# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that a login may use, and the answer that a person brings back (private, pure; on the controller)."""

from __future__ import annotations

import dataclasses
import hmac
import ipaddress
import urllib.parse

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

__all__ = ["Answer", "answer_of", "check_state", "check_url", "is_plain", "parse_answer", "same_origin"]

LONGEST_URL = 2048
_LONGEST_ANSWER = 8192
_LONGEST_CODE = 2048
_ERROR_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz_")


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the provider gave the person to bring back; nothing of it is ever shown."""

    code: str = dataclasses.field(repr=False)
    state: str = dataclasses.field(repr=False)
    issuer: str | None = None
    is_whole: bool = False  # the whole address, so that nothing of it can be missing


def check_url(option: str, url: str) -> str:
    """Return an address that secrets may be sent to, or refuse it.

    :param option: what the address is called where it was given.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urllib.parse.urlsplit("")
    if (
        not is_plain(url, LONGEST_URL)
        or "\\" in url
        or parts.scheme not in ("https", "http")
        or not host
        or port == 0
        or "@" in parts.netloc
        or "?" in url
        or "#" in url
    ):
        raise IdentityError(
            f"The {option} {quoted(url)} is no address that can be used: write one like https://auth.globus.org,"
            " without a name, a password, a question mark or a number sign in it."
        )
    if parts.scheme == "http" and not _is_loopback(host):
        raise IdentityError(f"The {option} {quoted(url)} is not encrypted: write an address that begins with https.")
    return url


def is_plain(text: object, longest: int) -> bool:
    """Whether this is text of printable ASCII without blanks, not empty and not too long."""
    return (
        isinstance(text, str) and 0 < len(text) <= longest and text.isascii() and text.isprintable() and " " not in text
    )


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses are of the same server."""
    return _origin(one) == _origin(other)


def parse_answer(answer: str, redirect_uri: str) -> Answer:
    """The code and the state out of the address that the person was sent to in the end.

    :raises IdentityError: it is not the address for this login, or the provider says that nobody logged in.
    """
    text = answer.strip()
    if not is_plain(text, _LONGEST_ANSWER):
        raise IdentityError(
            "The answer is no address: copy the whole line that the browser shows on the page that the login ended on."
        )
    try:
        parts = urllib.parse.urlsplit(text)
    except ValueError:  # such as a bracket that does not close
        parts = urllib.parse.urlsplit("")
    if parts._replace(query="", fragment="").geturl() != redirect_uri:
        raise IdentityError(
            f"The answer is the address of another page: copy the whole line that begins with {redirect_uri}."
        )
    try:
        pairs = urllib.parse.parse_qsl(parts.query, strict_parsing=True, max_num_fields=32)
    except ValueError:
        pairs = []
    found = dict(pairs)
    if len(found) != len(pairs):
        raise IdentityError("The answer says the same thing twice, as no provider does: begin the login again.")
    if "error" in found:
        error = found["error"]
        known = error if 0 < len(error) <= 40 and _ERROR_LETTERS.issuperset(error) else "an error"
        raise IdentityError(f"The provider ended the login with {known}: begin it again, and agree to what it asks.")
    if "code" not in found or "state" not in found:
        raise IdentityError("The answer has no code and no state in it: copy the whole line that the browser shows.")
    return Answer(_code(found["code"]), found["state"], found.get("iss"), is_whole=True)


def answer_of(code: str, state: str) -> Answer:
    """The answer of somebody who copied its two parts."""
    return Answer(_code(code.strip()), state.strip())


def check_state(answer: Answer, state: str) -> None:
    """Refuse an answer that was not given to the address which this login began with."""
    given = answer.state.encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(given, state.encode()):
        raise IdentityError(
            "The state in the answer is not that of this login, so the answer was made for another one: bring back the"
            " answer to the address that this login began with, or begin it again."
        )


def _code(code: str) -> str:
    if not is_plain(code, _LONGEST_CODE):
        raise IdentityError("The code is not one that a provider gives: copy it again.")
    return code


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
