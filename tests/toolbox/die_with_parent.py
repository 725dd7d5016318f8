"""Runs a command that ends with its parent: `python -I -S die_with_parent.py PARENT_PID COMMAND ARGUMENT...`.

The kernel kills the command when the thread that started it ends (PR_SET_PDEATHSIG), also when the parent is killed by
SIGKILL and cannot clean up. It is set here, because subprocess's `preexec_fn` is not safe in a program with threads. On
systems other than Linux the command runs without it.
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
        if os.getppid() != parent_pid:  # The parent ended before prctl.
            sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
