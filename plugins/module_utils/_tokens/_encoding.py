# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a token is written: one way only, so that nobody can write the same token in two ways (private, pure).

Canonical JSON here: names sorted, no blanks, ASCII, whole numbers that every reader takes for the same, no name twice.
base64url without padding, whose last bits are zero (RFC 4648 section 3.5).
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from typing import Any

__all__ = ["TokenRefused", "TokenRefusedError", "canonical_json", "decode_base64url", "encode_base64url", "read_object"]

LARGEST_NUMBER = 2**53 - 1  # beyond it readers of JSON differ (RFC 7493)
MOST_LEVELS = 12
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class TokenRefusedError(IdentityError):
    """A token that is not accepted: ``reason`` is a short code for programs, the text is for people.

    The text never has the token or a part of it.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


TokenRefused = TokenRefusedError


def encode_base64url(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: str, what: str) -> bytes:
    """The bytes of a part of a token.

    :raises TokenRefused: bad_encoding: somebody wrote them in another way than the one there is.
    """
    if not _ALPHABET.issuperset(text) or len(text) % 4 == 1:
        raise TokenRefused(
            "bad_encoding", f"The {what} of the token is not base64url without padding: it is no token, or damaged."
        )
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode_base64url(data) != text:
        raise TokenRefused(
            "bad_encoding", f"The {what} of the token ends in bits that mean nothing: somebody changed the token."
        )
    return data


def canonical_json(value: dict[str, Any]) -> bytes:
    """The one way to write this object."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def read_object(data: bytes, what: str, canonical: bool) -> dict[str, Any]:
    """The JSON object in a part of a token.

    :param canonical: False for tokens of others, who may put blanks, any order, UTF-8 and fractions.
    :raises TokenRefused: bad_json, duplicate_name, bad_number or not_canonical.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_float=_no_fraction if canonical else _fraction,
            parse_int=_whole_number,
            parse_constant=_no_constant,
        )
    except ValueError:
        # the cause would have the whole text in it
        raise TokenRefused("bad_json", f"The {what} of the token is not JSON: it is no token, or damaged.") from None
    except RecursionError:
        raise _too_deep(what) from None
    if not isinstance(value, dict):
        raise TokenRefused("bad_json", f"The {what} of the token is no JSON object: it is no token, or damaged.")
    _check_levels(value, what, MOST_LEVELS)
    if canonical and canonical_json(value) != data:
        raise TokenRefused(
            "not_canonical",
            f"The {what} of the token is not written in the one way there is (sorted, no blanks, ASCII): take the token"
            " as it was issued.",
        )
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise TokenRefused("duplicate_name", "A name is in the token twice: readers would differ about its meaning.")
    return value


def _whole_number(text: str) -> int:
    number = int(text) if len(text) <= 17 else LARGEST_NUMBER + 1
    if abs(number) > LARGEST_NUMBER:
        raise TokenRefused("bad_number", "A number in the token is larger than all readers take: no token needs it.")
    return number


def _no_fraction(_text: str) -> float:
    raise TokenRefused("bad_number", "A number in the token has a point or an exponent: only whole numbers are taken.")


def _fraction(text: str) -> float:
    number = float(text)
    if abs(number) > LARGEST_NUMBER:
        raise TokenRefused("bad_number", "A number in the token is larger than all readers take: no token needs it.")
    return number


def _no_constant(_text: str) -> float:
    raise TokenRefused("bad_number", "A number in the token is NaN or Infinity, which JSON does not have.")


def _check_levels(value: Any, what: str, left: int) -> None:
    if not isinstance(value, (dict, list)):
        return
    if left == 0:
        raise _too_deep(what)
    for item in value.values() if isinstance(value, dict) else value:
        _check_levels(item, what, left - 1)


def _too_deep(what: str) -> TokenRefusedError:
    return TokenRefused("too_deep", f"The {what} of the token is nested deeper than any token needs.")
