# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module token_key."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._stamp import moment
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_directory import KeyDirectory
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import (
    ALGORITHMS,
    LEAST_RSA_BITS,
    MOST_RSA_BITS,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._rotation import have, retire, rotate
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.labfleet.identity.plugins.plugin_utils._key_pair import check_passphrase
from ansible_collections.labfleet.identity.plugins.plugin_utils._keys_shown import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_directory import Changed
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import KeySet
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import PublicKey
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._rotation import Decision

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "passphrase": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "rotated", "retired"], "default": "present"},
    "kid": {"type": "str"},
    "algorithm": {"type": "str", "choices": list(ALGORITHMS)},
    "bits": {"type": "int", "default": LEAST_RSA_BITS},
    "overlap": {"type": "str", "default": "7d"},
    "older_than": {"type": "str", "default": "1d"},
    "lock_timeout": {"type": "int", "default": 60},
}
_CHECKED: dict[str, Any] = {**ARGUMENTS, "passphrase": {"type": "str", "required": True, "no_log": True}}
_UNSET = "(not made yet)"


class ActionModule(ControllerAction):
    """Make, rotate and retire the keys with which this cluster signs."""

    # nothing of the passphrase or of a private half is ever part of a result or a message
    arguments = _CHECKED

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do it, or only say what would be done."""
        now = int(time.time())
        decide = _decision(arguments, now)
        directory = KeyDirectory(arguments["path"], arguments["lock_timeout"])
        changed = directory.change(
            decide,
            check_passphrase(arguments["passphrase"]),
            now,
            arguments["algorithm"],
            arguments["bits"],
            write=not self._task.check_mode,
        )
        using = changed.after.in_use
        shown = [_shown(key) for key in changed.after.keys.values()]
        return {
            "changed": changed.needs_key or changed.before != changed.after or bool(changed.removed),
            "kid": using.kid if using else _UNSET,
            "token_keys": shown if using else [{"kid": _UNSET, "state": "in_use"}, *shown],
            "retired": sorted(changed.after.retired),
            "jwks": directory.public_path,
            "diff": _diff(directory.public_path, changed),
        }


def _decision(arguments: dict[str, Any], now: int) -> Callable[[KeySet], Decision]:
    """What is to be done with the keys as they are found."""
    state, kid = arguments["state"], arguments["kid"] or ""
    overlap = parse_duration("overlap", arguments["overlap"])
    older_than = parse_duration("older_than", arguments["older_than"])
    if not LEAST_RSA_BITS <= arguments["bits"] <= MOST_RSA_BITS:
        raise IdentityError(
            f"A key of {quoted(arguments['bits'])} bits is not made: take {LEAST_RSA_BITS} to {MOST_RSA_BITS}."
        )
    if state == "present":
        if kid:
            raise IdentityError("With state present, kid says nothing, for it follows from the key: leave it out.")
        return lambda keys: have(keys, arguments["algorithm"])
    if state == "rotated":
        return lambda keys: rotate(keys, kid, older_than, overlap, now)
    if not kid:
        raise IdentityError("No key is named: give the kid of the one that nobody may trust any more.")
    return lambda keys: retire(keys, kid, now)


def _shown(key: PublicKey) -> dict[str, Any]:
    """What a result says of a public key."""
    told = {"kid": key.kid, "algorithm": key.algorithm, "state": "in_use" if key.use_until is None else "rotated_out"}
    times = {"made": key.made, "use_until": key.use_until, "verify_until": key.verify_until}
    return {**told, **{name: moment(value) for name, value in times.items() if value is not None}}


def _diff(path: str, changed: Changed) -> dict[str, str]:
    """Each key with its times, as a line; of private halves only whether they are there."""

    def lines(keys: KeySet, private: set[str], new: bool) -> str:
        told = [" ".join(f"{name}={value}" for name, value in _shown(key).items()) for key in keys.keys.values()]
        told += [f"kid={kid} state=retired" for kid in sorted(keys.retired)]
        told += [f"private half of {kid}" for kid in sorted(private)]
        return "".join(f"{line}\n" for line in ([f"kid={_UNSET} state=in_use"] if new else []) + told)

    unmade = changed.needs_key and changed.after.in_use is None
    return {
        "before_header": path,
        "after_header": path,
        "before": lines(changed.before, set(changed.removed), new=False),
        "after": lines(changed.after, set(), new=unmade),
    }
