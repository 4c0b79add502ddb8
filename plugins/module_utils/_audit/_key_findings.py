# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that nobody registered, that are revoked, or that are where they should not be (private, pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._audit._finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.labfleet.identity.plugins.module_utils._audit._answers import HostAnswer, KeyFile
    from ansible_collections.labfleet.identity.plugins.module_utils._audit._expected import Expected
    from ansible_collections.labfleet.identity.plugins.module_utils._audit._finding import Subject

__all__ = ["key_findings", "stray_key_findings"]

_SITE = "run the playbook site for this host"
_FIRST_SEEN = "find out whose key it is and who put it there"


def key_findings(subject: Subject) -> Iterator[Finding]:
    """Everything about the keys of one account."""
    file = subject.account.key_file
    if file is not None:
        yield from _central(subject, file)
    yield from _not_there(subject, file)
    for file in subject.account.home_key_files:
        yield from _in_home(subject, file)


def _central(subject: Subject, file: KeyFile) -> Iterator[Finding]:
    """The file that root keeps."""
    account, should = subject.account, subject.should
    path = f"/etc/ssh/authorized_keys.d/{account.name}"
    if file.writable_by:
        text = f"{path} can be changed by others than root ({file.writable_by})"
        yield subject.finding("key_file_open", "high", text, f"{_SITE}, and look for keys that were added")
    wanted = should.keys if should is not None and should.may_enter else frozenset()
    unmanaged = should is not None and should.may_enter and should.keys is None
    # of those who are to get in nowhere a roster need not know the keys
    is_out = subject.is_a_persons and (should is None or (not should.may_enter and not should.keys))
    for key in file.keys:
        if key.fingerprint in subject.expected.revoked:
            text = f"{path} has the key {key}, which is revoked"
            yield subject.finding("revoked_key_present", "high", text, f"{_SITE}; a revoked key must work nowhere")
            continue
        if wanted is not None and key.fingerprint in wanted:
            continue
        whose = subject.expected.keys.get(key.fingerprint, "")
        is_own = should is not None and whose == f"{should.name} ({should.profile})"
        if whose and not is_own:
            text = f"{path} has the key {key} of {whose}"
            yield subject.finding("unregistered_key", "high", text, f"{_FIRST_SEEN}; then {_SITE}")
        elif is_own or is_out:
            continue  # told of with the way in, or with the account that should not be here
        elif unmanaged or not subject.is_a_persons:
            text = f"{path} has the key {key}, of which the roster and the variables say nothing"
            yield subject.finding("unregistered_key", "low", text, "write it down where the account is, or remove it")
        else:
            text = f"{path} has the key {key}, which nobody registered"
            yield subject.finding("unregistered_key", "high", text, f"{_FIRST_SEEN}; then {_SITE}")


def _not_there(subject: Subject, file: KeyFile | None) -> Iterator[Finding]:
    """Keys with which somebody should get in and does not."""
    account, should = subject.account, subject.should
    if should is None or not should.profile or not should.may_enter or (file is not None and file.unseen):
        return
    count = len((should.keys or frozenset()) - {key.fingerprint for key in (file.keys if file is not None else ())})
    if count:
        text = f"{count} of the keys of {account.name} {'is' if count == 1 else 'are'} not on the host"
        yield subject.finding("missing_key", "low", text, _SITE)


def _in_home(subject: Subject, file: KeyFile) -> Iterator[Finding]:
    """A file in the home, which its user writes."""
    account, should = subject.account, subject.should
    path = f"{account.home}/{file.name}"
    is_read = file.name in account.sshd.home_keys and not account.expired
    works = "it lets in" if is_read else "sshd does not read it"
    registered = should.keys if should is not None and should.keys is not None else frozenset()
    for key in file.keys:
        if key.fingerprint in subject.expected.revoked:
            severity = "high" if is_read else "low"
            text = f"{path} has the key {key}, which is revoked; {works}"
            yield subject.finding("revoked_key_present", severity, text, f"remove it from {path}")
        elif subject.is_a_persons and key.fingerprint not in registered:
            whose = subject.expected.keys.get(key.fingerprint)
            severity = "high" if is_read else "low"
            text = f"{path} has the key {key}{f' of {whose}' if whose else ''}; {works}"
            way_out = "register the key in the roster, and let sshd read no keys from homes (role ssh_access)"
            yield subject.finding("key_in_home", severity, text, way_out)
    if subject.is_a_persons and (file.unseen or file.problem) and is_read:
        text = f"{path} was not read whole ({file.problem or f'{file.unseen} more keys'}); {works}"
        yield subject.finding("key_in_home", "medium", text, f"look at {path} on the host")


def stray_key_findings(answer: HostAnswer, expected: Expected) -> Iterator[Finding]:
    """Key files of names that no account has: they let in whoever gets the name."""
    for file in answer.key_files_of_nobody:
        path = f"/etc/ssh/authorized_keys.d/{file.name}"
        revoked = [key for key in file.keys if key.fingerprint in expected.revoked]
        keys = ", ".join(str(key) for key in file.keys[:2]) or "no keys"
        kind = "revoked_key_present" if revoked else "unregistered_key"
        text = f"{path} is there ({keys}), but no account {file.name}"
        yield Finding(answer.host, file.name, kind, "medium", text, f"remove {path}")
