"""Lanes take turns: with danger about an ordinary one works in small batches, and lets the urgent one go first."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import pytest

from shared.plumbing.envelope import Envelope
from shared.plumbing.lane import Done, Verdict
from shared.plumbing.metrics import Metrics
from shared.plumbing.subscriber import AT_ONCE, GOES_FIRST, LaneSubscriber, next_batch
from shared.plumbing.topology import NOTIFIER, NOTIFIER_URGENT, WorkQueue
from tests.shared.plumbing import toys


class Worker:
    """Remembers its batches; works on one until it may go on."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.began = asyncio.Event()

    def label(self, kind: str) -> str:
        return kind

    async def work(self, batch: Sequence[Envelope]) -> list[Verdict]:
        self.batches.append([envelope.id for envelope in batch])
        self.began.set()
        await self.may_go_on.wait()
        return [Done() for _ in batch]


class NoTracing:
    def batch(self, queue: str, envelopes: Sequence[Envelope]) -> Any:
        return nullcontext()


class Acknowledged:
    """What has been acknowledged, as the broker is told."""

    alive = True

    def __init__(self) -> None:
        self.tags: list[tuple[list[Any], bool]] = []

    async def done(self, tags: Sequence[Any], *, all_before: bool) -> None:
        self.tags.append((list(tags), all_before))


class Stand:
    """A lane as `start()` leaves it, running, with stand-ins around it."""

    def __init__(self, queue: WorkQueue, *ahead: "Stand") -> None:
        self.worker, self.acknowledged = Worker(), Acknowledged()
        lane: Any = LaneSubscriber.__new__(LaneSubscriber)
        lane._waiting, lane._in_hand, lane._outlived = [], set(), Counter()
        lane._wake, lane.running = asyncio.Event(), True
        lane.work_queue, lane.worker, lane.reading = queue, self.worker, self.acknowledged
        lane.metrics, lane.tracing, lane.log = Metrics("notifier"), NoTracing(), toys.LOG
        lane.ahead = [each.lane for each in ahead]
        self.lane: Any = lane

    def come(self, *names: str, deliveries: int = 0) -> None:
        for name in names:
            self.lane._offer(name, Envelope(type="t", id=name, subject=name, body=b"", deliveries=deliveries))

    async def run_until(self, done: int) -> None:
        running = asyncio.create_task(self.lane._run())
        async with asyncio.timeout(10):
            while sum(map(len, self.worker.batches)) < done or self.lane._in_hand:  # noqa: ASYNC110  two conditions
                await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.wait({running})


def arrived(name: str, deliveries: int = 0) -> tuple[str, Envelope]:
    return name, Envelope(type="t", id=name, subject=name, body=b"", deliveries=deliveries)


async def test_without_danger_all_that_has_arrived_is_done_at_once() -> None:
    stand, names = Stand(NOTIFIER, Stand(NOTIFIER_URGENT)), [f"m{number}" for number in range(2 * AT_ONCE)]
    stand.come(*names)

    await stand.run_until(len(names))

    assert stand.worker.batches == [names]


async def test_with_danger_about_it_is_done_in_small_batches_in_order_each_acknowledged_once() -> None:
    urgent = Stand(NOTIFIER_URGENT)
    urgent.come("danger")
    await urgent.run_until(1)
    stand, names = Stand(NOTIFIER, urgent), [f"m{number}" for number in range(2 * AT_ONCE + 5)]
    stand.come(*names)

    await stand.run_until(len(names))

    assert [len(batch) for batch in stand.worker.batches] == [AT_ONCE, AT_ONCE, 5]
    assert [name for batch in stand.worker.batches for name in batch] == names
    assert stand.acknowledged.tags == [(batch, True) for batch in stand.worker.batches]


def test_where_something_came_back_all_is_looked_at_together() -> None:
    fresh = [arrived(f"m{number}") for number in range(AT_ONCE)]

    assert len(next_batch([*fresh, arrived("late")], small=True)) == AT_ONCE
    assert len(next_batch([*fresh, arrived("back", deliveries=1), arrived("late")], small=True)) == AT_ONCE + 2


async def test_an_ordinary_lane_begins_nothing_while_an_urgent_one_works() -> None:
    urgent = Stand(NOTIFIER_URGENT)
    ordinary = Stand(NOTIFIER, urgent)
    urgent.worker.may_go_on.clear()
    urgent.come("danger")
    ordinary.come("case")
    both = asyncio.gather(urgent.run_until(1), ordinary.run_until(1))

    await asyncio.sleep(GOES_FIRST / 5)
    meanwhile = (urgent.worker.batches[:], ordinary.worker.batches[:])
    urgent.worker.may_go_on.set()
    await both

    assert meanwhile == ([["danger"]], [])
    assert ordinary.worker.batches == [["case"]]


async def test_an_urgent_lane_waits_for_no_ordinary_one() -> None:
    ordinary, urgent = Stand(NOTIFIER), Stand(NOTIFIER_URGENT)
    ordinary.lane.ahead = [urgent.lane]
    ordinary.worker.may_go_on.clear()
    ordinary.come("case")
    working = asyncio.create_task(ordinary.run_until(1))
    async with asyncio.timeout(10):
        await ordinary.worker.began.wait()
    urgent.come("danger")

    await urgent.run_until(1)

    assert urgent.worker.batches == [["danger"]]
    ordinary.worker.may_go_on.set()
    await working


async def test_an_urgent_lane_that_hangs_holds_up_no_ordinary_one_for_long() -> None:
    urgent = Stand(NOTIFIER_URGENT)
    urgent.come("danger")  # and nobody works on it
    ordinary = Stand(NOTIFIER, urgent)
    ordinary.come("case")
    began = time.monotonic()

    await ordinary.run_until(1)

    assert time.monotonic() - began == pytest.approx(GOES_FIRST, abs=GOES_FIRST / 2)


def test_a_lane_that_does_not_read_yet_is_not_waited_for() -> None:
    lane = LaneSubscriber.__new__(LaneSubscriber)

    assert (lane.busy, lane.is_about) == (False, False)
