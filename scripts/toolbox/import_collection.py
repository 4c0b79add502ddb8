# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Import a built collection as Galaxy would, and fail on what Galaxy would only warn of.

`python import_collection.py ARTIFACT` is run by the Python that has galaxy-importer.
"""

from __future__ import annotations

import subprocess
import sys


def main(artifact: str) -> int:
    command = [sys.executable, "-m", "galaxy_importer.main", artifact]
    ran = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(ran.stdout)
    complaints = [line for line in ran.stdout.splitlines() if line.startswith(("WARNING", "ERROR"))]
    if complaints:
        print("FAILED: galaxy-importer has %d complaints, see above." % len(complaints))
    return ran.returncode or int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
