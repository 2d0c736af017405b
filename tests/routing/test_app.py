"""The program itself, on a real broker and a real database: a raised or returned case in, a decision out, once."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from aio_pika import Message, connect
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, HeadersType
from faststream.asgi import AsgiFastStream
from pymongo import AsyncMongoClient

from ops.stack.mongo import Mongo
from services.routing.app import create_app
from shared.council import RoutingRule
from shared.events import CaseEvent, RoutingDecided, RoutingTriageNeeded
from shared.plumbing.clock import real_now
from shared.plumbing.council import publish
from shared.plumbing.settings import Settings
from shared.plumbing.topology import EVENTS
from tests.routing.fakes import directory, raised, returned

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]

WITHIN = 20.0


@pytest.fixture
async def settings(mongo_server: Mongo, vhost_url: str) -> AsyncIterator[Settings]:
    """Settings of a routing that finds a council of one rule; its databases go afterwards."""
    found = Settings.model_validate(
        {
            "profile": "development",
            "rabbit_url": vhost_url,
            "mongo_url": mongo_server.url,
            "mongo_prefix": f"t{uuid.uuid4().hex[:12]}",
            "topology": "declare",
        }
    )
    async with AsyncMongoClient[dict[str, Any]](mongo_server.url, tz_aware=True) as client:
        table = directory([RoutingRule(id="lamps-elm", service="lamps", ward="elm", team="blue")])
        await publish(client[found.database_of("council")], table.council, author="test", reason="test")
        yield found
        for owner in ("council", "routing"):
            await client.drop_database(found.database_of(owner))


async def say(channel: AbstractChannel, event: CaseEvent, event_id: str) -> None:
    """Publish an event as intake does."""
    exchange = await channel.get_exchange(EVENTS, ensure=False)
    headers: HeadersType = {
        "cloudEvents_subject": event.case.id,
        "cloudEvents_caseseq": 1,
        "cloudEvents_correlationid": "story-1",
    }
    message = Message(event.model_dump_json().encode(), message_id=event_id, type=event.type, headers=headers)
    await exchange.publish(message, event.routing_key())


async def test_a_raised_case_is_decided_once_on_its_lane(settings: Settings, vhost_url: str) -> None:
    lamp = raised(service="lamps", ward="elm")
    unknown = raised(service="no-such-service", ward="elm", lane="urgent")

    async with create_app(settings).start_lifespan_context(), await connect(vhost_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EVENTS, "routing.#")
        heard: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        await queue.consume(heard.put, no_ack=True)
        await say(channel, lamp, "event-1")
        await say(channel, lamp, "event-1")
        async with asyncio.timeout(WITHIN):
            first = await heard.get()
        await say(channel, unknown, "event-2")
        async with asyncio.timeout(WITHIN):
            second = await heard.get()

    decided = RoutingDecided.model_validate_json(first.body)
    assert first.type == RoutingDecided.type
    assert first.headers["cloudEvents_causationid"] == "event-1"
    assert (decided.rule, decided.reason, decided.at) == ("lamps-elm", "ward-rule", lamp.at)
    assert second.type == RoutingTriageNeeded.type
    assert second.routing_key == "routing.triage_needed.v1.urgent.no-such-service.elm"
    assert heard.empty()


async def test_a_returned_case_goes_on_and_the_accuracy_of_the_rule_is_there_again_after_a_restart(
    settings: Settings, vhost_url: str, mongo_server: Mongo
) -> None:
    now = real_now()
    back = returned("green", team="blue", rule="lamps-elm", rules_version="7", at=now)

    async with create_app(settings).start_lifespan_context(), await connect(vhost_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EVENTS, "routing.#")
        heard: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        await queue.consume(heard.put, no_ack=True)
        for number in range(4):
            await say(channel, raised(at=now), f"raised-{number}")
        await say(channel, back, "returned-1")
        async with asyncio.timeout(WITHIN):
            said = {
                message.headers["cloudEvents_causationid"]: message for message in [await heard.get() for _ in range(5)]
            }

    decided = RoutingDecided.model_validate_json(said["returned-1"].body)
    assert (decided.team, decided.rule, decided.reason) == ("green", "suggested", "suggested")
    assert b"gave it back" not in said["returned-1"].body

    restarted = create_app(settings)
    async with restarted.start_lifespan_context():
        shown = await metrics_of(restarted)
        for _ in range(200):
            if "rules_version" in shown:
                break
            await asyncio.sleep(0.1)
            shown = await metrics_of(restarted)
    assert 'casework_routing_accuracy{rules_version="7",service="lamps"} 0.75\n' in shown
    assert 'casework_routing_returned_total{rules_version="7",service="lamps"} 1.0\n' in shown

    async with AsyncMongoClient[dict[str, Any]](mongo_server.url, tz_aware=True) as client:
        decisions = client[settings.database_of("routing")]["decisions"]
        kept = await decisions.find_one({"_id": "returned-1"})
        assert kept is not None
        assert kept["notes"]["returned"]["team"] == "blue"
        assert kept["notes"]["sentence"].startswith("Blue Team gave it back")
        assert await decisions.count_documents({"notes.sentence": {"$exists": True}, "subject": "case-1"}) == 5


async def metrics_of(app: AsgiFastStream) -> str:
    """Scrape the program as Prometheus does."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://routing") as client:
        return (await client.get("/metrics")).text
