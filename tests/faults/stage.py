"""Where one or a few services are put under stress: its own vhost and databases, a stranger who sends and hears."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from aio_pika import DeliveryMode, Message, connect
from aio_pika.abc import AbstractChannel
from cryptography.fernet import Fernet
from faststream.asgi import AsgiFastStream
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from services.intake.domain import Case, evolve
from shared.commands import Command, case_id_for
from shared.council import Council
from shared.events import CATALOGUE, Event
from shared.plumbing.clock import real_now
from shared.plumbing.council import publish
from shared.plumbing.envelope import HEADER
from shared.plumbing.relay import OVERDUE
from shared.plumbing.sealed import SealBox
from shared.plumbing.settings import Settings
from shared.plumbing.topology import COMMANDS, EVENTS, WORK_QUEUES, declare
from tests.faults.verdicts import Kept, Told
from tests.flows.tap import Tap, tapped

SERVICES = ("intake", "routing", "scheduler", "notifier")
_LOOK_EVERY = 0.05
Given = TypeVar("Given", bound=Settings)


class Post(NamedTuple):
    """A message and where it goes."""

    exchange: str
    key: str
    message: Message

    @property
    def id(self) -> str:
        """Its id, the same however often it is sent."""
        return str(self.message.message_id)


def case_of(post: Post) -> str:
    """Name the case a message is about."""
    return str(post.message.headers[f"{HEADER}subject"])


@dataclass(frozen=True)
class Stage:
    """What a fault test works with."""

    settings: Mapping[str, Any]
    mongo: AsyncMongoClient[dict[str, Any]]
    tap: Tap
    channel: AbstractChannel
    seal: SealBox
    logs: Path

    @property
    def environment(self) -> dict[str, str]:
        """Say the settings as a process is told them."""
        return {f"CASEWORK_{name.upper()}": str(value) for name, value in self.settings.items()}

    def config(self, kind: type[Given], **more: Any) -> Given:
        """Say the settings as a program in this process is told them."""
        return kind.model_validate({**self.settings, **more})

    def command(self, message_id: str, command: Command) -> Post:
        """Write a command as the gateway does."""
        headers = {
            f"{HEADER}subject": case_id_for(command.reference),
            f"{HEADER}correlationid": message_id,
        }
        body = self.seal.seal_message(command, message_id)
        return Post(COMMANDS, "intake.commands", _message(message_id, command.type, body, headers))

    def event(self, message_id: str, event: Event, subject: str, caseseq: int = 0) -> Post:
        """Write an event as its service does."""
        headers = {f"{HEADER}subject": subject, f"{HEADER}caseseq": caseseq}
        body = event.model_dump_json().encode()
        return Post(EVENTS, event.routing_key(), _message(message_id, event.type, body, headers))

    def message(  # noqa: PLR0913, PLR0917  the parts AMQP has
        self, exchange: str, key: str, message_id: str, kind: str, body: bytes, headers: Mapping[str, Any]
    ) -> Post:
        """Write any message."""
        return Post(exchange, key, _message(message_id, kind, body, headers))

    async def waiting(self, queue: str) -> int:
        """Count the messages that stand in a queue."""
        found = await self.channel.declare_queue(queue, passive=True)
        return found.declaration_result.message_count or 0

    async def send(self, posts: Sequence[Post]) -> None:
        """Publish all in one go, in this order; confirmed when it returns."""
        exchanges = {name: await self.channel.get_exchange(name, ensure=False) for name in (COMMANDS, EVENTS)}
        await asyncio.gather(*(exchanges[post.exchange].publish(post.message, post.key) for post in posts))

    async def documents(self, service: str, collection: str) -> list[dict[str, Any]]:
        """Read what a service keeps."""
        database = self.mongo[f"{self.settings['mongo_prefix']}_{service}"]
        return await database[collection].find().sort("_id").to_list()

    async def refused(self) -> list[str]:
        """List the ids of the commands intake has refused."""
        return [document["_id"] for document in await self.documents("intake", "refusals")]

    async def forget(self, service: str) -> None:
        """Empty a service's database, and forget what was heard."""
        database = self.mongo[f"{self.settings['mongo_prefix']}_{service}"]
        for name in await database.list_collection_names():
            await database[name].delete_many({})
        self.tap.heard.clear()

    @staticmethod
    def queues_of(service: str) -> list[str]:
        """Name the durable queues a service works from."""
        return [queue.name for queue in WORK_QUEUES if queue.service == service and queue.durable]

    async def let_time_pass(self, service: str, collection: str) -> None:
        """Make what is unsaid old enough for the sweeper."""
        older = {"$subtract": ["$unsaid_since", OVERDUE.total_seconds() * 1000]}
        database = self.mongo[f"{self.settings['mongo_prefix']}_{service}"]
        await database[collection].update_many({"unsaid_since": {"$exists": True}}, [{"$set": {"unsaid_since": older}}])

    def told(self, noun: str) -> list[Told]:
        """List the facts that were heard, in that order."""
        return [
            Told(one.subject, one.seq, one.id)
            for one in self.tap.heard
            if one.exchange == EVENTS and one.key.startswith(f"{noun}.")
        ]

    async def dead(self, service: str) -> list[tuple[str, str]]:
        """Take the dead letters: message and reason of each."""
        queue = await self.channel.get_queue(f"{service}.dead")
        found: list[tuple[str, str]] = []
        while letter := await queue.get(no_ack=True, fail=False):
            found.append((letter.message_id or "", str(letter.headers["casework-reason"])))
        return found


def _message(message_id: str, kind: str, body: bytes, headers: Mapping[str, Any]) -> Message:
    return Message(
        body,
        message_id=message_id,
        type=kind,
        headers=dict(headers),
        correlation_id=message_id,
        delivery_mode=DeliveryMode.PERSISTENT,
        timestamp=real_now(),
    )


@asynccontextmanager
async def a_stage(vhost_url: str, mongo_url: str, logs: Path, council: Council) -> AsyncIterator[Stage]:
    """Set everything up; the databases go afterwards."""
    prefix, seal = f"t{uuid.uuid4().hex[:12]}", Fernet.generate_key().decode()
    settings = {
        "profile": "development",
        "rabbit_url": vhost_url,
        "mongo_url": mongo_url,
        "mongo_prefix": prefix,
        "council_code": council.code,
        "graceful_seconds": 5,
        "seal_keys": seal,
        "vault_keys": Fernet.generate_key().decode(),
    }
    async with AsyncExitStack() as stack:
        mongo = await stack.enter_async_context(AsyncMongoClient[dict[str, Any]](mongo_url, tz_aware=True))
        await publish(mongo[f"{prefix}_council"], council, author="test", reason="test")
        for owner in ("council", *SERVICES):
            stack.push_async_callback(mongo.drop_database, f"{prefix}_{owner}")
        connection = await stack.enter_async_context(await connect(vhost_url))
        channel = await connection.channel()
        await declare(channel)
        tap = await stack.enter_async_context(tapped(vhost_url))
        yield Stage(settings, mongo, tap, channel, SealBox([SecretStr(seal)]), logs)


@asynccontextmanager
async def running(*apps: AsgiFastStream) -> AsyncIterator[None]:
    """Run programs in this process for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        for app in apps:
            await stack.enter_async_context(app.start_lifespan_context())
        yield


async def settled(
    look: Callable[[], Awaitable[object]], seconds: float, done: Callable[[], Awaitable[bool]] | None = None
) -> None:
    """Wait until all is done or, where that may never be, until what is seen has stayed the same for some seconds."""
    now = asyncio.get_running_loop().time
    seen, since = await look(), now()
    async with asyncio.timeout(120):
        while now() - since < seconds and not (done and await done()):
            await asyncio.sleep(_LOOK_EVERY)
            if (found := await look()) != seen:
                seen, since = found, now()


def as_its_history(case: Kept) -> bool:
    """Say whether the state of a case is what its history makes of it."""
    state: Case | None = None
    for seq, entry in enumerate(case["history"], 1):
        state = evolve(state, CATALOGUE[entry["type"]].model_validate(entry["data"]), seq)
    return state == Case.model_validate(case["state"])
