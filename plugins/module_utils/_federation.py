# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity of a person in a federation of clusters (private, pure; runs on the controller).

Every cluster computes the same UUID for the same upstream identity, so no cluster has to ask another.
"""

from __future__ import annotations

import hashlib
import unicodedata

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

__all__ = ["check_federated_uuid", "check_prefix", "check_upstream", "federated_uuid"]

PREFIX_LENGTH = 5
USER_TYPE = "tpzed"  # what Arvados calls users
UNIQUE_LENGTH = 15
LONGEST_UPSTREAM = 255
_SHA1_DIGITS = 31  # what the largest SHA-1 has in base 36; a smaller one is padded
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ALPHABET = frozenset(_DIGITS)


def federated_uuid(upstream: str, prefix: str) -> str:
    """The UUID that every cluster computes for an upstream identity.

    :param upstream: what the login authority calls the person, for example C(https://idp.example alice@uni.example).
    :param prefix: the five letters and digits of the cluster that the federation logs in at.
    """
    digest = hashlib.sha1(check_upstream(upstream).encode("utf-8")).digest()
    unique = _base36(int.from_bytes(digest, "big")).rjust(_SHA1_DIGITS, "0")[:UNIQUE_LENGTH]
    return f"{check_prefix(prefix)}-{USER_TYPE}-{unique}"


def check_prefix(prefix: str) -> str:
    """Return the prefix of a cluster, or refuse it."""
    if not isinstance(prefix, str) or len(prefix) != PREFIX_LENGTH or not _ALPHABET.issuperset(prefix):
        raise IdentityError(
            f"The cluster prefix {quoted(prefix)} is not valid: write its {PREFIX_LENGTH} characters of a-z and 0-9,"
            " in quotes."
        )
    return prefix


def check_upstream(upstream: str) -> str:
    """Return an upstream identity, or refuse it: it must be the same bytes wherever it is written."""
    if (
        not isinstance(upstream, str)
        or not 0 < len(upstream) <= LONGEST_UPSTREAM
        or not upstream.isprintable()
        or upstream != upstream.strip()
        or unicodedata.normalize("NFC", upstream) != upstream
    ):
        raise IdentityError(
            f"The upstream identity {quoted(upstream)} is not one line of 1 to {LONGEST_UPSTREAM} printable characters"
            " in Unicode's normal form NFC without blanks around it: write it as the login authority does."
        )
    return upstream


def check_federated_uuid(uuid: str) -> str:
    """Return a UUID of a user of a federation, or refuse it."""
    prefix, kind, unique = uuid.split("-") if isinstance(uuid, str) and uuid.count("-") == 2 else ("", "", "")
    if (
        len(prefix) != PREFIX_LENGTH
        or kind != USER_TYPE
        or len(unique) != UNIQUE_LENGTH
        or not _ALPHABET.issuperset(prefix + unique)
    ):
        raise IdentityError(
            f"The UUID {quoted(uuid)} is not of the form zzzzz-{USER_TYPE}-{'0' * UNIQUE_LENGTH}: copy it from the"
            " cluster that knows the person."
        )
    return uuid


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
