# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People with browsers: sign in at the server of a host and work there, as steps on standard input say.

Cookies are kept from one call to the next. Says what was not as it should be, and fails then.
"""

from __future__ import annotations

import http.client
import json
import sys
import urllib.parse
from pathlib import Path
from typing import Any

KEPT = Path("/root/visitor.json")
SORRY = "/auth-sign-in?error=Incorrect+or+invalid+username/password"


def post(path: str, body: str, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
    """One request, on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", 8787, timeout=60)
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    return response.status, {key.lower(): value for key, value in response.getheaders()}, response.read().decode()


def sign_in(step: dict[str, Any], kept: dict[str, str]) -> str:
    """Nothing when it went as the step says; else what came."""
    form = {"username": step["sign_in"], "password": step.get("password", "correct horse")}
    status, headers, _text = post("/auth-do-sign-in", urllib.parse.urlencode(form), {})
    if (status, headers.get("location")) != (302, "/" if step["enters"] else SORRY):
        return f"{status} {headers}"
    if step["enters"]:
        kept[step["sign_in"]] = headers["set-cookie"].partition(";")[0]
    return ""


def work(step: dict[str, Any], kept: dict[str, str]) -> str:
    """Nothing when the session answered as the step says; else what it answered."""
    headers = {"Cookie": step.get("cookie") or kept[step["user"]]}
    headers["Origin"] = step.get("origin", "http://127.0.0.1:8787")
    status, _headers, text = post("/rpc/console_input", step["run"], headers)
    same = step.get("same_as_before")
    good = (
        status == step.get("status", 200)
        and step.get("prints", "") in text
        and ("lacks" not in step or step["lacks"] not in text)
        and (not same or kept.setdefault(same, text) == text)
    )
    return "" if good else f"{status} {text}"


def main() -> int:
    """Do all steps."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    wrong = []
    for step in json.load(sys.stdin):
        problem = sign_in(step, kept) if "sign_in" in step else work(step, kept)
        if problem:
            wrong.append(f"{step}: {problem}")
    KEPT.write_text(json.dumps(kept))
    print("\n".join(wrong))
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
