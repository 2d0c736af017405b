"""Child processes that end with us: own process group, killed by group, and by the kernel if we are killed ourselves.

The one rule: a child is started from the main thread. The kernel's parent-death signal fires when the *thread* that
started the child ends, so a child of a worker thread would die with that thread.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

_LAUNCHER = pathlib.Path(__file__).with_name("launcher.py")
_LAST_LINES = 3000
_POLL = 0.05


class ServerFailedError(RuntimeError):
    """A child ended or stayed silent while we waited for it; the message carries the end of its log."""


def launched(argv: Sequence[str]) -> list[str]:
    """Return the command line that starts a program so that it cannot outlive this process.

    Raises:
        RuntimeError: called outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "child processes are started from the main thread: they end with the thread that starts them"
        )
    return [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), *argv]


def kill_group(leader: int, sig: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to the process group of a child; a group that is gone already is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, sig)


def log_tail(log: pathlib.Path) -> str:
    """Return the end of a log file, at most 3,000 characters."""
    try:
        return log.read_text(encoding="utf-8", errors="replace")[-_LAST_LINES:].strip()
    except OSError:
        return ""


@contextlib.contextmanager
def data_folder(given: pathlib.Path | None, *, keep: bool) -> Iterator[pathlib.Path]:
    """Yield a server's data folder: a temporary one, or the given one, emptied first unless it is kept."""
    if given is None:
        with tempfile.TemporaryDirectory(prefix="casework-", ignore_cleanup_errors=True) as made:
            yield pathlib.Path(made)
        return
    if not keep:
        shutil.rmtree(given, ignore_errors=True)
    given.mkdir(parents=True, exist_ok=True, mode=0o700)
    yield given.resolve()


class Child:
    """One running child process, the leader of its own process group."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: pathlib.Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """The process id, which is also the id of the process group."""
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], within: float) -> None:
        """Wait until the child is ready.

        Args:
            ready: asked about twenty times a second.
            within: seconds.

        Raises:
            ServerFailedError: the child ended, or the time is over.
        """
        end = time.monotonic() + within
        while not ready():
            if (code := self._process.poll()) is not None:
                raise ServerFailedError(f"{self.name} ended with code {code} while starting.\n{log_tail(self.log)}")
            if time.monotonic() > end:
                raise ServerFailedError(f"{self.name} was not ready after {within:.0f} s.\n{log_tail(self.log)}")
            time.sleep(_POLL)

    def stop(self, grace: float = 0) -> None:
        """End the child and everything it started: SIGTERM and up to `grace` seconds if asked for, then SIGKILL."""
        if grace and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        kill_group(self.pid)
        self._process.wait(10)


@contextlib.contextmanager
def child(  # noqa: PLR0913  what a process needs; all but name and command by keyword
    name: str,
    argv: Sequence[str],
    *,
    log: pathlib.Path,
    env: Mapping[str, str] | None = None,
    cwd: pathlib.Path | None = None,
    grace: float = 0,
) -> Iterator[Child]:
    """Run a program for as long as the block lasts, its output in a log file.

    Args:
        name: what messages call it.
        argv: program and arguments; no shell.
        log: appended to.
        env: the whole environment; ours when left out.
        cwd: working folder.
        grace: seconds between SIGTERM and SIGKILL at the end; 0 kills at once, right for a throwaway server.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603  the program comes from our own code or the operator's environment
            launched(argv),
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Child(name, process, log)
    try:
        yield running
    finally:
        running.stop(grace)
