"""A watcher with everything it needs, over doubles or over MongoDB, and a small council that changes in May 2026."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from structlog import get_logger

from services.scheduler.adapters import PUBLICATIONS, TRANSITIONS, MongoTransitions, PublishedCouncil
from services.scheduler.domain import Version
from services.scheduler.ports import CouncilRecord, TransitionBook
from services.scheduler.ticker import Watcher
from shared.council import Council
from shared.events import Event
from shared.plumbing.council import VERSIONS
from shared.plumbing.history import Write
from shared.plumbing.store import Store
from tests.scheduler.fakes import FakeBook, FakeClock, FakeCounter, FakeRecord, FakeSpeaker
from tests.scheduler.worlds import at, council, may, member, post, seat, ward

Database = AsyncDatabase[dict[str, Any]]
LOOK = 0.25

ELM = council(
    wards=(ward("elm", seats=2),),
    councillors=(
        member("a", seat("elm", None, may(6), "resigned")),
        member("b", seat("elm")),
        member("c", seat("elm", may(9))),
    ),
)
"""A leaves on the 7th, and C follows on the 9th."""
CABINET = ELM.model_copy(update={"version": "2", "posts": (post("housing", "b"),)})
BEGUN = ("1:2026-05-01", ["activated"])
LEFT, FOLLOWED = ("1:2026-05-07", ["term_ended", "seat_vacated"]), ("1:2026-05-09", ["term_began"])
TOLD = list[tuple[str, list[str]]]


class Bench:
    """A watcher, what is published for it, and what it said."""

    def __init__(self, record: CouncilRecord, book: TransitionBook) -> None:
        self.record, self.book, self.clock, self.counter = record, book, FakeClock(at(1)), FakeCounter()
        self.watcher = self.another()

    def another(self) -> Watcher:
        return Watcher(self.record, self.book, self.clock, self.counter, get_logger(), pause=LOOK)

    async def look(self, when: datetime) -> TOLD:
        self.clock.at = when
        assert await self.watcher.turn() == LOOK
        return await self.told()

    async def publish(self, number: int, of: Council, activates: datetime) -> None:
        raise NotImplementedError

    async def spoil(self, number: int) -> None:
        raise NotImplementedError

    async def told(self) -> TOLD:
        raise NotImplementedError

    async def announced(self) -> list[int]:
        raise NotImplementedError


class InMemory(Bench):
    def __init__(self) -> None:
        self.fakes = FakeRecord(), FakeBook()
        super().__init__(*self.fakes)

    async def publish(self, number: int, of: Council, activates: datetime) -> None:
        self.fakes[0].published[number] = Version(number, of.version, activates), of

    async def spoil(self, number: int) -> None:
        self.fakes[0].unreadable.add(number)

    async def told(self) -> TOLD:
        return [(transition.id, names(facts)) for transition, facts in self.fakes[1].kept]

    async def announced(self) -> list[int]:
        return sorted(self.fakes[1].announced)


class InMongo(Bench):
    def __init__(self, database: Database, store: Store | None = None) -> None:
        self.database, self.speaker = database, FakeSpeaker()
        self.store = store or Store(database, [TRANSITIONS, PUBLICATIONS])
        super().__init__(
            PublishedCouncil(database, get_logger()), MongoTransitions(self.store, self.speaker, get_logger())
        )

    async def publish(self, number: int, of: Council, activates: datetime) -> None:
        about = {"digest": of.digest(), "version": of.version, "author": "test", "reason": "test"}
        when = {"published": activates, "activates": activates}
        bundle = {"bundle": of.model_dump_json()}
        await self.database[VERSIONS].insert_one({"_id": number, **about, **when, **bundle})

    async def spoil(self, number: int) -> None:
        await self.database[VERSIONS].update_one({"_id": number}, {"$set": {"bundle": '{"code": "A Name"}'}})

    async def told(self) -> TOLD:
        documents = await self.database["transitions"].find().sort([("state.number", 1), ("state.on", 1)]).to_list()
        return [(each["_id"], [entry["type"].split(".")[2] for entry in each["history"][1:]]) for each in documents]

    async def announced(self) -> list[int]:
        return [each["state"]["number"] for each in await self.database["publications"].find().sort("_id").to_list()]


def names(facts: Sequence[Event]) -> list[str]:
    return [fact.type.split(".")[2] for fact in facts[1:]]


async def in_mongo(database: Database) -> InMongo:
    bench = InMongo(database)
    await bench.store.prepare()
    return bench


class Dies(Exception):
    """Ends a process."""


class DyingStore(Store):
    """A store whose process dies at the write with a given number: just before it, or just after."""

    dies_at = 0
    before = False

    async def write(self, writes: Sequence[Write]) -> list[bool | Exception]:
        self.dies_at -= 1
        if self.dies_at == 0 and self.before:
            raise Dies
        outcomes = await super().write(writes)
        if self.dies_at == 0:
            raise Dies
        return outcomes
