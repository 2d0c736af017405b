"""Become the program named on the command line, tied to the life of the process that started it.

The one rule: this file runs before anything else with `python -I -S`, so it imports the standard library only, and no
more of it than it needs. Usage: `launcher.py PARENT_PID PROGRAM [ARGUMENT ...]`.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent thread ends (prctl(2); survives execve, Linux only)."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


def main() -> None:
    """Tie this process to its parent, then replace it by the program."""
    program = sys.argv[2:]
    die_with_parent(int(sys.argv[1]))
    try:
        os.execvp(program[0], program)  # noqa: S606  no shell is wanted: the arguments go through untouched
    except OSError as error:
        sys.stderr.write(f"cannot start {program[0]}: {error.strerror}\n")
        os._exit(127)


if __name__ == "__main__":
    main()
