# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the text of a ledger file is as it was written, line by line (private, pure; runs on the controller).

Every run reads the whole file or stops at the first line that is not right. This goes on, names every such line, and
hands over the events of all others.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import read_events
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._findings import BACK, Finding, lines_in_words
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

__all__ = ["Text", "look_at_text"]

_SEAL = b', "sum": "'
_SEAL_LENGTH = len(_SEAL) + 16 + len(b'"}')
_MARKERS = (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")
_GITATTRIBUTES = "write 'ledger.jsonl text eol=lf merge=union' into .gitattributes"
# What can be the matter with a line: why, and what to do.
_DAMAGE = {
    "NUL bytes": ("a power cut leaves such lines", BACK),
    "no end of the line": ("the file was cut off here", BACK),
    "a conflict marker of git": (
        "a merge was not ended",
        f"keep the lines of both sides, remove the markers, and {_GITATTRIBUTES}",
    ),
    "an end of line of Windows": ("it came from another system", f"{_GITATTRIBUTES}, and check the file out again"),
    "a second beginning": ("two files were put together", BACK),
    "bytes that no ledger has": ("a ledger is plain ASCII", BACK),
    "no fitting checksum": ("it was edited or damaged", BACK),
    "no event": ("its checksum fits, but it is no line of a ledger", BACK),
}


@dataclass
class Text:
    """What was found in the text of a ledger: events with their lines, and what is wrong with all other lines."""

    events: list[Event] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)
    endings: list[int] = field(default_factory=list)  # the closing lines, of which a merge leaves several


def look_at_text(data: bytes) -> Text:
    """Look at every line of a ledger file."""
    text = Text()
    if not data:
        text.problems.append(Finding("an empty file", "the file", "a ledger that was ever written is not empty", BACK))
        return text
    header, *body = data.split(b"\n")
    damaged: defaultdict[str, list[int]] = defaultdict(list)
    if not _check_header(text, header, body, damaged):
        return text
    if body and body[-1] == b"":
        body.pop()
    else:
        damaged["no end of the line"].append(len(body) + 1)
    whole: list[tuple[int, str]] = []
    counted = 0
    for line, content in enumerate(body, start=2):
        damage = _damage(content)
        if damage:
            damaged[damage].append(line)
            continue
        count = _counted(content)
        if count is None:
            whole.append((line, content.decode("ascii")))
        else:
            text.endings.append(line)
            counted = max(counted, count)
    for what, lines in damaged.items():
        text.problems.append(Finding(what, lines_in_words(lines), *_DAMAGE[what]))
    _read(text, whole)
    _check_endings(text, len(body) + 1, counted, len(whole))
    return text


def _check_header(text: Text, header: bytes, body: Sequence[bytes], damaged: Mapping[str, list[int]]) -> bool:
    """Whether it makes sense to look at what follows."""
    if header == HEADER.encode("ascii"):
        return True
    start = HEADER[: HEADER.index('"version"')].encode("ascii")
    if header.startswith(start) and header.endswith(b"}"):
        why = "this collection does not know its version, so a newer one wrote it"
        text.problems.append(Finding("another version", "line 1", why, "upgrade labfleet.identity"))
        return False
    damage = _damage(header)
    if damage not in ("", "no fitting checksum"):
        damaged[damage].append(1)
        return True
    why = f"a ledger begins with {HEADER}"
    text.problems.append(Finding("another beginning", "line 1", why, f"correct the path, or {BACK}"))
    # one damaged line, or another kind of file
    return any(not _damage(content) for content in body[:10])


def _damage(content: bytes) -> str:
    """What is the matter with a line; nothing for a whole one."""
    body, seal = content[:-_SEAL_LENGTH], content[-_SEAL_LENGTH:]
    if seal == _SEAL + hashlib.sha256(body).hexdigest()[:16].encode("ascii") + b'"}' and content.isascii():
        return ""
    if b"\0" in content:
        return "NUL bytes"
    if content.startswith(_MARKERS):
        return "a conflict marker of git"
    if content.endswith(b"\r"):
        return "an end of line of Windows"
    if content == HEADER.encode("ascii"):
        return "a second beginning"
    return "no fitting checksum" if content.isascii() else "bytes that no ledger has"


def _counted(content: bytes) -> int | None:
    """How many events a closing line counts; None for any other line."""
    if not content.startswith(b'{"kind": "end"'):
        return None
    try:
        events: Any = json.loads(content).get("events")
    except (ValueError, RecursionError):
        return None
    is_exact = content[:-_SEAL_LENGTH] == f'{{"kind": "end", "events": {events}'.encode()
    return events if isinstance(events, int) and is_exact else None


def _read(text: Text, whole: Sequence[tuple[int, str]]) -> None:
    """Read the events of whole lines; together, because that is faster, and one by one when one of them is wrong."""
    text.lines = [line for line, _content in whole]
    try:
        text.events = read_events([content for _line, content in whole], 1, BACK)
    except IdentityError:
        text.lines = []
        for line, content in whole:
            try:
                text.events += read_events([content], line, BACK)
                text.lines.append(line)
            except IdentityError as refusal:
                why, way_out = _DAMAGE["no event"]
                said = str(refusal).rstrip(".")
                text.problems.append(Finding("no event", lines_in_words([line]), f"{why}: {said}", way_out))


def _check_endings(text: Text, last: int, counted: int, events: int) -> None:
    """The closing line is there, and says that nothing is missing."""
    if text.endings[-1:] != [last]:
        text.problems.append(
            Finding("no closing line", f"line {last}", "the end of the file is missing, and numbers may be too", BACK)
        )
    if counted > events:
        why = f"there are {events} events, and a closing line counts {counted}: numbers were issued that are not here"
        text.problems.append(Finding("missing lines", lines_in_words(text.endings), why, BACK))
