# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The helper of the stand-in that asks PAM, as the real one does: authenticate and account, and no session."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

PROMPT_ECHO_OFF = 1


class Message(ctypes.Structure):
    """struct pam_message"""

    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    """struct pam_response"""

    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(Message)),
    ctypes.POINTER(ctypes.POINTER(Response)),
    ctypes.c_void_p,
)


class Conversation(ctypes.Structure):
    """struct pam_conv"""

    _fields_ = [("converse", CONVERSE), ("data", ctypes.c_void_p)]


def ask(user: str, password: bytes) -> int:
    """0 when PAM says that the password and the account are good."""
    pam: Any = ctypes.CDLL("libpam.so.0")
    libc: Any = ctypes.CDLL(None)
    libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p

    def converse(count: int, messages: Any, responses: Any, _data: Any) -> int:
        memory = libc.calloc(count, ctypes.sizeof(Response))
        answers = ctypes.cast(memory, ctypes.POINTER(Response))
        for number in range(count):
            if messages[number].contents.style == PROMPT_ECHO_OFF:
                answers[number].text = libc.strdup(password)
        responses[0] = answers
        return 0

    handle = ctypes.c_void_p()
    conversation = Conversation(CONVERSE(converse), None)
    code: int = pam.pam_start(b"rstudio", user.encode(), ctypes.byref(conversation), ctypes.byref(handle))
    for step in (pam.pam_authenticate, pam.pam_acct_mgmt):
        code = code or step(handle, 0)
    pam.pam_end(handle, code)
    return code


if __name__ == "__main__":
    sys.exit(1 if ask(sys.argv[1], sys.stdin.buffer.read(201)) else 0)
