# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to an OpenID Connect provider with Globus Auth's addresses (private; runs on the controller).

Everything goes through globus_sdk, whose transport is narrowed here: one attempt, since a code is used once; no
redirect, since a secret is meant for one server; certificates are checked whatever the environment says; an answer has
an end in time and in size.
"""

from __future__ import annotations

import io
import sys
import threading
from typing import TYPE_CHECKING, TypeVar

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._login._json import json_object
from ansible_collections.labfleet.identity.plugins.module_utils._login._urls import check_url, is_plain, same_origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._login._session import Session

__all__ = ["Provider", "authorize_url", "default_issuer", "sdk_of"]

LARGEST_ANSWER = 262144
SCOPES = ("openid", "profile", "email", "urn:globus:auth:scope:auth.globus.org:view_identity_set")
_LONGEST_TOKEN = 16384
_ERROR_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz_")
_T = TypeVar("_T")


def sdk_of() -> Any:
    """The library globus_sdk."""
    try:
        import globus_sdk
        import globus_sdk.transport

        _here = globus_sdk.transport.RetryConfig  # came with version 4
    except (ImportError, AttributeError):
        raise IdentityError(
            f"A login needs the Python library globus-sdk 4 or newer, which {sys.executable} does not find: install"
            " globus-sdk for it."
        ) from None
    return globus_sdk


def default_issuer() -> str:
    """Globus Auth, or what the environment of globus_sdk has in its place."""
    try:
        return str(sdk_of().config.get_service_url("auth")).rstrip("/")
    except ValueError:
        raise IdentityError(
            "The variable GLOBUS_SDK_ENVIRONMENT names no environment of Globus: correct or unset it, or give auth_url."
        ) from None


def authorize_url(session: Session) -> str:
    """The address at which the person logs in."""
    import base64
    import hashlib

    sdk = sdk_of()
    more = {"nonce": session.nonce}
    with _client(sdk, session, "", 1.0) as client:
        if session.has_secret:
            # the SDK has PKCE for public clients alone, and this one shall have it as well
            digest = hashlib.sha256(session.verifier.encode()).digest()
            more["code_challenge"] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            more["code_challenge_method"] = "S256"
            client.oauth2_start_flow(session.redirect_uri, list(SCOPES), state=session.state)
        else:
            client.oauth2_start_flow(
                list(SCOPES), redirect_uri=session.redirect_uri, state=session.state, verifier=session.verifier
            )
        return str(client.oauth2_get_authorize_url(query_params=more))


class Provider:
    """A provider, asked for one login."""

    def __init__(self, session: Session, client_secret: str, timeout: float) -> None:
        self._sdk = sdk_of()
        self._session = session
        self._timeout = timeout
        self._client = _client(self._sdk, session, client_secret, timeout)
        self._issuer = session.issuer
        self._can_revoke = False
        self.names_itself = False  # in the answer that the person brings back (RFC 9207)

    def keys(self) -> dict[str, Any]:
        """The public keys of the provider, which has to be the one that was asked for."""
        about = self._ask(lambda: self._client.get("/.well-known/openid-configuration", automatic_authorization=False))
        if about.get("issuer") != self._issuer:
            raise IdentityError(
                f"The server at {self._issuer} says that it is another issuer, so it is not asked anything: correct"
                " auth_url."
            )
        address = about.get("jwks_uri")
        if not isinstance(address, str) or not same_origin(check_url("jwks_uri", address), self._issuer):
            raise IdentityError(
                f"The provider {self._issuer} has its public keys on another server, which is not believed."
            )
        self._can_revoke = isinstance(about.get("revocation_endpoint"), str)
        self.names_itself = about.get("authorization_response_iss_parameter_supported") is True
        return self._ask(lambda: self._client.get(address, automatic_authorization=False))

    def exchange(self, code: str) -> dict[str, Any]:
        """The tokens for a code, to which the verifier of the login belongs."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": self._session.verifier,
            "redirect_uri": self._session.redirect_uri,
        }
        if not self._session.has_secret:
            form["client_id"] = self._session.client_id
        found = self._ask(lambda: self._client.oauth2_token(form, response_class=self._sdk.GlobusHTTPResponse))
        if not is_plain(found.get("access_token"), _LONGEST_TOKEN) or str(found.get("token_type")).lower() != "bearer":
            raise IdentityError(
                f"The provider {self._issuer} gave no access token for the code: begin the login again."
            )
        return found

    def user(self, access_token: str) -> dict[str, Any]:
        """What the provider says about the person."""
        authorizer = self._sdk.AccessTokenAuthorizer(access_token)
        client = self._sdk.AuthClient(
            base_url=self._issuer,
            authorizer=authorizer,
            transport=self._client.transport,
            retry_config=_once(self._sdk),
        )
        return self._ask(client.userinfo)

    def revoke(self, tokens: dict[str, Any]) -> bool:
        """Have the provider forget the tokens; false when it could not be reached for that."""
        others = tokens.get("other_tokens")
        found = [tokens, *(others if isinstance(others, list) else [])]
        ended = True
        for one in found:
            for kind in ("refresh_token", "access_token"):
                token = one.get(kind) if isinstance(one, dict) else None
                if self._can_revoke and isinstance(token, str):
                    ended = self._revoked(token) and ended
        return ended

    def _revoked(self, token: str) -> bool:
        try:
            self._ask(lambda: self._client.oauth2_revoke_token(token), empty=True)
        except IdentityError:
            return False
        return True

    def _ask(self, call: Callable[[], Any], empty: bool = False) -> dict[str, Any]:
        """The JSON object that a request is answered with; with empty, whatever it is answered with."""
        import requests
        import urllib3

        try:
            response = _in_time(call, 2 * self._timeout)
        except self._sdk.GlobusAPIError as error:
            raise self._refused(error) from None
        except (self._sdk.GlobusTimeoutError, urllib3.exceptions.ReadTimeoutError, _TooLateError):
            raise IdentityError(
                f"The provider {self._issuer} did not answer within {self._timeout:g} s: try again later."
            ) from None
        except (self._sdk.NetworkError, urllib3.exceptions.HTTPError) as error:
            if isinstance(getattr(error, "underlying_exception", None), requests.exceptions.SSLError):
                raise IdentityError(
                    f"The certificate of the provider {self._issuer} is not one that this controller trusts, so nothing"
                    " was sent: see that auth_url is right."
                ) from None
            raise IdentityError(
                f"The provider {self._issuer} cannot be reached, or ended the connection: try again later."
            ) from None
        try:
            return {} if empty else json_object(response.binary_content)
        except ValueError:
            raise IdentityError(
                f"The provider {self._issuer} answered with something that is not JSON: see that auth_url is right."
            ) from None

    def _refused(self, error: Any) -> IdentityError:
        try:
            name = json_object(error.binary_content).get("error")
        except ValueError:
            name = None
        if not isinstance(name, str) or not 0 < len(name) <= 40 or not _ERROR_LETTERS.issuperset(name):
            name = f"HTTP status {error.http_status}"
        if name == "invalid_grant":
            return IdentityError(
                f"The provider {self._issuer} refuses the code (invalid_grant): it was used, is too old, or belongs to"
                " another login. Begin the login again."
            )
        if name in ("invalid_client", "unauthorized_client"):
            return IdentityError(
                f"The provider {self._issuer} does not know the client ({name}): see that client_id and client_secret"
                " are those of your registration, then begin the login again."
            )
        return IdentityError(f"The provider {self._issuer} refused a request ({name}): begin the login again.")


class _TooLateError(Exception):
    """An answer that does not come to its end."""


def _in_time(call: Callable[[], _T], seconds: float) -> _T:
    """The result of a call that is given up after some time, however slowly the other side goes on to send."""
    done: list[_T] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            done.append(call())
        except BaseException as failure:  # raised below, by whoever waits
            failed.append(failure)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise _TooLateError
    return done[0]


def _once(sdk: Any) -> Any:
    return sdk.transport.RetryConfig(max_retries=0)


def _client(sdk: Any, session: Session, client_secret: str, timeout: float) -> Any:
    common = {"base_url": session.issuer, "transport": _transport(timeout), "retry_config": _once(sdk)}
    if session.has_secret:
        return sdk.ConfidentialAppAuthClient(session.client_id, client_secret, **common)
    return sdk.NativeAppAuthClient(session.client_id, **common)


def _transport(timeout: float) -> Any:
    from globus_sdk.transport import RequestsTransport

    class Narrow(RequestsTransport):
        """A transport that stays with one server, and stops reading."""

        def request(self, method: str, url: str, **more: Any) -> Any:
            more.update(allow_redirects=False, stream=True)
            response = super().request(method, url, **more)
            with response:
                if 300 <= response.status_code < 400:
                    raise IdentityError(
                        f"The provider {url.split('?')[0]} wants to send the request elsewhere, which is not followed:"
                        " see that auth_url is right."
                    )
                body = response.raw.read(LARGEST_ANSWER + 1, decode_content=False)
            if len(body) > LARGEST_ANSWER:
                raise IdentityError(f"The provider {url.split('?')[0]} answered with more than {LARGEST_ANSWER} bytes.")
            response.raw = io.BytesIO(body)
            return response

    return Narrow(verify_ssl=True, http_timeout=timeout)
