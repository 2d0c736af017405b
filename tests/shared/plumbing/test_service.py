"""The plumbing on a real broker and a real database: a toy service hears, writes, says, replies and sets aside."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aio_pika
import pytest
from faststream.asgi import AsgiFastStream
from faststream.rabbit import RabbitBroker
from pydantic import BaseModel, SecretStr
from pymongo.asynchronous.database import AsyncDatabase

from ops.stack.mongo import Mongo
from shared.commands import Command, CommandReply, GetCase, Query, Refusal
from shared.commands.views import CaseReply
from shared.council import Council
from shared.events import CaseAcknowledged, CaseRouted
from shared.plumbing.council import publish
from shared.plumbing.envelope import HEADER, Envelope
from shared.plumbing.history import Cause, Document, change
from shared.plumbing.refusals import COLLECTION as REFUSALS
from shared.plumbing.service import Listens, Runtime, compose_service, lanes
from shared.plumbing.settings import Settings
from shared.plumbing.store import Collection
from shared.plumbing.topology import COMMANDS, EVENTS, INTAKE, INTAKE_COMMANDS, INTAKE_QUERIES, REPLIES, declare
from tests.shared.plumbing import toys

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]


class ToyReplies:
    """Replies with nothing but the outcome."""

    async def reply(
        self, command: Command, command_id: str, document: Document | None, refusal: Refusal | None, *, repeated: bool
    ) -> CommandReply:
        return CommandReply(outcome="refused" if refusal else "accepted", repeated=repeated, refusal=refusal)


class ToyAnswers:
    """Knows nothing."""

    async def answer(self, query: Query) -> BaseModel:
        return CaseReply()


class Toy:
    """A running toy service and a plain AMQP client beside it."""

    def __init__(
        self, app: AsgiFastStream, broker: RabbitBroker, channel: aio_pika.abc.AbstractChannel, database: Any
    ) -> None:
        self.app, self.broker, self.channel, self.database = app, broker, channel, database

    async def send(self, exchange: str, key: str, envelope: Envelope, **headers: Any) -> None:
        target = await self.channel.get_exchange(exchange)
        message = aio_pika.Message(
            envelope.body,
            message_id=envelope.id,
            type=envelope.type,
            reply_to=envelope.reply_to or None,
            correlation_id=envelope.correlation,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            headers={f"{HEADER}subject": envelope.subject, **headers},
        )
        await target.publish(message, key)

    async def heard(self, queue: str) -> aio_pika.abc.AbstractIncomingMessage:
        """Wait for one message on a queue."""
        source = await self.channel.get_queue(queue)
        found: aio_pika.abc.AbstractIncomingMessage = await self.until(lambda: source.get(no_ack=True, fail=False))
        return found

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until the condition holds and give what it found."""
        async with asyncio.timeout(20):
            while not (found := await condition()):  # noqa: ASYNC110  another process' effect has no event of ours
                await asyncio.sleep(0.02)
        return found


@pytest.fixture
async def toy(
    vhost_url: str, mongo_server: Mongo, database: AsyncDatabase[Document], sample_council: Council
) -> AsyncIterator[Toy]:
    prefix = database.name.replace("-", "_")
    settings = Settings(
        profile="development",
        rabbit_url=SecretStr(vhost_url),
        mongo_url=SecretStr(mongo_server.url),
        mongo_prefix=prefix,
        seal_keys=(toys.KEY,),
        vault_keys=(toys.KEY,),
        topology="declare",
    )
    client = database.client
    await publish(client[f"{prefix}_council"], sample_council, author="test", reason="test")
    calls = toys.Calls()

    def ports(_: Runtime) -> dict[Any, Any]:
        return {toys.Calls: lambda: calls}

    app = compose_service(
        settings,
        "intake",
        listens=[Listens(INTAKE, toys.events), Listens(INTAKE_COMMANDS, toys.commands)],
        collections=[Collection("things"), REFUSALS],
        ports=ports,
        replies=lambda _: ToyReplies(),
        answers=(INTAKE_QUERIES, lambda _: ToyAnswers()),
    )
    connection = await aio_pika.connect(vhost_url)
    async with connection:
        channel = await connection.channel()
        await declare(channel)
        stop = asyncio.Event()
        running = asyncio.create_task(_run(app, stop))
        broker = app.broker
        assert isinstance(broker, RabbitBroker)
        toy = Toy(app, broker, channel, client[f"{prefix}_intake"])
        await toy.until(_ready(toy))
        yield toy
        stop.set()
        await running
    for name in (f"{prefix}_council", f"{prefix}_intake"):
        await client.drop_database(name)


async def _run(app: AsgiFastStream, stop: asyncio.Event) -> None:
    """Run the app's lifespan in one task from beginning to end."""
    async with app.start_lifespan_context():
        await stop.wait()


async def given_a_thing(toy: Toy) -> None:
    opened = [CaseRouted(at=toys.AT, case=toys.STATE, team="toys", rule="r", rules_version="1", reason="service-rule")]
    write = change(toys.THINGS, toys.CASE, toys.CASE, None, opened, Cause("opened", "corr"))
    inserted: Any = write.operation
    document = dict(inserted._doc) | {"relayed": 1}
    document.pop("unsaid_since")
    await toy.database["things"].insert_one(document)


async def listen(toy: Toy, pattern: str) -> str:
    queue = await toy.channel.declare_queue(exclusive=True)
    await queue.bind(EVENTS, pattern)
    return queue.name


async def test_an_event_is_heard_written_said_as_a_cloudevent_and_marked(toy: Toy) -> None:
    await given_a_thing(toy)
    queue = await listen(toy, "case.#")

    await toy.send(EVENTS, "routing.decided.v1.normal.noise.abbey", toys.event_envelope(toys.routing_decided("a-team")))

    said = await toy.heard(queue)
    assert said.routing_key == "case.acknowledged.v1.normal.noise.abbey"
    assert said.headers[f"{HEADER}type"] == said.type == CaseAcknowledged.type
    assert said.headers[f"{HEADER}source"] == "/councils/exampleton/casework/intake"
    assert said.headers[f"{HEADER}subject"] == toys.CASE
    assert said.headers[f"{HEADER}caseseq"] == 2
    assert said.message_id == said.headers[f"{HEADER}id"]
    assert said.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    marked = await toy.until(lambda: toy.database["things"].find_one({"_id": toys.CASE, "relayed": 2}))
    assert "unsaid_since" not in marked


async def test_what_cannot_be_handled_lies_in_the_dead_letters_with_its_reason(toy: Toy) -> None:
    await given_a_thing(toy)
    fine = toys.event_envelope(toys.routing_decided("a-team"))

    await toy.send(EVENTS, "routing.decided.v1.normal.noise.abbey", fine._replace(id="bad", body=b"{no json"))
    await toy.send(EVENTS, "routing.decided.v1.normal.noise.abbey", fine)

    dead = await toy.heard("intake.dead")
    assert (dead.message_id, dead.body) == ("bad", b"{no json")
    assert dead.headers["casework-reason"] == "malformed"
    assert dead.headers["casework-origin-queue"] == "intake"
    assert dead.headers["casework-origin-key"] == "routing.decided.v1.normal.noise.abbey"
    await toy.until(lambda: toy.database["things"].find_one({"version": 2}))


async def test_a_bug_climbs_the_ladder_and_comes_home_as_itself(toy: Toy) -> None:
    await given_a_thing(toy)
    bug = toys.event_envelope(toys.routing_decided("bug"), message_id="bug")

    await toy.send(EVENTS, "routing.decided.v1.normal.noise.abbey", bug)

    waiting = await toy.heard("casework.retry.5s")
    assert (waiting.message_id, waiting.routing_key) == ("bug", "intake")
    assert waiting.headers["casework-attempt"] == 1
    assert waiting.headers["casework-error"] == "RuntimeError"


async def test_after_the_last_step_of_the_ladder_a_message_is_dead(toy: Toy) -> None:
    await given_a_thing(toy)
    bug = toys.event_envelope(toys.routing_decided("bug"), message_id="bug")

    await toy.send(EVENTS, "routing.decided.v1.normal.noise.abbey", bug, **{"casework-attempt": 3})

    dead = await toy.heard("intake.dead")
    assert dead.headers["casework-reason"] == "exhausted:failed"


async def test_a_command_is_replied_to_sealed_and_transient(toy: Toy) -> None:
    await given_a_thing(toy)
    queue = await toy.channel.declare_queue(exclusive=True)
    await queue.bind(REPLIES, queue.name)

    await toy.send(
        COMMANDS, "intake.commands", toys.command_envelope(toys.an_acknowledgement(), "c1", reply_to=queue.name)
    )

    reply = await toy.heard(queue.name)
    assert reply.correlation_id == "c1"
    assert reply.delivery_mode == aio_pika.DeliveryMode.NOT_PERSISTENT
    assert toys.SEAL.open_reply(CommandReply, reply.body, "c1").outcome == "accepted"


async def test_a_question_is_answered(toy: Toy) -> None:
    queue = await toy.channel.declare_queue(exclusive=True)
    await queue.bind(REPLIES, queue.name)
    question = GetCase(at=toys.AT, actor="cllr-001", reference=toys.REFERENCE)
    body = toys.SEAL.seal_message(question, "q1")

    await toy.send(COMMANDS, "intake.queries", Envelope(question.type, "q1", body, subject="x", reply_to=queue.name))

    reply = await toy.heard(queue.name)
    assert toys.SEAL.open_reply(CaseReply, reply.body, "q1") == CaseReply()


async def test_a_forged_question_is_dead(toy: Toy) -> None:
    await toy.send(COMMANDS, "intake.queries", Envelope(GetCase.type, "q1", b'{"sealed": "x"}', subject="x"))

    assert (await toy.heard("intake.dead")).headers["casework-reason"] == "forged"


async def test_a_lost_connection_is_taken_up_again(toy: Toy, vhost_url: str) -> None:
    await given_a_thing(toy)
    connection = await toy.broker.connect()
    assert connection.transport
    await connection.transport.connection.close(ConnectionResetError("the test cut it"))
    await toy.until(_ready(toy))

    await toy.send(EVENTS, "routing.decided.v1.normal.noise.abbey", toys.event_envelope(toys.routing_decided("a-team")))

    await toy.until(lambda: toy.database["things"].find_one({"version": 2, "relayed": 2}))


def _ready(toy: Toy) -> Callable[[], Any]:
    async def ready() -> bool:
        return all(lane.alive for lane in lanes(toy.broker))

    return ready
