"""A duty desk for tests: a real HTTP server that keeps what it is told and answers as the test says."""

import asyncio
import contextlib
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple


class Heard(NamedTuple):
    """A request as it came."""

    line: str
    headers: dict[str, str]
    body: Any


class DutyDesk:
    """What was told, and how the next requests are answered: a status, or None to hang up without a word."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.arrived: asyncio.Queue[Heard] = asyncio.Queue()
        self.answers: deque[int | None] = deque()
        self.pause = 0.0
        """Seconds before an answer."""
        self.port = 0
        self.connections = 0
        self.serving: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        self.connections += 1
        if task := asyncio.current_task():
            self.serving.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            heard = Heard(head[0], headers, json.loads(body or "null"))
            self.heard.append(heard)
            self.arrived.put_nowait(heard)
            await asyncio.sleep(self.pause)
            status = self.answers.popleft() if self.answers else 202
            if status is not None:
                writer.write(f"HTTP/1.1 {status} X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


@asynccontextmanager
async def duty_desk(tls: ssl.SSLContext | None = None) -> AsyncIterator[DutyDesk]:
    """Run one on a free port of this machine."""
    desk = DutyDesk()
    async with await asyncio.start_server(desk.serve, "127.0.0.1", 0, ssl=tls) as server:
        desk.port = server.sockets[0].getsockname()[1]
        yield desk
        await asyncio.gather(*desk.serving)
