# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With what an account can log in, and who would lose the last of it (private: no stable interface).

Files of keys in homes are read as root, following links as sshd does. Nothing of them is told but the fingerprints of
keys that are in the list of revoked ones anyway.
"""

from __future__ import annotations

import grp
import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import read_file
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._shell_keys import keys_in
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_config import (
    key_files_of,
    matched_groups,
    parse_passwd,
    parse_shadow,
    password_opens,
    takes_passwords,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_key_files import blobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import PublicKey
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_config import Account
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_dropin import Host
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_key_files import KeyFilePlan

    Settings = dict[str, list[str]]
    Ask = Callable[[str], "Settings | str"]

__all__ = ["check_who_connects", "last_keys_of_others", "members", "who_connects"]

_LARGEST_KEY_FILE = 1 << 20
_SHOWN = 5
_PRINCIPALS = ("authorizedprincipalsfile", "authorizedprincipalscommand")
_UNSET = "4294967295"


@dataclass(frozen=True)
class Ways:
    """With what an account can log in."""

    keys: dict[str, PublicKey]  # by their base64
    password: bool
    authorities: frozenset[str]  # keys that sign certificates for it
    principals: tuple[str, ...]  # what says which certificates those are


def who_connects(uid: int, sudo_user: str, passwd: str) -> list[Account]:
    """Whose login this run came in by: the user behind sudo, or the user it runs as.

    :param passwd: the text of /etc/passwd.
    """
    uids = {_login_uid()}
    names = {sudo_user}
    if not sudo_user and uids == {_UNSET}:
        uids = {str(uid)}
    return [account for account in parse_passwd(passwd) if account.name in names or account.uid in uids]


def _login_uid() -> str:
    try:
        with open("/proc/self/loginuid", encoding="ascii") as handle:
            return handle.read().strip()
    except OSError:
        return _UNSET


def check_who_connects(host: Host, files: Iterable[KeyFilePlan], today: Ask, then: Ask) -> list[str]:
    """Refuse to take the last way in from the user this run came in as.

    :param today: what sshd makes of its configuration for a user.
    :param then: the same, when the change is made.
    :returns: warnings about keys of that user which will be revoked while others stay.
    """
    warnings = []
    files = list(files)
    old = {file.path: file.old for file in files}
    new = {file.path: file.new for file in files}
    accounts = _connecting(host)
    with_password = parse_shadow(_text(host.shadow)) if accounts else frozenset()
    for account in accounts:
        settings, later = today(account.name), then(account.name)
        if isinstance(settings, str) or isinstance(later, str):
            continue
        had = _ways(account, settings, with_password, old)
        has = _ways(account, later, with_password, new)
        revoked = [had.keys[blob].fingerprint for blob in sorted(set(had.keys) & _revoked(later, new))]
        shown = ", ".join(revoked[:_SHOWN])
        certified = had.principals == has.principals and not had.authorities.isdisjoint(has.authorities)
        # that a host trusts a CA does not mean that this user holds a certificate
        lost = not (has.keys or has.password) if had.keys or had.password else bool(had.authorities) and not certified
        if lost:
            raise IdentityError(
                "this run came in as %s, and %s: give %s another key first, or run it as somebody else"
                % (account.name, _loss(had, shown), account.name)
            )
        if revoked:
            warnings.append(
                "of the keys of %s, as whom this run came in, %s will be revoked: be sure to hold one of the others"
                % (account.name, shown)
            )
    return warnings


def _connecting(host: Host) -> list[Account]:
    passwd = _text(host.passwd)
    if host.connecting is None:
        return who_connects(os.getuid(), os.environ.get("SUDO_USER", ""), passwd)
    return [account for account in parse_passwd(passwd) if account.name in host.connecting]


def _loss(had: Ways, revoked: str) -> str:
    """What takes the last way in away."""
    if revoked:
        return "the last key that lets them in is to be revoked (%s)" % revoked
    if had.keys or had.password:
        return "sshd would no longer take the key or password that lets them in"
    return "sshd would no longer take the certificates that let them in"


def last_keys_of_others(host: Host, files: Iterable[KeyFilePlan], content: str | None, settings: Settings) -> list[str]:
    """A warning that names the accounts whose last key is revoked now; research users need none, they have a roster."""
    files = list(files)
    new = {file.path: file.new for file in files}
    revoked = _revoked(settings, new)
    newly = revoked.difference(*(blobs(file.old) for file in files if file.setting == "revokedkeys"))
    if not newly:
        return []
    told = members(matched_groups(content or "")).union(account.name for account in _connecting(host))
    with_password = parse_shadow(_text(host.shadow)) if takes_passwords(settings) else frozenset()
    names = []
    for account in parse_passwd(_text(host.passwd)):
        has_password = account.name in with_password and password_opens(account, settings)
        if account.name not in told and not has_password:
            keys = set(_keys(account, settings))
            if keys and keys <= revoked and keys & newly:
                names.append(account.name)
    if not names:
        return []
    more = len(names) - _SHOWN
    return [
        "no key that is not revoked lets these accounts in any more: %s%s"
        % (", ".join(names[:_SHOWN]), " and %d more" % more if more > 0 else "")
    ]


def members(groups: Iterable[str]) -> frozenset[str]:
    """The names of the members of these groups."""
    found: set[str] = set()
    for name in groups:
        try:
            found.update(grp.getgrnam(name).gr_mem)
        except KeyError:  # there is nobody in a group that is not there
            continue
    return frozenset(found)


def _ways(account: Account, settings: Settings, with_password: frozenset[str], files: dict[str, bytes | None]) -> Ways:
    revoked = _revoked(settings, files)
    keys = {blob: key for blob, key in _keys(account, settings).items() if blob not in revoked}
    authorities = blobs(_content(settings, "trustedusercakeys", files)) - revoked
    return Ways(
        keys=keys,
        password=account.name in with_password and password_opens(account, settings),
        authorities=authorities,
        principals=tuple(" ".join(settings.get(name, ["none"])) for name in _PRINCIPALS) if authorities else (),
    )


def _revoked(settings: Settings, files: dict[str, bytes | None]) -> frozenset[str]:
    return blobs(_content(settings, "revokedkeys", files))


def _content(settings: Settings, name: str, files: dict[str, bytes | None]) -> bytes | None:
    """The file that a setting names, as it is or as it will be."""
    path = " ".join(settings.get(name, ["none"]))
    if path in files:
        return files[path]
    return None if path == "none" or not os.path.isfile(path) else _read(path)


def _keys(account: Account, settings: Settings) -> dict[str, PublicKey]:
    """The keys that let an account in, by their base64."""
    found: dict[str, PublicKey] = {}
    for path in key_files_of(settings, account):
        data = _read(path)
        if data is not None:
            found.update(keys_in(data.decode(errors="replace"), time.strftime("%Y%m%d%H%M%S", time.gmtime())))
    return found


def _read(path: str) -> bytes | None:
    """A file that may be a user's: nothing else is opened, never waited for, never more than an honest one has."""
    try:
        found = os.open(path, os.O_PATH | os.O_CLOEXEC)  # which no device takes notice of
    except OSError:
        return None
    handle = -1
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            return None
        handle = os.open("/proc/self/fd/%d" % found, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        return os.read(handle, _LARGEST_KEY_FILE)
    except OSError:
        return None
    finally:
        os.close(found)
        if handle >= 0:
            os.close(handle)


def _text(path: str) -> str:
    return (read_file(path) or b"").decode(errors="surrogateescape")
