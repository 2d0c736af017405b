"""Real adapters and their doubles keep the same promises; and the real ones those that only they can break."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from services.gateway.adapters.database import (
    ABSOLUTE,
    COMMANDS,
    IDLE,
    KEPT,
    SESSIONS,
    MongoOutbasket,
    MongoSessions,
)
from services.gateway.ports import Letter, Outbasket, PendingCommand, Sessions, Unavailable
from shared.plumbing.history import Say, technical_now, unsaid
from shared.plumbing.store import Store
from tests.gateway.fakes import NOW, REFERENCE, FakeOutbasket, FakeSessions

pytestmark = pytest.mark.mongo

Database = AsyncDatabase[dict[str, Any]]
SEALED = b'{"sealed": "gAAAA"}'


def letter(command_id: str = "c-1", **changed: Any) -> Letter:
    return Letter(
        id=command_id,
        type="casework.command.accept.v1",
        command="accept",
        reference=REFERENCE,
        case_id="case-1",
        actor="cllr-moss",
        on_behalf_of="",
        at=NOW,
        routing_key="intake.commands",
        body=SEALED,
        body_hash="a" * 64,
    )._replace(**changed)


class Speaker:
    """Remembers what is to be said, and says nothing: a process that dies at once."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def say(self, says: Iterable[Say]) -> None:
        self.asked.extend(say.entry["id"] for say in says)


class Time:
    """Technical time that passes only when told."""

    def __init__(self) -> None:
        self.at = technical_now().replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.at


class Basket(NamedTuple):
    outbasket: Outbasket
    to_be_sent: Callable[[], list[str]]


class Shelf(NamedTuple):
    sessions: Sessions
    time: Time


async def prepared(database: Database) -> Store:
    store = Store(database, [SESSIONS, COMMANDS])
    await store.prepare()
    return store


async def in_memory(_: Database) -> Basket:
    fake = FakeOutbasket()
    return Basket(fake, lambda: [kept.id for kept, taken in fake.letters.values() if not taken])


async def in_mongo(database: Database) -> Basket:
    speaker = Speaker()
    store = await prepared(database)
    return Basket(MongoOutbasket(store.durable[COMMANDS.name], speaker), lambda: speaker.asked)


@pytest.fixture(params=[in_memory, in_mongo])
async def basket(request: pytest.FixtureRequest, database: Database) -> Basket:
    """An out-basket, in memory or in MongoDB."""
    make: Callable[[Database], Awaitable[Basket]] = request.param
    return await make(database)


async def test_a_kept_command_is_pending_for_who_gave_it_and_for_nobody_else(basket: Basket) -> None:
    await basket.outbasket.keep(letter("c-2", at=NOW + timedelta(minutes=1), command="add-cc"), taken=True)
    await basket.outbasket.keep(letter("c-1"), taken=False)

    assert list(await basket.outbasket.pending(REFERENCE, "cllr-moss")) == [
        PendingCommand("c-1", "accept", NOW),
        PendingCommand("c-2", "add-cc", NOW + timedelta(minutes=1)),
    ]
    assert list(await basket.outbasket.pending(REFERENCE, "cllr-fern")) == []
    assert list(await basket.outbasket.pending("CW-DP0MP-TF3CM", "cllr-moss")) == []


async def test_what_is_decided_is_pending_no_longer(basket: Basket) -> None:
    await basket.outbasket.keep(letter("c-1"), taken=True)
    await basket.outbasket.keep(letter("c-2"), taken=True)

    await basket.outbasket.decided(["c-1", "nobody-knows-this-one"])

    assert [each.id for each in await basket.outbasket.pending(REFERENCE, "cllr-moss")] == ["c-2"]


async def test_only_what_no_queue_has_taken_is_to_be_sent(basket: Basket) -> None:
    await basket.outbasket.keep(letter("c-1"), taken=True)
    await basket.outbasket.keep(letter("c-2"), taken=False)

    assert basket.to_be_sent() == ["c-2"]


async def test_a_repeat_is_kept_once_and_another_body_is_not_kept(basket: Basket) -> None:
    first = await basket.outbasket.keep(letter(), taken=False)
    repeated = await basket.outbasket.keep(letter(body=b"sealed anew"), taken=False)
    another = await basket.outbasket.keep(letter(body_hash="b" * 64), taken=False)

    assert (first, repeated, another) == (True, True, False)
    assert basket.to_be_sent() == ["c-1"]
    assert len(await basket.outbasket.pending(REFERENCE, "cllr-moss")) == 1


async def test_a_kept_command_has_an_unsaid_fact_until_it_is_sent_and_only_then_expires(database: Database) -> None:
    store = await prepared(database)

    await MongoOutbasket(store.durable[COMMANDS.name], Speaker()).keep(letter(), taken=False)

    [found] = await database[COMMANDS.name].find().to_list()
    [said] = unsaid((COMMANDS.name, "c-1"), found)
    assert (said.entry["id"], said.entry["key"], said.entry["mandatory"]) == ("c-1", "intake.commands", True)
    assert (said.entry["exchange"], said.entry["body"]) == ("casework.commands", SEALED)
    assert found["unsaid_since"] == found["created"]
    assert found["state"]["expires"] - found["created"] == KEPT
    [expiry] = [
        each for each in (await database[COMMANDS.name].index_information()).values() if "expireAfterSeconds" in each
    ]
    assert (expiry["key"], expiry["partialFilterExpression"]) == ([("state.expires", 1)], {"relayed": {"$gte": 1}})


def sessions_in_memory(_: Store) -> Shelf:
    time = Time()
    return Shelf(FakeSessions(time), time)


def sessions_in_mongo(store: Store) -> Shelf:
    time = Time()
    return Shelf(MongoSessions(store.durable[SESSIONS.name], time), time)


@pytest.fixture(params=[sessions_in_memory, sessions_in_mongo])
async def shelf(request: pytest.FixtureRequest, database: Database) -> Shelf:
    """Sessions, in memory or in MongoDB."""
    make: Callable[[Store], Shelf] = request.param
    return make(await prepared(database))


async def test_a_session_belongs_to_its_person_until_it_is_closed(shelf: Shelf) -> None:
    mine, theirs = await shelf.sessions.open("cllr-moss"), await shelf.sessions.open("cllr-moss")

    assert mine != theirs
    assert await shelf.sessions.find(mine) == "cllr-moss"
    await shelf.sessions.close(mine)
    await shelf.sessions.close("never was")
    assert (await shelf.sessions.find(mine), await shelf.sessions.find(theirs)) == (None, "cllr-moss")
    assert await shelf.sessions.find("never was") is None


async def test_a_session_that_nobody_uses_ends(shelf: Shelf) -> None:
    used, unused = await shelf.sessions.open("cllr-moss"), await shelf.sessions.open("cllr-fern")

    shelf.time.at += IDLE - timedelta(seconds=1)
    assert await shelf.sessions.find(used) == "cllr-moss"
    shelf.time.at += timedelta(seconds=2)

    assert (await shelf.sessions.find(used), await shelf.sessions.find(unused)) == ("cllr-moss", None)


async def test_a_session_ends_after_a_working_day_however_it_is_used(shelf: Shelf) -> None:
    session_id, uses = await shelf.sessions.open("cllr-moss"), 0

    while await shelf.sessions.find(session_id):
        uses += 1
        shelf.time.at += timedelta(minutes=20)

    assert uses == ABSOLUTE / timedelta(minutes=20)


async def test_who_reads_the_database_cannot_use_a_session(database: Database) -> None:
    store = await prepared(database)

    session_id = await MongoSessions(store.durable[SESSIONS.name]).open("cllr-moss")

    [found] = await database[SESSIONS.name].find().to_list()
    assert session_id not in str(found)
    assert (found["person"], len(found["_id"])) == ("cllr-moss", 64)


@pytest.fixture
async def nowhere() -> AsyncIterator[Database]:
    """A database that cannot be reached."""
    async with AsyncMongoClient[dict[str, Any]]("mongodb://127.0.0.1:1/", serverSelectionTimeoutMS=200) as client:
        yield client["nowhere"]


async def test_a_database_that_is_away_is_said_and_nothing_is_promised(nowhere: Database) -> None:
    outbasket = MongoOutbasket(nowhere[COMMANDS.name], speaker := Speaker())
    sessions = MongoSessions(nowhere[SESSIONS.name])

    for broken in (
        lambda: outbasket.keep(letter(), taken=False),
        lambda: outbasket.pending(REFERENCE, "cllr-moss"),
        lambda: sessions.find("s"),
        lambda: sessions.open("cllr-moss"),
    ):
        with pytest.raises(Unavailable):
            await broken()
    await outbasket.decided(["c-1"])  # noted the next time somebody asks
    assert speaker.asked == []
