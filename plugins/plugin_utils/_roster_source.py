# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a roster comes from: data, a file, or a directory of files (private: no stable interface).

A directory is for people from two places: what sysadmins write, and what programs write when invitations are accepted.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._roster import parse_roster, parse_rosters
from ansible_collections.labfleet.identity.plugins.module_utils._roster_file import read_roster_text
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import file_mark

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster

__all__ = ["RosterSource"]

ENDINGS = (".json", ".yaml", ".yml")


class RosterSource:
    """A roster as a task gives it, not yet read."""

    def __init__(self, given: Any, what: str = "roster", may_be_empty: bool = False) -> None:
        """:param given: the people, or the path of a file or a directory with them; nothing for nobody.

        :param may_be_empty: whether a directory without rosters is nobody, and not a mistake.
        :raises IdentityError: there is neither a file nor a directory with rosters at the path.
        """
        self._given = plain(given)
        self._what = what
        self._path = os.path.abspath(os.path.expanduser(self._given)) if isinstance(self._given, str) else ""
        self._files = self._found(may_be_empty) if self._path else []

    @property
    def mark(self) -> Any:
        """What changes when the roster may have changed."""
        # as text: YAML makes keys of dates, which JSON has not
        return [[path, file_mark(path)] for path in self._files] if self._path else repr(self._given)

    def read(self, loader: Any) -> Roster:
        """The people.

        :param loader: the loader of Ansible, which decrypts a file that ansible-vault encrypted. The text of a file is
            data and never a template.
        :raises IdentityError: names every entry that cannot be accepted, and the file that it is in.
        """
        if not self._path:
            return parse_roster(self._given)
        read = self.data(loader)
        return parse_rosters(read) if self._files != [self._path] else parse_roster(*read.values())

    def data(self, loader: Any) -> dict[str, Any]:
        """What is in each file, by its name."""
        return {
            os.path.basename(path): read_roster_text(plain(loader.get_text_file_contents(path)), path)
            for path in self._files
        }

    def _found(self, may_be_empty: bool) -> list[str]:
        if os.path.isfile(self._path):
            return [self._path]
        try:
            names = sorted(os.listdir(self._path))
        except OSError:
            raise IdentityError(
                f"The {self._what} {self._path} is not a file: correct the path, or give the list of people itself."
            ) from None
        files = [os.path.join(self._path, name) for name in names if name.endswith(ENDINGS) and name[0] != "."]
        if not files and not may_be_empty:
            raise IdentityError(
                f"The {self._what} {self._path} is a directory without a file that ends in {', '.join(ENDINGS)}:"
                " correct the path, or bring the files back, for an empty roster is everybody's farewell."
            )
        return files
