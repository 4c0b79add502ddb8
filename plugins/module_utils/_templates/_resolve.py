# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the name of a template to all that it says, with what it inherits (private; opens no file itself)."""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._templates._document import (
    check_template_name,
    read_template_text,
)
from ansible_collections.labfleet.identity.plugins.module_utils._templates._merge import merged
from ansible_collections.labfleet.identity.plugins.module_utils._templates._schema import check_document
from ansible_collections.labfleet.identity.plugins.module_utils._templates._whole import whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["resolve"]

LONGEST_CHAIN = 16


def resolve(name: str, directories: Sequence[str], read: Callable[[str], str | None], band: Band) -> dict[str, Any]:
    """All that a template says.

    :param name: the template.
    :param directories: where templates are looked for, first the lab's own.
    :param read: gives the text of a file, None when there is none.
    :param band: the numbers that system users may have.
    :raises IdentityError: names the file, the reason and the way out.
    """
    chain = _chain(check_template_name(name), directories, read)
    said: dict[str, Any] = {}
    path = ""
    for path, document in reversed(chain):
        try:
            said = merged(said, document)
        except IdentityError as refusal:
            raise IdentityError(f"The template {path} does not fit to what it extends: {refusal}.") from refusal
    files = [path for path, _document in chain]
    try:
        result = whole(said, band)
    except IdentityError as refusal:
        together = " with what it extends" if len(files) > 1 else ""
        raise IdentityError(f"The template {files[0]}{together} cannot be used: {_ended(refusal)}") from refusal
    return {"name": name, "files": files, **result}


def _ended(refusal: IdentityError) -> str:
    text = str(refusal)
    return text if text.endswith("?") else text + "."


def _chain(
    name: str, directories: Sequence[str], read: Callable[[str], str | None]
) -> list[tuple[str, dict[str, Any]]]:
    """The template and what it extends, the oldest last."""
    chain: list[tuple[str, dict[str, Any]]] = []
    wanted, first = name, 0
    while wanted:
        path, place, text = _find(wanted, directories, first, read, chain)
        if path in (seen for seen, _document in chain):
            files = " extends ".join([*(seen for seen, _document in chain), path])
            raise IdentityError(f"The template {quoted(name)} extends itself: {files}. Take one 'extends' out.")
        if len(chain) == LONGEST_CHAIN:
            raise IdentityError(f"The template {quoted(name)} extends more than {LONGEST_CHAIN} others: flatten them.")
        document = read_template_text(text, path)
        try:
            check_document(document)
        except IdentityError as refusal:
            raise IdentityError(f"The template {path} cannot be used: {_ended(refusal)}") from refusal
        parent = document.pop("extends", "")
        chain.append((path, document))
        # its own name means the one that it stands in front of
        first = place + 1 if parent == wanted else 0
        wanted = parent
    return chain


def _find(
    name: str,
    directories: Sequence[str],
    first: int,
    read: Callable[[str], str | None],
    chain: Sequence[tuple[str, Any]],
) -> tuple[str, int, str]:
    for place in range(first, len(directories)):
        path = f"{directories[place]}/{name}.yml"
        text = read(path)
        if text is not None:
            return path, place, text
    where = ", ".join(directories[first:]) or "no directory that comes later"
    who = f", which {chain[-1][0]} extends," if chain else ""
    raise IdentityError(
        f"The template {quoted(name)}{who} is not there: {name}.yml was looked for in {where}; correct the"
        " name, or name the directory that has it in template_directories."
    )
