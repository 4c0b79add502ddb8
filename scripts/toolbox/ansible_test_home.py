# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the directory HOME for ansible-test, so that it works where only the package index can be reached.

`python ansible_test_home.py HOME` is run by the Python that has ansible-test. Into every environment it makes,
ansible-test installs pip with a script from its own download host. Where that host does not answer, pip_bootstrap.py
takes the script's place. A home of its own keeps the stand-in out of the user's ~/.ansible.
"""

from __future__ import annotations

import ast
import configparser
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from ansible_test._internal.constants import SUPPORTED_PYTHON_VERSIONS
from ansible_test._internal.host_configs import NativePythonConfig as PythonConfig
from ansible_test._internal.python_requirements import get_venv_packages

URL = "https://ci-files.testing.ansible.com/ansible-test/get-pip-%s.py"
ANSWER_SECONDS = 10
SIGN = "Stands in for get-pip.py"
STAND_IN = Path(__file__).with_name("pip_bootstrap.py")


def answers(url: str) -> bool:
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS):
            return True
    except (urllib.error.URLError, OSError):
        return False


def keep_pip_settings(home: Path) -> None:
    """Write what files and variables of this user tell pip to a file of that home: ansible-test drops the variables."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    settings = configparser.RawConfigParser()
    for name, value in sorted(line.split("=", 1) for line in shown.splitlines() if "=" in line):
        section, key = name.rsplit(".", 1)
        section = "global" if section == ":env:" else section
        if not settings.has_section(section):
            settings.add_section(section)
        if not (section == "global" and settings.has_option(section, key)):  # variables sort, and count, first
            settings.set(section, key, ast.literal_eval(value))
    directory = home / ".config" / "pip"
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / "pip.conf", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        settings.write(stream)


def main(home: Path) -> None:
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    keep_pip_settings(home)
    pythons = [PythonConfig(version=version) for version in SUPPORTED_PYTHON_VERSIONS]
    versions = {get_venv_packages(python)["pip"] for python in pythons}
    for version in sorted(versions):
        script = cache / ("get_pip_%s.py" % version.replace(".", "_"))
        stands_in = script.exists() and SIGN in script.read_text()
        if stands_in or (not script.exists() and not answers(URL % version)):
            print("NOTE: no answer from %s: using a stand-in made of ensurepip." % (URL % version))
            shutil.copyfile(STAND_IN, script)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
