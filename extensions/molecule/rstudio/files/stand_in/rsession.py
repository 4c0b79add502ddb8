# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a session of RStudio: instead of R it has a shell."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

STREAMS = Path("/run/rstudio-server/rstudio-rsession")


def main() -> None:
    """Answer the server, and nobody else, until the session is ended."""
    stream = STREAMS / f"{sys.argv[2]}-d"
    stream.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stream))
        stream.chmod(0o777)
        listener.listen()
        while True:
            connection, _address = listener.accept()
            with connection:
                peer = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
                line = connection.makefile().readline()
                if line and peer in (os.getuid(), int(os.environ["RS_LIMIT_RPC_CLIENT_UID"])):
                    connection.sendall(run(json.loads(line)))


def run(command: str) -> bytes:
    """What the command prints, and its return code as the last line."""
    done = subprocess.run(
        ["/bin/bash", "-c", command], capture_output=True, check=False, timeout=30, cwd=os.environ["HOME"]
    )
    return done.stdout + done.stderr + f"code {done.returncode}\n".encode()


if __name__ == "__main__":
    main()
