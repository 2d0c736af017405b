"""The watcher says what happened in the council, once, whoever looks; in memory and in MongoDB."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from pymongo.errors import NotPrimaryError
from structlog import get_logger
from structlog.testing import capture_logs

from services.scheduler.domain import Transition, Version
from services.scheduler.ticker import OUTAGE_PAUSE, Watcher
from shared.plumbing.council import VERSIONS
from tests.scheduler.desks import BEGUN, CABINET, ELM, FOLLOWED, LEFT, Bench, Database, InMemory, InMongo, in_mongo
from tests.scheduler.fakes import FakeBook, FakeClock, FakeCounter, FakeRecord
from tests.scheduler.worlds import at, council

Build = Callable[[], Awaitable[Bench]]


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.mongo)])
def bench(request: pytest.FixtureRequest) -> Build:
    """The same suite for the doubles and for the real thing."""
    database = request.getfixturevalue("database") if request.param == "mongo" else None

    async def build() -> Bench:
        return InMemory() if database is None else await in_mongo(database)

    return build


async def test_before_anything_is_published_nothing_is_said(bench: Build) -> None:
    desk = await bench()

    assert (await desk.look(at(1)), await desk.announced()) == ([], [])


async def test_the_first_look_says_what_is_published_and_in_force_and_not_what_was_so_before(bench: Build) -> None:
    desk = await bench()
    await desk.publish(1, ELM, at(1))
    await desk.publish(2, CABINET, at(2))
    await desk.publish(3, ELM, at(20))

    assert await desk.look(at(8)) == [("2:2026-05-08", ["activated"])]
    assert await desk.announced() == [1, 2, 3]


async def test_what_a_day_brings_is_said_on_that_day_and_not_again(bench: Build) -> None:
    desk = await bench()
    await desk.publish(1, ELM, at(1))

    assert await desk.look(at(1)) == [BEGUN]
    assert await desk.look(at(6, 23, 59)) == [BEGUN]
    assert await desk.look(at(7, 0, 0)) == [BEGUN, LEFT]
    assert await desk.look(at(8)) == [BEGUN, LEFT]


async def test_days_that_passed_together_are_told_one_by_one(bench: Build) -> None:
    desk = await bench()
    await desk.publish(1, ELM, at(1))
    await desk.look(at(1))

    assert await desk.look(at(20)) == [BEGUN, LEFT, FOLLOWED]
    assert desk.counter.count == 3


async def test_a_version_is_announced_when_published_and_takes_effect_at_its_time(bench: Build) -> None:
    desk = await bench()
    await desk.publish(1, ELM, at(1))
    await desk.look(at(1))
    await desk.publish(2, CABINET, at(8))

    assert await desk.look(at(2)) == [BEGUN]
    assert await desk.announced() == [1, 2]
    assert await desk.look(at(20)) == [
        BEGUN,
        LEFT,
        ("2:2026-05-08", ["activated", "portfolio_moved"]),
        ("2:2026-05-09", ["term_began"]),
    ]


async def test_what_a_version_took_away_comes_back_with_the_version_before_it(bench: Build) -> None:
    desk = await bench()
    await desk.publish(1, CABINET, at(1))
    await desk.look(at(1))
    await desk.publish(2, council(), at(2))
    await desk.publish(3, CABINET, at(2, 13))

    assert (await desk.look(at(3)))[1:] == [
        ("2:2026-05-02", ["activated", "term_ended", "term_ended", "ward_ended", "portfolio_moved"]),
        ("3:2026-05-02", ["activated", "ward_began", "term_began", "term_began", "portfolio_moved"]),
    ]


async def test_a_version_that_cannot_be_read_counts_as_if_it_were_not_there(bench: Build) -> None:
    desk = await bench()
    await desk.publish(1, ELM, at(1))
    await desk.look(at(1))
    await desk.publish(2, ELM, at(2))
    await desk.spoil(2)

    assert await desk.look(at(7)) == [BEGUN, LEFT]
    await desk.publish(3, CABINET, at(8))
    assert await desk.look(at(8)) == [BEGUN, LEFT, ("3:2026-05-08", ["activated", "portfolio_moved"])]


async def test_where_the_version_seen_last_cannot_be_read_another_instance_goes_on(bench: Build) -> None:
    desk = await bench()
    await desk.publish(1, ELM, at(1))
    await desk.look(at(1))
    if isinstance(desk, InMongo):
        desk = InMongo(desk.database)
    await desk.spoil(1)

    assert await desk.look(at(20)) == [BEGUN]


async def test_one_who_comes_later_says_nothing_that_was_said(bench: Build) -> None:
    desk = await bench()
    await desk.publish(1, ELM, at(1))
    await desk.look(at(8))

    desk.watcher = desk.another()

    assert await desk.look(at(8)) == [("1:2026-05-08", ["activated"])]
    assert await desk.announced() == [1]
    assert desk.counter.count == 1


async def test_an_outage_of_the_database_is_waited_out() -> None:
    class Away(FakeRecord):
        async def versions(self, above: int) -> Sequence[Version]:
            raise NotPrimaryError("stepping down")

    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        raise asyncio.CancelledError

    watcher = Watcher(Away(), FakeBook(), FakeClock(), FakeCounter(), get_logger(), sleep=sleep)
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await watcher.run()

    assert pauses == [OUTAGE_PAUSE]
    assert [(line["log_level"], line["loop"]) for line in logs] == [("warning", "watcher")]


# --- what only the real thing can show ---


@pytest.mark.mongo
async def test_no_two_transitions_follow_the_same_one(database: Database) -> None:
    desk = await in_mongo(database)
    await desk.publish(1, ELM, at(1))
    await desk.look(at(1))
    last = await desk.book.last()
    assert last is not None
    stale = InMongo(database)
    for number, when in ((2, 2), (3, 3)):
        await desk.publish(number, CABINET, at(when))

    async def still() -> Transition | None:
        return last

    stale.book.last = still  # type: ignore[method-assign]  # it read the last one just before another was added
    await desk.look(at(2))
    await database[VERSIONS].delete_one({"_id": 2})

    told = await stale.look(at(3))

    assert told == [BEGUN, ("2:2026-05-02", ["activated", "portfolio_moved"])]
    assert stale.speaker.says == []


@pytest.mark.mongo
async def test_a_record_that_is_no_version_is_reported_once_and_passed_over(database: Database) -> None:
    desk = await in_mongo(database)
    await database[VERSIONS].insert_one({"_id": 1, "version": "A Name"})
    await desk.publish(2, ELM, at(1))
    await desk.publish(3, ELM, at(1))
    await desk.spoil(3)

    with capture_logs() as logs:
        await desk.look(at(1))
        await desk.look(at(2))

    complaints = [line for line in logs if line["log_level"] == "error"]
    assert [(line["number"], line["error"]) for line in complaints] == [(1, "RecordBroken"), (3, "ValidationError")]
    assert "A Name" not in str(complaints)
    assert await desk.told() == [("2:2026-05-01", ["activated"])]


@pytest.mark.mongo
async def test_a_version_without_a_moment_of_its_own_came_into_force_when_it_was_published(database: Database) -> None:
    desk = await in_mongo(database)
    await desk.publish(1, ELM, at(3))
    await database[VERSIONS].update_one({"_id": 1}, {"$unset": {"activates": ""}})

    assert await desk.look(at(3)) == [("1:2026-05-03", ["activated"])]
    (stored,) = await database["publications"].find().to_list()
    assert stored["history"][0]["data"]["activates"] == "2026-05-03T11:00:00Z"
