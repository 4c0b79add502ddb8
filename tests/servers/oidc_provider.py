# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OpenID Connect provider with the addresses and claims of Globus Auth, and a browser for those who log in there."""

from __future__ import annotations

import html.parser
import json
import os
import tempfile
import urllib.parse
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from .node import installed
from .process import ServerError, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

REDIRECT_PATH = "/v2/web/auth-code"  # the page of Globus Auth that shows people their code
_PROGRAM = Path(__file__).resolve().parent / "oidc" / "provider.mjs"
_MOST_PAGES = 12
_SECONDS = 20


@contextmanager
def identity_provider(people: Mapping[str, Mapping[str, Any]], clients: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The issuer of a new provider.

    :param people: their claims by their subject, with which they log in.
    :param clients: as oidc-provider has them, without redirect_uris, which are C(REDIRECT_PATH) at the provider.
    """
    packages = installed("oidc")
    with tempfile.TemporaryDirectory(prefix="labfleet-oidc-") as directory:
        configuration = Path(directory) / "configuration.json"

        def command_at(port: int) -> list[str]:
            page = f"http://127.0.0.1:{port}{REDIRECT_PATH}"
            known = [{**client, "redirect_uris": [page], "application_type": "native"} for client in clients]
            configuration.write_text(json.dumps({"people": people, "clients": known}))
            return ["node", str(_PROGRAM), str(packages), str(configuration), str(port)]

        with serving("oidc", command_at, {"PATH": os.environ["PATH"]}) as port:
            yield f"http://127.0.0.1:{port}"


def log_in(url: str, subject: str) -> str:
    """Go to an address as a person does, log in, agree, and return the address of the page that it ends on."""
    with requests.Session() as browser:
        browser.trust_env = False
        answer = browser.get(url, allow_redirects=False, timeout=_SECONDS)
        for _page in range(_MOST_PAGES):
            target = urllib.parse.urljoin(answer.url, answer.headers.get("Location", ""))
            if urllib.parse.urlsplit(target).path == REDIRECT_PATH:
                return target
            if answer.is_redirect:
                answer = browser.get(target, allow_redirects=False, timeout=_SECONDS)
                continue
            form = _Form(answer.text)
            if answer.status_code != requests.codes.ok or not form.action:
                raise ServerError(f"The provider shows no form, but {answer.status_code}: {answer.text[:300]}")
            fields = {**form.fields, "login": subject, "password": "any"}
            action = urllib.parse.urljoin(answer.url, form.action)
            answer = browser.post(action, data=fields, allow_redirects=False, timeout=_SECONDS)
    raise ServerError(f"The login of {subject} does not come to its end.")


class _Form(html.parser.HTMLParser):
    """The one form on a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = found.get("action", "")
        elif tag == "input" and found.get("name"):
            self.fields[found["name"]] = found.get("value", "")
