"""A development system as somebody at a terminal starts it, and a look at what it leaves behind."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ops.connections import System, find_system

ROOT = Path(__file__).parents[2]


def casework(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run one `casework` command to its end."""
    return subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "ops", *arguments],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def environment(folder: Path) -> dict[str, str]:
    """Give a command its own folder, and leave it the choice of servers that the tests have."""
    return os.environ | {"CASEWORK_STACK_FOLDER": str(folder), "COLUMNS": "200"}


class Terminal:
    """`casework up` in the foreground: its lines as they come, and Ctrl-C."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self._arriving: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, "-m", "ops", "up", "--port=0", *arguments],
            cwd=ROOT,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._arriving.put(line.rstrip())
        self._arriving.put(None)

    def wait_for(self, words: str, within: float = 180.0) -> str:
        """Read on until a line has these words."""
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self._arriving.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                raise AssertionError(f"it ended without {words!r}:\n" + "\n".join(self.lines[-40:]))
            self.lines.append(line)
            if words in line:
                return line
        raise AssertionError(f"no {words!r} within {within:g} s:\n" + "\n".join(self.lines[-40:]))

    @property
    def system(self) -> System:
        """Where it runs."""
        return find_system({}, self.folder)

    @property
    def text(self) -> str:
        """All that was read so far."""
        return "\n".join(self.lines)

    def started(self) -> dict[int, str]:
        """Every process that it started, by number, with its command line."""
        return descendants(self._process.pid)

    def interrupt(self) -> int:
        """Press Ctrl-C; gives the exit code."""
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(60)
        self._reader.join(10)
        return code

    def stop(self) -> None:
        """End it, whatever has happened."""
        if self._process.poll() is None:
            self.interrupt()


def descendants(pid: int) -> dict[int, str]:
    """Find the processes that a process has started, and theirs."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found: dict[int, str] = {}
    heap = [pid]
    while heap:
        parent = heap.pop()
        for child in (child for child, of in parents.items() if of == parent):
            found[child] = _command_line(child)
            heap.append(child)
    return found


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def still_running(pids: dict[int, str], grace: float = 5.0) -> dict[int, str]:
    """Find those that have not ended.

    Args:
        pids: as `descendants` found them.
        grace: seconds; Erlang's helpers end by themselves once they see that their node is gone.
    """
    deadline = time.monotonic() + grace
    while left := {pid: line for pid, line in pids.items() if _runs(pid)}:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return left


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def listening(pids: Any) -> set[int]:
    """Find the ports that processes listen on."""
    sockets = set()
    for pid in pids:
        try:
            sockets |= {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
        except OSError:
            continue
    return {port for inode, port in _listeners() if f"socket:[{inode}]" in sockets}


def open_ports() -> set[int]:
    """Find every port somebody listens on."""
    return {port for _, port in _listeners()}


def _listeners() -> list[tuple[str, int]]:
    found = []
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A":  # LISTEN
                found.append((fields[9], int(fields[1].rpartition(":")[2], 16)))
    return found
