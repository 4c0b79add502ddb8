# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP proxy on loopback, in threads of this process, that does to requests what networks and servers do to them."""

from __future__ import annotations

import collections
import http.client
import itertools
import json
import socket
import socketserver
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .faults import Fault, Refusal, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .faults import Plan

_NAMESPACE = "com.amazonaws.dynamodb.v20120810#"
_UPSTREAM_SECONDS = 60
_LONGEST_LINE = 65536
_FAILED = Refusal(500, "InternalServerError", "The request could not be completed.")
_THROTTLED = Refusal(400, "ProvisionedThroughputExceededException", "The throughput of the table was exceeded.")


@dataclass(frozen=True)
class _Message:
    """A request or an answer, byte for byte but for the way its end is marked."""

    start: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def encoded(self) -> bytes:
        lines = [self.start, *(f"{key}: {value}" for key, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


@contextmanager
def proxied(endpoint_url: str, plan: Plan | None = None, pause: float = 0.3) -> Iterator[Proxy]:
    """A proxy before the server at this URL, gone when the block is left."""
    proxy = Proxy(endpoint_url, plan, pause)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()


class Proxy:
    """C(url) leads through the plan to the server behind; C(requests), C(operations), C(counts) say what happened."""

    def __init__(self, endpoint_url: str, plan: Plan | None, pause: float) -> None:
        parts = urlsplit(endpoint_url)
        self._upstream = (str(parts.hostname), int(parts.port or 80))
        self._numbers = itertools.count(1)
        self._late: list[threading.Thread] = []
        self._going: set[int] = set()
        self._gone = threading.Condition()
        self._ending = threading.Event()
        self._delivering = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.plan = plan
        self.pause = pause
        self.requests = 0
        self.counts: collections.Counter[Fault] = collections.Counter()
        self.operations: collections.Counter[str] = collections.Counter()

    @property
    def url(self) -> str:
        """What a client takes for the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begin to take requests."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests, and deliver those that are late."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._ending.set()
        self.settle()

    def settle(self) -> None:
        """Deliver every request that is late now, and wait until the server has done it and those under way.

        Whoever asked may be dead already and wait for nothing. A plan must not call it.
        """
        self._delivering.set()
        for thread in list(self._late):
            thread.join()
        self._delivering.clear()
        with self._gone:
            under_way = set(self._going)
            self._gone.wait_for(lambda: under_way.isdisjoint(self._going))

    def answer(self, message: _Message) -> tuple[bytes, bool]:
        """What the client gets for a request, and whether the connection holds after it."""
        operation = message.header("x-amz-target").rpartition(".")[2]
        request = Request(next(self._numbers), operation, message.body)
        with self._gone:
            self._going.add(request.number)
        try:
            return self._answered(request, message)
        finally:
            with self._gone:
                self._going.discard(request.number)
                self._gone.notify_all()

    def _answered(self, request: Request, message: _Message) -> tuple[bytes, bool]:
        fault = self.plan(request) if self.plan else None
        self.requests += 1
        self.operations[request.operation] += 1
        if fault is None:
            return self._forward(message), True
        if isinstance(fault, Refusal):
            return _refused(fault), True
        self.counts[fault] += 1
        return self._mishap(fault, message)

    def _mishap(self, fault: Fault, message: _Message) -> tuple[bytes, bool]:
        if fault is Fault.LATE:
            thread = threading.Thread(target=self._forward_late, args=(message,))
            self._late.append(thread)
            thread.start()
        if fault in (Fault.LATE, Fault.DROP_REQUEST):
            return b"", False
        if fault is Fault.DELAY:
            self._ending.wait(self.pause)
        if fault is Fault.UNAVAILABLE:
            page = b"<html><body><h1>503 Service Unavailable</h1></body></html>"
            head = [("Content-Type", "text/html"), ("Content-Length", str(len(page)))]
            return _Message("HTTP/1.1 503 Service Unavailable", head, page).encoded(), True
        if fault in (Fault.THROTTLED, Fault.FAILED):
            return _refused(_THROTTLED if fault is Fault.THROTTLED else _FAILED), True
        if fault is Fault.TWICE:
            self._forward(message)
        answer = self._forward(message)
        if fault is Fault.HANG:
            self._ending.wait(self.pause)
        if fault is Fault.FAILED_AFTER:
            return _refused(_FAILED), True
        if fault is Fault.CUT_RESPONSE:
            return answer[: len(answer) - 20], False
        return (b"", False) if fault is Fault.DROP_RESPONSE else (answer, True)

    def _forward_late(self, message: _Message) -> None:
        self._delivering.wait(self.pause)
        with suppress(OSError, http.client.HTTPException):
            self._forward(message)

    def _forward(self, message: _Message) -> bytes:
        method, path, _version = message.start.split(" ", 2)
        connection = http.client.HTTPConnection(*self._upstream, timeout=_UPSTREAM_SECONDS)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for key, value in message.headers:
                connection.putheader(key, value)
            connection.endheaders(message.body)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        kept = [
            (key, value)
            for key, value in response.getheaders()
            if key.lower() not in ("connection", "content-length", "keep-alive", "transfer-encoding")
        ]
        start = f"HTTP/1.1 {response.status} {response.reason}"
        return _Message(start, [*kept, ("Content-Length", str(len(body)))], body).encoded()


def _refused(refusal: Refusal) -> bytes:
    body = json.dumps({"__type": _NAMESPACE + refusal.code, "message": refusal.message}).encode("ascii")
    head = [
        ("Content-Type", "application/x-amz-json-1.0"),
        ("x-amzn-RequestId", "LABFLEETPROXY"),
        ("Content-Length", str(len(body))),
    ]
    return _Message(f"HTTP/1.1 {refusal.status} {refusal.code}", head, body).encoded()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    proxy: Proxy


class _Handler(socketserver.StreamRequestHandler):
    """One connection of a client, with one request after the other."""

    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        with suppress(OSError):
            while message := self._read():
                try:
                    answer, holds = self.server.proxy.answer(message)
                except (OSError, http.client.HTTPException):
                    answer, holds = b"", False  # the server behind is gone: so is the connection
                self.wfile.write(answer)
                if not holds:
                    self._break()
                    return

    def _read(self) -> _Message | None:
        start = self.rfile.readline(_LONGEST_LINE).decode("latin-1").rstrip("\r\n")
        if not start:
            return None
        headers = []
        while line := (ended := self.rfile.readline(_LONGEST_LINE)).decode("latin-1").rstrip("\r\n"):
            key, _colon, value = line.partition(":")
            headers.append((key, value.strip()))
        length = int(_Message(start, headers, b"").header("content-length") or 0)
        body = self.rfile.read(length)
        # a client that was killed in the middle said nothing that a server ever gets whole
        return _Message(start, headers, body) if ended and len(body) == length else None

    def _break(self) -> None:
        """Close so that the client notices an error and no orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
