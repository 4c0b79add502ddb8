# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sshd says about a change of its drop-in, and whom it would lock out (private: no stable interface).

Nothing of the host is changed here: sshd judges a private copy of its configuration.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import read_file
from ansible_collections.labfleet.identity.plugins.module_utils._silence import Silence
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_config import (
    PASSWORD_SETTINGS,
    complaint,
    foreign_values,
    global_value,
    group_rules,
    key_file_rules,
    key_files,
    key_files_of,
    parse_passwd,
    parse_shadow,
    password_opens,
    reads_homes,
    staged_config,
    takes_passwords,
    words,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_ways import (
    check_who_connects,
    last_keys_of_others,
    members,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_config import Account
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_dropin import Host
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_key_files import KeyFilePlan

    Settings = dict[str, list[str]]

__all__ = ["Change", "check"]

_SSHD_DEFAULT = [".ssh/authorized_keys", ".ssh/authorized_keys2"]
_SHOWN_NAMES = 5
_KEY_RULES = ("authorizedkeysfile", "authorizedkeyscommand", "trustedusercakeys")  # which keys let somebody in


@dataclass(frozen=True)
class Change:
    """A drop-in as it will be, and the files of keys that it names."""

    path: str
    content: str | None  # None: there will be none
    differs: bool  # from what is there
    files: tuple[KeyFilePlan, ...]


def check(host: Host, config: str, change: Change) -> list[str]:
    """Ask sshd about a change.

    :param config: the text of the main configuration.
    :returns: sentences that the sysadmin should read.
    :raises IdentityError: sshd would refuse it, it would have no effect, or it would lock somebody out.
    """
    now = _settings(host, host.config)
    with tempfile.TemporaryDirectory(prefix="labfleet-sshd-") as scratch:
        for file in change.files:
            if file.changed and file.new is not None:
                _check_key_file(host, scratch, file.path, file.new)
        staged, then = host.config, now
        if change.differs:
            staged = _stage(scratch, config, change.path, change.content)
            then = _settings(host, staged)
        if isinstance(then, str):
            if isinstance(now, str):
                raise IdentityError("sshd refuses the configuration that this host has: %s; mend that first" % now)
            raise IdentityError(
                "sshd would refuse its configuration with %s: %s; nothing was changed" % (change.path, then)
            )
        if change.differs and change.content is not None:
            _check_revocations_count(host, config, change, then)
            _check_dropin(host, staged, change.path, change.content, now, then)
            _check_groups_have_their_rules(host, staged, change.path, change.content)
        # a configuration that is broken says nothing about today, and what mends it has to let people in as well
        today = staged if isinstance(now, str) else host.config
        warnings = check_who_connects(
            host, change.files, lambda name: _settings(host, today, name), lambda name: _settings(host, staged, name)
        )
    return warnings + last_keys_of_others(host, change.files, change.content, then)


def _check_key_file(host: Host, scratch: str, path: str, data: bytes) -> None:
    """Let OpenSSH of this host read the keys: one that it does not know would make it refuse everybody's."""
    lines = [line for line in data.decode().splitlines() if line and not line.startswith("#")]
    if not host.keygen or not lines:
        return
    copy = os.path.join(scratch, os.path.basename(path))
    _write_new(copy, data)
    code, out, err = host.run([host.keygen, "-l", "-E", "sha256", "-f", copy])
    os.unlink(copy)
    read = {field for line in out.splitlines() for field in line.split()[1:2]}
    for line in lines:
        fingerprint = parse_public_key(line, revoked=True).fingerprint
        if fingerprint not in read:
            raise IdentityError(
                "OpenSSH of this host cannot read the key %s for %s (%s), and sshd might refuse everybody because of"
                " it: leave it out here" % (fingerprint, path, complaint((code, out, err)) or line.split()[0])
            )


def _check_revocations_count(host: Host, config: str, change: Change, then: Settings) -> None:
    """Refuse a list of revoked keys beside another one: sshd reads one, and forgets the other in silence."""
    ours = global_value(change.content or "", "revokedkeys")
    if not ours:
        return
    for name, text in [(host.config, config), *_dropins(change.path)]:
        others = foreign_values(text, "revokedkeys", ours[0])
        if others[:1] == ["none"]:
            raise IdentityError(
                "%s has the line 'RevokedKeys none' in a Match, and for whom that holds sshd forgets the list of %s:"
                " remove that line" % (name, change.path)
            )
        if others:
            raise IdentityError(
                "%s revokes the keys in %s, and sshd reads one such list: put its keys into the one of %s (role"
                " variable ssh_access_revoked_keys) and remove that line" % (name, others[0], change.path)
            )
    if then.get("revokedkeys") != ours:
        raise IdentityError(
            "RevokedKeys in %s would have no effect: sshd takes '%s' from a line that it reads earlier; remove that"
            " line" % (change.path, " ".join(then.get("revokedkeys", [])))
        )


def _dropins(path: str) -> list[tuple[str, str]]:
    """The other files beside a drop-in, with their text."""
    directory = os.path.dirname(path)
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    files = [os.path.join(directory, name) for name in names if name != os.path.basename(path)]
    return [(name, _text(name)) for name in files if os.path.isfile(name) and not os.path.islink(name)]


def _check_dropin(host: Host, staged: str, path: str, content: str, now: Settings | str, then: Settings) -> None:
    """Refuse rules about key files that would have no effect, or too much."""
    everybody, matched = key_file_rules(content)
    if everybody is not None and then.get("authorizedkeysfile") != everybody:
        raise IdentityError(
            "AuthorizedKeysFile in %s would have no effect: sshd takes '%s' from a line that it reads earlier; "
            "remove that line" % (path, " ".join(then.get("authorizedkeysfile", [])))
        )
    if isinstance(now, str):  # a drop-in that is broken is mended by this; what sshd last read from it is not known
        now = {"authorizedkeysfile": _SSHD_DEFAULT, **{name: ["no"] for name in PASSWORD_SETTINGS}}
    old = now.get("authorizedkeysfile", [])
    if everybody is not None and not os.path.lexists(path) and reads_homes(everybody) and not reads_homes(old):
        raise IdentityError(
            "sshd of this host reads no keys from homes ('%s'), and with %s it would: leave those files out of its "
            "AuthorizedKeysFile (role variable ssh_access_authorized_keys_files)" % (" ".join(old), path)
        )
    rules = ([everybody] if everybody is not None else [old]) + matched
    always = [pattern for pattern in rules[0] if all(pattern in rule for rule in rules[1:])]
    _check_nobody_locked_out(host, staged, now, always)


def _check_groups_have_their_rules(host: Host, staged: str, path: str, content: str) -> None:
    """Refuse rules about keys that an earlier Match takes away from a member of the group that they are for."""
    earlier = [text for name, text in _dropins(path) if name < path]
    if not any(words(line)[:1] == ["match"] for text in earlier for line in text.splitlines()):
        return
    asked: set[str] = set()
    for groups, rules in group_rules(content):
        wanted = {keyword: rules[keyword] for keyword in _KEY_RULES if keyword in rules}
        there = members(groups).difference(asked) if wanted else ()
        for account in parse_passwd(_text(host.passwd)):
            if account.name not in there:
                continue
            asked.add(account.name)
            settings = _settings(host, staged, account.name)
            for keyword, value in wanted.items():
                if not isinstance(settings, str) and settings.get(keyword, value) != value:
                    raise IdentityError(
                        "%s of the group %s in %s would have no effect for %s: sshd takes '%s' from a Match that it"
                        " reads earlier; remove that line"
                        % (keyword, ",".join(sorted(groups)), path, account.name, " ".join(settings[keyword]))
                    )


def _check_nobody_locked_out(host: Host, staged: str, now: Settings, always: list[str]) -> None:
    """Refuse to take away the last way in of an account that has one now.

    :param always: the key files that sshd will read whoever the account is; who has one is not asked about further.
    """
    with_password = parse_shadow(_text(host.shadow)) if takes_passwords(now) else frozenset()
    silence = Silence()  # a key that is behind a dead file server lets nobody in, and nobody waits for it
    locked_out = []
    for account in parse_passwd(_text(host.passwd)):
        way = _way_in(account, now, with_password, silence)
        if not way or any(_is_file(name, silence) for name in key_files(always, account)):
            continue
        then = _settings(host, staged, account.name)
        if not isinstance(then, str) and _way_in(account, then, with_password, silence):
            continue
        # a file that sshd does not read from this user today is no way in, or any user could stop the run by making one
        today = _settings(host, host.config, account.name)
        if isinstance(today, str) or _way_in(account, today, with_password, silence):
            locked_out.append("%s (%s)" % (account.name, way))
    if locked_out:
        more = len(locked_out) - _SHOWN_NAMES
        raise IdentityError(
            "sshd would no longer let in %s%s: give these accounts keys in /etc/ssh/authorized_keys.d, or let sshd go "
            "on as it does (role variables ssh_access_authorized_keys_files and ssh_access_research_passwords)"
            % (", ".join(locked_out[:_SHOWN_NAMES]), " and %d more" % more if more > 0 else "")
        )


def _way_in(account: Account, settings: Settings, with_password: frozenset[str], silence: Silence) -> str:
    """How an account can log in: the first key file that is there, or a password; "" when it cannot."""
    for name in key_files_of(settings, account):
        if _is_file(name, silence):
            return name
    return "a password" if account.name in with_password and password_opens(account, settings) else ""


def _is_file(path: str, silence: Silence) -> bool:
    return not silence.of(path) and os.path.isfile(path)


def _text(path: str) -> str:
    return (read_file(path) or b"").decode(errors="surrogateescape")


def _settings(host: Host, config: str, user: str = "") -> Settings | str:
    """What sshd makes of a configuration (for one user, or before any Match), or its complaint."""
    command = [host.sshd, "-T", "-f", config]
    if user:
        command += ["-C", "user=%s,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22" % user]
    answer = host.run(command)
    if answer[0] != 0:
        return complaint(answer)
    settings: Settings = {}
    for line in answer[1].splitlines():
        keyword, _blank, rest = line.partition(" ")
        settings.setdefault(keyword.lower(), rest.split())
    return settings


def _stage(scratch: str, config: str, path: str, content: str | None) -> str:
    """Copy the configuration to a private directory, with the drop-in as it will be; the path of the copy."""
    directory = os.path.dirname(path)
    staged = os.path.join(scratch, "dropins")
    os.mkdir(staged, 0o700)
    for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
        source = os.path.join(directory, name)
        if name != os.path.basename(path) and os.path.isfile(source):
            with open(source, "rb") as handle:
                _write_new(os.path.join(staged, name), handle.read())
    if content is not None:
        _write_new(os.path.join(staged, os.path.basename(path)), content.encode())
    main = os.path.join(scratch, "sshd_config")
    _write_new(main, staged_config(config, directory, staged).encode(errors="surrogateescape"))
    return main


def _write_new(path: str, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
