# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install pip into an environment that has none: first the one that CPython bundles, then the one that is asked for.

Stands in for get-pip.py where that cannot be downloaded, and takes the same arguments.
"""

from __future__ import annotations

import subprocess
import sys

# get-pip.py's own options. pip's bundled wheel brings neither setuptools nor wheel from Python 3.12 on.
MEANT_FOR_GET_PIP = ("--no-setuptools", "--no-wheel")

if __name__ == "__main__":
    # Not ensurepip.bootstrap(), which takes the user's pip settings away from everything that this process starts.
    subprocess.check_call([sys.executable, "-m", "ensurepip"])
    arguments = [argument for argument in sys.argv[1:] if argument not in MEANT_FOR_GET_PIP]
    sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *arguments]))
