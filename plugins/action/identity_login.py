# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module identity_login."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._stamp import moment
from ansible_collections.labfleet.identity.plugins.module_utils._login._private_files import PrivateFiles
from ansible_collections.labfleet.identity.plugins.module_utils._login._provider import authorize_url, default_issuer
from ansible_collections.labfleet.identity.plugins.module_utils._login._session import (
    SESSION_SECONDS,
    mark_of_token,
    new_session,
)
from ansible_collections.labfleet.identity.plugins.module_utils._login._steps import answered, begin, complete
from ansible_collections.labfleet.identity.plugins.module_utils._login._urls import check_url, is_plain
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import ControllerAction

if TYPE_CHECKING:
    from typing import Any, ClassVar

    from ansible_collections.labfleet.identity.plugins.module_utils._login._session import Session

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["begun", "completed"], "required": True},
    "directory": {"type": "str", "required": True},
    "client_id": {"type": "str"},
    "client_secret": {"type": "str"},
    "auth_url": {"type": "str"},
    "redirect_uri": {"type": "str"},
    "orcid_provider": {"type": "str"},
    "orcid_claim": {"type": "bool", "default": False},
    "invitation": {"type": "str"},
    "session": {"type": "str"},
    "answer": {"type": "str"},
    "code": {"type": "str"},
    "returned_state": {"type": "str"},
    "timeout": {"type": "int", "default": 20},
}
_SECRETS = ("client_secret", "invitation", "answer", "code", "returned_state")
_OF_STEP = {
    "begun": ("client_id", "auth_url", "redirect_uri", "orcid_provider", "orcid_claim", "invitation"),
    "completed": ("session", "answer", "code", "returned_state"),
}
_LONGEST_TIMEOUT = 300
_LONGEST_ID = 255
_LONGEST_SECRET = 1024


class ActionModule(ControllerAction):
    """Send a person to a login provider, and find out who came back."""

    # no secret is ever part of a result or a message
    arguments: ClassVar[dict[str, Any]] = {
        **ARGUMENTS,
        **{name: {**ARGUMENTS[name], "no_log": True} for name in _SECRETS},
    }

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do one of the two steps, or only say that it would be done."""
        # empty text is what a survey passes on that was left empty
        given = {name: None if value == "" else value for name, value in arguments.items()}
        _check_options(given)
        if given["state"] == "begun":
            return self._begin(given)
        return self._complete(given)

    def _begin(self, given: dict[str, Any]) -> dict[str, Any]:
        session_id, session = _session(given)
        if self._task.check_mode:
            PrivateFiles.check(given["directory"])
            authorize_url(session)
            return {"changed": True}
        url = begin(given["directory"], session_id, session)
        return {"changed": True, "session": session_id, "url": url, "ends_at": moment(session.began + SESSION_SECONDS)}

    def _complete(self, given: dict[str, Any]) -> dict[str, Any]:
        now, secret = int(time.time()), given["client_secret"] or ""
        with contextlib.closing(PrivateFiles(given["directory"])) as files:
            session, answer = answered(
                files,
                given["session"],
                given["answer"] or "",
                given["code"] or "",
                given["returned_state"] or "",
                secret,
                now,
            )
            if self._task.check_mode:
                return {"changed": True}
            identity, forgotten = complete(files, given["session"], session, answer, secret, given["timeout"], now)
        result = {
            "changed": True,
            "session": given["session"],
            "issuer": identity.issuer,
            "subject": identity.subject,
            "identity_provider": identity.identity_provider,
            "identity_providers": list(identity.identity_providers),
            "orcid": identity.orcid,
            "email": identity.email,
            "verified_at": moment(identity.verified_at),
        }
        if not forgotten:
            told = f"The provider {identity.issuer} did not say that it forgot the tokens of this login."
            result["warnings"] = [f"{told} They are not kept here, and end by themselves."]
        return result


def _session(given: dict[str, Any]) -> tuple[str, Session]:
    """The login that is asked for, which begins now."""
    issuer = check_url("auth_url", given["auth_url"] or default_issuer()).rstrip("/")
    redirect_uri = check_url("redirect_uri", given["redirect_uri"] or f"{issuer}/v2/web/auth-code")
    for name in ("client_id", "orcid_provider"):
        if given[name] is not None and (not is_plain(given[name], _LONGEST_ID) or ":" in given[name]):
            raise IdentityError(f"The {name} is not an id: copy it from the provider, without blanks and colons.")
    return new_session(
        issuer,
        given["client_id"],
        redirect_uri,
        given["client_secret"] is not None,
        given["orcid_provider"] or "",
        given["orcid_claim"],
        mark_of_token(given["invitation"]) if given["invitation"] else "",
        int(time.time()),
    )


def _check_options(given: dict[str, Any]) -> None:
    """Refuse what would be ignored, and what is not complete."""
    state = given["state"]
    for name in _OF_STEP["completed" if state == "begun" else "begun"]:
        if given[name]:
            raise IdentityError(f"With state {state}, {name} says nothing: leave it out.")
    if not 0 < given["timeout"] <= _LONGEST_TIMEOUT:
        raise IdentityError(
            f"The timeout is not from 1 to {_LONGEST_TIMEOUT}: write the seconds to wait for an answer."
        )
    if given["client_secret"] is not None and not is_plain(given["client_secret"], _LONGEST_SECRET):
        raise IdentityError("The client_secret is not one that a provider gives: copy it again, or leave it out.")
    if state == "begun":
        if given["client_id"] is None:
            raise IdentityError("A login needs a client_id: give that of your registration at the provider.")
        return
    if given["session"] is None:
        raise IdentityError("To complete a login its session is needed: give the one that it began with.")
    parts = [given["code"], given["returned_state"]]
    if (given["answer"] is None) == (None in parts) or (given["answer"] is not None and parts != [None, None]):
        raise IdentityError(
            "To complete a login its answer is needed: give the whole address that the browser ended on as answer, or"
            " code and returned_state out of it."
        )
