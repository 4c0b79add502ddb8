# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a key in authorized_keys: data to the text that sshd obeys, and back (private, pure).

sshd(8) ends a value at the next quote that has no backslash before it, and knows no other escape. So neither of the two
is ever part of a value here, and nothing has to be escaped.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping

__all__ = ["option_data", "option_text", "parse_moment", "split_line"]

_FLAGS = {
    "agent_forwarding": "agent-forwarding",
    "port_forwarding": "port-forwarding",
    "pty": "pty",
    "user_rc": "user-rc",
    "x11_forwarding": "X11-forwarding",
}
_VALUES = ("from", "command", "permit_open", "permit_listen", "expires")
KNOWN = ("restrict", *_FLAGS, "verify_required", *_VALUES)

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_HOST_CHARACTERS = frozenset(_LETTERS + "._-*")
_PATTERN_CHARACTERS = frozenset(_LETTERS + "._-*?:/")
_IPV6_CHARACTERS = frozenset("0123456789abcdefABCDEF:.")
_LONGEST_HOST = 255
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_STAMP = "%Y%m%d%H%M%SZ"


def option_text(options: Mapping[str, Any], key_type: str) -> str:
    """Data as sshd's option text, always in the same order.

    :param options: what is set; any of :data:`KNOWN`.
    :param key_type: of the key that they are for.
    :raises IdentityError: names the option, what is wrong with it and what to write.
    """
    unknown = sorted(ascii(str(name)[:40]) for name in options if name not in KNOWN)
    if unknown:
        raise IdentityError("a key has the unknown option %s: known are key, %s" % (unknown[0], ", ".join(KNOWN)))
    restrict = _boolean(options, "restrict", False)
    words = ["restrict"] if restrict else []
    for name, word in _FLAGS.items():
        allowed = _boolean(options, name, not restrict)
        if allowed == restrict:
            words.append(word if allowed else "no-" + word)
    if _boolean(options, "verify_required", False):
        if not key_type.startswith("sk-"):
            raise IdentityError(
                "verify_required is for keys in a security key (sk-ssh-ed25519@openssh.com), and sshd ignores it for"
                " %s: leave it out" % key_type
            )
        words.append("verify-required")
    if "from" in options:
        words.append('from="%s"' % ",".join(_patterns(options["from"])))
    if "command" in options:
        words.append('command="%s"' % _command(options["command"]))
    for name, word in (("permit_open", "permitopen"), ("permit_listen", "permitlisten")):
        if name in options:
            if not _boolean(options, "port_forwarding", not restrict):
                raise IdentityError("%s opens nothing without port_forwarding: add 'port_forwarding: true'" % name)
            bare = name == "permit_listen"
            words += ['%s="%s"' % (word, _place(name, place, bare)) for place in _list(name, options[name])]
    if "expires" in options:
        words.append('expiry-time="%s"' % parse_moment("expires", options["expires"]).strftime(_STAMP))
    return ",".join(words)


def option_data(text: str) -> dict[str, Any]:
    """Read sshd's option text the way sshd does.

    :raises IdentityError: an option that is not known here, given twice, or that sshd itself refuses.
    """
    data: dict[str, Any] = {}
    for name, value in _options(text):
        flag = _FLAG_OF_WORD.get(name[3:] if name.startswith("no-") else name)
        if value is None and flag:
            data[flag] = not name.startswith("no-")
        elif value is None and name == "restrict":
            # it takes back what stands before it
            data = {known: kept for known, kept in data.items() if known not in _FLAGS}
            data["restrict"] = True
        elif value is None and name == "verify-required":
            data["verify_required"] = True
        elif value is not None and name in _LIST_OF_WORD:
            data.setdefault(_LIST_OF_WORD[name], []).append(value)
        elif value is not None and name in ("from", "command", "expiry-time"):
            option = {"expiry-time": "expires"}.get(name, name)
            if option in data:
                raise IdentityError("the option %s is there twice: keep one" % name)
            data[option] = value.split(",") if name == "from" else value
        else:
            raise IdentityError(
                "the option %s is not one that can be taken over: remove it, or write what it is for as data (%s)"
                % (ascii(name[:40]), ", ".join(KNOWN))
            )
    if "expires" in data:
        data["expires"] = _day_or_moment(_read_stamp(data["expires"]))
    return {name: data[name] for name in KNOWN if name in data}


def split_line(line: str) -> tuple[str, str]:
    """The options in front of a key, and the rest of the line; for a line that does not begin with its key."""
    at, quoted = 0, False
    while at < len(line) and (quoted or line[at] not in " \t"):
        if line.startswith('\\"', at):
            at += 1
        elif line[at] == '"':
            quoted = not quoted
        at += 1
    return line[:at], line[at:].strip(" \t")


def parse_moment(name: str, value: Any) -> datetime.datetime:
    """A moment in UTC; a day means its first second.

    :raises IdentityError: not one of the two forms, or before 1971, which sshd would take for never.
    """
    if isinstance(value, datetime.datetime):  # YAML makes one of a moment without quotes
        moment = value.astimezone(datetime.timezone.utc) if value.tzinfo and value.year > 1970 else None
    elif isinstance(value, datetime.date):
        moment = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.timezone.utc)
    else:
        moment = _parse(value) if isinstance(value, str) and value.isascii() else None
    if moment is None or moment.year < 1971 or moment.microsecond:
        raise IdentityError(
            "%s %s is no moment in UTC: write 2027-01-31 or 2027-01-31T09:00:00Z" % (name, ascii(str(value)[:40]))
        )
    return moment


def _parse(text: str) -> datetime.datetime | None:
    text = text[:-6] + "Z" if text.endswith("+00:00") else text
    for form in ("%Y-%m-%d", _MOMENT):
        try:
            moment = datetime.datetime.strptime(text, form).replace(tzinfo=datetime.timezone.utc)
        except ValueError:
            continue
        if moment.year >= 1971 and moment.strftime(form) == text:
            return moment
    return None


def _day_or_moment(moment: datetime.datetime) -> str:
    at_midnight = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    return moment.strftime("%Y-%m-%d" if at_midnight else _MOMENT)


def _read_stamp(stamp: str) -> datetime.datetime:
    for form in ("%Y%m%dZ", "%Y%m%d%H%MZ", _STAMP):
        try:
            moment = datetime.datetime.strptime(stamp, form).replace(tzinfo=datetime.timezone.utc)
        except ValueError:
            continue
        if moment.year >= 1971 and moment.strftime(form) == stamp:
            return moment
    raise IdentityError(
        "the option expiry-time=%s is no moment in UTC: write it with a Z at its end, or every host reads it in the"
        " time zone that it happens to have" % ascii(stamp[:40])
    )


def _boolean(options: Mapping[str, Any], name: str, default: bool) -> bool:
    value = options.get(name, default)
    if not isinstance(value, bool):
        raise IdentityError("%s must be true or false, not %s" % (name, ascii(str(value)[:40])))
    return value


def _list(name: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise IdentityError("%s must be a list of texts with at least one in it: leave it out for no such limit" % name)
    return list(dict.fromkeys(value))


def _patterns(value: Any) -> list[str]:
    patterns = _list("from", value)
    for pattern in patterns:
        bare = pattern[1:] if pattern.startswith("!") else pattern
        if not bare or len(bare) > _LONGEST_HOST or not _PATTERN_CHARACTERS.issuperset(bare):
            raise IdentityError(
                "from %s is no pattern: write names, addresses or networks such as *.lab.example, 192.0.2.7 or"
                " 2001:db8::/32, with ! in front for what is left out" % ascii(pattern[:60])
            )
        if "/" in bare and not _is_network(bare):
            raise IdentityError(
                "from %s is no network that sshd reads: write its first address and length, such as 192.0.2.0/24"
                % ascii(pattern[:60])
            )
    if all(pattern.startswith("!") for pattern in patterns):
        raise IdentityError("from %s lets nobody in: add a pattern without !" % ascii(",".join(patterns)[:60]))
    return patterns


def _is_network(text: str) -> bool:
    import ipaddress  # only a network pays for this import

    address, _slash, length = text.partition("/")
    try:
        # a length in digits alone: sshd knows no netmasks
        ipaddress.ip_network(address + "/" + str(int(length)))
    except ValueError:
        return False
    return length.isdigit() and length == str(int(length))


def _command(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isascii() or not value.isprintable():
        raise IdentityError(
            "command %s is not one line of printable ASCII characters: write the path of a program, and what else it"
            " needs into a script" % ascii(str(value)[:40])
        )
    if '"' in value or "\\" in value:
        raise IdentityError(
            "command %s has a quote or a backslash, where sshd could end it: put the command into a script and write"
            " its path" % ascii(value[:40])
        )
    return value


def _place(name: str, value: str, bare_port: bool) -> str:
    """A host and a port, as sshd's permitopen and permitlisten take them."""
    host, colon, port = value.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        good = ":" in host and _IPV6_CHARACTERS.issuperset(host[1:-1])
    elif colon:
        good = 0 < len(host) <= _LONGEST_HOST and _HOST_CHARACTERS.issuperset(host)
    else:
        good = bare_port
    in_digits = port.isascii() and port.isdigit() and len(port) <= 5 and port == str(int(port))
    if not good or not (port == "*" or (in_digits and 1 <= int(port) <= 65535)):
        raise IdentityError(
            "%s %s is no host and port: write %s, [2001:db8::7]:443 or localhost:*"
            % (name, ascii(value[:60]), "8080, localhost:8080" if bare_port else "localhost:8080")
        )
    return value


def _options(text: str) -> Iterator[tuple[str, str | None]]:
    """Every option with its value, None for one without; names in lower case, since sshd does not mind their case."""
    at = 0
    while at < len(text):
        start = at
        while at < len(text) and text[at] not in ',="':
            at += 1
        name = text[start:at].lower()
        value = None
        if text.startswith('="', at):
            at, value = _dequoted(text, at + 2)
        if not name or (at < len(text) and text[at] != ",") or at == len(text) - 1:
            raise IdentityError("the options %s cannot be read at character %d" % (ascii(text[:60]), at + 1))
        yield name, value
        at += 1


def _dequoted(text: str, at: int) -> tuple[int, str]:
    value = []
    while at < len(text) and text[at] != '"':
        if text.startswith('\\"', at):
            at += 1
        value.append(text[at])
        at += 1
    if at >= len(text):
        raise IdentityError("the options %s have a quote that is not closed" % ascii(text[:60]))
    return at + 1, "".join(value)


_FLAG_OF_WORD = {word.lower(): name for name, word in _FLAGS.items()}
_LIST_OF_WORD = {"permitopen": "permit_open", "permitlisten": "permit_listen"}
