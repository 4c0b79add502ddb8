# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the operating system's own choice of numbers below the bands (private, pure).

``useradd`` gives the next local user the highest number in use + 1: after alice=5238 that is 5239, a number the
ledger may give to somebody else. UID_MAX, GID_MAX (login.defs) and LAST_UID, LAST_GID (adduser.conf) end that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import Change

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["ADDUSER_CONF", "LOGIN_DEFS", "pin_local_ids"]

LOGIN_DEFS = "/etc/login.defs"
ADDUSER_CONF = "/etc/adduser.conf"
# what shadow takes when login.defs does not say
_DEFAULT_MIN, _DEFAULT_MAX = 1000, 60000
_ADDUSER_LAST = 59999


def pin_local_ids(
    login_defs: bytes | None, adduser_conf: bytes | None, band: Band, group_band: Band
) -> tuple[dict[str, bytes], list[Change], list[str]]:
    """Lower the upper ends of the local ranges below the bands; they are never raised.

    :param login_defs: content of the file, None when the host has none (adduser_conf likewise: then it is let be).
    :returns: new contents by path, the changes, and the problems that forbid any.
    """
    last_uid, last_gid = band.first - 1, min(band.first, group_band.first) - 1
    texts: dict[str, bytes] = {}
    changes: list[Change] = []
    problems: list[str] = []
    if login_defs is None:
        problems.append(
            "%s is missing: local users could be given numbers of the band %s; restore it" % (LOGIN_DEFS, band)
        )
        return texts, changes, problems
    pins = {"UID_MAX": last_uid, "GID_MAX": last_gid}
    text = login_defs.decode("utf-8", "surrogateescape")
    for low, last in (("UID_MIN", last_uid), ("GID_MIN", last_gid)):
        value = _login_defs_value(text, low, _DEFAULT_MIN)
        if value > last:
            problems.append(
                "%s has %s %d, above %d where the local numbers must end: lower it (1000 is usual), or choose a band"
                " above %s_MAX" % (LOGIN_DEFS, low, value, last, low[:3])
            )
    for key, last in pins.items():
        value = _login_defs_value(text, key, _DEFAULT_MAX)
        if value > last:
            text = _set_line(text, key, "%s\t\t\t%d" % (key, last))
            changes.append(Change("host", LOGIN_DEFS, key, str(value), str(last)))
    _keep(texts, LOGIN_DEFS, login_defs, text)
    if adduser_conf is not None:
        text = adduser_conf.decode("utf-8", "surrogateescape")
        for key, last in (("LAST_UID", last_uid), ("LAST_GID", last_gid)):
            value = _adduser_value(text, key)
            if value > last:
                text = _set_line(text, key, "%s=%d" % (key, last))
                changes.append(Change("host", ADDUSER_CONF, key, str(value), str(last)))
        _keep(texts, ADDUSER_CONF, adduser_conf, text)
    return texts, changes, problems


def _keep(texts: dict[str, bytes], path: str, old: bytes, new: str) -> None:
    data = new.encode("utf-8", "surrogateescape")
    if data != old:
        texts[path] = data


def _number(text: str, default: int) -> int:
    """As shadow reads it: decimal, 0x hexadecimal or 0 octal; of anything else it complains and takes the default."""
    if text.isascii() and text.isalnum():
        try:
            if text[:2] in ("0x", "0X"):
                return int(text[2:], 16)
            if text.isdigit():
                return int(text, 8 if text[0] == "0" else 10)
        except ValueError:
            pass
    return default


def _login_defs_value(text: str, key: str, default: int) -> int:
    """The last line that sets the key counts, and all that stands behind the key is its value, as in shadow."""
    value = default
    for line in text.split("\n"):
        words = line.split(None, 1)
        if len(words) > 1 and words[0] == key:
            value = _number(words[1].lstrip('"').partition('"')[0].strip(), default)
    return value


def _adduser_value(text: str, key: str) -> int:
    """The last line that sets the key, in capitals or not, counts; what is not plainly a number is above every one."""
    value = _ADDUSER_LAST
    for line in text.split("\n"):
        name, sign, rest = line.partition("=")
        if sign and name.strip().upper() == key:
            word = (rest.strip().strip("\"'").split() or [""])[0]
            value = int(word) if word.isascii() and word.isdigit() and len(word) <= 10 else _ADDUSER_LAST
    return value


def _set_line(text: str, key: str, line: str) -> str:
    """Put the line where the key is set last, take out earlier ones, append when there is none."""
    lines = text.split("\n")
    at = [index for index, old in enumerate(lines) if old.replace("=", " ").upper().split()[:1] == [key]]
    if not at:
        if lines[-1]:
            lines.append("")
        lines[-1:] = [line, ""]
        return "\n".join(lines)
    lines[at[-1]] = line
    return "\n".join(old for index, old in enumerate(lines) if index not in at[:-1])
