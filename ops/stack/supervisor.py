"""Start programs, wait until each is ready, restart the one that dies and stop all: never silently.

The one rule: a program is in `_running` from before its first start until after its group is killed; `stop()` ends
exactly those, and nothing else on the machine.
"""

import asyncio
import contextlib
import dataclasses
import pathlib
import signal
import types
from collections.abc import Iterable, Mapping
from typing import Self

import httpx2

from ops.stack.ladder import Say, silent
from ops.stack.processes import kill_group, launched, log_tail

_POLL = 0.1


@dataclasses.dataclass(frozen=True)
class Program:
    """What to start.

    Attributes:
        name: what messages call it; its log is `<name>.log`.
        argv: program and arguments; no shell.
        env: the whole environment.
        ready_url: answers 200 when the program is ready; None for a program that is ready when it runs.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = dataclasses.field(repr=False)
    ready_url: str | None = None


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long the supervisor waits, all in seconds.

    Attributes:
        ready: until a started program must be ready.
        grace: between SIGTERM and SIGKILL.
        backoff: before the first, second, … restart of a program that keeps dying; the last one repeats.
        settled: a program that ran this long starts again at the first of `backoff`.
    """

    ready: float = 60.0
    grace: float = 25.0
    backoff: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 10.0)
    settled: float = 30.0


class StartFailedError(RuntimeError):
    """A program ended, or was not ready in time, while it was started; the message carries the end of its log."""


class _Run:
    """One supervised program: its process of the moment, and the task that watches it."""

    def __init__(self, program: Program, log: pathlib.Path) -> None:
        self.program = program
        self.log = log
        self.process: asyncio.subprocess.Process | None = None
        self.watch: asyncio.Task[None] | None = None


class Supervisor:
    """Keeps programs running; use it as an async context manager, so that a failure or Ctrl-C stops them too.

    Inside the block SIGTERM cancels the task that entered it, as `asyncio.run` does with Ctrl-C.

    Args:
        logs: the folder of the log files, made if missing; a log of an earlier start is replaced.
        say: hears of each death, restart and failure.
        patience: how long to wait.
    """

    def __init__(self, logs: pathlib.Path, say: Say = silent, patience: Patience | None = None) -> None:
        self._logs = logs
        self._say = say
        self._patience = patience or Patience()
        self._running: dict[str, _Run] = {}
        self._http = httpx2.AsyncClient(timeout=2, trust_env=False)

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        try:
            await self.stop()
        finally:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)

    async def start(self, programs: Iterable[Program]) -> None:
        """Start programs side by side and wait until each is ready.

        Raises:
            StartFailedError: one ended or was not ready in time; those that started keep running until `stop()`.
            ValueError: a name is taken.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        runs: list[_Run] = []
        for program in programs:
            if program.name in self._running:
                raise ValueError(f"a program named {program.name} is running already")
            run = _Run(program, self._logs / f"{program.name}.log")
            run.log.write_bytes(b"")
            self._running[program.name] = run
            runs.append(run)
        try:
            async with asyncio.TaskGroup() as group:
                for run in runs:
                    group.create_task(self._start_and_watch(run))
        except* StartFailedError as failures:
            raise failures.exceptions[0] from None

    async def restart(self, name: str) -> None:
        """Stop one program as `stop()` would and start it again.

        Raises:
            KeyError: there is no such program.
            StartFailedError: it did not become ready again.
        """
        run = self._running[name]
        await self._end(run)
        await self._start_and_watch(run)

    async def stop(self) -> None:
        """Stop every program: SIGTERM, then SIGKILL to the group of each that needs longer than the grace."""
        runs = list(self._running.values())
        try:
            await asyncio.gather(*(self._end(run) for run in runs))
        finally:  # a second Ctrl-C ends the waiting, not the killing
            for run in runs:
                if run.process is not None:
                    kill_group(run.process.pid)
            self._running.clear()
            await self._http.aclose()

    def program(self, name: str) -> Program:
        """Return what was started under a name.

        Raises:
            KeyError: there is no such program.
        """
        return self._running[name].program

    def pid(self, name: str) -> int | None:
        """Return the process id of a program, None while it is not running.

        Raises:
            KeyError: there is no such program.
        """
        process = self._running[name].process
        return process.pid if process is not None and process.returncode is None else None

    async def _start_and_watch(self, run: _Run) -> None:
        await self._spawn(run)
        await self._ready(run)
        run.watch = asyncio.create_task(self._watch(run), name=f"watch {run.program.name}")

    async def _spawn(self, run: _Run) -> None:
        with run.log.open("ab") as out:
            run.process = await asyncio.create_subprocess_exec(
                *launched(run.program.argv),
                env=dict(run.program.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )

    async def _ready(self, run: _Run) -> None:
        """Wait until a program just spawned is ready.

        Raises:
            StartFailedError: it ended, or the time is over.
        """
        name = run.program.name
        assert run.process is not None  # noqa: S101  spawned by the caller
        try:
            async with asyncio.timeout(self._patience.ready):
                while not await self._answers(run.program.ready_url):
                    if run.process.returncode is not None:
                        raise StartFailedError(
                            f"{name} ended with code {run.process.returncode} while starting.\n{log_tail(run.log)}"
                        )
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise StartFailedError(
                f"{name} was not ready after {self._patience.ready:g} s ({run.program.ready_url}).\n{log_tail(run.log)}"
            ) from None

    async def _answers(self, url: str | None) -> bool:
        if url is None:
            return True
        try:
            return (await self._http.get(url)).status_code == httpx2.codes.OK
        except httpx2.HTTPError:
            return False

    async def _watch(self, run: _Run) -> None:
        """Restart a program each time it ends, until this task is cancelled."""
        loop, name, deaths = asyncio.get_running_loop(), run.program.name, 0
        while True:
            since = loop.time()
            assert run.process is not None  # noqa: S101  spawned before it is watched
            code = await run.process.wait()
            kill_group(run.process.pid)  # what it may have started
            deaths = 1 if loop.time() - since > self._patience.settled else deaths + 1
            pause = self._patience.backoff[min(deaths, len(self._patience.backoff)) - 1]
            self._say(f"{name} {_how(code)}; restarting in {pause:g} s (log: {run.log})")
            await asyncio.sleep(pause)
            try:
                await self._spawn(run)
                await self._ready(run)
            except (StartFailedError, OSError) as error:
                self._say(str(error))
                if run.process.returncode is None:  # alive but not ready: end it, so that the next round starts anew
                    kill_group(run.process.pid)
            else:
                self._say(f"{name} is back")

    async def _end(self, run: _Run) -> None:
        """Stop watching a program, then stop it."""
        if run.watch is not None:
            run.watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await run.watch
            run.watch = None
        process = run.process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), self._patience.grace)
            except TimeoutError:
                self._say(f"{run.program.name} did not stop within {self._patience.grace:g} s and was killed")
        kill_group(process.pid)
        await process.wait()


def _how(code: int) -> str:
    """Say in words how a process ended."""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"
