"""A network that can be taken away: a TCP proxy on loopback which a test cuts or silences."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Proxy:
    """Carries bytes to one port of this machine for as long as a test lets it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._flows: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._cut = False
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def close(self) -> None:
        """End every connection and listen no longer."""
        assert self._server is not None
        self._server.close()
        await self._drop()

    @asynccontextmanager
    async def silent(self) -> AsyncIterator[None]:
        """Carry nothing, as a network that drops every packet; connections stay open until somebody gives up."""
        self._flowing.clear()
        try:
            yield
        finally:
            await self._drop()  # what was on its way when the packets were dropped never arrives
            self._flowing.set()

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[None]:
        """End every connection and refuse new ones, as a server that is down."""
        self._cut = True
        await self._drop()
        try:
            yield
        finally:
            self._cut = False

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._flows.add(task)
        try:
            await self._carry(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # a connection that ends is what this is for
        finally:
            writer.transport.abort()
            self._flows.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            ways = [
                asyncio.ensure_future(self._pass(reader, onward)),
                asyncio.ensure_future(self._pass(onward_reader, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            onward.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()

    async def _drop(self) -> None:
        flows = list(self._flows)
        for flow in flows:
            flow.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*flows, return_exceptions=True)
