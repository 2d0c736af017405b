"""Many watchers at once, and one that dies: every world of the council is told by one of them, whole and once."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest
from structlog import get_logger

from services.scheduler.adapters import PUBLICATIONS, TRANSITIONS, MongoTransitions, PublishedCouncil
from services.scheduler.domain import Seen
from services.scheduler.ticker import Watcher
from shared.events import Event
from shared.plumbing.store import Store
from tests.scheduler.desks import CABINET, ELM, Database, Dies, DyingStore, InMongo, in_mongo
from tests.scheduler.fakes import FakeClock, FakeCounter, FakeSpeaker
from tests.scheduler.worlds import at

pytestmark = pytest.mark.mongo


KEPT = ("transitions", "publications")


async def everything(database: Database) -> Counter[str]:
    """Count the facts that were written, whenever somebody looked."""
    documents = [document for name in KEPT for document in await database[name].find().to_list()]
    return Counter(
        str({name: value for name, value in entry["data"].items() if name != "at"} | {"type": entry["type"]})
        for document in documents
        for entry in document["history"]
    )


async def two_versions(desk: InMongo) -> None:
    await desk.publish(1, ELM, at(1))
    await desk.publish(2, CABINET, at(8))


class Meeting(MongoTransitions):
    """Waits before each write until the others are there, too: the race, every time."""

    gate: asyncio.Barrier
    missed = 0

    async def add(self, seen: Seen, facts: Sequence[Event]) -> bool:
        async with asyncio.timeout(5):
            await self.gate.wait()
        added = await super().add(seen, facts)
        self.missed += not added
        await self.gate.wait()
        return added


async def test_of_three_watchers_at_once_each_world_is_told_by_one(database: Database) -> None:
    desk = await in_mongo(database)
    await two_versions(desk)
    gate, clock, speakers = asyncio.Barrier(3), FakeClock(at(1)), [FakeSpeaker() for _ in range(3)]
    books = [Meeting(Store(database, [TRANSITIONS, PUBLICATIONS]), each, get_logger()) for each in speakers]
    for book in books:
        book.gate = gate
    rivals = [
        Watcher(PublishedCouncil(database, get_logger()), book, clock, FakeCounter(), get_logger()) for book in books
    ]

    async def look(watcher: Watcher, transitions: int) -> None:
        while len(await desk.told()) < transitions:
            await watcher.turn()

    for when, transitions in ((at(1), 1), (at(7), 2), (at(8), 3), (at(9), 4)):
        clock.at = when
        await asyncio.gather(*(look(watcher, transitions) for watcher in rivals))

    assert [name for name, _ in await desk.told()] == ["1:2026-05-01", "1:2026-05-07", "2:2026-05-08", "2:2026-05-09"]
    assert sum(book.missed for book in books) == 2 * 4
    assert set((await everything(database)).values()) == {1}
    said = Counter(say.entry["id"] for speaker in speakers for say in speaker.says)
    assert set(said.values()) == {1}


WRITES = 6
"""Two announcements and four transitions."""


@pytest.mark.parametrize("dies_at", range(1, WRITES + 1))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_watcher_that_dies_at_any_write_leaves_nothing_untold_and_nothing_told_twice(
    database: Database, dies_at: int, *, before: bool
) -> None:
    dying = DyingStore(database, [TRANSITIONS, PUBLICATIONS])
    dying.dies_at, dying.before = dies_at, before
    first = InMongo(database, dying)
    await first.store.prepare()
    await two_versions(first)
    with pytest.raises(Dies):
        await _begin_and_look_again(first)

    second = InMongo(database)
    await _begin_and_look_again(second)

    assert [name for name, _ in await second.told()] == ["1:2026-05-01", "1:2026-05-07", "2:2026-05-08", "2:2026-05-09"]
    facts = await everything(database)
    assert len(facts) == 2 + 2 + 3 + 3 + 2
    assert set(facts.values()) == {1}
    said = {say.entry["id"] for bench in (first, second) for say in bench.speaker.says}
    unsaid = {
        entry["id"]
        for name in KEPT
        for document in await database[name].find({"unsaid_since": {"$exists": True}}).to_list()
        for entry in document["history"]
        if entry["key"]
    }
    assert said <= unsaid  # nobody has marked anything: the sweeper says the rest
    assert len(unsaid) == len(facts) - 4


async def _begin_and_look_again(desk: InMongo) -> None:
    await desk.look(at(1))
    await desk.look(at(20))
