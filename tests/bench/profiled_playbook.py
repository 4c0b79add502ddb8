# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-playbook with a profiler in the main process and in every worker.

The first argument is the directory for the profiles, the others are those of ansible-playbook.
"""

from __future__ import annotations

import cProfile
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from ansible.executor.process.worker import WorkerProcess


def main() -> None:
    directory = Path(sys.argv[1])
    whole = cProfile.Profile()
    whole.enable()
    # Imports belong to what a play costs, so they come under the profiler.
    from ansible.cli.playbook import PlaybookCLI
    from ansible.executor.process import worker

    run = worker.WorkerProcess._run

    def profiled_run(self: WorkerProcess) -> None:
        whole.disable()
        own = cProfile.Profile()
        try:
            own.runcall(run, self)
        finally:
            own.dump_stats(directory / f"worker-{os.getpid()}.prof")

    code = 0
    try:
        with patch.object(worker.WorkerProcess, "_run", profiled_run):
            code = PlaybookCLI(["ansible-playbook", *sys.argv[2:]]).run()
    finally:
        whole.disable()
        whole.dump_stats(directory / "main.prof")
    sys.exit(code)


if __name__ == "__main__":
    main()
