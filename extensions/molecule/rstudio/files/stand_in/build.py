# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the stand-in package, laid out as the real one: ``build.py VERSION FILE``. Needs nothing of Debian's."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PREFIX = "./usr/lib/rstudio-server"
SHEBANG = b"#!/usr/bin/python3\n"
EPOCH = 1750000000  # the same input makes the same package, byte for byte
CONTROL = """Package: rstudio-server
Version: {version}
Architecture: all
Maintainer: The labfleet.identity developers <nobody@lab.example>
Depends: python3
Description: stand-in for RStudio Server, for tests only
"""


def pack(files: dict[str, tuple[bytes, int]]) -> bytes:
    """A tar of files that belong to root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        directories = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
        for name in sorted(directories):
            entry = tarfile.TarInfo("./" + name)
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, EPOCH
            archive.addfile(entry)
        for name, (data, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), mode, EPOCH
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def archive_of(members: dict[str, bytes]) -> bytes:
    """The ar archive that a Debian package is."""
    parts = [b"!<arch>\n"]
    for name, data in members.items():
        parts.append(f"{name:<16}{EPOCH:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode("ascii"))
        parts.append(data + b"\n" * (len(data) % 2))
    return b"".join(parts)


def main(version: str, target: str) -> None:
    """Write the package."""
    control = {
        "./control": (CONTROL.format(version=version).encode("ascii"), 0o644),
        "./postinst": ((HERE / "postinst.sh").read_bytes(), 0o755),
        "./prerm": ((HERE / "prerm.sh").read_bytes(), 0o755),
    }
    programs = {"rserver": "rserver.py", "rserver-pam": "rserver_pam.py", "rsession": "rsession.py"}
    data = {
        f"{PREFIX}/bin/{name}": (SHEBANG + (HERE / source).read_bytes(), 0o755) for name, source in programs.items()
    }
    unit = (HERE / "rstudio-server.service").read_bytes()
    data[f"{PREFIX}/extras/systemd/rstudio-server.service"] = (unit, 0o644)
    members = {"debian-binary": b"2.0\n", "control.tar": pack(control), "data.tar": pack(data)}
    Path(target).write_bytes(archive_of(members))


if __name__ == "__main__":
    main(*sys.argv[1:])
