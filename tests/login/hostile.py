# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider that says what a test wants it to say, also what no honest one would."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import ssl
import threading
import time
import urllib.parse
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    Change = Callable[["Hostile"], None]

ACCESS_TOKEN = "CANARY-access-token-51c8"
REFRESH_TOKEN = "CANARY-refresh-token-9d02"
OTHER_TOKEN = "CANARY-other-token-77aa"
CLIENT = "a-public-client"
RSA = rsa.generate_private_key(65537, 2048)
ANOTHER_RSA = rsa.generate_private_key(65537, 2048)
SMALL_RSA = rsa.generate_private_key(65537, 1024)
P256 = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()


def public_jwk(key: Any, **more: Any) -> dict[str, Any]:
    """The public half of a key as JWK."""
    algorithms: dict[type, Any] = {
        rsa.RSAPublicKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePublicKey: jwt.algorithms.ECAlgorithm,
        ed25519.Ed25519PublicKey: jwt.algorithms.OKPAlgorithm,
    }
    public = key.public_key()
    (algorithm,) = [found for kind, found in algorithms.items() if isinstance(public, kind)]
    jwk: dict[str, Any] = algorithm.to_jwk(public, as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, **more}


def at_hash(access_token: str, name: str) -> str:
    """The claim that binds an id_token to an access token."""
    digest = hashlib.new(name, access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")


def encoded(part: bytes) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


@dataclass
class Reply:
    """An answer to one kind of request."""

    body: bytes | None = None  # None for the one of an honest provider
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    pause: float = 0
    drip: float = 0  # seconds between two bytes


class Hostile:
    """What a provider says; as it is made, it is an honest one like Globus Auth, whose key has no id."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        now = int(time.time())
        self.claims: dict[str, Any] = {
            "iss": issuer,
            "aud": CLIENT,
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "nonce": "",
            "at_hash": at_hash(ACCESS_TOKEN, "sha512"),
            "identity_provider": "university",
        }
        self.header: dict[str, Any] = {}
        self.algorithm: str = "RS512"
        self.key: Any = RSA
        self.jwks: dict[str, Any] = {"keys": [public_jwk(RSA, alg="RS512", use="sig")]}
        self.configuration: dict[str, Any] = {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/jwk.json",
            "revocation_endpoint": f"{issuer}/v2/oauth2/token/revoke",
        }
        self.id_token: Any = None  # in place of the one that is signed
        self.tokens: dict[str, Any] = {
            "access_token": ACCESS_TOKEN,
            "refresh_token": REFRESH_TOKEN,
            "token_type": "Bearer",
            "other_tokens": [{"access_token": OTHER_TOKEN}],
        }
        self.user: dict[str, Any] = {
            "sub": "subject-1",
            "email": "person@uni.example",
            "identity_provider": "university",
            "identity_set": [{"sub": "subject-1", "identity_provider": "university", "username": "person@uni.example"}],
        }
        self.replies: dict[str, Reply] = {}
        self.requests: list[tuple[str, dict[str, str], str]] = []  # path, form, Authorization

    def signed(self) -> Any:
        """The id_token."""
        if self.id_token is not None:
            return self.id_token
        return jwt.encode(self.claims, self.key, algorithm=self.algorithm, headers=self.header)

    def answer(self, path: str) -> Any:
        """What an honest provider with these keys and claims answers."""
        if path == "/.well-known/openid-configuration":
            return self.configuration
        if path == "/jwk.json":
            return self.jwks
        if path == "/v2/oauth2/token":
            id_token = self.signed()
            return {**self.tokens, **({} if id_token == "" else {"id_token": id_token})}
        return self.user if path == "/v2/oauth2/userinfo" else {}

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, in their order."""
        return [path for path, _form, _authorization in self.requests]

    @property
    def revoked(self) -> set[str]:
        """The tokens that it was told to forget."""
        return {form["token"] for path, form, _authorization in self.requests if path.endswith("/revoke")}


@contextmanager
def hostile(certificate: tuple[Path, Path] | None = None) -> Iterator[Hostile]:
    """A provider of this process on loopback, over TLS when it has a certificate and its key."""
    said: list[Hostile] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(said[0])

        def do_POST(self) -> None:
            self._answer(said[0])

        def _answer(self, provider: Hostile) -> None:
            path = urllib.parse.urlsplit(self.path).path
            form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            authorization = self.headers.get("Authorization") or ""
            provider.requests.append((path, dict(urllib.parse.parse_qsl(form)), authorization))
            reply = provider.replies.get(path, Reply())
            body = json.dumps(provider.answer(path)).encode() if reply.body is None else reply.body
            time.sleep(reply.pause)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if not reply.drip:
                    self.wfile.write(body)
                    return
                for position in range(len(body)):
                    self.wfile.write(body[position : position + 1])
                    time.sleep(reply.drip)
            except OSError:
                self.close_connection = True  # who asked went away

        def log_message(self, *_message: Any) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_request: Any) -> None:
            """Say nothing of those who went away."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        said.append(Hostile(f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield said[0]
        finally:
            server.shutdown()
            thread.join()
