# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that have a part for each user: limits of PAM, and the script of login shells (private, pure).

One file for everybody costs a host of hundreds of people less than hundreds of files do, to write and to look at.
"""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping

__all__ = ["LIMITS_FILE", "LOGIN_SCRIPT", "SHARED_FILES", "joined", "parts_of"]

# below /etc
LIMITS_FILE = "security/limits.d/labfleet-identity.conf"
LOGIN_SCRIPT = "profile.d/labfleet-identity.sh"
# what is in them
SHARED_FILES = {LIMITS_FILE: "session limits", LOGIN_SCRIPT: "login environment"}
# /etc/profile reads the script in every login shell: nothing may fail, or stay behind, whatever the options are
_CASE = b"case $(command id -un 2>/dev/null || :) in\n"
_ESAC = b"esac\n"


def joined(path: str, parts: Mapping[str, bytes]) -> bytes:
    """The file that these users' parts make, each by username; empty without any."""
    given = sorted((name.encode("ascii"), part) for name, part in parts.items() if part)
    if not given:
        return b""
    if path == LIMITS_FILE:
        return WRITTEN_BY + b"".join(part for _name, part in given)
    return WRITTEN_BY + _CASE + b"".join(b"%s)\n%s;;\n" % (_pattern(name), part) for name, part in given) + _ESAC


def _pattern(name: bytes) -> bytes:
    """A username as a pattern of case, which the one word that ends it can only be in quotes."""
    return b"'esac'" if name == b"esac" else name


def parts_of(path: str, data: bytes) -> dict[str, bytes]:
    """The parts of such a file by username, as far as they are as we write them."""
    split: Callable[[list[bytes]], dict[bytes, bytes]] = _limits if path == LIMITS_FILE else _logins
    return {name.decode("utf-8", "replace"): part for name, part in split(data.splitlines(True)).items()}


def _limits(lines: list[bytes]) -> dict[bytes, bytes]:
    parts: dict[bytes, bytes] = {}
    for line in lines:
        words = line.split(None, 1)
        if words and not line.startswith(b"#"):
            parts[words[0]] = parts.get(words[0], b"") + line
    return parts


def _logins(lines: list[bytes]) -> dict[bytes, bytes]:
    parts: dict[bytes, bytes] = {}
    name = b""
    for line in lines:
        if line == b";;\n":
            name = b""
        elif name:
            parts[name] += line
        elif line.endswith(b")\n") and line != _CASE:
            name = line[:-2].strip(b"'")
            parts[name] = b""
    return parts
