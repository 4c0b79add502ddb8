# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user has on a host besides the account: one file for each kind (private: no stable interface)."""

from __future__ import annotations

__all__ = ["WRITTEN_BY", "sudo_file_name"]

# how every file begins that holds nothing but what we write
WRITTEN_BY = b"# Written by labfleet.identity: what is changed here is lost.\n"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def sudo_file_name(kind: str, name: str) -> str:
    """The file in ``/etc/sudoers.d`` of a ``user`` or a ``group``: two never share one, and sudo skips none.

    sudo skips names with a dot and those that end in ``~``: what is not a-z, 0-9, ``_`` or ``-`` stands there as ``X``
    and two hexadecimal digits for each byte.
    """
    text = "".join(chr(byte) if chr(byte) in _PLAIN else "X%02x" % byte for byte in name.encode("utf-8"))
    return "labfleet-%s-%s" % (kind, text)
