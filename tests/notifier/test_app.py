"""The program itself, on a real broker, a real database and a real mail server: an event in, mails out, once."""

import asyncio
import email
import email.policy
import json
import uuid
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aio_pika import Message, connect
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, HeadersType
from faststream.asgi import AsgiFastStream
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from ops.stack.mongo import Mongo
from ops.stack.ports import free_port
from services.notifier.app import create_app
from services.notifier.config import Config
from shared.events import CaseAlerted, CaseEvent, CaseRaised, CaseRouted
from shared.plumbing.council import publish
from shared.plumbing.topology import EVENTS
from tests.notifier.duty_desk import duty_desk
from tests.notifier.fakes import AT, CASE, COUNCIL, REFERENCE, case
from tests.notifier.mail_server import PASSWORD, USER, MailServer, mail_server, make_certificate

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]

WITHIN = 20.0


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MailServer]:
    """A mail server that wants encryption and a log-in."""
    context, _ = make_certificate(tmp_path)
    async with mail_server(tls=context, login=True) as running:
        yield running


@pytest.fixture
async def config(mongo_server: Mongo, vhost_url: str, server: MailServer, tmp_path: Path) -> AsyncIterator[Config]:
    """Settings of a notifier that finds the fictional council; its databases go afterwards."""
    found = Config.model_validate(
        {
            "profile": "development",
            "rabbit_url": vhost_url,
            "mongo_url": mongo_server.url,
            "mongo_prefix": f"t{uuid.uuid4().hex[:12]}",
            "topology": "declare",
            "public_url": "https://casework.exampleton.example",
            "smtp_host": "127.0.0.1",
            "smtp_port": server.port,
            "smtp_ca_file": tmp_path / "certificate.pem",
            "smtp_user": USER,
            "smtp_password": PASSWORD,
        }
    )
    async with AsyncMongoClient[dict[str, Any]](mongo_server.url, tz_aware=True) as client:
        await publish(client[found.database_of("council")], COUNCIL, author="test", reason="test")
        yield found
        for owner in ("council", "notifier"):
            await client.drop_database(found.database_of(owner))


async def say(channel: AbstractChannel, event: CaseEvent, caseseq: int) -> None:
    """Publish an event as intake does."""
    exchange = await channel.get_exchange(EVENTS, ensure=False)
    headers: HeadersType = {"cloudEvents_subject": CASE, "cloudEvents_caseseq": caseseq}
    message = Message(event.model_dump_json().encode(), message_id=f"event-{caseseq}", type=event.type, headers=headers)
    await exchange.publish(message, event.routing_key())


async def readiness(app: AsgiFastStream) -> dict[str, str]:
    """Ask /readyz as an orchestrator does; give the parts."""
    body = b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal body
        body += message.get("body", b"")

    scope = {"type": "http", "method": "GET", "path": "/readyz", "headers": [], "query_string": b""}
    await app(scope, receive, send)
    parts: dict[str, str] = json.loads(body)["parts"]
    return parts


async def test_everybody_is_told_once_even_when_the_event_comes_twice(
    config: Config, server: MailServer, vhost_url: str
) -> None:
    raised = CaseRaised(at=AT, case=case(team=None), raised_on=date(2026, 3, 2))
    routed = CaseRouted(
        at=AT, case=case(lane="urgent"), team="lighting", rule="r1", rules_version="7", reason="service-rule"
    )
    app = create_app(config)

    async with app.start_lifespan_context(), await connect(vhost_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(EVENTS, "notice.#")
        facts: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        await queue.consume(facts.put, no_ack=True)
        await say(channel, raised, 1)
        await say(channel, raised, 1)
        await say(channel, routed, 2)
        async with asyncio.timeout(WITHIN):
            arrived = [await server.arrived.get() for _ in range(4)]
            said = [await facts.get() for _ in range(4)]
        parts = await readiness(app)

    mails = [email.message_from_bytes(raw, policy=email.policy.default) for raw in arrived]
    assert {mail["To"].addresses[0].addr_spec for mail in mails} == {
        "ada.alder@exampleton.example",
        "ben.birch@exampleton.example",
        "lighting@exampleton.example",
        "lighting-duty@exampleton.example",
    }
    assert {mail["Subject"] for mail in mails} == {f"[{REFERENCE}] Street lamps"}
    assert [(fact.type, fact.headers["cloudEvents_subject"]) for fact in said] == [
        ("casework.notice.sent.v1", CASE)
    ] * 4
    assert {str(fact.headers["cloudEvents_causationid"]) for fact in said} == {"event-1", "event-2"}
    assert not any(b"@" in fact.body for fact in said)
    assert server.arrived.empty()
    assert all(server.encrypted)
    assert parts["mail server"] == "ok"


async def test_a_wrong_password_makes_the_service_not_ready_and_keeps_every_notice(
    config: Config, server: MailServer, vhost_url: str, mongo_server: Mongo
) -> None:
    app = create_app(config.model_copy(update={"smtp_password": type(config.rabbit_url)("another")}))

    async with app.start_lifespan_context(), await connect(vhost_url) as connection:
        await say(await connection.channel(), CaseRaised(at=AT, case=case(), raised_on=date(2026, 3, 2)), 1)
        async with (
            asyncio.timeout(WITHIN),
            AsyncMongoClient[dict[str, Any]](mongo_server.url, tz_aware=True) as client,
        ):
            while (await readiness(app))["mail server"] == "ok":
                pass
            notices = client[config.database_of("notifier")]["notices"]
            while await notices.count_documents({"state.status": "queued"}) < 2:
                pass

    assert server.mails == []


async def test_of_danger_whoever_is_on_duty_is_called_once_though_the_mail_server_is_away(
    config: Config, vhost_url: str
) -> None:
    routed = CaseRouted(
        at=AT, case=case(lane="urgent"), team="lighting", rule="r1", rules_version="7", reason="service-rule"
    )
    alerted = CaseAlerted(at=AT, case=case(lane="urgent"), round=1, level=1, team="lighting", officer="off-cedar")
    async with duty_desk() as desk:
        changes = {"duty_webhook_url": SecretStr(f"http://127.0.0.1:{desk.port}/calls"), "smtp_port": free_port()}
        desk.answers.append(503)
        app = create_app(config.model_copy(update=changes))

        async with app.start_lifespan_context(), await connect(vhost_url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(exclusive=True)
            await queue.bind(EVENTS, "notice.#")
            facts: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
            await queue.consume(facts.put, no_ack=True)
            for event, caseseq in ((routed, 2), (routed, 2), (alerted, 3)):
                await say(channel, event, caseseq)
            async with asyncio.timeout(WITHIN):
                heard = [await desk.arrived.get() for _ in range(3)]
                said = [json.loads((await facts.get()).body) for _ in range(2)]

    assert desk.arrived.empty()
    assert len({each.headers["idempotency-key"] for each in heard}) == 2
    assert {each.body["why"] for each in heard} == {"new-danger", "unacknowledged"}
    assert {(fact["template"], fact["recipient"]) for fact in said} == {
        ("call-new-danger", "call:lighting"),
        ("call-unacknowledged", "off-cedar"),
    }
