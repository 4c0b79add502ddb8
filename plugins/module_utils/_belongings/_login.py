# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment and umask of a user's login shells (private, pure).

A user may set any variable anyway, so none of this is a matter of privilege. Refused is what would let data of a
roster become commands, and what breaks a shell or a session.
"""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

__all__ = ["parse_environment", "parse_umask", "render_login"]

MAXIMUM_VARIABLES = 100
MAXIMUM_NAME = 64
MAXIMUM_VALUE = 4096

_UPPER = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_DIGITS = frozenset("0123456789")
_OCTAL = frozenset("01234567")
_LOWER_CASE_NAMES = frozenset(("all_proxy", "ftp_proxy", "http_proxy", "https_proxy", "no_proxy"))
_SET_BY_LOGIN = frozenset(
    ("HOME", "LOGNAME", "MAIL", "OLDPWD", "PWD", "SHELL", "SHLVL", "TERM", "USER", "XDG_RUNTIME_DIR")
)
_BREAKS_SHELLS = frozenset(("EUID", "GROUPS", "IFS", "OPTIND", "POSIXLY_CORRECT", "PPID", "SHELLOPTS", "TMOUT", "UID"))
_RUN_WORDS = """
BASH_ENV CDPATH ENV GCONV_PATH GIT_EXTERNAL_DIFF GIT_SSH GIT_SSH_COMMAND GLIBC_TUNABLES LESSCLOSE LESSOPEN LOCPATH
NODE_OPTIONS PERL5DB PERL5OPT PROMPT_COMMAND PS0 PS1 PS2 PS3 PS4 PYTHONINSPECT PYTHONSTARTUP RUBYOPT R_ENVIRON_USER
R_PROFILE_USER SSH_ASKPASS
"""
_IS_RUN = frozenset(_RUN_WORDS.split())


def parse_environment(raw: Any) -> tuple[tuple[str, str], ...]:
    """Check the variables of one user, sorted by name.

    :param raw: a mapping of names to text or whole numbers.
    :raises IdentityError: names the variable that cannot be accepted, why, and what to do.
    """
    if not isinstance(raw, dict):
        raise IdentityError("environment must be a mapping such as {LANG: C.UTF-8}, not %s" % quoted(raw))
    if len(raw) > MAXIMUM_VARIABLES:
        raise IdentityError("environment has %d variables, and at most %d are allowed" % (len(raw), MAXIMUM_VARIABLES))
    return tuple(sorted((_variable(name), _value(name, value)) for name, value in raw.items()))


def _variable(name: Any) -> str:
    good = isinstance(name, str) and 0 < len(name) <= MAXIMUM_NAME
    if not good or not (name in _LOWER_CASE_NAMES or (name[0] in _UPPER and (_UPPER | _DIGITS).issuperset(name))):
        raise IdentityError(
            "environment: %s is no name of a variable: A-Z or _ first, then A-Z, 0-9 and _, or http_proxy and its like"
            % quoted(name)
        )
    if name in _SET_BY_LOGIN or name.startswith(("XDG_SESSION_", "DBUS_SESSION_", "SSH_C", "SSH_T", "SSH_AUTH_SOCK")):
        raise IdentityError("environment: %s is set by the login itself: leave it out" % name)
    if name in _BREAKS_SHELLS:
        raise IdentityError("environment: %s would break or end shells: leave it out" % name)
    if name in _IS_RUN or name.startswith(("LD_", "BASH_", "BASHOPTS", "SUDO_", "DYLD_")):
        raise IdentityError(
            "environment: %s makes programs run what its value says, so data would become commands: let the user write"
            " it in a dotfile" % name
        )
    return str(name)


def _value(name: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)
    if not isinstance(value, str):
        raise IdentityError("environment: %s must be text, not %s: put it in quotes" % (name, quoted(value)))
    if not value.isprintable() or len(value) > MAXIMUM_VALUE:
        raise IdentityError(
            "environment: the value of %s must be one line of at most %d printable characters" % (name, MAXIMUM_VALUE)
        )
    if name == "PATH" and not _is_path(value.split(":")):
        raise IdentityError(
            "environment: PATH replaces the whole search path: give absolute directories, /usr/bin and /bin among them"
        )
    return str(value)


def _is_path(directories: list[str]) -> bool:
    absolute = all(directory.startswith("/") and ".." not in directory.split("/") for directory in directories)
    return absolute and "/usr/bin" in directories and "/bin" in directories


def parse_umask(raw: Any) -> str:
    """Check a umask and give it four digits; "" stays as it is and means none.

    :raises IdentityError: not an octal number in quotes, or one that would harm.
    """
    if raw == "":
        return ""
    if not isinstance(raw, str) or len(raw) not in (3, 4) or not _OCTAL.issuperset(raw):
        raise IdentityError(
            "umask %s is not an octal mask such as '027': put it in quotes, YAML reads 027 as 23" % quoted(raw)
        )
    mask = int(raw, 8)
    if mask > 0o777 or mask & 0o700:
        raise IdentityError("umask %s would keep users out of their own new files: begin it with 0" % quoted(raw))
    if not mask & 0o002:
        raise IdentityError("umask %s would let everybody write into new files: end it with 2, 3, 6 or 7" % quoted(raw))
    return "%04o" % mask


def render_login(environment: Sequence[tuple[str, str]], umask: str) -> bytes:
    """What the login shells of one user are told, in POSIX sh; empty when there is nothing to say."""
    lines = ["umask %s\n" % umask] if umask else []
    lines.extend("export %s='%s'\n" % (name, value.replace("'", "'\\''")) for name, value in environment)
    return "".join(lines).encode("utf-8")
