"""The other end of the gateway's lines: intake as a broker's client sees it, and a cable that can be cut and mended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from aio_pika import DeliveryMode, Message, connect
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage
from cryptography.fernet import Fernet
from pydantic import BaseModel, SecretStr

from shared.commands import (
    COMMANDS,
    QUERIES,
    Asked,
    CaseReply,
    CasesReply,
    Command,
    CommandReply,
    EventsReply,
    GetCase,
    ListCases,
)
from shared.plumbing.sealed import SealBox
from shared.plumbing.topology import INTAKE_COMMANDS, INTAKE_COMMANDS_URGENT, INTAKE_QUERIES, REPLIES, declare
from tests.gateway.fakes import view

KEY = Fernet.generate_key().decode()
SEAL = SealBox([SecretStr(KEY)])
KINDS: dict[str, type[Asked]] = {**QUERIES, **{kind.type: kind for kind in COMMANDS.values()}}


def say_yes(asked: Asked) -> BaseModel | None:
    """Accept every command, know every case."""
    if isinstance(asked, Command):
        return CommandReply(outcome="accepted", repeated=False, view=view(asked.reference))
    if isinstance(asked, GetCase):
        return CaseReply(view=view(asked.reference), decided=asked.commands)
    return CasesReply(cases=(), total=0) if isinstance(asked, ListCases) else EventsReply(found=True, last=0)


class IntakeOnTheWire:
    """Takes from intake's queues and answers as it is told; None is no answer."""

    def __init__(self, replies: AbstractExchange) -> None:
        self._replies = replies
        self.taken: asyncio.Queue[tuple[AbstractIncomingMessage, Asked]] = asyncio.Queue()
        self.decide: Callable[[Asked], BaseModel | None] = say_yes
        self.seal = SEAL
        self.delay = 0.0

    async def take(self, message: AbstractIncomingMessage) -> None:
        """Take one message."""
        await message.ack()
        message_id = message.message_id or ""
        asked = SEAL.open_message(KINDS[message.type or ""], message.body, message_id)
        self.taken.put_nowait((message, asked))
        await asyncio.sleep(self.delay)
        reply = self.decide(asked)
        if reply is not None and message.reply_to:
            body = self.seal.seal_reply(reply, message_id)
            await self._replies.publish(Message(body, correlation_id=message_id), message.reply_to)

    async def next(self, within: float = 20.0) -> tuple[AbstractIncomingMessage, Any]:
        """Wait for the next message and what it asks; `within` is in seconds."""
        async with asyncio.timeout(within):
            return await self.taken.get()


@asynccontextmanager
async def intake_on_the_wire(url: str) -> AsyncIterator[IntakeOnTheWire]:
    """Declare the topology and take from intake's queues."""
    connection = await connect(url)
    async with connection:
        channel = await connection.channel()
        await declare(channel)
        intake = IntakeOnTheWire(await channel.get_exchange(REPLIES))
        for queue in (INTAKE_COMMANDS, INTAKE_COMMANDS_URGENT, INTAKE_QUERIES):
            await (await channel.get_queue(queue.name)).consume(intake.take)
        yield intake


async def until(condition: Callable[[], bool], within: float = 20.0) -> None:
    """Wait until something is so that nobody tells; `within` is in seconds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.02)


def is_persistent(message: AbstractIncomingMessage) -> bool:
    """Say whether a message survives a restart of the broker."""
    return message.delivery_mode == DeliveryMode.PERSISTENT


class Cable:
    """A way to a server that a test can cut and mend."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._lines: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Address of the near end."""
        login = self._parts.netloc.rpartition("@")[0]
        return self._parts._replace(netloc=f"{login}@127.0.0.1:{self._port}").geturl()

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.cut()

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for line in self._lines:
            line.transport.abort()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        self._lines.clear()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        self._lines |= {writer, far_writer}
        for source, target in ((reader, far_writer), (far_reader, writer)):
            pump = asyncio.create_task(_pump(source, target))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    target.close()
