"""After a restore the sweeper says what nobody may have heard."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from ops import backup
from ops.connections import Databases
from shared.plumbing.clients import open_database
from shared.plumbing.history import Document, technical_now
from shared.plumbing.relay import Relay
from shared.plumbing.store import Store
from shared.plumbing.wire import Parcel, Reading, parcel_of
from tests.ops.backup.systems import COLLECTIONS, Client
from tests.shared.plumbing import toys

pytestmark = pytest.mark.mongo


class Wire:
    """A wire to a broker that takes everything."""

    def __init__(self) -> None:
        self.took: list[Parcel] = []

    async def publish(self, parcels: Sequence[Parcel]) -> list[Exception | None]:
        self.took.extend(parcels)
        return [None] * len(parcels)

    async def read(self, queue: Any, offer: Any, lost: Any) -> Reading:
        raise NotImplementedError


async def said_after(databases: Databases, *, overdue_at_once: bool = False) -> list[str]:
    """Run a relay on the restored intake until it has nothing left to say; gives the ids."""
    wire = Wire()
    async with AsyncMongoClient[Document](databases.url, tz_aware=True) as client:
        store = Store(open_database(client, databases.name("intake")), COLLECTIONS)
        things = store.durable["things"]
        if overdue_at_once:  # who restores takes longer than the five seconds
            await things.update_many(
                {"unsaid_since": {"$exists": True}}, {"$set": {"unsaid_since": technical_now() - timedelta(seconds=9)}}
            )
        relay = Relay(store, wire, lambda say: parcel_of(say, "exampleton", "intake"), toys.LOG, toys.metrics())
        relay.start()
        async with asyncio.timeout(20):
            while await things.count_documents({"unsaid_since": {"$exists": True}}):  # noqa: ASYNC110  it has no event
                await asyncio.sleep(0.05)
        await relay.stop(1)
    return [parcel.id for parcel in wire.took]


def facts_of(client: Client, databases: Databases) -> list[str]:
    found = client[databases.name("intake")].things.find({}, sort=[("_id", 1)])
    return [entry["id"] for document in found for entry in document["history"]]


async def test_what_was_unsaid_at_the_instant_is_said_after_a_restore(
    client: Client, changing: Databases, other: Databases, file: Path
) -> None:
    things = client[changing.name("intake")].things
    things.update_many({"_id": {"$ne": "thing-1"}}, {"$set": {"relayed": 2}, "$unset": {"unsaid_since": ""}})
    backup.create(changing, file)

    restored = backup.restore(other, file)
    said = await said_after(other, overdue_at_once=True)

    assert restored.say_again == 0
    assert said == facts_of(client, changing)[2:4]


async def test_what_was_said_shortly_before_the_instant_is_said_again_with_the_same_ids(
    client: Client, changing: Databases, other: Databases, file: Path
) -> None:
    """A queue may have held it, and no database does: its hearers would never have heard it."""
    things = client[changing.name("intake")].things
    things.update_many({}, {"$set": {"relayed": 2}, "$unset": {"unsaid_since": ""}})
    long_ago = technical_now() - timedelta(hours=1)
    things.update_one({"_id": "thing-0"}, {"$set": {"history.$[].recorded": long_ago}})
    things.update_one({"_id": "thing-1"}, {"$set": {"history.0.recorded": long_ago}})
    backup.create(changing, file)

    restored = backup.restore(other, file, say_again=timedelta(minutes=30))
    said = await said_after(other, overdue_at_once=True)

    assert restored.say_again == 2  # what is unsaid anyway is not counted
    assert sorted(said) == sorted(facts_of(client, changing)[3:])
    assert client[other.name("intake")].things.count_documents({"relayed": 2}) == 3
