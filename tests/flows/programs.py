"""The five programs in one event loop: each can be stopped and started again, and says its lines into one log."""

import asyncio
import contextlib
import io
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import httpx2
from starlette.types import ASGIApp

ADDRESS = "http://casework.example"
WITHIN = 30.0
"""Seconds anything here may take."""
_LOOK_EVERY = 0.05

Seen = TypeVar("Seen")


async def until(look: Callable[[], Awaitable[Seen | None]], what: str, within: float = WITHIN) -> Seen:
    """Look again and again until there is something to see.

    Args:
        look: gives what is seen, or nothing yet.
        what: what is waited for, for the message when it does not come.
        within: seconds.

    Raises:
        AssertionError: there was nothing to see in time.
    """
    try:
        async with asyncio.timeout(within):
            while True:
                if seen := await look():
                    return seen
                await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError:
        raise AssertionError(f"{what}: not seen within {within:g} s") from None


class Logs(io.StringIO):
    """Stands for the standard output of the programs: keeps every line, and passes it on to where pytest shows it."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = sys.stdout
        self.messages: list[dict[str, Any]] = []
        """The canonical lines: what became of each message, queue by queue."""

    def write(self, text: str) -> int:
        """Keep what is written: one line, or those of a batch."""
        for line in map(json.loads, text.splitlines()):
            if line["event"] == "message":
                self.messages.append(line)
        self._shown.write(text)
        return super().write(text)


class Program:
    """One service, driven as an ASGI server drives it: by its lifespan and by requests."""

    def __init__(self, name: str, create: Callable[[], ASGIApp], logs: Logs) -> None:
        self.name = name
        self._create, self._logs = create, logs
        self._told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._says: asyncio.Queue[Any] = asyncio.Queue()
        self._running: asyncio.Future[None] | None = None
        self.client = httpx2.AsyncClient()
        """Asks this program by HTTP."""

    async def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        with contextlib.redirect_stdout(self._logs):
            app = self._create()
        scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        running = asyncio.ensure_future(app(scope, self._told.get, self._says.put))
        await self._tell("startup")
        self._running = running
        self.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=ADDRESS, timeout=WITHIN)
        await until(self._is_ready, f"{self.name} is ready")

    async def stop(self) -> None:
        """Stop it as an orchestrator does; does nothing if it does not run."""
        if self._running is None:
            return
        await self.client.aclose()
        await self._tell("shutdown")
        await self._running
        self._running = None

    @contextlib.asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Be stopped for as long as the block lasts."""
        await self.stop()
        try:
            yield
        finally:
            await self.start()

    async def metrics(self) -> str:
        """Read what Prometheus would."""
        return (await self.client.get("/metrics")).text

    async def _is_ready(self) -> bool:
        return (await self.client.get("/readyz")).is_success

    async def _tell(self, what: str) -> None:
        await self._told.put({"type": f"lifespan.{what}"})
        async with asyncio.timeout(WITHIN):
            said = await self._says.get()
        if said["type"] != f"lifespan.{what}.complete":
            raise RuntimeError(f"{self.name}: {said['type']}: {said.get('message', '')}")
