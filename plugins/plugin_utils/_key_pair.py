# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair of SSH keys whose private half is only ever written encrypted (private: no stable interface).

ssh-keygen makes it, and reads the passphrase where nobody else can: from its standard input. A session of its own keeps
it from asking in a terminal instead. The private half is never in this process unless encrypted.
"""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import stat
import subprocess
import tempfile
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import fsync_directory
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import PublicKey

__all__ = ["check_passphrase", "make_key_pair", "private_key_path", "read_key_pair"]

SHORTEST_PASSPHRASE = 12
LONGEST_PASSPHRASE = 512
ROUNDS = "64"  # of the function that makes a key of the passphrase: about half a second for each guess
TIMEOUT = 60
_BEGIN, _END = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
_MAGIC = b"openssh-key-v1\0"
_LARGEST_FILE = 65536


def check_passphrase(passphrase: str) -> str:
    """Return a passphrase, or refuse it without showing it."""
    if len(passphrase) < SHORTEST_PASSPHRASE or len(passphrase.encode("utf-8", "replace")) > LONGEST_PASSPHRASE:
        raise IdentityError(
            f"The passphrase is too short or too long: write one of at least {SHORTEST_PASSPHRASE} characters, and at"
            f" most {LONGEST_PASSPHRASE} bytes."
        )
    if not passphrase.isprintable():
        raise IdentityError("The passphrase has a line end or another character that cannot be typed: write one line.")
    return passphrase


def read_key_pair(path: str, passphrase: str) -> PublicKey | None:
    """The public half of a pair that is there already, None when there is none.

    :raises IdentityError: it is not a private key of one's own that this passphrase protects.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IdentityError(f"The private key {path} cannot be read: {error.strerror}; choose another path.") from error
    try:
        status = os.fstat(handle)
        own = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
        data = os.read(handle, _LARGEST_FILE) if own else b""
    finally:
        os.close(handle)
    if not own or not _is_encrypted(data):
        raise IdentityError(
            f"There is something at {path} that is no private key of yours, with a passphrase and the mode 0600: choose"
            " another path."
        )
    done = _ssh_keygen(["-y", "-f", path], passphrase + "\n")
    if done.returncode != 0:
        raise IdentityError(f"There is a private key at {path} with another passphrase: choose another path.")
    return parse_public_key(done.stdout)


def make_key_pair(path: str, passphrase: str, comment: str) -> PublicKey:
    """Make an ed25519 key pair; its private half appears at this path, whole and encrypted, or not at all.

    :raises IdentityError: there is something at the path, or others can change its directory.
    """
    parent = os.path.dirname(path)
    _check_is_private(parent)
    work = tempfile.mkdtemp(prefix=".labfleet-", dir=parent)
    try:
        fresh = os.path.join(work, "key")
        options = ["-q", "-t", "ed25519", "-a", ROUNDS, "-C", comment, "-f", fresh]
        done = _ssh_keygen(options, f"{passphrase}\n{passphrase}\n")
        if done.returncode != 0:
            raise IdentityError("ssh-keygen made no key pair: see whether it works on this controller.")
        with open(fresh, "rb") as file:
            if not _is_encrypted(file.read()):
                raise IdentityError("ssh-keygen did not encrypt the private key, so it is gone again: update it.")
            os.fchmod(file.fileno(), 0o600)
            os.fsync(file.fileno())
        with open(f"{fresh}.pub", encoding="ascii") as file:
            public = parse_public_key(file.read())
        try:
            os.link(fresh, path, follow_symlinks=False)
        except FileExistsError:
            raise IdentityError(f"There is something at {path} already: choose another path.") from None
    except OSError as error:
        raise IdentityError(
            f"The private key {path} could not be written: {error.strerror or error}; mend that, or choose another."
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    directory = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fsync_directory(directory)
    finally:
        os.close(directory)
    return public


def _check_is_private(directory: str) -> None:
    try:
        status = os.stat(directory)
    except OSError as error:
        raise IdentityError(
            f"The directory {directory} for the private key cannot be used: {error.strerror}; make it first."
        ) from error
    if status.st_mode & 0o022 or status.st_uid not in (0, os.geteuid()):
        raise IdentityError(
            f"Others can put files into {directory}, so no private key is written there: choose one of your own."
        )


def _ssh_keygen(options: list[str], answers: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"}
    try:
        return subprocess.run(
            ["ssh-keygen", *options],
            input=answers,
            env=environment,
            start_new_session=True,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise IdentityError("There is no ssh-keygen on this controller: install the OpenSSH client.") from None
    except subprocess.TimeoutExpired:
        # the cause would have the answers in it
        raise IdentityError(f"ssh-keygen did not end within {TIMEOUT} s: run again.") from None


def _is_encrypted(data: bytes) -> bool:
    """Whether this is a private key in the form of OpenSSH with a cipher (PROTOCOL.key)."""
    lines = data.decode("ascii", "replace").split()
    text = " ".join(lines)
    if not text.startswith(_BEGIN) or not text.endswith(_END):
        return False
    try:
        blob = base64.b64decode("".join(text[len(_BEGIN) : -len(_END)].split()), validate=True)
    except (ValueError, binascii.Error):
        return False
    return blob.startswith(_MAGIC) and blob[len(_MAGIC) + 4 :][:3] == b"aes"


def private_key_path(given: str) -> str:
    """The absolute path of a private key, in a directory that is reached without links of others."""
    if not given or given.endswith("/") or not given.isprintable():
        raise IdentityError(f"The private_key_path {quoted(given)} names no file: write the path of one.")
    path = os.path.abspath(os.path.expanduser(given))
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
