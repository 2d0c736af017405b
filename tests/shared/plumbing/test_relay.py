"""What the relay marks as said, and what it says again: nothing counts that the broker did not take."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from shared.events import CaseAcknowledged, CaseProgressed, CaseRouted, Event
from shared.plumbing.history import Cause, Document, change, technical_now
from shared.plumbing.relay import OVERDUE, Range, Relay, joined
from shared.plumbing.store import Collection, Store
from shared.plumbing.wire import Parcel, Reading, Unroutable, parcel_of
from tests.shared.plumbing import toys

pytestmark = pytest.mark.mongo

ROUTED = CaseRouted(at=toys.AT, case=toys.STATE, team="toys", rule="r", rules_version="1", reason="service-rule")
PROGRESSED = CaseProgressed(at=toys.AT, case=toys.STATE)
ACKNOWLEDGED = CaseAcknowledged(at=toys.AT, case=toys.STATE, team="toys")


class Broker:
    """A wire to a broker that has no queue for some facts, and may be away."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.took: list[str] = []
        self.without_queue: set[str] = set()
        self.away = False

    async def publish(self, parcels: Sequence[Parcel]) -> list[Exception | None]:
        if self.away:
            raise ConnectionError
        outcomes: list[Exception | None] = []
        for parcel in parcels:
            self.tried.append(parcel.type)
            if parcel.type in self.without_queue:
                outcomes.append(Unroutable(parcel.type))
            else:
                self.took.append(parcel.type)
                outcomes.append(None)
        return outcomes

    async def read(self, queue: Any, offer: Any, lost: Any) -> Reading:
        raise NotImplementedError


@pytest.fixture
async def store(database: AsyncDatabase[Document]) -> Store:
    store = Store(database, [Collection("things")])
    await store.prepare()
    return store


@pytest.fixture
async def broker() -> Broker:
    return Broker()


@pytest.fixture
async def relay(store: Store, broker: Broker) -> AsyncIterator[Relay]:
    relay = Relay(store, broker, lambda say: parcel_of(say, "exampleton", "toys"), toys.LOG, toys.metrics())
    relay.start()
    yield relay
    await relay.stop(1)


async def tell(store: Store, relay: Relay, fact: Event, cause: str) -> None:
    before = (await store.read([("things", toys.CASE)])).get(("things", toys.CASE))
    write = change(toys.THINGS, toys.CASE, toys.CASE, before, [fact], Cause(cause, "corr"))
    assert await store.write([write]) == [True]
    relay.say(write.says)


async def thing(store: Store) -> Document:
    return (await store.read([("things", toys.CASE)]))["things", toys.CASE]


async def until_relayed(store: Store, position: int) -> None:
    """Wait until the document is marked as said up to a fact."""
    async with asyncio.timeout(20):
        while True:
            found = await store.durable["things"].find_one({"_id": toys.CASE, "relayed": position})
            if found and "unsaid_since" not in found:
                return
            await asyncio.sleep(0.05)


async def until_tried(relay: Relay) -> None:
    """Wait until nothing waits to be said, heard or not."""
    async with asyncio.timeout(20):
        while True:
            if not relay.waiting:
                return
            await asyncio.sleep(0.05)


async def make_overdue(store: Store, by: timedelta = OVERDUE) -> None:
    """Let time pass: what is unsaid, and the last sweep, are so much older."""
    older = {field: {"$subtract": [f"${field}", by / timedelta(milliseconds=1)]} for field in ("unsaid_since", "swept")}
    await store.durable["things"].update_one({"_id": toys.CASE, "unsaid_since": {"$exists": True}}, [{"$set": older}])


async def test_what_the_broker_took_is_marked_and_not_said_again(store: Store, relay: Relay, broker: Broker) -> None:
    await tell(store, relay, ROUTED, "one")

    await until_relayed(store, 1)
    assert "unsaid_since" not in await thing(store)
    assert broker.took == [ROUTED.type]


async def test_a_fact_nobody_hears_stays_unsaid_although_later_ones_are_taken(
    store: Store, relay: Relay, broker: Broker
) -> None:
    broker.without_queue = {ROUTED.type}
    await tell(store, relay, ROUTED, "one")
    await until_tried(relay)

    await tell(store, relay, PROGRESSED, "two")
    await until_tried(relay)
    await asyncio.sleep(1)  # two turns of marking

    assert (await thing(store))["relayed"] == 0
    assert "unsaid_since" in await thing(store)


async def test_once_somebody_hears_it_the_sweeper_says_it_and_all_after_it_in_order(
    store: Store, relay: Relay, broker: Broker
) -> None:
    broker.without_queue = {ROUTED.type}
    await tell(store, relay, ROUTED, "one")
    await until_tried(relay)
    await tell(store, relay, PROGRESSED, "two")
    await until_tried(relay)
    broker.took.clear()

    broker.without_queue = set()
    await make_overdue(store)

    await until_relayed(store, 2)
    assert broker.took[:2] == [ROUTED.type, PROGRESSED.type]
    assert "unsaid_since" not in await thing(store)
    await tell(store, relay, ACKNOWLEDGED, "three")

    await until_relayed(store, 3)


async def test_the_age_of_what_nobody_hears_grows_although_it_is_said_again_and_again(
    store: Store, relay: Relay, broker: Broker
) -> None:
    broker.without_queue = {ROUTED.type}
    await tell(store, relay, ROUTED, "one")
    await until_tried(relay)

    await make_overdue(store, timedelta(minutes=1))
    async with asyncio.timeout(20):
        while broker.tried.count(ROUTED.type) < 2:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.05)

    unsaid = (await thing(store))["unsaid_since"]
    assert technical_now() - unsaid > timedelta(minutes=1)


async def test_facts_wait_in_order_while_the_broker_is_away(store: Store, relay: Relay, broker: Broker) -> None:
    broker.away = True
    await tell(store, relay, ROUTED, "one")
    await tell(store, relay, PROGRESSED, "two")
    await asyncio.sleep(0.7)
    assert relay.waiting == 2
    assert relay.failing_since is not None

    broker.away = False

    await until_tried(relay)
    assert broker.took == [ROUTED.type, PROGRESSED.type]
    assert relay.failing_since is None


async def test_a_fact_another_process_has_yet_to_say_keeps_a_later_one_from_counting(
    store: Store, relay: Relay, broker: Broker
) -> None:
    first = change(toys.THINGS, toys.CASE, toys.CASE, None, [ROUTED], Cause("one", "corr"))
    await store.write([first])  # another process wrote it, and its broker is away

    await tell(store, relay, PROGRESSED, "two")
    await until_tried(relay)
    await asyncio.sleep(1.2)  # two turns of marking
    assert (await thing(store))["relayed"] == 0

    relay.say(first.says)
    await until_relayed(store, 2)
    assert broker.took == [PROGRESSED.type, ROUTED.type]


async def test_if_that_process_is_gone_all_is_swept_in_order(store: Store, relay: Relay, broker: Broker) -> None:
    await store.write([change(toys.THINGS, toys.CASE, toys.CASE, None, [ROUTED], Cause("one", "corr"))])
    await tell(store, relay, PROGRESSED, "two")
    await until_tried(relay)

    await make_overdue(store)

    await until_relayed(store, 2)
    assert broker.took == [PROGRESSED.type, ROUTED.type, PROGRESSED.type]


def test_what_follows_without_a_gap_is_one_range() -> None:
    assert joined([Range(3, 5, 0), Range(0, 1, 2), Range(1, 3, 1)]) == [Range(0, 5, 2)]
    assert joined([Range(1, 2, 0), Range(4, 5, 0)]) == [Range(1, 2, 0), Range(4, 5, 0)]


async def test_what_another_process_left_unsaid_is_swept(store: Store, relay: Relay, broker: Broker) -> None:
    write = change(toys.THINGS, toys.CASE, toys.CASE, None, [ROUTED], Cause("one", "corr"))
    await store.write([write])  # and its process died here

    await make_overdue(store)

    await until_relayed(store, 1)
    assert broker.took == [ROUTED.type]
