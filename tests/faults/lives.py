"""One service as a real process that dies and is started again; only what was started here is ever ended."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx2

from ops.stack.ports import free_port
from ops.stack.processes import kill_group, launched, log_tail
from ops.stack.supervisor import Program

ROOT = Path(__file__).parents[2]
WITHIN = 30.0
"""Seconds a process may take to be ready, or to die."""


def program(name: str, factory: str, environment: Mapping[str, str]) -> Program:
    """Say how to start a factory of `tests.faults.factories` as a program is started: by uvicorn."""
    port = free_port()
    argv = (sys.executable, "-m", "uvicorn", f"tests.faults.factories:{factory}", "--factory", "--host=127.0.0.1")
    flags = (f"--port={port}", "--loop=uvloop", "--log-level=warning", "--no-access-log")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CASEWORK_")}
    ours = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return Program(name, argv + flags, {**kept, **ours, **environment}, f"http://127.0.0.1:{port}/readyz")


class Life:
    """A running process."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process, self._log = process, log

    async def ready(self, url: str) -> None:
        """Wait until it is ready."""
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
            for _ in range(round(WITHIN / 0.05)):
                if self._process.returncode is not None:
                    break
                with contextlib.suppress(httpx2.HTTPError):
                    if (await client.get(url)).is_success:
                        return
                await asyncio.sleep(0.05)
        raise AssertionError(f"not ready: {self._process.returncode}\n{log_tail(self._log)}")

    async def killed(self) -> None:
        """Wait until it has killed itself."""
        try:
            async with asyncio.timeout(WITHIN):
                code = await self._process.wait()
        except TimeoutError:
            raise AssertionError(f"it never came to its crash point\n{log_tail(self._log)}") from None
        assert code == -signal.SIGKILL, f"ended with {code}\n{log_tail(self._log)}"

    async def stop(self) -> None:
        """End it as a power cut would, unless it is dead already."""
        kill_group(self._process.pid)
        await self._process.wait()


@contextlib.asynccontextmanager
async def a_life(what: Program, log: Path, **more: str) -> AsyncIterator[Life]:
    """Run a program until the block is left; it is ready when the block begins."""
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *launched(what.argv),
            env={**what.env, **more},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    life = Life(process, log)
    try:
        assert what.ready_url
        await life.ready(what.ready_url)
        yield life
    finally:
        await life.stop()
