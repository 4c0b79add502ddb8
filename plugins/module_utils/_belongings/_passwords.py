# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Password hashes and their ageing (private, pure). No message here ever holds a piece of what was given.

A hash is data: it goes to shadow as it came, is compared as text and never made here, so nothing changes on a second
run. Its form is that of crypt(5).
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["NO_AGEING", "Ageing", "check_ageing", "is_password", "parse_ageing", "parse_password"]

NO_PASSWORD = "*"
LEAST_SHA_ROUNDS = 5000
MOST_SHA_ROUNDS = 10000000  # half a minute a login
MOST_DAYS = 36500

# crypt(3) writes 6 bits a character, lowest first; what is left for the last character of a hash is less
_DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CRYPT = frozenset(_DIGITS)
_SHA = {"5": ("SHA-256", 43, _DIGITS[:16]), "6": ("SHA-512", 86, _DIGITS[:4])}
_YESCRYPT = (43, _DIGITS[:16])
# the costs 1 (1 MiB) to 11 (1 GiB) of mkpasswd and chpasswd
_YESCRYPT_COSTS = frozenset("j%s%s" % (memory, block) for memory in "789ABCDEF" for block in "5T")
_WAY_OUT = "give the output of 'mkpasswd --method=yescrypt', or '*' for nobody can log in by password"
_WEAK = {
    "$1$": "is hashed by MD5, which is guessed in minutes",
    "$2": "is hashed by bcrypt, which reads only 72 bytes of a password",
    "$md5": "is hashed by MD5, which is guessed in minutes",
    "$sha1": "is hashed by SHA-1, which is guessed in minutes",
    "$3$": "is hashed by NT, which is guessed in minutes",
    "$7$": "is hashed by scrypt, which not every host can check",
    "$gy$": "is hashed by gost-yescrypt, which not every host can check",
    "_": "is hashed by DES, which is guessed in minutes",
}


def parse_password(raw: Any) -> str:
    """Check the password field of one user: a strong hash, or ``*``.

    :raises IdentityError: says what is wrong with it without showing it.
    """
    if not isinstance(raw, str):
        raise IdentityError("password is not text: %s" % _WAY_OUT)
    if raw == NO_PASSWORD:
        return raw
    reason = _reason(raw)
    if reason:
        raise IdentityError("password %s: %s" % (reason, _WAY_OUT))
    return raw


def _reason(text: str) -> str:
    """Why this is no hash that may be used; empty when it is one."""
    if not text:
        return "is empty, and an empty field lets everybody in"
    if text[0] == "!" or text == "x":
        return "is locked or a placeholder, and who is to be kept out has state disabled"
    parts = text.split("$")
    if len(parts) >= 4 and parts[0] == "" and parts[1] in _SHA:
        return _sha_problem(parts)
    if parts[:2] == ["", "y"]:
        return _yescrypt_problem(parts)
    for prefix, reason in _WEAK.items():
        if text.startswith(prefix):
            return reason
    return "is no hash that is strong enough, or the password itself, which is now known to whoever reads this file"


def _sha_problem(parts: list[str]) -> str:
    """``$6$[rounds=N$]SALT$HASH``."""
    name, length, last = _SHA[parts[1]]
    rest = parts[2:]
    if rest[0].startswith("rounds="):
        number = rest.pop(0)[len("rounds=") :]
        if not (number.isascii() and number.isdigit() and number[0] != "0" and len(number) <= 9):
            return "looks like a hash of %s and is damaged" % name
        if not LEAST_SHA_ROUNDS <= int(number) <= MOST_SHA_ROUNDS:
            return "is hashed with a number of rounds that is not between %d and %d" % (
                LEAST_SHA_ROUNDS,
                MOST_SHA_ROUNDS,
            )
    good = (
        len(rest) == 2 and 8 <= len(rest[0]) <= 16 and _CRYPT.issuperset(rest[0]) and _is_digest(rest[1], length, last)
    )
    return "" if good else "looks like a hash of %s and is damaged" % name


def _yescrypt_problem(parts: list[str]) -> str:
    """``$y$COST$SALT$HASH``."""
    good = len(parts) == 5 and 16 <= len(parts[3]) <= 86 and _CRYPT.issuperset(parts[3])
    if not good or not _is_digest(parts[4], *_YESCRYPT):
        return "looks like a hash of yescrypt and is damaged"
    return "" if parts[2] in _YESCRYPT_COSTS else "is hashed by yescrypt at a cost that is not between 1 and 11"


def _is_digest(text: str, length: int, last: str) -> bool:
    return len(text) == length and _CRYPT.issuperset(text) and text[-1] in last


def is_password(field: str) -> bool:
    """Whether this field of shadow lets somebody in by a password; the shortest hash (DES) has 13 characters."""
    return len(field) >= 13 and field[0] not in "!*"


@dataclass(frozen=True)
class Ageing:
    """Days as fields of shadow: "" for never, None to leave what is there."""

    min_days: str | None = None
    max_days: str | None = None
    warn_days: str | None = None
    inactive_days: str | None = None


NO_AGEING = Ageing("", "", "", "")


def parse_ageing(raw: Any) -> Ageing:
    """Check the ageing of one user's password.

    :param raw: a mapping of ``max_days``, ``min_days``, ``warn_days``, ``inactive_days``; 0 means never, an empty
        mapping that of all.
    :raises IdentityError: names the number that cannot be accepted, why, and what to do.
    """
    if not isinstance(raw, dict):
        raise IdentityError("password_ageing must be a mapping such as {max_days: 365}, not %s" % quoted(raw))
    if not raw:
        return NO_AGEING
    unknown = [key for key in raw if key not in _AGEING_KEYS]
    if unknown:
        raise IdentityError(
            "password_ageing: unknown key %s (known: %s)" % (quoted(unknown[0]), ", ".join(_AGEING_KEYS))
        )
    days = {key: _days(key, raw[key]) for key in _AGEING_KEYS if raw.get(key) is not None}
    longest = days.get("max_days", 0)
    for key in ("min_days", "warn_days"):
        if longest and days.get(key, 0) >= longest:
            raise IdentityError(
                "password_ageing: %s %d is not below max_days %d, so the password could not be changed in time:"
                " lower it" % (key, days[key], longest)
            )
    return Ageing(**{key: str(number) if number else "" for key, number in days.items()})


_AGEING_KEYS = ("inactive_days", "max_days", "min_days", "warn_days")


def _days(key: str, value: Any) -> int:
    number = value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        number = int(value)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MOST_DAYS:
        raise IdentityError(
            "password_ageing: %s %s is no number of days between 0 (never) and %d" % (key, quoted(value), MOST_DAYS)
        )
    return number


def check_ageing(ageing: Ageing, field: str) -> None:
    """Refuse an ageing for who has no password: it would keep keys out, and nobody could renew what is not there.

    :param field: the password field of shadow as it will be.
    """
    if not is_password(field) and any((ageing.min_days, ageing.max_days, ageing.warn_days, ageing.inactive_days)):
        raise IdentityError(
            "password_ageing is for a password, and there is none: sshd would ask for a new one and refuse the keys;"
            " use expires to end the account on a day"
        )
