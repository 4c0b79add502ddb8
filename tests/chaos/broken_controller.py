# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controllers with a store that has a fault; started by test_campaign.py to see that the campaign finds it.

python broken_controller.py SETTINGS.json; FAULT_OF_THE_STORE names the fault
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from controller import Controller

from ansible_collections.labfleet.identity.plugins.module_utils._ledger import _file_store
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._file_store import FileStore
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._lock import LockFile, locked
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import fold

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def no_lock(path: str, timeout: float, author: str) -> Iterator[LockFile]:
    """Everybody at once, each with a temporary file of their own."""
    with locked(f"{path}.{os.getpid()}", timeout, author) as lock:
        yield lock


class WithoutLook(FileStore):
    """Does not look whether the file is still the one that was read, and takes its time."""

    def _is_still(self, image: object) -> bool:
        del image
        time.sleep(0.1)
        return True


class WithoutLock(WithoutLook):
    """Lets everybody write at once."""

    @property
    def _temporary(self) -> str:
        place = Path(self._path).with_name(str(os.getpid()))
        place.mkdir(exist_ok=True)
        return str(place / "new")


class Hasty(FileStore):
    """Says that it is done when it is not, now and then."""

    def _replace(self, image: _file_store._Image, data: bytes) -> bool:
        if image.status is not None and random.random() < 0.05:
            return True
        return super()._replace(image, data)


class Forgetful(FileStore):
    """Shows a part of the ledger now and then, as a listing that was cut off."""

    def _read(self) -> _file_store._Image:
        image = super()._read()
        events = image.written.events
        if len(events) > 50 and random.random() < 0.2:
            part = Written(events[:-40], image.written.lines[:-40], image.written.texts[:-40])
            return _file_store._Image(image.status, image.data, part, fold(part))
        return image

    def _check_is_not_older(self, image: object, noted: int) -> None:
        del image, noted


FAULTS = {"look": WithoutLook, "haste": Hasty, "partial": Forgetful, "lock": WithoutLock}


def opened(store: str, lock_timeout: float) -> FileStore:
    """The store with its fault."""
    fault = os.environ["FAULT_OF_THE_STORE"]
    if fault == "lock":
        mock.patch.object(_file_store, "locked", no_lock).start()
    return FAULTS[fault](store.partition(":")[2], lock_timeout, "sam@controller")


if __name__ == "__main__":
    Controller(json.loads(Path(sys.argv[1]).read_text()), opened).run()
