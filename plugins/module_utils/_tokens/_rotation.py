# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys a cluster signs and verifies with after a change (private, pure).

One key is in use. One that was rotated out signs nothing any more, and verifies what it signed before for a while. One
that is retired verifies nothing from now on and never comes back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import KeySet

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import PublicKey

__all__ = ["Decision", "have", "retire", "rotate", "with_new_key"]


@dataclass(frozen=True)
class Decision:
    """The keys that stay, and whether a new one is to be made for use."""

    keys: KeySet
    needs_key: bool = False


def have(keys: KeySet, algorithm: str | None) -> Decision:
    """See that there is a key in use."""
    current = _in_use(keys)
    if current is None:
        return Decision(keys, needs_key=True)
    if algorithm not in (None, current.algorithm):
        raise IdentityError(
            f"The key in use is of {current.algorithm} and not of {algorithm}: rotate it, and the new one is."
        )
    return Decision(keys)


def rotate(keys: KeySet, kid: str, older_than: int, overlap: int, now: int) -> Decision:
    """Put a new key in the place of the one in use.

    :param kid: only when this is still the one in use; empty for any that is older than ``older_than`` seconds.
    :param overlap: for how many seconds the old one verifies what it signed before.
    """
    current = _in_use(keys)
    if current is None:
        return Decision(keys, needs_key=True)
    if kid and kid != current.kid:
        _check_known(keys, kid)
        return Decision(keys)
    if not kid and current.made is not None and now - current.made < older_than:
        return Decision(keys)
    old = replace(current, use_until=now, verify_until=now + overlap)
    kept = {key.kid: key for key in (old, *keys.keys.values()) if key.kid != current.kid or key is old}
    return Decision(KeySet(_that_count(kept, now), keys.retired), needs_key=True)


def retire(keys: KeySet, kid: str, now: int) -> Decision:
    """Trust a key no more, from now on and for ever."""
    if kid in keys.retired:
        return Decision(keys)
    _check_known(keys, kid)
    current = _in_use(keys)
    kept = {name: key for name, key in keys.keys.items() if name != kid}
    return Decision(
        KeySet(_that_count(kept, now), keys.retired | {kid}), needs_key=current is None or current.kid == kid
    )


def with_new_key(keys: KeySet, key: PublicKey) -> KeySet:
    """The keys with the new one, first."""
    return KeySet({key.kid: key, **keys.keys}, keys.retired)


def _in_use(keys: KeySet) -> PublicKey | None:
    if keys.in_use is None and any(key.use_until is None for key in keys.keys.values()):
        raise IdentityError(
            "More than one key is in use, and nobody knows which is to sign: bring jwks.json back from a backup."
        )
    return keys.in_use


def _check_known(keys: KeySet, kid: str) -> None:
    if kid not in keys.keys and kid not in keys.retired:
        raise IdentityError(f"There is no key {quoted(kid)} here: give the kid of one that is in jwks.json.")


def _that_count(keys: dict[str, PublicKey], now: int) -> dict[str, PublicKey]:
    """Without those whose time is over."""
    return {kid: key for kid, key in keys.items() if key.verify_until is None or key.verify_until >= now}
