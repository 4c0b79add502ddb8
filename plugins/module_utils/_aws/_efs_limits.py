# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What EFS accepts in an access point, checked before anything is sent (private, pure; runs on the controller).

The numbers are those of AWS: API_CreateAccessPoint, API_RootDirectory, API_PosixUser and API_Tag in the EFS API
reference, limits.html in the EFS user guide. Only the number of access points can be raised.
"""

from __future__ import annotations

import string
import unicodedata
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "ACCESS_POINTS",
    "SECONDARY_GIDS",
    "TAGS",
    "check_access_point_id",
    "check_file_system_id",
    "check_path",
    "check_permissions",
    "check_tag_count",
    "check_tags",
    "check_token",
]

ACCESS_POINTS = 10000
SECONDARY_GIDS = 16
TAGS = 50
_PATH_LENGTH = 100
_PATH_DEPTH = 4
_TOKEN_LENGTH = 64
_KEY_LENGTH = 128
_VALUE_LENGTH = 256

_NOT_IN_PATHS = frozenset("$#<>;`|&?{}^*\\")
_IN_TAGS = frozenset("_.:/=+-@")
_PRINTABLE = frozenset(string.ascii_letters + string.digits + string.punctuation)
_OCTAL = frozenset(string.octdigits)
_HEX = frozenset("0123456789abcdef")


def check_file_system_id(text: str) -> str:
    """The id of a file system, also when its ARN is given."""
    return _check_id(text, "fs-", "file system", "file-system")


def check_access_point_id(text: str) -> str:
    """The id of an access point, also when its ARN is given."""
    return _check_id(text, "fsap-", "access point", "access-point")


def _check_id(text: str, prefix: str, what: str, kind: str) -> str:
    arn, slash, last = text.rpartition(f":{kind}/")
    number = last[len(prefix) :]
    is_arn = arn.startswith("arn:aws") and ":elasticfilesystem:" in arn
    is_known = is_arn if slash else last == text
    if not (is_known and last.startswith(prefix) and 8 <= len(number) <= 40 and _HEX.issuperset(number)):
        raise IdentityError(
            f"{quoted(text)} is neither the id of an EFS {what} ({prefix} and 8 to 40 digits 0-9a-f) nor its ARN:"
            f" copy it from the list of them, for example {prefix}0123456789abcdef0."
        )
    return last


def check_path(path: str) -> str:
    """A path that EFS takes as the root directory of an access point."""
    wrong = _what_is_wrong_with(path)
    if wrong:
        raise IdentityError(
            f"The root directory {quoted(path)} {wrong}: write an absolute path of at most {_PATH_LENGTH} characters"
            f" and {_PATH_DEPTH} directories, for example /home/alice."
        )
    return path


def _what_is_wrong_with(path: str) -> str:
    if not path.startswith("/"):
        return "is not absolute"
    if path == "/":
        return ""
    if len(path) > _PATH_LENGTH:
        return f"has {len(path)} characters"
    parts = path.split("/")[1:]
    if len(parts) > _PATH_DEPTH:
        return f"has {len(parts)} directories"
    if "" in parts:
        return "has a slash too many"
    if any(part.startswith(".") for part in parts):
        return "has a directory that begins with a dot"
    refused = next((character for character in path if character in _NOT_IN_PATHS or not character.isprintable()), None)
    return "" if refused is None else f"holds {quoted(refused)}, which EFS refuses"


def check_permissions(value: Any) -> str:
    """Permissions as four octal digits."""
    if not isinstance(value, str):
        # YAML reads 0770 as the number 504, and 504 would be permissions as well
        raise IdentityError(f"The permissions {quoted(value)} are no text: put them in quotes, for example '0700'.")
    if not (3 <= len(value) <= 4 and _OCTAL.issuperset(value)):
        raise IdentityError(f"The permissions {quoted(value)} are not 3 or 4 octal digits: write for example '0700'.")
    mode = value.zfill(4)
    if int(mode, 8) & 0o1002 == 0o0002:
        raise IdentityError(
            f"The permissions '{mode}' would let everybody write, and remove what others wrote: write '0700' for one"
            " person, '2770' for a group, or '1777' if really everybody may."
        )
    return mode


def check_token(token: str) -> str:
    """A client token."""
    if not (0 < len(token) <= _TOKEN_LENGTH and _PRINTABLE.issuperset(token)):
        raise IdentityError(
            f"The client token {quoted(token)} is not 1 to {_TOKEN_LENGTH} ASCII characters without blanks: shorten it,"
            " or leave it out, and it is made of the file system and the name."
        )
    return token


def check_tags(tags: Mapping[Any, Any]) -> dict[str, str]:
    """Tags as text, each of them one that EFS takes."""
    return {_check_key(key): _check_value(key, value) for key, value in tags.items()}


def check_tag_count(name: str, tags: Mapping[str, str]) -> None:
    """Refuse more tags than a resource of AWS can have; those of AWS itself do not count."""
    count = sum(not key.startswith("aws:") for key in tags)
    if count > TAGS:
        raise IdentityError(
            f"The access point {quoted(name)} would have {count} tags, and AWS allows {TAGS}: give fewer, or say"
            " purge_tags=true to take others away."
        )


def _check_key(key: Any) -> str:
    text = str(key)
    if not (0 < len(text) <= _KEY_LENGTH) or text.lower().startswith("aws:") or not _is_tag_text(text):
        raise IdentityError(
            f"The tag {quoted(key)} has a name that AWS refuses: write 1 to {_KEY_LENGTH} letters, digits, blanks and"
            " _.:/=+-@, not beginning with aws:."
        )
    return text


def _check_value(key: Any, value: Any) -> str:
    if isinstance(value, (dict, list)) or value is None:
        raise IdentityError(f"The tag {quoted(key)} has the value {quoted(value)}, which is no text: write one.")
    text = str(value)
    if len(text) > _VALUE_LENGTH or not _is_tag_text(text):
        raise IdentityError(
            f"The tag {quoted(key)} has the value {quoted(text)}, which AWS refuses: write at most {_VALUE_LENGTH}"
            " letters, digits, blanks and _.:/=+-@."
        )
    return text


def _is_tag_text(text: str) -> bool:
    return all(letter in _IN_TAGS or unicodedata.category(letter)[0] in "LNZ" for letter in text)
