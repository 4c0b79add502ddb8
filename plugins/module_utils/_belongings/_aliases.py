# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail aliases: where a user's mail of this host goes, in a block of /etc/aliases (private, pure)."""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

__all__ = ["BEGIN", "END", "parse_mail_alias", "with_aliases"]

BEGIN = b"# BEGIN labfleet.identity"
END = b"# END labfleet.identity"

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_LOCAL = _LETTERS | frozenset("._+=-")
_DOMAIN = _LETTERS | {"-"}


def parse_mail_alias(raw: Any) -> str:
    """Check where mail goes: one address, or "" for no alias.

    :raises IdentityError: not a plain address. Programs (``|``), files (``/``) and ``:include:`` would run or write
        with the rights of the mail system; none of these characters is in the grammar.
    """
    if raw == "":
        return ""
    if not isinstance(raw, str):
        raise IdentityError("mail_alias must be an address, not %s" % quoted(raw))
    local, _at, domain = raw.partition("@")
    labels = domain.split(".")
    good = 0 < len(local) <= 64 and _LOCAL.issuperset(local) and local[0] in _LETTERS and ".." not in local
    if not good or local[-1] == "." or len(domain) > 253 or not all(map(_is_label, labels)):
        raise IdentityError(
            "mail_alias %s is not one plain address such as alice@example.org (no programs, files or lists)"
            % quoted(raw)
        )
    return str(raw)


def _is_label(label: str) -> bool:
    return 0 < len(label) <= 63 and _DOMAIN.issuperset(label) and label[0] != "-" and label[-1] != "-"


def with_aliases(text: bytes | None, wanted: Mapping[str, str | None]) -> tuple[bytes, dict[str, str], list[str]]:
    """The new content of /etc/aliases. What lies outside our block, and who is not named, stays byte for byte.

    :param text: what is there, None when there is no such file.
    :param wanted: the address of each name, None or "" for none.
    :returns: new content, what changes by name, and why somebody's alias was not written, in sentences.
    :raises IdentityError: the block was damaged.
    """
    lines = (text or b"").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    before, block, after = _parts(lines)
    outside = {_key(line) for line in (*before, *after)}
    changes: dict[str, str] = {}
    problems: list[str] = []
    for name, address in wanted.items():
        key = name.lower().encode()
        if address and key in outside:
            problems.append(
                "%s: /etc/aliases has an alias of this name already, which is not ours: take that line away, or leave"
                " mail_alias out" % name
            )
            continue
        new = [b"%s: %s" % (name.encode(), address.encode())] if address else []
        if block.get(key, []) != new:
            changes[name] = "%s -> %s" % (_shown(block.get(key, [])), address or "absent")
            block[key] = new
    if not changes:
        return (text or b"", changes, problems)
    ours = [line for same in block.values() for line in same]
    result = [*before, *([BEGIN, *ours, END] if ours else []), *after]
    return (b"".join(line + b"\n" for line in result), changes, problems)


def _parts(lines: list[bytes]) -> tuple[list[bytes], dict[bytes, list[bytes]], list[bytes]]:
    """What is before our block, the lines of each name in it, and what is after it."""
    if BEGIN not in lines and END not in lines:
        return (lines, {}, [])
    if lines.count(BEGIN) != 1 or lines.count(END) != 1 or lines.index(END) < lines.index(BEGIN):
        raise IdentityError(
            "/etc/aliases has our BEGIN and END lines not once each in this order: repair it, or remove the whole block"
        )
    first, last = lines.index(BEGIN), lines.index(END)
    after = lines[last + 1 :]
    block: dict[bytes, list[bytes]] = {}
    for line in lines[first + 1 : last]:
        key = _key(line)
        if key is None:
            raise IdentityError(
                "/etc/aliases has a line in our block that we did not write, %s: move it out"
                % quoted(line.decode("latin-1"))
            )
        block.setdefault(key, []).append(line)
    if after and after[0][:1] in (b" ", b"\t"):
        raise IdentityError("/etc/aliases has a line after our block that begins with a blank, which goes on with ours")
    return (lines[:first], block, after)


def _key(line: bytes) -> bytes | None:
    """The name that a line is for, as mail systems compare it; None for comments and for lines that go on."""
    if line[:1] in (b"", b"#", b" ", b"\t") or b":" not in line:
        return None
    if line[:1] == b'"':
        return line[1:].split(b'"')[0].lower()
    return line.split(b":")[0].strip().lower()


def _shown(lines: list[bytes]) -> str:
    return ", ".join(ascii(line.split(b":", 1)[1].strip().decode("latin-1"))[1:-1] for line in lines) or "absent"
