"""Run a command that cannot outlive its parent: `python -I -S leash.py PARENT_PID COMMAND ARGUMENT...`.

The kernel kills the command when the thread that started it ends (PR_SET_PDEATHSIG), even after a SIGKILL that lets
no fixture clean up. It is set here, between fork and exec, because Python's own hook for that moment is not safe in a
program that has threads. Where the kernel cannot do it (not Linux) the command is run all the same.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent_pid, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:  # It died before the kernel was told.
            sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
