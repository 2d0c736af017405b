"""The program itself, on a real broker and a real database: clocks and council data in, reminders and facts out."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aio_pika import Message, connect
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, HeadersType
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from ops.stack.mongo import Mongo
from services.scheduler.app import create_app
from services.scheduler.config import Config
from shared.council import Directory, load_bundle
from shared.events import (
    CaseEvent,
    Clock,
    CouncilActivated,
    CouncilPublished,
    CouncilSeatVacated,
    CouncilTermEnded,
    TimerDue,
    TimerReview,
)
from shared.plumbing.clock import MovableClock, real_now
from shared.plumbing.council import publish
from shared.plumbing.topology import EVENTS
from tests.scheduler.fakes import heard

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]

COUNCIL = load_bundle(Path(__file__).parents[2] / "council")
WITHIN = 20.0


class Surroundings(NamedTuple):
    """What the program finds when it starts."""

    config: Config
    council: AsyncDatabase[dict[str, Any]]


@pytest.fixture
async def surroundings(mongo_server: Mongo, vhost_url: str) -> AsyncIterator[Surroundings]:
    """Databases of the test's own with the sample council in them; they go afterwards."""
    config = Config.model_validate(
        {
            "profile": "development",
            "rabbit_url": vhost_url,
            "mongo_url": mongo_server.url,
            "mongo_prefix": f"t{uuid.uuid4().hex[:12]}",
            "topology": "declare",
        }
    )
    async with AsyncMongoClient[dict[str, Any]](mongo_server.url, tz_aware=True) as client:
        council = client[config.database_of("council")]
        await publish(council, COUNCIL, author="test", reason="test")
        yield Surroundings(config, council)
        for owner in ("council", "scheduler"):
            await client.drop_database(config.database_of(owner))


async def say(channel: AbstractChannel, event: CaseEvent, caseseq: int) -> None:
    """Publish an event as intake does."""
    exchange = await channel.get_exchange(EVENTS, ensure=False)
    headers: HeadersType = {"cloudEvents_subject": "case-1", "cloudEvents_caseseq": caseseq}
    message = Message(event.model_dump_json().encode(), message_id=f"event-{caseseq}", type=event.type, headers=headers)
    await exchange.publish(message, event.routing_key())


def running(due: datetime, rev: int) -> Clock:
    return Clock(kind="acknowledge", due=due, rule="1h", rev=rev)


async def test_a_clock_fires_when_the_business_clock_reaches_it_and_only_the_newest_counts(
    surroundings: Surroundings, vhost_url: str
) -> None:
    started = real_now()
    stale, fresh = running(started + timedelta(hours=1), 2), running(started + timedelta(hours=5), 3)
    app = create_app(surroundings.config)

    async with app.start_lifespan_context(), await connect(vhost_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EVENTS, "timer.#")
        said: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        await queue.consume(said.put, no_ack=True)
        await say(channel, heard(running(started - timedelta(hours=1), 1)), 1)
        async with asyncio.timeout(WITHIN):
            late = await said.get()
        await say(channel, heard(fresh, lane="urgent"), 3)
        await say(channel, heard(stale), 2)
        await say(channel, heard(running(started, 4), lane="urgent"), 4)
        async with asyncio.timeout(WITHIN):
            now = await said.get()
        await say(channel, heard(running(started + timedelta(hours=5), 5)), 5)
        await MovableClock(surroundings.council).advance("6h", Directory(COUNCIL).calendar)
        async with asyncio.timeout(WITHIN):
            moved = await said.get()

    assert [(message.type, message.headers["cloudEvents_subject"]) for message in (late, now, moved)] == [
        (TimerDue.type, "case-1")
    ] * 3
    facts = [TimerDue.model_validate_json(message.body) for message in (late, now, moved)]
    assert [fact.rev for fact in facts] == [1, 4, 5]
    assert all(fact.at >= fact.due for fact in facts)
    assert now.routing_key == "timer.due.v1.urgent.lamps.elm"
    assert said.empty()


async def test_a_councillor_who_leaves_is_told_of_and_the_open_case_is_called_to_attention(
    surroundings: Surroundings, vhost_url: str
) -> None:
    leaver, *others = COUNCIL.councillors
    (seat,) = leaver.seats
    left = seat.model_copy(update={"valid_to": real_now().date() - timedelta(days=1), "end_reason": "resigned"})
    without = COUNCIL.model_copy(
        update={"version": "without", "councillors": (leaver.model_copy(update={"seats": (left,)}), *others)}
    )
    app = create_app(surroundings.config)

    async with app.start_lifespan_context(), await connect(vhost_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        for noun in ("council", "timer"):
            await queue.bind(EVENTS, f"{noun}.#")
        said: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        await queue.consume(said.put, no_ack=True)
        await say(channel, heard(owner=leaver.id), 1)
        await publish(surroundings.council, without, author="test", reason="test")
        async with asyncio.timeout(WITHIN + 10):
            messages = {}
            while TimerReview.type not in messages:
                message = await said.get()
                messages[message.type] = message

    ended, review = messages[CouncilTermEnded.type], messages[TimerReview.type]
    assert messages.keys() == {
        kind.type for kind in (CouncilPublished, CouncilActivated, CouncilTermEnded, CouncilSeatVacated, TimerReview)
    }
    fact = CouncilTermEnded.model_validate_json(ended.body)
    assert (fact.councillor, fact.reason, fact.left_office, fact.number) == (leaver.id, "resigned", True, 2)
    assert ended.routing_key == "council.term_ended.v1.normal.any.any"
    assert review.headers["cloudEvents_subject"] == "case-1"
    assert TimerReview.model_validate_json(review.body).cause == ended.headers["cloudEvents_subject"]
