# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing that is not as it should be, and the account that a check looks at (private, pure)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._audit._answers import HostAccount, HostAnswer
    from ansible_collections.labfleet.identity.plugins.module_utils._audit._expected import Expected, Owner, Should

__all__ = ["KINDS", "SEVERITIES", "Finding", "Subject"]

SEVERITIES = ("low", "medium", "high", "critical")
KINDS = (
    "duplicate_uid",
    "extra_account",
    "extra_groups",
    "home_owner",
    "key_file_open",
    "key_in_home",
    "missing_account",
    "missing_key",
    "not_looked_at",
    "number_of_somebody_else",
    "password_set",
    "privileged",
    "record_disagrees",
    "retired_or_disabled_can_enter",
    "revoked_key_present",
    "unknown_account",
    "unowned_files",
    "unregistered_key",
    "wrong_number",
)


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be: where, how bad, why, and the way out."""

    host: str
    account: str  # empty for the host itself, %NAME for a group
    kind: str
    severity: str
    text: str
    what_to_do: str

    def record(self) -> dict[str, str]:
        """As plain data."""
        return dict(asdict(self))


@dataclass(frozen=True)
class Subject:
    """An account of a host, with what is known of it."""

    answer: HostAnswer
    account: HostAccount
    expected: Expected
    admins: frozenset[str]

    @property
    def should(self) -> Should | None:
        """What the account should be, by its name or by one that its person had before."""
        return self.expected.should(self.answer.host, self.account.name)

    @property
    def owner(self) -> Owner | None:
        """Who has its number by the ledger."""
        return self.expected.owner(self.account.uid)

    @property
    def is_in_a_band(self) -> bool:
        """Whether its number is one that only the ledger gives."""
        bands = [*self.expected.uid_bands(), *self.expected.group_bands()]
        return any(self.account.uid in band for band in bands)

    @property
    def is_a_persons(self) -> bool:
        """Whether a person of the ledger has it, or the ledger alone decides who has it."""
        should = self.should
        return bool(should and should.profile) or self.is_in_a_band or self.account.owner.startswith("research:")

    def finding(self, kind: str, severity: str, text: str, what_to_do: str) -> Finding:
        """One about this account."""
        return Finding(self.answer.host, self.account.name, kind, severity, text, what_to_do)
