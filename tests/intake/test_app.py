"""Intake as it is put together: its queues, and a case that travels through lanes and database."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from aio_pika import Message, connect
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from cryptography.fernet import Fernet
from pydantic import SecretStr, ValidationError
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from ops.stack.mongo import Mongo
from services.intake.adapters import COLLECTIONS, CaseDesk, MongoCaseFile
from services.intake.app import create_app
from services.intake.config import Config
from services.intake.handlers import commands, events
from shared.commands import (
    Accept,
    Acknowledge,
    Answer,
    CaseReply,
    Command,
    CommandReply,
    GetCase,
    Query,
    case_id_for,
    reference_for,
)
from shared.council import Directory
from shared.events import Event
from shared.plumbing.council import publish
from shared.plumbing.envelope import Envelope
from shared.plumbing.handling import Handlers
from shared.plumbing.history import Say
from shared.plumbing.lane import Done, Failed, Lane, Verdict
from shared.plumbing.metrics import Metrics
from shared.plumbing.sealed import SealBox
from shared.plumbing.service import lanes
from shared.plumbing.store import Store
from shared.plumbing.topology import COMMANDS, EVENTS, REPLIES
from tests.intake.fakes import VAULT
from tests.intake.stories import (
    CANARY,
    COLLEAGUE,
    DIRECTORY,
    MONDAY,
    OFFICER,
    OWNER,
    REFERENCE,
    for_resident,
    order,
    raising,
    reporting,
    routed,
    timer,
)

KEY = Fernet.generate_key().decode()
SEAL = SealBox([SecretStr(KEY)])
OTHER_REFERENCE = reference_for("testham", OWNER, "key-2")
WITHIN = 20.0
RABBIT, MONGO = "amqp://guest:guest@127.0.0.1:1/", "mongodb://127.0.0.1:1/"


async def test_intake_works_from_its_five_queues() -> None:
    keys = (SecretStr(Fernet.generate_key().decode()),)
    config = Config(rabbit_url=SecretStr(RABBIT), mongo_url=SecretStr(MONGO), seal_keys=keys, vault_keys=keys)

    app = create_app(config)

    assert {lane.work_queue.name for lane in lanes(app.broker)} == {  # type: ignore[arg-type]  # composed with a RabbitBroker
        "intake",
        "intake.urgent",
        "intake.commands",
        "intake.commands.urgent",
        "intake.queries",
    }


def test_without_keys_intake_does_not_start() -> None:
    with pytest.raises(ValidationError, match="CASEWORK_SEAL_KEYS and CASEWORK_VAULT_KEYS"):
        Config(rabbit_url=SecretStr(RABBIT), mongo_url=SecretStr(MONGO), seal_keys=(), vault_keys=())


class Listener:
    """Hears what a lane says."""

    def __init__(self) -> None:
        self.said: list[Say] = []

    def say(self, says: Any) -> None:
        self.said.extend(says)

    async def room(self) -> None:
        return


class Intake:
    """Both of intake's tables at work on a real database."""

    def __init__(self, store: Store) -> None:
        self.listener = Listener()
        self.desk = CaseDesk(MongoCaseFile(store, VAULT), VAULT, lambda: DIRECTORY)
        self._commands, self._events = (
            self._lane("intake.commands", commands, store),
            self._lane("intake", events, store),
        )

    def _lane(self, queue: str, handlers: Handlers, store: Store) -> Lane:
        return Lane(
            queue,
            handlers,
            store=store,
            speaker=self.listener,
            ports={Directory: lambda: DIRECTORY},
            log=structlog.get_logger(),
            metrics=Metrics("intake"),
            seal=SEAL,
            vault=VAULT,
        )

    async def give(self, *orders: tuple[str, Command]) -> list[Verdict]:
        return await self._commands.work(
            [
                Envelope(
                    type=command.type,
                    id=command_id,
                    body=SEAL.seal_message(command, command_id),
                    subject=case_id_for(command.reference),
                    correlation=command_id,
                )
                for command_id, command in orders
            ]
        )

    async def hear(self, event_id: str, event: Event, reference: str = REFERENCE) -> Verdict:
        body = event.model_dump_json().encode()
        (verdict,) = await self._events.work(
            [Envelope(type=event.type, id=event_id, body=body, subject=case_id_for(reference), correlation=event_id)]
        )
        return verdict

    async def case(self, person: str, *commands: str) -> CaseReply:
        query = GetCase(at=MONDAY, actor=person, reference=REFERENCE, commands=commands)
        reply = await self.desk.answer(query)
        assert isinstance(reply, CaseReply)
        return reply

    def types(self) -> list[str]:
        return [say.entry["type"].removeprefix("casework.case.").removesuffix(".v1") for say in self.listener.said]


@pytest.fixture
async def intake(database: AsyncDatabase[dict[str, Any]]) -> Intake:
    store = Store(database, COLLECTIONS)
    await store.prepare()
    return Intake(store)


@pytest.mark.mongo
async def test_a_case_travels_from_its_raising_to_its_close(intake: Intake) -> None:
    await intake.give(("command-1", for_resident(cc=(COLLEAGUE,))))
    await intake.hear("event-1", routed())
    await intake.give(("command-2", order(Acknowledge, OFFICER, MONDAY)))
    await intake.give(("command-3", order(Answer, OFFICER, MONDAY, text="The wall has been sealed.")))
    view = (await intake.case(OWNER)).view
    assert view is not None
    close = next(clock for clock in view.clocks if clock.kind == "autoclose")

    verdict = await intake.hear("event-2", timer("autoclose", close.rev, close.due))

    assert verdict == Done("done")
    assert intake.types() == ["raised", "routed", "acknowledged", "answered", "closed"]
    assert [say.entry["caseseq"] for say in intake.listener.said] == [1, 2, 3, 4, 5]
    assert CANARY not in str(intake.listener.said)
    closed = (await intake.case(OWNER)).view
    assert closed is not None
    assert (closed.status, closed.commands) == ("closed", ("add-cc", "remove-cc"))


@pytest.mark.mongo
async def test_a_target_in_hours_fires_although_the_database_cuts_microseconds(intake: Intake) -> None:
    at = MONDAY + timedelta(microseconds=123_999)
    await intake.give(("command-1", reporting(service="dangerous-waste", at=at)))
    await intake.hear("event-1", routed(at, service="dangerous-waste"))
    routed_fact = intake.listener.said[-1].entry["data"]["case"]
    view = (await intake.case(OWNER)).view
    assert view is not None
    clock = next(clock for clock in view.clocks if clock.kind == "acknowledge")

    verdict = await intake.hear("event-2", timer("acknowledge", clock.rev, at + timedelta(hours=1)))
    again = await intake.hear("event-3", timer("acknowledge", clock.rev, at + timedelta(hours=2)))

    assert routed_fact["clocks"][0]["rev"] == clock.rev
    assert verdict == Done("done")
    assert again == Done("nothing-to-do")
    assert intake.types() == ["raised", "routed", "overdue"]


@pytest.mark.mongo
async def test_a_batch_of_orders_on_one_case_is_done_in_their_order(intake: Intake) -> None:
    await intake.give(("command-1", raising()))
    await intake.hear("event-1", routed())

    verdicts = await intake.give(
        ("command-2", order(Acknowledge, OFFICER, MONDAY)),
        ("command-3", order(Answer, OFFICER, MONDAY, text="Done.")),
        ("command-4", order(Accept, OWNER, MONDAY)),
        ("command-5", order(Accept, OWNER, MONDAY)),
    )

    assert verdicts == [Done("done"), Done("done"), Done("done"), Done("refused")]
    assert intake.types()[2:] == ["acknowledged", "answered", "closed"]


@pytest.mark.mongo
async def test_a_refused_request_can_be_looked_up_by_whoever_made_it(intake: Intake) -> None:
    await intake.give(("command-1", raising(ward="langley")))

    own, foreign = await intake.case(OWNER, "command-1"), await intake.case(COLLEAGUE, "command-1")

    assert own.refused is not None
    assert own.refused.refusal.code == "not-your-ward"
    assert own.decided == ("command-1",)
    assert foreign == CaseReply()
    assert intake.types() == []


@pytest.mark.mongo
async def test_a_repeated_order_finds_its_effect(intake: Intake) -> None:
    await intake.give(("command-1", raising()))

    (verdict,) = await intake.give(("command-1", raising()))

    assert verdict == Done("repeated")
    assert intake.types() == ["raised"]


@pytest.mark.mongo
async def test_what_speaks_of_an_unknown_case_becomes_a_dead_letter_at_once(intake: Intake) -> None:
    verdict = await intake.hear("event-1", routed())

    assert isinstance(verdict, Failed)
    assert (verdict.reason, verdict.retry) == ("gave-up:unknown-case", False)


@pytest.fixture
async def config(mongo_server: Mongo, vhost_url: str) -> AsyncIterator[Config]:
    """Settings of an intake that finds the council of these tests; its databases go afterwards."""
    found = Config.model_validate(
        {
            "profile": "development",
            "rabbit_url": vhost_url,
            "mongo_url": mongo_server.url,
            "mongo_prefix": f"t{uuid.uuid4().hex[:12]}",
            "topology": "declare",
            "seal_keys": KEY,
            "vault_keys": Fernet.generate_key().decode(),
        }
    )
    async with AsyncMongoClient[dict[str, Any]](mongo_server.url, tz_aware=True) as client:
        await publish(client[found.database_of("council")], DIRECTORY.council, author="test", reason="test")
        yield found
        for owner in ("council", "intake"):
            await client.drop_database(found.database_of(owner))


async def ask(channel: AbstractChannel, queue: str, message: Command | Query, message_id: str) -> None:
    """Send a command or a question as the gateway does."""
    exchange = await channel.get_exchange(COMMANDS, ensure=False)
    reference = getattr(message, "reference", REFERENCE)
    sent = Message(
        SEAL.seal_message(message, message_id),
        message_id=message_id,
        correlation_id=message_id,
        reply_to="replies-of-test",
        type=message.type,
        headers={"cloudEvents_subject": case_id_for(reference), "cloudEvents_correlationid": message_id},
    )
    await exchange.publish(sent, queue)


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_the_program_raises_a_case_replies_says_so_and_answers(config: Config, vhost_url: str) -> None:
    refused, question = (
        raising(ward="langley", reference=OTHER_REFERENCE),
        GetCase(at=MONDAY, actor=OWNER, reference=REFERENCE),
    )

    async with create_app(config).start_lifespan_context(), await connect(vhost_url) as connection:
        channel = await connection.channel()
        replies, heard = await hear_all(channel, REPLIES, "replies-of-test"), await hear_all(channel, EVENTS, "case.#")
        async with asyncio.timeout(WITHIN):
            await ask(channel, "intake.commands", for_resident(), "command-1")
            raised, fact = await replies.get(), await heard.get()
            await ask(channel, "intake.commands.urgent", refused, "command-2")
            no = await replies.get()
            await ask(channel, "intake.queries", question, "question-1")
            answered = await replies.get()

    yes = SEAL.open_reply(CommandReply, raised.body, "command-1")
    view = SEAL.open_reply(CaseReply, answered.body, "question-1").view
    refusal = SEAL.open_reply(CommandReply, no.body, "command-2").refusal
    assert (yes.outcome, yes.repeated) == ("accepted", False)
    assert fact.routing_key == "case.raised.v1.normal.repairs.abbey"
    assert CANARY.encode() not in fact.body + raised.body + answered.body
    assert refusal is not None
    assert refusal.code == "not-your-ward"
    assert view is not None
    assert view.constituent is not None
    assert view.constituent.name == CANARY
    assert view == yes.view


async def hear_all(channel: AbstractChannel, exchange: str, key: str) -> "asyncio.Queue[AbstractIncomingMessage]":
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(exchange, key)
    heard: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    await queue.consume(heard.put, no_ack=True)
    return heard
