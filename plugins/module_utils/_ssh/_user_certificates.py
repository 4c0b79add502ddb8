# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates the keys of people may have (private, pure; runs on the controller).

A certificate allows no more than the key's own entry does: what cannot be said in a certificate is not signed.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._host_accounts import host_accounts
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_profile_id, quoted
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import parse_key_entry
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_options import parse_moment
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

__all__ = ["user_certificates"]

LONGEST = datetime.timedelta(days=31)
EARLY = datetime.timedelta(minutes=5)  # clocks differ
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_MOMENT = "%Y-%m-%dT%H:%M:%S"
# what a key may do, in the words of authorized_keys as data, and those of a certificate
_PERMITS = {
    "agent_forwarding": "permit-agent-forwarding",
    "port_forwarding": "permit-port-forwarding",
    "pty": "permit-pty",
    "user_rc": "permit-user-rc",
    "x11_forwarding": "permit-x11-forwarding",
}
_UNSPEAKABLE = ("permit_open", "permit_listen", "verify_required")


def user_certificates(
    now: datetime.datetime,
    identities: Any,
    profile: Any,
    select: Any = "all",
    valid_for: Any = "12h",
    revoked_keys: Any = None,
    forbid: Any = None,
) -> dict[str, Any]:
    """The certificates to sign, and why the other keys get none.

    :param now: the moment, in UTC.
    :param identities: as uid_allocation returns them, so with the word of the ledger about who is kept out.
    :param profile: the lab whose hosts they open.
    :param select: usernames and @groups, or C(all); nobody else gets a certificate, and nobody else loses one.
    :param valid_for: minutes, hours or days, such as C(12h).
    :param revoked_keys: public key lines that get none.
    :param forbid: what no certificate allows, of ``agent_forwarding``, ``port_forwarding`` and so on.
    :returns: ``certificates``, ``refused`` and ``current``, the paths that may be there.
    :raises IdentityError: names what is wrong with an argument.
    """
    check_profile_id(profile)
    duration = _duration(valid_for)
    refused_keys = {parse_public_key(line, revoked=True).blob for line in revoked_keys or []}
    forbidden = _forbidden(forbid)
    serial = int(now.timestamp() * 1_000_000)
    certificates: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    current: list[str] = []
    for account in host_accounts(identities, select):
        name = account["name"]
        if account.get("state", "present") != "present":
            refused.append({"username": name, "key": "", "reason": "the account is %s" % account["state"]})
            continue
        for raw in account.get("keys") or []:
            entry = parse_key_entry(raw)
            data = raw if isinstance(raw, dict) else {}
            path = "%s/%s/%s" % (profile, name, _file_name(entry.key.type, entry.key.blob))
            ends, reason = _end(data, account, now, duration)
            if entry.key.blob in refused_keys:
                reason = "the key is revoked"
            options = _options(data, forbidden) if not reason else []
            if isinstance(options, str):
                reason = options
            if reason:
                refused.append({"username": name, "key": entry.key.fingerprint, "reason": reason})
                continue
            current += [path + ".pub", path + "-cert.pub"]
            if account.get("selected", True):
                certificates.append(
                    {
                        "username": name,
                        "key": entry.key.line,
                        "fingerprint": entry.key.fingerprint,
                        "path": path,
                        "principals": ["%s:%s" % (profile, name)],
                        "identifier": "%s:%s" % (profile, name),
                        "serial": serial + len(certificates),
                        "options": options,
                        "valid_from": (now - EARLY).strftime(_MOMENT),
                        "valid_to": ends.strftime(_MOMENT),
                        # one that ends before this is signed anew
                        "valid_at": (now + (ends - now) / 2).strftime(_MOMENT),
                    }
                )
    return {"certificates": certificates, "refused": refused, "current": current}


def _duration(text: Any) -> datetime.timedelta:
    good = isinstance(text, str) and text[:-1].isascii() and text[:-1].isdigit() and text[-1:] in _UNITS
    duration = datetime.timedelta(**{_UNITS[text[-1]]: int(text[:-1][:9])}) if good else datetime.timedelta()
    if not datetime.timedelta() < duration <= LONGEST:
        raise IdentityError(
            "a certificate cannot be valid for %s: write minutes, hours or days such as 12h, at most %d days; nobody"
            " can call one back from a host that was not told" % (quoted(text), LONGEST.days)
        )
    return duration


def _forbidden(forbid: Any) -> frozenset[str]:
    names = [] if forbid is None else forbid
    if not isinstance(names, list) or not all(name in _PERMITS for name in names):
        raise IdentityError(
            "%s is no list of what a certificate can forbid: write some of %s" % (quoted(forbid), ", ".join(_PERMITS))
        )
    return frozenset(names)


def _file_name(key_type: str, blob: str) -> str:
    kind = key_type.split("@")[0].replace("ssh-", "").replace("ecdsa-sha2-", "ecdsa-")
    return "%s-%s" % (kind, hashlib.sha256(blob.encode("ascii")).hexdigest()[:12])


def _end(
    data: Mapping[str, Any], account: Mapping[str, Any], now: datetime.datetime, duration: datetime.timedelta
) -> tuple[datetime.datetime, str]:
    """When a certificate ends: no later than its key and the account do; and why there can be none."""
    ends, reason = now + duration, ""
    for what, value in (("key", data.get("expires")), ("account", account.get("expires"))):
        if value not in (None, "never"):
            moment = parse_moment("expires", value)
            ends = min(ends, moment)
            if moment <= now:
                reason = reason or "the %s has expired" % what
    return ends, reason


def _options(data: Mapping[str, Any], forbidden: Iterable[str]) -> list[str] | str:
    """The options of a certificate that allows what its key may do, or why there is none."""
    for name in _UNSPEAKABLE:
        if data.get(name):
            return "a certificate cannot say its %s" % name
    usual = not data.get("restrict", False)
    allowed = [name for name in _PERMITS if data.get(name, usual) and name not in forbidden]
    options = ["clear", *(_PERMITS[name] for name in allowed)]
    if data.get("command"):
        options.append("force-command=%s" % data["command"])
    if data.get("from"):
        for address in data["from"]:
            try:
                ipaddress.ip_network(address)
            except ValueError:
                return "a certificate can say addresses and networks, not the pattern %s" % address
        options.append("source-address=%s" % ",".join(data["from"]))
    return options
