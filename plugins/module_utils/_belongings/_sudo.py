# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sudo rules: data in, a fragment of sudoers out (private, pure).

The grammar is that of sudoers(5), as far as every sudo since 1.8 reads it alike. sudo compares the arguments of a
command as one text, joined by blanks: where one argument ends is lost, so no argument may hold a blank.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence

__all__ = ["SudoCommand", "SudoRule", "parse_sudo_rules", "render_sudo", "sudo_warnings"]

MAXIMUM_RULES = 100
MAXIMUM_COMMANDS = 200
MAXIMUM_LENGTH = 1000
MAXIMUM_NAME = 64

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = frozenset("0123456789")
_NAME_FIRST = _LETTERS | {"_"}
_NAME_REST = _NAME_FIRST | _DIGITS | {".", "-"}
_WILDCARDS = frozenset("*?[")
_PATH = _LETTERS | _DIGITS | frozenset("/_.+@%~-,:=# ")
_SPECIAL = frozenset(",:=#")  # end a command or begin a comment, unless a backslash is in front
# where people write: whoever can replace the program of a rule is whoever the rule runs it as
_PEOPLES_DIRECTORIES = (
    "/dev",
    "/efs",
    "/home",
    "/media",
    "/mnt",
    "/net",
    "/proc",
    "/run/lock",
    "/run/user",
    "/scratch",
    "/tmp",
    "/var/crash",
    "/var/home",
    "/var/lock",
    "/var/tmp",
)
_KEYS = frozenset(("commands", "runas", "runas_groups", "nopasswd", "noexec", "setenv", "wildcards"))
_WORDS_OF_SUDO = frozenset(("list", "sha224", "sha256", "sha384", "sha512", "sudoedit"))
# programs that start any other program, if they are asked to
_OPEN_DOOR_WORDS = """
ash awk bash csh dash docker ed ex emacs env find gawk gdb git ionice ksh less lua lua5.4 man mawk more nano nice node
nsenter nvim perl php pip pip3 podman python python3 rsync ruby screen sh ssh strace su sudo systemd-run tar tcsh tmux
unshare vi view vim watch xargs zsh
"""
_OPEN_DOORS = frozenset(_OPEN_DOOR_WORDS.split())


@dataclass(frozen=True)
class SudoCommand:
    """One command: an absolute path, ``ALL`` or ``sudoedit``. ``arguments`` None means any, () means none."""

    path: str
    arguments: tuple[str, ...] | None = None


@dataclass(frozen=True)
class SudoRule:
    """Who may be what for which commands. A tag that is None is not written: sudo's own default holds."""

    commands: tuple[SudoCommand, ...]
    runas: tuple[str, ...] = ("root",)
    runas_groups: tuple[str, ...] = ()
    nopasswd: bool | None = None
    noexec: bool | None = None
    setenv: bool | None = None
    wildcards: bool = False


def parse_sudo_rules(raw: Any) -> tuple[SudoRule, ...]:
    """Check the rules of one user or group.

    :param raw: a list of mappings with ``commands`` and perhaps ``runas``, ``runas_groups``, ``nopasswd``, ``noexec``,
        ``setenv``, ``wildcards``.
    :raises IdentityError: names the rule that cannot be accepted, why, and what to do.
    """
    if not isinstance(raw, (list, tuple)):
        raise IdentityError("sudo must be a list of rules, not %s" % type(raw).__name__)
    if len(raw) > MAXIMUM_RULES:
        raise IdentityError("sudo has %d rules, and at most %d are allowed: join them" % (len(raw), MAXIMUM_RULES))
    rules = []
    for index, entry in enumerate(raw):
        try:
            rules.append(_rule(entry))
        except IdentityError as error:
            raise IdentityError("sudo[%d]: %s" % (index, error)) from None
    return tuple(rules)


def _rule(raw: Any) -> SudoRule:
    if not isinstance(raw, dict):
        raise IdentityError("a rule must be a mapping such as {commands: [/usr/bin/id]}, not %s" % type(raw).__name__)
    unknown = [key for key in raw if key not in _KEYS]
    if unknown:
        way_out = "choose the hosts in the inventory" if unknown[0] in ("host", "hosts") else ", ".join(sorted(_KEYS))
        raise IdentityError("%s is not offered (%s)" % (quoted(unknown[0]), way_out))
    entry = {key: value for key, value in raw.items() if value is not None}
    wildcards = _boolean(entry, "wildcards") or False
    groups = _people(entry.get("runas_groups", []), "runas_groups")
    runas = _people(entry.get("runas", [] if groups else ["root"]), "runas")
    if not runas and not groups:
        raise IdentityError("runas is empty: leave it out for root, or name somebody")
    return SudoRule(
        commands=_commands(entry.get("commands"), wildcards),
        runas=runas,
        runas_groups=groups,
        nopasswd=_boolean(entry, "nopasswd"),
        noexec=_boolean(entry, "noexec"),
        setenv=_boolean(entry, "setenv"),
        wildcards=wildcards,
    )


def _boolean(entry: Mapping[str, Any], key: str) -> bool | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, bool):
        raise IdentityError("%s must be true or false, not %s" % (key, quoted(value)))
    return value


def _people(raw: Any, key: str) -> tuple[str, ...]:
    """Names of users or groups, or ALL alone."""
    names = [raw] if isinstance(raw, str) else raw
    if not isinstance(names, (list, tuple)):
        raise IdentityError("%s must be a name or a list of names, not %s" % (key, quoted(raw)))
    if "ALL" in names:
        if len(names) > 1:
            raise IdentityError("%s has ALL beside other names: ALL says everything" % key)
        return ("ALL",)
    return tuple(dict.fromkeys(_name(name, key) for name in names))


def _name(name: Any, what: str) -> str:
    """A name that sudo takes for nothing else: no number, no netgroup, no alias (which are in capitals)."""
    good = isinstance(name, str) and 0 < len(name) <= MAXIMUM_NAME and name[0] in _NAME_FIRST
    if not good or not _NAME_REST.issuperset(name) or name == name.upper() != name.lower() or _is_word_of_sudo(name):
        raise IdentityError(
            "%s %s is nothing that sudo takes for a name: use letters, digits, '_', '.' and '-', not all in capitals,"
            " and no word of sudo's own" % (what, quoted(name))
        )
    return str(name)


def _is_word_of_sudo(name: str) -> bool:
    return name in _WORDS_OF_SUDO or name.startswith("Defaults") or name.endswith("_Alias")


def _commands(raw: Any, wildcards: bool) -> tuple[SudoCommand, ...]:
    if isinstance(raw, str) and raw == "ALL":
        return (SudoCommand("ALL"),)
    if not isinstance(raw, (list, tuple)) or not raw:
        raise IdentityError("commands must be a list of commands, or ALL, not %s" % quoted(raw))
    if len(raw) > MAXIMUM_COMMANDS:
        raise IdentityError("commands has %d entries, and at most %d are allowed" % (len(raw), MAXIMUM_COMMANDS))
    if any(isinstance(entry, str) and entry == "ALL" for entry in raw):
        if len(raw) > 1:
            raise IdentityError("commands has ALL beside other commands: ALL says everything")
        return (SudoCommand("ALL"),)
    return tuple(dict.fromkeys(_command(entry, wildcards) for entry in raw))


def _command(raw: Any, wildcards: bool) -> SudoCommand:
    """One command, as text or as the list of its words."""
    words = _words(raw)
    total = sum(len(word) + 1 for word in words)
    if total > MAXIMUM_LENGTH:
        raise IdentityError("a command is longer than %d characters" % MAXIMUM_LENGTH)
    path, arguments = words[0], words[1:]
    if path != "sudoedit":
        _check_path(path, "command", wildcards)
        if path.rsplit("/", 1)[1] == "sudoedit":
            raise IdentityError("command %s: write sudoedit without a directory, sudo knows it by name" % quoted(path))
    elif len(arguments) != 1:
        raise IdentityError("sudoedit needs exactly one file that may be edited, as in [sudoedit, /etc/motd]")
    else:
        _check_path(arguments[0], "file of sudoedit", wildcards)
    for argument in arguments:
        _check_argument(argument, wildcards)
    if len(arguments) > 0 and arguments[0].startswith("^"):
        raise IdentityError("argument %s begins with '^', a regular expression to sudo" % quoted(arguments[0]))
    if isinstance(raw, str):
        return SudoCommand(path, () if arguments == ['""'] else tuple(arguments) or None)
    return SudoCommand(path, tuple(arguments))


def _words(raw: Any) -> list[str]:
    if isinstance(raw, str):
        words = raw.strip(" ").split(" ")
        if words[0].startswith("!"):
            raise IdentityError(
                "command %s: what is forbidden by '!' is run under another name; list what may be run" % quoted(raw)
            )
        rest = words[1:] if words[1:] != ['""'] else []
        if any(character in word for word in rest for character in "\"'\\"):
            raise IdentityError("command %s has quotes or a backslash: give its words as a list" % quoted(raw))
        return [word for word in words if word] or [""]
    if not isinstance(raw, (list, tuple)) or not raw or not all(isinstance(word, str) for word in raw):
        raise IdentityError(
            "command %s is neither text nor a list of words such as [/usr/bin/systemctl, restart, jupyter]"
            % quoted(raw)
        )
    if '""' in raw:
        raise IdentityError('argument \'""\' means "no arguments" to sudo: leave it out, a list says them all')
    return list(raw)


def _check_path(path: str, what: str, wildcards: bool) -> None:
    if path.startswith("!"):
        raise IdentityError(
            "%s %s: what is forbidden by '!' is run under another name; list what may be run" % (what, quoted(path))
        )
    if not path.startswith("/"):
        raise IdentityError("%s %s must be an absolute path, such as /usr/bin/systemctl" % (what, quoted(path)))
    if os.path.normpath(path) != path or path == "/" or path.startswith("//"):
        raise IdentityError("%s %s must name one file, without '..', '//' or a slash at its end" % (what, quoted(path)))
    strange = sorted(set(path) - _PATH - (frozenset("*?[]!") if wildcards else frozenset()))
    if strange:
        way_out = "; wildcards: true permits it" if strange[0] in _WILDCARDS else ""
        raise IdentityError("%s %s holds %s, which is refused%s" % (what, quoted(path), quoted(strange[0]), way_out))
    for directory in _PEOPLES_DIRECTORIES:
        if path == directory or path.startswith(directory + "/"):
            raise IdentityError(
                "%s %s lies below %s, where people write: whoever replaces it becomes whoever it runs as; "
                "install it where only root writes" % (what, quoted(path), directory)
            )


def _check_argument(argument: str, wildcards: bool) -> None:
    if not argument or " " in argument:
        raise IdentityError(
            "argument %s is empty or holds a blank, and sudo cannot tell where an argument ends: give the words of the"
            " command one by one, or put it into a script of its own" % quoted(argument)
        )
    if not argument.isascii() or not argument.isprintable():
        raise IdentityError("argument %s holds a character that is not printable ASCII" % quoted(argument))
    wild = sorted(_WILDCARDS.intersection(argument))
    if wild and not wildcards:
        raise IdentityError(
            "argument %s holds %s, and a wildcard of sudo matches blanks and slashes too, so more than one argument: "
            "list the commands, or say wildcards: true" % (quoted(argument), quoted(wild[0]))
        )


def render_sudo(who: str, rules: Sequence[SudoRule]) -> bytes:
    """The file of a user (``alice``) or of a group (``%imaging``), one line a rule; empty without rules."""
    if not rules:
        return b""
    name = _name(who[1:], "group") if who.startswith("%") else _name(who, "user")
    subject = "%" + name if who.startswith("%") else name
    lines = ["%s ALL=%s\n" % (subject, _what(rule)) for rule in rules]
    return WRITTEN_BY + "".join(lines).encode("ascii")


def _what(rule: SudoRule) -> str:
    runas = ", ".join(rule.runas)
    if rule.runas_groups:
        runas += " : " + ", ".join(rule.runas_groups)
    tags = ""
    for value, yes, no in (
        (rule.nopasswd, "NOPASSWD: ", "PASSWD: "),
        (rule.noexec, "NOEXEC: ", "EXEC: "),
        (rule.setenv, "SETENV: ", "NOSETENV: "),
    ):
        if value is not None:
            tags += yes if value else no
    return "(%s) %s%s" % (
        runas.strip(),
        tags,
        ", ".join(_written(command, rule.wildcards) for command in rule.commands),
    )


def _written(command: SudoCommand, wildcards: bool) -> str:
    if command.path == "ALL":
        return "ALL"
    path = "".join("\\" + letter if letter in _SPECIAL or letter == " " else letter for letter in command.path)
    if command.arguments is None:
        return path
    if not command.arguments:
        return path + ' ""'
    return " ".join([path, *(_escaped(argument, wildcards) for argument in command.arguments)])


def _escaped(argument: str, wildcards: bool) -> str:
    """An argument as sudo reads it: first the lexer takes backslashes away, then fnmatch(3) does."""
    text = ""
    for character in argument:
        if character in _SPECIAL:
            text += "\\" + character
        elif character == "\\":
            text += "\\\\\\\\"
        elif character == "]" and not wildcards:
            text += "\\]"
        else:
            text += character
    return text


def sudo_warnings(who: str, rules: Sequence[SudoRule], has_password: bool) -> list[str]:
    """What is valid and yet rarely meant, in sentences.

    :param has_password: whether ``who`` has a password to answer sudo with; True for a group, whose members differ.
    """
    warnings = []
    for rule in rules:
        first = " ".join((rule.commands[0].path, *(rule.commands[0].arguments or ())))
        if not rule.nopasswd and not has_password:
            warnings.append(
                "%s may run %s with sudo, which asks for a password that %s does not have: say nopasswd: true in the"
                " rule, or set a password" % (who, first, who)
            )
        doors = [] if rule.noexec else [c.path for c in rule.commands if c.path.rsplit("/", 1)[-1] in _OPEN_DOORS]
        if doors:
            warnings.append(
                "%s may run %s with sudo, which can start every other program: this rule is as good as commands: ALL"
                % (who, doors[0])
            )
    return warnings
