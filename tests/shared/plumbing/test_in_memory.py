"""FastStream's in-memory broker works on lanes, too: message by message, for tests of logic without servers."""

from collections.abc import Sequence
from typing import Any

import pytest
from faststream.rabbit import RabbitBroker, RabbitExchange, TestRabbitBroker
from faststream.rabbit.schemas import ExchangeType

from shared.events import RoutingDecided
from shared.plumbing.envelope import Envelope
from shared.plumbing.lane import Done, Failed, Verdict
from shared.plumbing.subscriber import HandlingFailed, LaneRouter
from shared.plumbing.topology import EVENTS, INTAKE
from shared.plumbing.tracing import Tracing
from shared.plumbing.wire import Parcel, Reading
from tests.shared.plumbing import toys

KEY = "routing.decided.v1.normal.noise.abbey"


class NoWire:
    """Nothing goes over the wire here."""

    async def read(self, queue: Any, offer: Any, lost: Any) -> Reading:
        raise AssertionError("the in-memory broker brings the messages")

    async def publish(self, parcels: Sequence[Parcel]) -> list[Exception | None]:
        raise AssertionError("nothing is published")


class Hearing:
    """A worker that hears, and fails when told to."""

    def __init__(self, verdict: Verdict) -> None:
        self.heard: list[Envelope] = []
        self._verdict = verdict

    async def work(self, batch: Sequence[Envelope]) -> list[Verdict]:
        self.heard += batch
        return [self._verdict for _ in batch]

    def label(self, kind: str) -> str:
        return kind


async def said_to(worker: Hearing) -> None:
    """Let the in-memory broker bring one routing decision to intake's lane."""
    router = LaneRouter()
    router.lane(
        INTAKE,
        worker,
        [(RoutingDecided.type, RoutingDecided, toys.take_over)],
        wire=NoWire(),
        metrics=toys.metrics(),
        tracing=Tracing("toys", None),
        log=toys.LOG,
        declare=True,
    )
    broker = RabbitBroker()
    broker.include_router(router)
    async with TestRabbitBroker(broker) as memory:
        await memory.publish(
            toys.routing_decided("toys").model_dump(mode="json"),
            KEY,
            RabbitExchange(EVENTS, type=ExchangeType.TOPIC),
            message_type=RoutingDecided.type,
            message_id="one",
            correlation_id="corr",
        )


async def test_a_message_reaches_the_lane_as_the_wire_would_bring_it() -> None:
    worker = Hearing(Done())

    await said_to(worker)

    (envelope,) = worker.heard
    assert (envelope.type, envelope.id, envelope.correlation) == (RoutingDecided.type, "one", "corr")
    assert RoutingDecided.model_validate_json(envelope.body) == toys.routing_decided("toys")


async def test_what_would_be_set_aside_is_raised_to_the_test() -> None:
    with pytest.raises(HandlingFailed, match="broken"):
        await said_to(Hearing(Failed("broken", "ValueError", retry=False)))
