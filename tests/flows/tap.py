"""A stranger's view of the broker: everything that is said, ordered, asked and replied, and what is set aside."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aio_pika import Message, connect
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from shared.plumbing.envelope import HEADER
from shared.plumbing.topology import (
    COMMANDS,
    CONSUMERS,
    EVENTS,
    LADDER,
    REPLIES,
    WORK_QUEUES,
    WorkQueue,
    dead_queue,
    retry_queue,
)
from tests.flows.programs import until


class Heard(NamedTuple):
    """One message as it passed."""

    exchange: str
    key: str
    type: str
    id: str
    subject: str
    seq: int
    body: bytes
    headers: Mapping[str, Any]
    correlation: str

    def everything(self) -> str:
        """Write down all of it that anybody on the broker can read."""
        return f"{self.exchange} {self.key} {self.id} {self.headers} {self.correlation} {self.body!r}"


class Tap:
    """Hears the exchanges, looks into queues, and says again what it has heard."""

    def __init__(self, channel: AbstractChannel, queue: AbstractQueue) -> None:
        self._channel, self._queue = channel, queue
        self._lines: set[str] = set()
        self.heard: list[Heard] = []
        self.deliveries: Counter[tuple[str, str]] = Counter()
        """How often the broker has put a message into a durable work queue, by queue and message id."""
        self.dead: list[Heard] = []
        """Dead letters that a test has taken out of their queue: it made them, and answers for them."""

    async def hear(self, message: AbstractIncomingMessage) -> None:
        """Note a message; from the first with a new reply address on, hear the replies too."""
        self.heard.append(heard := _heard(message))
        self.deliveries.update((queue.name, heard.id) for queue in WORK_QUEUES if _takes(queue, heard))
        await self._follow(message.reply_to)

    def facts(self, case_id: str, noun: str = "") -> list[Heard]:
        """List the events about one case in the order they passed; of one noun (`case`, `timer`, …) if one is given."""
        return [
            one for one in self.heard if one.exchange == EVENTS and one.subject == case_id and one.key.startswith(noun)
        ]

    async def say_again(self, message: Heard) -> None:
        """Publish a message once more, as its publisher would after a crash: same id, same everything."""
        exchange = await self._channel.get_exchange(message.exchange, ensure=False)
        await exchange.publish(
            Message(
                message.body,
                message_id=message.id,
                type=message.type,
                correlation_id=message.correlation,
                headers=dict(message.headers),
            ),
            message.key,
        )

    async def put(self, queue: WorkQueue, message: Message) -> None:
        """Put a message into one queue and no other."""
        await self._follow(message.reply_to)
        await self._channel.default_exchange.publish(message, queue.name)

    async def take_dead(self, service: str, count: int) -> list[Heard]:
        """Take so many dead letters of a service out of their queue, waiting until they are there."""
        queue = await self._channel.get_queue(dead_queue(service), ensure=False)
        taken: list[Heard] = []

        async def take() -> bool:
            while found := await queue.get(fail=False, no_ack=True):
                taken.append(_heard(found))
            return len(taken) >= count

        await until(take, f"{count} dead letters of {service}")
        self.dead += taken
        return taken

    async def waiting(self) -> dict[str, int]:
        """Count what stands in the work queues, on the retry ladder and among the dead letters, where there is any."""
        names = [*(queue.name for queue in WORK_QUEUES), *map(retry_queue, LADDER), *map(dead_queue, CONSUMERS)]
        queues = [await self._channel.declare_queue(name, passive=True) for name in names]
        return {queue.name: count for queue in queues if (count := queue.declaration_result.message_count or 0)}

    async def _follow(self, reply_to: str | None) -> None:
        """Hear the replies that go to an address."""
        if reply_to and reply_to not in self._lines:
            self._lines.add(reply_to)
            await self._queue.bind(REPLIES, reply_to)


@asynccontextmanager
async def tapped(url: str) -> AsyncIterator[Tap]:
    """Listen to a vhost whose topology is declared."""
    async with await connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EVENTS, "#")
        for key in _command_keys():
            await queue.bind(COMMANDS, key)
        tap = Tap(channel, queue)
        await queue.consume(tap.hear, no_ack=True)
        yield tap


def _command_keys() -> Iterator[str]:
    return (key for queue in WORK_QUEUES if queue.exchange == COMMANDS for key in queue.bindings)


def _takes(queue: WorkQueue, message: Heard) -> bool:
    """Say whether a message goes to a queue and must be worked on: a question may expire before somebody takes it."""
    return (
        queue.durable and queue.exchange == message.exchange and any(_fits(key, message.key) for key in queue.bindings)
    )


def _fits(pattern: str, key: str) -> bool:
    """Say whether a binding takes a routing key; `#` stands only at the end of ours."""
    wanted, words = pattern.split("."), key.split(".")
    if wanted[-1] == "#":
        wanted, words = wanted[:-1], words[: len(wanted) - 1]
    return len(wanted) == len(words) and all(one in {"*", word} for one, word in zip(wanted, words, strict=True))


def _heard(message: AbstractIncomingMessage) -> Heard:
    return Heard(
        exchange=message.exchange or "",
        key=message.routing_key or "",
        type=message.type or "",
        id=message.message_id or "",
        subject=str(message.headers.get(f"{HEADER}subject", "")),
        seq=int(str(message.headers.get(f"{HEADER}caseseq", "0"))),
        body=message.body,
        headers=message.headers,
        correlation=str(message.correlation_id or ""),
    )
