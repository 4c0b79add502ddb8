# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run cells in a notebook of one's own JupyterLab server, over HTTP and a WebSocket as a browser does.

Usage: notebook.py CELLS: a file with cells, separated by lines of "# %%". Prints what they print, and fails as they do.
"""

from __future__ import annotations

import getpass
import http.client
import json
import socket
import sys
import uuid
from pathlib import Path
from typing import Any

import websocket

RUNTIME = Path("/run/jupyter") / getpass.getuser()
NAME = "test.ipynb"
SECONDS = 240


def connection() -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.connect(str(RUNTIME / "jupyter.sock"))
    made.settimeout(SECONDS)
    return made


def ask(method: str, path: str, token: str = "", body: Any = None) -> tuple[int, Any]:
    client = http.client.HTTPConnection("localhost")
    client.sock = connection()
    headers = {"Authorization": f"token {token}"} if token else {}
    client.request(method, path, None if body is None else json.dumps(body), headers)
    answer = client.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else None


def run_cell(server: websocket.WebSocket, code: str) -> list[dict[str, Any]]:
    """What the cell puts out, in the form of a notebook."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "session": "tests",
        "username": "",
        "version": "5.3",
    }
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    request = {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
        "buffers": [],
    }
    server.send(json.dumps(request))
    outputs = []
    while True:
        message = json.loads(server.recv())
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] in ("restarting", "dead"):
            return [*outputs, {"output_type": "error", "ename": "KernelDied", "evalue": "", "traceback": []}]
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if kind == "status" and content["execution_state"] == "idle":
            return outputs
        if kind in ("stream", "error"):
            outputs.append({"output_type": kind, **content})


def main() -> int:
    token = (RUNTIME / "token").read_text(encoding="ascii").strip()
    cells = [cell.strip("\n") for cell in Path(sys.argv[1]).read_text(encoding="utf-8").split("# %%\n") if cell.strip()]
    codes = [ask("GET", "/api/contents")[0], ask("GET", "/api/contents", token)[0]]
    print("http", *codes)
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    ask("PUT", f"/api/contents/{NAME}", token, {"type": "notebook", "content": notebook})
    kernel = {"name": "python3"}
    code, session = ask(
        "POST", "/api/sessions", token, {"path": NAME, "name": "", "type": "notebook", "kernel": kernel}
    )
    if code != 201:
        raise SystemExit(f"no session: {code} {session}")
    server = websocket.create_connection(
        f"ws://localhost/api/kernels/{session['kernel']['id']}/channels",
        socket=connection(),
        header=[f"Authorization: token {token}"],
        timeout=SECONDS,
    )
    failed = 0
    for cell in cells:
        outputs = run_cell(server, cell)
        done = {"cell_type": "code", "id": uuid.uuid4().hex[:8], "source": cell, "metadata": {}, "execution_count": 1}
        notebook["cells"].append({**done, "outputs": outputs})  # type: ignore[attr-defined]
        for output in outputs:
            if output["output_type"] == "stream":
                print(output["text"], end="")
            else:
                print(output["ename"], output["evalue"])
                failed = 1
    server.close()
    code, _answer = ask("PUT", f"/api/contents/{NAME}", token, {"type": "notebook", "content": notebook})
    ask("DELETE", f"/api/sessions/{session['id']}", token)
    print("saved", code)
    return failed


if __name__ == "__main__":
    sys.exit(main())
