# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module of Ansible's that keeps to itself what it was asked (private: no stable interface)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule

if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["QuietModule", "without_secrets"]


class QuietModule(AnsibleModule):
    """Neither logs nor sends back its arguments: somebody may have put a secret where none belongs."""

    def __init__(self, argument_spec: dict[str, Any], *more: Any, **named: Any) -> None:
        AnsibleModule.__init__(self, argument_spec, *more, **named)

    def run_command(self, args: Any, *more: Any, **named: Any) -> Any:
        """Run a program; exit code, output and errors."""
        return AnsibleModule.run_command(self, args, *more, **named)

    def get_bin_path(self, arg: str, *more: Any, **named: Any) -> Any:
        """The path of a program."""
        return AnsibleModule.get_bin_path(self, arg, *more, **named)

    def log(self, msg: str, log_args: dict[str, Any] | None = None) -> None:
        """Log that the module ran, not what it was asked."""
        AnsibleModule.log(self, "Invoked" if log_args is not None else msg)

    def fail_json(self, msg: str, **kwargs: Any) -> NoReturn:
        """Fail, also when Ansible itself refuses an argument and shows it."""
        kwargs.setdefault("invocation", {"module_args": {}})
        AnsibleModule.fail_json(self, without_secrets(msg), **kwargs)


def without_secrets(text: str) -> str:
    """The text without what looks like a private key or the hash of a password."""
    import re  # only where something failed

    key = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)"
    text = re.sub(key, "(a private key)", text, flags=re.DOTALL)
    return re.sub(r"\$(?:[0-9][a-z]?|y|gy|argon2[a-z]*|sha1|md5)\$[^\s'\"]{4,}", "(a password hash)", text)
