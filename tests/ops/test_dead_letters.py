"""Dead letters are looked at without a trace and replayed without a loss."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from io import StringIO
from typing import Any, cast

import aio_pika
import pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from rich.console import Console

from ops import dead_letters
from ops.connections import System
from ops.dead_letters import DeadLetterRefused, list_dead, render, replay, show
from shared.events import CaseAcknowledged
from shared.plumbing.envelope import ATTEMPT, FIRST_FAILED, HEADER, Envelope
from shared.plumbing.history import technical_now
from shared.plumbing.lane import Failed
from shared.plumbing.setting_aside import QUEUE, REASON, set_aside
from shared.plumbing.topology import (
    DEAD,
    EVENTS,
    INTAKE,
    INTAKE_COMMANDS,
    NOTIFIER,
    NOTIFIER_URGENT,
    RETRY,
    STEP,
    WorkQueue,
    declare,
    retry_queue,
)
from tests.shared.plumbing import toys

pytestmark = pytest.mark.rabbit

ACKNOWLEDGED = CaseAcknowledged(at=toys.AT, case=toys.STATE, team="toys")
GAVE_UP = Failed("gave-up:unknown-case", "GiveUp", retry=False)
FAILED = Failed("failed", "KeyError", retry=True)


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Look again and again until something is there."""
    async with asyncio.timeout(20):
        while not (found := await look()):  # noqa: ASYNC110  another process' effect has no event of ours
            await asyncio.sleep(0.05)
    return found


class Broker:
    """A broker with the topology and a channel on it."""

    def __init__(self, system: System, channel: AbstractChannel) -> None:
        self.system, self.channel = system, channel

    async def dies(
        self,
        envelope: Envelope,
        queue: WorkQueue = INTAKE,
        failed: Failed = GAVE_UP,
        headers: Mapping[str, str] = {},
    ) -> None:
        """Set a message aside as a service does."""
        envelope = envelope._replace(
            headers={f"{HEADER}subject": envelope.subject, **headers}, published=technical_now()
        )
        parcel = set_aside(envelope, failed, queue)
        assert parcel.exchange == DEAD
        message = aio_pika.Message(
            parcel.body,
            message_id=parcel.id or None,
            type=parcel.type,
            correlation_id=parcel.correlation,
            headers=dict(parcel.headers),
            timestamp=parcel.timestamp,
        )
        await (await self.channel.get_exchange(parcel.exchange)).publish(message, parcel.routing_key)

    async def take(self, queue: str) -> AbstractIncomingMessage:
        """Take the next message of a queue, as soon as there is one."""
        source = await self.channel.get_queue(queue)
        found: AbstractIncomingMessage = await until(lambda: source.get(no_ack=True, fail=False))
        return found

    async def count(self, queue: str) -> int:
        found = await self.channel.declare_queue(queue, passive=True)
        return found.declaration_result.message_count or 0


@pytest.fixture
async def broker(vhost_url: str) -> AsyncIterator[Broker]:
    async with await aio_pika.connect(vhost_url) as connection:
        channel = await connection.channel()
        await declare(channel)
        yield Broker(
            System(rabbit_url=vhost_url, management_url="http://nobody", mongo_url="mongodb://nobody"), channel
        )


def an_event(message_id: str = "m1") -> Envelope:
    return toys.event_envelope(ACKNOWLEDGED, message_id=message_id)


async def test_a_list_says_what_failed_where_and_why(broker: Broker) -> None:
    await broker.dies(an_event()._replace(attempt=3), NOTIFIER_URGENT, FAILED)

    [letter] = await list_dead(broker.system)

    assert (letter.id, letter.type, letter.case) == ("m1", "casework.case.acknowledged.v1", toys.CASE)
    assert (letter.service, letter.queue, letter.lane) == ("notifier", "notifier.urgent", "urgent")
    assert (letter.reason, letter.error, letter.attempt) == ("exhausted:failed", "KeyError", 4)
    assert letter.first_failed == letter.failed_at != ""


async def test_a_list_is_of_one_service_or_of_all(broker: Broker) -> None:
    await broker.dies(an_event("of-intake"))
    await broker.dies(an_event("of-notifier"), NOTIFIER)

    assert [letter.id for letter in await list_dead(broker.system)] == ["of-intake", "of-notifier"]
    assert [letter.id for letter in await list_dead(broker.system, "notifier")] == ["of-notifier"]
    assert await list_dead(broker.system, "routing") == []


async def test_looking_changes_neither_the_letters_nor_their_order(broker: Broker) -> None:
    ids = [f"m{number}" for number in range(20)]
    for message_id in ids:
        await broker.dies(an_event(message_id))

    looks = [[letter.id for letter in await list_dead(broker.system, "intake")] for _ in range(3)]
    await replay(broker.system, ids=["m7"], service="intake")
    after = [(await broker.take("intake.dead")).message_id for _ in range(19)]

    assert looks == [ids, ids, ids]
    assert after == [message_id for message_id in ids if message_id != "m7"]


async def test_an_events_public_fields_are_shown(broker: Broker) -> None:
    await broker.dies(an_event())

    letter = await show(broker.system, "m1")

    assert letter.body == ACKNOWLEDGED.model_dump(mode="json")
    assert letter.headers[REASON] == "gave-up:unknown-case"
    assert letter.headers[f"{HEADER}subject"] == toys.CASE


async def test_what_is_sealed_stays_sealed(broker: Broker) -> None:
    command = toys.a_progress("Mrs Canary of 12 Canary Street rang again.")
    await broker.dies(toys.command_envelope(command, "m1"), INTAKE_COMMANDS)

    letter = await show(broker.system, "m1")

    assert letter.body is not None
    assert (letter.body["reference"], letter.body["sealed"]) == (toys.REFERENCE, "(sealed)")
    assert "text" not in letter.body


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("casework.case.acknowledged.v1", b'{"case": "Mrs Canary"}'),
        (
            "casework.command.add-progress.v1",
            b'{"actor": "Mrs Canary", "text": "Canary", "sealed": "Canary", "canary": 1}',
        ),
        ("casework.command.add-progress.v1", b'["Mrs Canary"]'),
        ("casework.command.add-progress.v1", b"Mrs Canary"),
        ("somebody.elses.type", b'{"name": "Mrs Canary"}'),
    ],
)
async def test_a_body_of_another_shape_is_not_shown(broker: Broker, kind: str, body: bytes) -> None:
    await broker.dies(
        an_event()._replace(type=kind, body=body), failed=Failed("malformed", "case: missing", retry=False)
    )

    letter = await show(broker.system, "m1")

    assert "canary" not in letter.model_dump_json().lower()
    assert letter.size == len(body)


async def test_a_forged_header_cannot_play_with_the_terminal(broker: Broker) -> None:
    await broker.dies(an_event("m\x1b[2J1"), headers={"forged\x1b[2J": "\x1b[31mred" + "d" * 1_000})

    [letter] = await list_dead(broker.system)

    assert "\\u001b" not in letter.model_dump_json()
    assert max(map(len, letter.headers.values())) == 200


async def test_a_letter_without_an_id_can_be_named(broker: Broker) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker.system.rabbit_url)) as connection:  # aio-pika gives an id
        channel = connection.channel()
        channel.confirm_delivery()
        for body in (b"?", b"!"):
            channel.basic_publish(DEAD, "intake", body, pika.BasicProperties(headers={QUEUE: "intake"}))

    first, second = await list_dead(broker.system)
    await replay(broker.system, ids=[second.id])

    assert first.id.startswith("no-id-")
    assert [letter.id for letter in await list_dead(broker.system)] == [first.id]


async def test_a_letter_the_broker_moved_says_so(broker: Broker) -> None:
    """At-least-once dead-lettering is the net beneath: what the broker moves has no headers of ours."""
    expired = aio_pika.Message(b"x", message_id="m1", expiration=0.001)
    await (await broker.channel.get_exchange(EVENTS)).publish(expired, "timer.due.v1.normal.noise.abbey")

    [letter] = await until(lambda: list_dead(broker.system))

    assert (letter.reason, letter.queue, letter.attempt) == ("broker:expired", "intake", 0)
    assert await replay(broker.system, ids=["m1"]) == 1


async def test_one_id_in_two_services_has_to_be_told_apart(broker: Broker) -> None:
    await broker.dies(an_event())
    await broker.dies(an_event(), NOTIFIER)

    with pytest.raises(DeadLetterRefused, match="a dead letter of intake, notifier: name the service, too"):
        await show(broker.system, "m1")

    assert (await show(broker.system, "m1", "notifier")).service == "notifier"


async def test_what_is_not_there_cannot_be_shown(broker: Broker) -> None:
    with pytest.raises(DeadLetterRefused, match="there is no dead letter m1: see `casework dead list`"):
        await show(broker.system, "m1")


async def test_a_replayed_letter_climbs_the_ladder_anew(broker: Broker) -> None:
    await broker.dies(an_event()._replace(attempt=3), NOTIFIER_URGENT, FAILED)
    [letter] = await list_dead(broker.system)

    assert await replay(broker.system, ids=["m1"]) == 1

    again = await broker.take(retry_queue("5s"))
    assert await broker.count("notifier.dead") == 0
    assert (again.message_id, again.type, again.correlation_id) == ("m1", ACKNOWLEDGED.type, "corr")
    assert (again.body, again.routing_key) == (ACKNOWLEDGED.model_dump_json().encode(), "notifier.urgent")
    assert again.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert (again.headers[FIRST_FAILED], again.headers[STEP]) == (letter.first_failed, "5s")
    assert not {REASON, ATTEMPT} & set(again.headers)


async def test_a_replayed_letter_comes_home_within_seconds(broker: Broker) -> None:
    await broker.dies(an_event(), NOTIFIER_URGENT)

    await replay(broker.system, service="notifier")

    home = await broker.take("notifier.urgent")
    assert (home.message_id, home.headers[f"{HEADER}subject"]) == ("m1", toys.CASE)


async def test_all_letters_of_a_service_are_replayed_and_no_others(broker: Broker) -> None:
    for message_id in ("m1", "m2", "m3"):
        await broker.dies(an_event(message_id))
    await broker.dies(an_event(), NOTIFIER)
    told: list[tuple[int, int]] = []

    sent = await replay(broker.system, service="intake", progress=lambda done, of: told.append((done, of)))

    assert (sent, told) == (3, [(1, 3), (2, 3), (3, 3)])
    assert (await broker.count("intake.dead"), await broker.count("notifier.dead")) == (0, 1)


async def test_letters_of_one_reason_are_replayed_and_the_others_stay(broker: Broker) -> None:
    await broker.dies(an_event("malformed"), failed=Failed("malformed", "case: missing", retry=False))
    await broker.dies(an_event("failed")._replace(attempt=3), failed=FAILED)

    assert await replay(broker.system, service="intake", reason="failed") == 1

    assert [letter.id for letter in await list_dead(broker.system)] == ["malformed"]


async def test_who_dies_after_the_confirm_leaves_the_letter_twice(broker: Broker) -> None:
    await broker.dies(an_event())
    async with await aio_pika.connect(broker.system.rabbit_url) as connection:
        channel = await connection.channel()
        letter = await (await channel.get_queue("intake.dead")).get()

        with pytest.raises(ConnectionResetError):
            await dead_letters._send_home(cast("Any", Dying(letter)), "intake", await channel.get_exchange(RETRY))

    assert (await broker.take(retry_queue("5s"))).message_id == "m1"
    assert [letter.id for letter in await list_dead(broker.system)] == ["m1"]


class Dying:
    """A message whose reader is killed when it acknowledges."""

    def __init__(self, message: AbstractIncomingMessage) -> None:
        self._message = message

    def __getattr__(self, name: str) -> Any:
        return getattr(self._message, name)

    async def ack(self) -> None:
        raise ConnectionResetError


async def test_a_letter_the_ladder_does_not_take_stays(broker: Broker) -> None:
    await broker.dies(an_event())
    ladder = await broker.channel.get_queue(retry_queue("5s"))
    await ladder.unbind(RETRY, "", arguments={"x-match": "all", STEP: "5s"})

    with pytest.raises(DeadLetterRefused, match=r"^the broker: .*NO_ROUTE"):
        await replay(broker.system, service="intake")

    assert [letter.id for letter in await list_dead(broker.system)] == ["m1"]


async def test_a_letter_that_does_not_say_where_it_came_from_stays(broker: Broker) -> None:
    await broker.dies(an_event("stray"), INTAKE._replace(name="nowhere"))
    await broker.dies(an_event("foreign"), INTAKE._replace(name="notifier"))
    await broker.dies(an_event("known"))

    with pytest.raises(DeadLetterRefused, match=r"^1 replayed; 2 do not say which queue they came from, and stay"):
        await replay(broker.system, service="intake")

    assert [letter.id for letter in await list_dead(broker.system)] == ["stray", "foreign"]


async def test_an_unknown_id_is_named_and_the_known_are_replayed(broker: Broker) -> None:
    await broker.dies(an_event())

    with pytest.raises(DeadLetterRefused, match=r"^1 replayed; there is no dead letter m8, m9"):
        await replay(broker.system, ids=["m9", "m1", "m8"])


async def test_without_ids_or_service_all_letters_are_replayed(broker: Broker) -> None:
    await broker.dies(an_event())
    await broker.dies(an_event(), NOTIFIER)

    assert await replay(broker.system) == 2


async def test_a_person_sees_whole_ids_and_the_reason(broker: Broker) -> None:
    message_id = "0d3f5a52-7f0c-5a61-8f4d-9a1a3a1a6b10"
    await broker.dies(an_event(message_id), NOTIFIER_URGENT)

    console = Console(width=120, file=StringIO(), record=True)
    console.print(render(await list_dead(broker.system)))

    first, second = console.export_text().splitlines()
    assert first == f"{message_id}  notifier.urgent"
    assert "casework.case.acknowledged.v1  gave-up:unknown-case (GiveUp)  first failed 20" in second


async def test_a_service_without_dead_letters_is_refused() -> None:
    nowhere = System(rabbit_url="amqp://127.0.0.1:9", management_url="http://nobody", mongo_url="mongodb://nobody")

    with pytest.raises(DeadLetterRefused, match="service: gateway has no dead letters; choose one of intake, routing"):
        await list_dead(nowhere, "gateway")


async def test_a_broker_that_does_not_answer_is_named() -> None:
    nowhere = System(rabbit_url="amqp://127.0.0.1:9", management_url="http://nobody", mongo_url="mongodb://nobody")

    with pytest.raises(DeadLetterRefused, match=r"^the broker: AMQPConnectionError"):
        await list_dead(nowhere)
