"""A message that is held while its channel comes and goes is not taken for one that kills its process."""

import asyncio
from collections.abc import Callable, Sequence

import aio_pika
import pytest
from aio_pika.abc import HeadersType
from faststream.rabbit import RabbitBroker

from shared.events import RoutingDecided
from shared.plumbing.aiormq_wire import AiormqWire
from shared.plumbing.envelope import HEADER, Envelope
from shared.plumbing.lane import Done, Verdict
from shared.plumbing.service import lanes
from shared.plumbing.setting_aside import CRASHED_AFTER
from shared.plumbing.subscriber import LaneRouter
from shared.plumbing.topology import EVENTS, INTAKE, declare
from shared.plumbing.tracing import Tracing
from tests.shared.plumbing import toys

pytestmark = pytest.mark.rabbit


class Held:
    """A worker whose database is away until it is let go."""

    def __init__(self) -> None:
        self.back = asyncio.Event()
        self.done: list[str] = []

    def label(self, kind: str) -> str:
        return kind

    async def work(self, batch: Sequence[Envelope]) -> list[Verdict]:
        await self.back.wait()
        self.done += [envelope.id for envelope in batch]
        return [Done() for _ in batch]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  what is waited for happens in the broker
            await asyncio.sleep(0.02)


async def test_a_message_held_through_many_lost_connections_is_no_killer(vhost_url: str) -> None:
    worker, broker, router = Held(), RabbitBroker(vhost_url, reconnect_interval=0.05), LaneRouter()
    wire = AiormqWire(broker)
    calls = [(RoutingDecided.type, RoutingDecided, toys.take_over)]
    router.lane(
        INTAKE,
        worker,
        calls,
        wire=wire,
        metrics=toys.metrics(),
        tracing=Tracing("toys", None),
        log=toys.LOG,
        declare=False,
    )
    broker.include_router(router)
    async with await aio_pika.connect(vhost_url) as connection:
        channel = await connection.channel()
        await declare(channel)
        await wire.open()
        await broker.start()
        lane = lanes(broker)[0]
        sent = toys.event_envelope(toys.routing_decided("a-team"))
        headers: HeadersType = {f"{HEADER}subject": sent.subject}
        message = aio_pika.Message(sent.body, message_id=sent.id, type=sent.type, headers=headers)
        await (await channel.get_exchange(EVENTS)).publish(message, "routing.decided.v1.normal.noise.abbey")
        await until(lambda: sent.id in lane._in_hand)

        for _ in range(CRASHED_AFTER + 2):
            transport = (await broker.connect()).transport
            assert transport
            await transport.connection.close(ConnectionResetError("the test cut it"))
            await until(lambda: lane.alive and bool(lane._waiting))
        worker.back.set()
        await until(lambda: len(worker.done) > 1)
        await lane.stop()
        await broker.stop()
        left = [await channel.declare_queue(name, passive=True) for name in (INTAKE.name, "intake.dead")]

    assert set(worker.done) == {sent.id}
    assert [queue.declaration_result.message_count for queue in left] == [0, 0]
