# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the shadow entries of users: expiry, password and its ageing (private, pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._draft import Draft
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import UserSpec

__all__ = [
    "DISABLED_SINCE",
    "EXPIRES",
    "NO_PASSWORD",
    "day_text",
    "disabled_shadow",
    "fresh_shadow",
    "has_password",
    "is_over",
    "update_shadow",
]

NO_PASSWORD = "*"  # unlike "!", it lets keys in with UsePAM no
DISABLED_SINCE = "1"  # day 1 of shadow's calendar
PASSWORD, CHANGED, MINIMUM, MAXIMUM, WARNING, INACTIVE, EXPIRES = range(1, 8)
# in front of a password that we took out of use: what somebody else locked stays locked when an account opens again
_LOCK = "!labfleet!"
_NEVER = 10000  # days; shadow(5) has 99999 for passwords that never age


def fresh_shadow(today: int, user: UserSpec) -> list[str]:
    """The entry of a new account: entered with keys alone, unless a password is given."""
    entry = [user.name, user.password or NO_PASSWORD, str(today), "", "", "", "", user.expires or "", ""]
    if _is_password(entry[PASSWORD]):
        _set_ageing(entry, user)
    return entry


def update_shadow(draft: Draft, user: UserSpec) -> None:
    """Bring the entry of an account that stays in line."""
    old = draft.shadow.get(user.name)
    if old is None:
        new = fresh_shadow(draft.state.today, user)
        told = "with a password" if _is_password(new[PASSWORD]) else "without a password"
        draft.change("user", user.name, "shadow entry", "missing", told)
        draft.edits["shadow"][user.name] = new
        return
    wanted = list(old)
    _plan_password(draft, user, wanted)
    _plan_ageing(draft, user, wanted)
    _plan_expiry(draft, user, wanted)
    if wanted != old:
        # an account that is over is shut before anything that can fail is done
        step = draft.closings if is_over(wanted[EXPIRES], draft.state.today) else draft.edits
        step["shadow"][user.name] = wanted


def disabled_shadow(draft: Draft, user: UserSpec) -> list[str]:
    """The entry of an account that nobody may enter: expired, and its password worth nothing."""
    shadow = list(draft.shadow.get(user.name) or fresh_shadow(draft.state.today, user))
    if shadow[EXPIRES] != DISABLED_SINCE:
        draft.change("user", user.name, "expires", day_text(shadow[EXPIRES]), day_text(DISABLED_SINCE))
        shadow[EXPIRES] = DISABLED_SINCE
    if shadow[PASSWORD] == "":
        draft.change("user", user.name, "password", "empty", "none (keys only)")
        shadow[PASSWORD] = NO_PASSWORD
    elif _is_password(shadow[PASSWORD]):
        draft.change("user", user.name, "password", "set", "locked")
        shadow[PASSWORD] = _LOCK + shadow[PASSWORD]
    return shadow


def has_password(draft: Draft, name: str) -> bool:
    """Will somebody have a password, as far as is decided?"""
    entry = draft.closings["shadow"].get(name) or draft.edits["shadow"].get(name) or draft.shadow.get(name)
    return entry is not None and _is_password(entry[PASSWORD])


def _is_password(field: str) -> bool:
    """Can somebody log in with it? An empty one is a password that everybody knows."""
    return not field.startswith(("!", "*"))


def _plan_password(draft: Draft, user: UserSpec, wanted: list[str]) -> None:
    there = wanted[PASSWORD]
    if user.password is not None and there != user.password:
        wanted[PASSWORD] = user.password
        wanted[CHANGED] = str(draft.state.today)
        before = "empty" if there == "" else "set" if _is_password(there) else "none or locked"
        after = "none (keys only)" if user.password == NO_PASSWORD else "as given"
        draft.change("user", user.name, "password", before, after)
    elif there == "":
        wanted[PASSWORD] = NO_PASSWORD
        draft.change("user", user.name, "password", "empty", "none (keys only)")
    elif there.startswith(_LOCK):
        wanted[PASSWORD] = there[len(_LOCK) :]
        draft.change("user", user.name, "password", "locked", "set")


def _plan_ageing(draft: Draft, user: UserSpec, wanted: list[str]) -> None:
    """An old password shuts keys out as well, so nothing ages that nobody has."""
    before = wanted[MINIMUM : INACTIVE + 1]
    if _is_password(wanted[PASSWORD]):
        _set_ageing(wanted, user)
    elif wanted[MAXIMUM].isdigit() and int(wanted[MAXIMUM]) < _NEVER:
        wanted[MAXIMUM] = wanted[INACTIVE] = ""
    after = wanted[MINIMUM : INACTIVE + 1]
    if before != after:
        draft.change("user", user.name, "password ageing", _ageing_text(before), _ageing_text(after))


def _set_ageing(entry: list[str], user: UserSpec) -> None:
    for index, days in enumerate(user.ageing, MINIMUM):
        if days is not None:
            entry[index] = days


def _ageing_text(fields: list[str]) -> str:
    names = ("at least", "at most", "warned before", "inactive after")
    return ", ".join("%s %s days" % pair for pair in zip(names, fields) if pair[1])


def _plan_expiry(draft: Draft, user: UserSpec, wanted: list[str]) -> None:
    old = wanted[EXPIRES]
    owned = draft.state.record.users.get(user.name)
    if user.expires is not None:
        wanted[EXPIRES] = user.expires
    elif owned and owned.state == "disabled" and old == DISABLED_SINCE:
        wanted[EXPIRES] = ""
    elif old == DISABLED_SINCE:
        draft.warnings.append("%s is expired on this host by somebody else: set expires to open it again" % user.name)
    if wanted[EXPIRES] != old:
        draft.change("user", user.name, "expires", day_text(old), day_text(wanted[EXPIRES]))
        if is_over(wanted[EXPIRES], draft.state.today) and not is_over(old, draft.state.today):
            draft.removed_now.append(user.name)  # a day that is past shuts an account as well


def is_over(expires: str, today: int) -> bool:
    """Has the day passed on which an account ends?"""
    return expires.isdigit() and int(expires) <= today


def day_text(days: str) -> str:
    """A day of shadow in words."""
    return "day %s" % days if days else "never"
