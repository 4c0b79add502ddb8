# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lets somebody in: a public key and what sshd is to make of it, given as data (private, pure)."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import (
    MAXIMUM_LINE,
    PublicKey,
    parse_public_key,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["KeyEntry", "parse_key_entry"]


@dataclass(frozen=True)
class KeyEntry:
    """One key with its options in their canonical text, empty for none."""

    key: PublicKey
    options: str = ""

    @property
    def line(self) -> str:
        """The canonical authorized_keys line, without a newline."""
        return "%s %s" % (self.options, self.key.line) if self.options else self.key.line

    def as_data(self) -> str | dict[str, Any]:
        """The shortest raw form, which :func:`parse_key_entry` reads as the same entry."""
        if not self.options:
            return self.key.line
        # only an entry with options pays for this import
        from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_options import option_data

        return {"key": self.key.line, **option_data(self.options)}


def parse_key_entry(raw: Any, revoked: bool = False) -> KeyEntry:
    """Read one key as a person or a roster gives it.

    :param raw: a public key line, or a mapping of ``key`` and options (:mod:`_key_options` says which).
    :param revoked: of a key that is to let nobody in, see :func:`parse_public_key`.
    :raises IdentityError: no key that may be used, an unknown option, or a value that sshd could read as another.
    """
    if not isinstance(raw, dict):
        return KeyEntry(parse_public_key(raw, revoked))
    options = {name: value for name, value in raw.items() if value is not None}
    if "key" not in options:
        raise IdentityError("a key with options has no key: give the public key line as 'key'")
    key = parse_public_key(options.pop("key"), revoked)
    if not options:
        return KeyEntry(key)
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_options import option_text

    entry = KeyEntry(key, option_text(options, key.type))
    if len(entry.line) > MAXIMUM_LINE:
        raise IdentityError(
            "SSH public key %s is with its options longer than the %d characters sshd reads: give fewer"
            % (key.fingerprint, MAXIMUM_LINE)
        )
    return entry
