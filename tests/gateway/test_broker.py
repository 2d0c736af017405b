"""Intake over a real broker: a command goes out sealed, its own reply comes back, and nothing is lost on the way."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple

import pytest
import structlog
from cryptography.fernet import Fernet
from faststream.rabbit import RabbitBroker
from pydantic import BaseModel, SecretStr

from services.gateway.adapters.broker import RabbitIntake, ReplyLine
from services.gateway.ports import Decided, InFlight, Intake, Unavailable, Undecided
from shared.commands import Accept, CaseReply, CommandReply, GetCase, RaiseCase, Refusal, command_id_for
from shared.plumbing.aiormq_wire import AiormqWire
from shared.plumbing.clients import make_broker
from shared.plumbing.health import Health, confirms
from shared.plumbing.metrics import Metrics
from shared.plumbing.refusals import KEY_REUSED
from shared.plumbing.sealed import SealBox
from shared.plumbing.settings import Settings
from shared.plumbing.topology import COMMANDS, INTAKE_COMMANDS
from shared.plumbing.wire import Parcel
from tests.gateway.fakes import BODY, NOW, REFERENCE, FakeIntake, FakeOutbasket, view
from tests.gateway.lines import SEAL, Cable, IntakeOnTheWire, intake_on_the_wire, is_persistent, until

pytestmark = pytest.mark.rabbit

STAMP: dict[str, Any] = {"at": NOW, "actor": "cllr-moss", "reference": REFERENCE, "body_hash": "a" * 64}
ACCEPT = Accept(**STAMP)
RAISE = RaiseCase.model_validate({**BODY, **STAMP})
ASKED = GetCase(at=NOW, actor="cllr-moss", reference=REFERENCE)
NO = Refusal(code="not-yours", sentence="Not so; do this.", kind="forbidden")
ID = command_id_for("exampleton", "cllr-moss", "key-0001")


class Blocked:
    """A wire that confirms nothing, as a broker under a memory alarm."""

    async def publish(self, parcels: Sequence[Parcel]) -> list[Exception | None]:
        await asyncio.sleep(60)
        raise AssertionError(parcels)


class Office(NamedTuple):
    """The gateway's end and intake's end of a real broker."""

    intake: RabbitIntake
    hasty: RabbitIntake
    """Waits a second for a reply."""
    blocked: RabbitIntake
    """Has a broker that confirms nothing."""
    wire: AiormqWire
    line: ReplyLine
    broker: RabbitBroker
    outbasket: FakeOutbasket
    metrics: Metrics
    there: IntakeOnTheWire
    cable: Cable

    def late(self) -> float:
        return self.metrics.registry.get_sample_value("casework_replies_total", {"outcome": "late"}) or 0.0


def make_intake(
    wire: Any, line: ReplyLine, outbasket: FakeOutbasket, *, answer_within: float, confirm_within: float
) -> RabbitIntake:
    return RabbitIntake(
        wire=wire,
        line=line,
        seal=SEAL,
        outbasket=outbasket,
        source="/councils/exampleton/casework/gateway",
        log=structlog.get_logger(),
        answer_within=answer_within,
        confirm_within=confirm_within,
    )


@pytest.fixture
async def office(vhost_url: str) -> AsyncIterator[Office]:
    """A gateway's broker adapter over a cable, and an intake that says yes."""
    async with intake_on_the_wire(vhost_url) as there, Cable(vhost_url) as cable:
        settings = Settings(rabbit_url=SecretStr(cable.url), mongo_url=SecretStr("mongodb://unused/"))
        broker, metrics, outbasket = make_broker(settings, "gateway"), Metrics("gateway"), FakeOutbasket()
        wire, line = AiormqWire(broker), ReplyLine(broker, structlog.get_logger(), metrics.replies)
        await wire.open()
        await line.open()
        patient = make_intake(wire, line, outbasket, answer_within=20.0, confirm_within=10.0)
        hasty = make_intake(wire, line, outbasket, answer_within=1.0, confirm_within=10.0)
        blocked = make_intake(Blocked(), line, outbasket, answer_within=20.0, confirm_within=0.3)
        yield Office(patient, hasty, blocked, wire, line, broker, outbasket, metrics, there, cable)
        await line.close()
        await wire.close()
        await broker.stop()


class Counter(NamedTuple):
    """An intake to ask, and a way to tell it what to say; None is nothing."""

    intake: Intake
    answer: Callable[[BaseModel | None], None]


def counter_in_memory() -> Counter:
    fake = FakeIntake()

    def answer(reply: BaseModel | None) -> None:
        fake.decide = lambda _: Decided(reply) if isinstance(reply, CommandReply) else Undecided()
        fake.answers[CaseReply] = reply

    return Counter(fake, answer)


@pytest.fixture(params=["fake", "real"])
def counter(request: pytest.FixtureRequest) -> Counter:
    """Intake, in memory or behind the broker."""
    if request.param == "fake":
        return counter_in_memory()
    office: Office = request.getfixturevalue("office")

    def answer(reply: BaseModel | None) -> None:
        office.there.decide = lambda _: reply

    return Counter(office.hasty, answer)


@pytest.mark.parametrize(
    "reply",
    [
        CommandReply(outcome="accepted", repeated=False, view=view()),
        CommandReply(outcome="accepted", repeated=True, view=None),
        CommandReply(outcome="refused", repeated=False, refusal=NO),
    ],
)
async def test_a_decision_comes_back_as_it_was_made(counter: Counter, reply: CommandReply) -> None:
    counter.answer(reply)

    assert await counter.intake.command(ACCEPT, command_id=ID, urgent=False) == Decided(reply)


async def test_no_decision_in_time_is_a_promise_of_one(counter: Counter) -> None:
    counter.answer(None)

    assert await counter.intake.command(ACCEPT, command_id=ID, urgent=False) == Undecided()


async def test_a_question_is_answered_or_it_is_said_that_it_cannot_be(counter: Counter) -> None:
    answer = CaseReply(view=view())
    counter.answer(answer)
    assert await counter.intake.ask(ASKED, CaseReply) == answer

    counter.answer(None)
    with pytest.raises(Unavailable):
        await counter.intake.ask(ASKED, CaseReply)


@pytest.mark.parametrize(("urgent", "queue"), [(False, "intake.commands"), (True, "intake.commands.urgent")])
async def test_a_command_goes_by_its_lane_sealed_and_lasting(office: Office, urgent: bool, queue: str) -> None:  # noqa: FBT001  a parameter
    await office.intake.command(RAISE, command_id=ID, urgent=urgent)

    message, command = await office.there.next()
    assert command == RAISE
    assert (message.routing_key, message.type, message.message_id) == (queue, RAISE.type, ID)
    assert message.headers["cloudEvents_actor"] == "cllr-moss"
    assert message.headers["cloudEvents_time"] == NOW.isoformat()
    assert is_persistent(message)
    for secret in ("Canary", "Robin Example"):
        assert secret.encode() not in message.body
        assert secret not in str(message.headers)


async def test_a_question_does_not_outlive_its_asker(office: Office) -> None:
    await office.intake.ask(ASKED, CaseReply)

    message, _ = await office.there.next()
    assert (message.routing_key, is_persistent(message)) == ("intake.queries", False)


async def test_each_of_many_gets_its_own_reply(office: Office) -> None:
    office.there.decide = lambda asked: CommandReply(outcome="accepted", repeated=False, view=view(asked.reference))  # type: ignore[attr-defined]  # a Command
    orders = [(f"id-{n}", ACCEPT.model_copy(update={"reference": f"CW-{n}"})) for n in range(200)]

    outcomes = await asyncio.gather(
        *(office.intake.command(order, command_id=order_id, urgent=False) for order_id, order in orders)
    )

    seen = [outcome.reply.view.reference for outcome in outcomes if isinstance(outcome, Decided) and outcome.reply.view]
    assert seen == [order.reference for _, order in orders]


async def test_the_same_command_at_the_same_time_is_in_flight_once(office: Office) -> None:
    office.there.delay = 0.2

    outcomes = await asyncio.gather(*(office.intake.command(ACCEPT, command_id=ID, urgent=False) for _ in range(3)))

    assert [type(outcome) for outcome in outcomes] == [Decided, InFlight, InFlight]
    assert isinstance(await office.intake.command(ACCEPT, command_id=ID, urgent=False), Decided)


async def test_a_command_that_is_taken_and_not_decided_is_pending_and_not_sent_again(office: Office) -> None:
    office.there.delay = 1.5

    outcome = await office.hasty.command(ACCEPT, command_id=ID, urgent=False)

    assert outcome == Undecided()
    [(letter, taken)] = office.outbasket.letters.values()
    assert (letter.id, letter.command, letter.reference, taken) == (ID, "accept", REFERENCE, True)
    await until(lambda: office.late() == 1)


@pytest.mark.parametrize(
    "seal", [SealBox([SecretStr(Fernet.generate_key().decode())]), None], ids=["of another house", "of another message"]
)
async def test_a_forged_reply_decides_nothing(office: Office, seal: SealBox | None) -> None:
    class OfAnotherMessage(SealBox):
        def __init__(self) -> None:
            """Borrow the seal of the house."""

        def seal_reply(self, reply: BaseModel, correlation: str) -> bytes:
            return SEAL.seal_reply(reply, f"not-{correlation}")

    office.there.seal = seal or OfAnotherMessage()

    assert await office.hasty.command(ACCEPT, command_id=ID, urgent=False) == Undecided()
    with pytest.raises(Unavailable):
        await office.hasty.ask(ASKED, CaseReply)


async def test_a_command_that_no_queue_takes_is_kept_to_be_sent(office: Office) -> None:
    connection = await office.broker.connect()
    async with connection.channel() as channel:
        await channel.queue_delete(INTAKE_COMMANDS.name)

    outcome = await office.intake.command(ACCEPT, command_id=ID, urgent=False)

    assert outcome == Undecided()
    [(letter, taken)] = office.outbasket.letters.values()
    assert (SEAL.open_message(Accept, letter.body, letter.id), taken) == (ACCEPT, False)


async def test_a_broker_that_does_not_confirm_is_waited_for_a_moment_only(office: Office) -> None:
    began = time.monotonic()

    outcome = await office.blocked.command(ACCEPT, command_id=ID, urgent=False)

    assert outcome == Undecided()
    assert time.monotonic() - began < 10
    assert [taken for _, taken in office.outbasket.letters.values()] == [False]


async def test_a_command_that_nothing_takes_is_promised_nothing(office: Office) -> None:
    office.outbasket.away = True

    with pytest.raises(Unavailable):
        await office.blocked.command(ACCEPT, command_id=ID, urgent=False)


async def test_another_body_under_the_key_of_a_kept_command_is_refused(office: Office) -> None:
    await office.blocked.command(ACCEPT, command_id=ID, urgent=False)

    another = await office.blocked.command(
        ACCEPT.model_copy(update={"body_hash": "b" * 64}), command_id=ID, urgent=False
    )

    assert isinstance(another, Decided)
    assert another.reply.refusal == KEY_REUSED


async def until_connected(office: Office) -> None:
    """Wait until replies are heard and publishing is confirmed again: two channels, opened one after the other."""
    await until(lambda: office.line.alive)
    health = Health()
    health.add("broker", confirms(office.wire, COMMANDS))
    async with asyncio.timeout(20):
        while (await health.report())["broker"]:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.05)


async def test_after_a_lost_connection_replies_come_to_a_new_queue(office: Office) -> None:
    before = office.line.queue
    await office.cable.cut()

    assert await office.intake.command(ACCEPT, command_id="id-1", urgent=False) == Undecided()
    with pytest.raises(Unavailable):
        await office.intake.ask(ASKED, CaseReply)
    assert not office.line.alive
    await office.cable.mend()
    await until_connected(office)

    assert office.line.queue != before
    assert isinstance(await office.intake.command(ACCEPT, command_id="id-2", urgent=False), Decided)
    assert [taken for _, taken in office.outbasket.letters.values()] == [False]


async def test_a_reply_queue_that_is_deleted_is_made_anew_each_time(office: Office) -> None:
    connection = await office.broker.connect()
    seen = {office.line.queue}

    for _ in range(2):
        async with connection.channel() as channel:
            await channel.queue_delete(office.line.queue)
        await until(lambda: not office.line.alive)
        await until(lambda: office.line.alive)
        seen.add(office.line.queue)

    await asyncio.sleep(1)
    assert len(seen) == 3
    assert isinstance(await office.intake.command(ACCEPT, command_id=ID, urgent=False), Decided)
