"""A running service follows the council: each version at its moment, none that cannot be read, never silently."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ServerSelectionTimeoutError
from structlog.testing import LogCapture

from shared.calendar import WorkingCalendar
from shared.council import Council
from shared.plumbing.clock import BusinessClock, MovableClock, RealClock, real_now
from shared.plumbing.council import LiveCouncil, NoCouncilData
from shared.plumbing.metrics import Metrics
from shared.plumbing.versions import VERSIONS, Published, publish

pytestmark = pytest.mark.mongo

CALENDAR = WorkingCalendar(holidays=frozenset(), known_until=datetime(2026, 12, 1, tzinfo=UTC).date(), version="test")
SOON = timedelta(seconds=0.7)
Versions = AsyncDatabase[dict[str, Any]]


class Process:
    """What a service's process knows of the council."""

    def __init__(
        self, database: Versions, clock: BusinessClock | None = None, kind: type[LiveCouncil] = LiveCouncil
    ) -> None:
        self.metrics, self.log = Metrics("intake"), LogCapture()
        logger = structlog.wrap_logger(None, processors=[self.log], wrapper_class=structlog.BoundLogger)
        self.council = kind(database, clock or RealClock(), logger, self.metrics)

    @property
    def runs(self) -> tuple[int, str]:
        directory = self.council.directory
        assert directory.number == self.council.number == self.measured("casework_council_version")
        return directory.number, directory.council.version

    def measured(self, name: str) -> float:
        families = text_string_to_metric_families(self.metrics.expose().decode())
        return next(sample.value for family in families for sample in family.samples if sample.name == name)

    def said(self, event: str) -> list[dict[str, Any]]:
        return [dict(entry) for entry in self.log.entries if entry["event"] == event]

    async def until(self, condition: Callable[[], bool]) -> datetime:
        """Look every millisecond; give the time at which it held."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  what is looked at has no event
                await asyncio.sleep(0.001)
        return real_now()


class Town:
    """Its published versions, called a, b, c, … after their numbers."""

    def __init__(self, database: Versions, council: Council) -> None:
        self.database, self.council = database, council

    async def publish(self, version: str, **more: Any) -> int:
        council = self.council.model_copy(update={"version": version})
        return await publish(self.database, council, author="test", reason="test", **more)

    async def spoil(self, number: int, bundle: str = '{"code": "Somebody\'s name"}') -> None:
        await self.database[VERSIONS].update_one({"_id": number}, {"$set": {"bundle": bundle}})

    async def process(self, clock: BusinessClock | None = None) -> Process:
        """Start a process that knows the council."""
        process = Process(self.database, clock)
        await process.council.load(patience=0)
        return process


@pytest.fixture
async def town(database: Versions, sample_council: Council) -> Town:
    found = Town(database, sample_council)
    await found.publish("a")
    return found


async def test_what_is_published_is_taken_into_use(town: Town) -> None:
    process = await town.process()

    nothing = await process.council.refresh()
    await town.publish("b")

    assert (nothing, process.runs) == (False, (1, "a"))
    assert await process.council.refresh()
    assert process.runs == (2, "b")
    assert [entry["number"] for entry in process.said("council data")] == [1, 2]


async def test_a_rollback_is_followed_as_anything_else(town: Town) -> None:
    process = await town.process()
    await town.publish("b")
    await process.council.refresh()

    await town.publish("a", rolled_back_to=1)
    await process.council.refresh()

    assert process.runs == (3, "a")


async def test_a_version_waits_for_its_moment_and_needs_no_database_then(town: Town) -> None:
    process = await town.process()
    moment = real_now() + SOON
    await town.publish("b", activates=moment)
    await process.council.refresh()
    assert process.runs == (1, "a")
    assert process.measured("casework_council_version_ahead") == 2
    await town.database.drop_collection(VERSIONS)

    switched = await process.until(lambda: process.council.number == 2)

    assert process.runs == (2, "b")
    assert process.measured("casework_council_version_ahead") == 0
    assert timedelta(0) <= switched - moment + timedelta(milliseconds=1) < timedelta(milliseconds=250)


async def test_two_that_wait_come_in_the_order_of_their_moments(town: Town) -> None:
    process = await town.process()
    moment = real_now() + SOON
    await town.publish("b", activates=moment)
    await town.publish("c", activates=moment + SOON / 2)
    await process.council.refresh()
    assert process.measured("casework_council_version_ahead") == 3
    await process.until(lambda: process.council.number > 1)
    first = process.runs
    await process.until(lambda: process.council.number > 2)

    assert (first, process.runs) == ((2, "b"), (3, "c"))


async def test_of_two_with_the_same_moment_the_later_number_comes_and_the_other_is_never_read(town: Town) -> None:
    process = await town.process()
    moment = real_now() + SOON
    await town.publish("b", activates=moment)
    await town.publish("c", activates=moment, overtake=True)
    await process.council.refresh()

    await process.until(lambda: process.council.number > 1)

    assert process.runs == (3, "c")
    assert [entry["number"] for entry in process.said("council data read")] == [1, 3]


async def test_one_that_was_overtaken_after_it_was_read_never_comes(town: Town) -> None:
    process = await town.process()
    moment = real_now() + SOON
    await town.publish("b", activates=moment)
    await process.council.refresh()
    await town.publish("c", overtake=True)
    await process.council.refresh()
    assert process.runs == (3, "c")

    await process.until(lambda: real_now() > moment + timedelta(milliseconds=50))

    assert process.runs == (3, "c")
    assert process.measured("casework_council_version_ahead") == 0


class SlowAnswer(LiveCouncil):
    """One whose database answers long after it has looked."""

    waits_for = 0

    async def _newer(self) -> list[Published]:
        found = await super()._newer()
        while self.number < self.waits_for:  # noqa: ASYNC110  what is looked at has no event
            await asyncio.sleep(0.001)
        return found


async def test_one_that_comes_into_use_while_the_database_answers_is_not_taken_twice(town: Town) -> None:
    process = Process(town.database, kind=SlowAnswer)
    await process.council.load(patience=0)
    await town.publish("b", activates=real_now() + SOON)
    await process.council.refresh()
    assert isinstance(process.council, SlowAnswer)

    process.council.waits_for = 2
    switched = await process.council.refresh()

    assert (switched, process.runs) == (False, (2, "b"))
    assert [entry["number"] for entry in process.said("council data read")] == [1, 2]


async def test_the_development_clock_brings_a_moment_about(town: Town) -> None:
    clock = MovableClock(town.database)
    process = await town.process(clock)
    await town.publish("b", activates=await clock.now() + timedelta(days=3))
    await process.council.refresh()
    assert process.runs == (1, "a")

    await clock.advance("3d", CALENDAR)

    assert await process.council.refresh()
    assert process.runs == (2, "b")


async def test_a_process_that_starts_comes_to_the_version_in_force(town: Town) -> None:
    """Whatever was published while it was away; and what waits comes at its moment."""
    moment = real_now() + SOON
    await town.publish("b")
    await town.publish("c", activates=moment)
    before = await town.process()
    runs_before = before.runs

    await before.until(lambda: before.council.number == 3)
    after = await town.process()

    assert runs_before == (2, "b")
    assert before.runs == after.runs == (3, "c")
    assert [entry["number"] for entry in after.said("council data read")] == [3]


async def test_a_version_that_cannot_be_read_changes_nothing_and_is_not_silent(town: Town) -> None:
    process = await town.process()
    await town.publish("b")
    await town.spoil(2)

    for _ in range(2):
        assert not await process.council.refresh()

    assert process.runs == (1, "a")
    assert process.measured("casework_council_unreadable") == 1
    [said] = process.said("cannot read council data")
    assert (said["number"], said["error"], said["log_level"]) == (2, "ValidationError", "error")
    assert "name" in said["fields"]
    assert "Somebody" not in str(process.log.entries)


async def test_after_one_that_cannot_be_read_the_next_is_taken(town: Town) -> None:
    process = await town.process()
    await town.publish("b")
    await town.spoil(2, "no JSON")
    await process.council.refresh()

    await town.publish("c")
    await process.council.refresh()
    await process.council.refresh()

    assert process.runs == (3, "c")
    assert process.measured("casework_council_unreadable") == 0


async def test_one_that_waits_and_cannot_be_read_is_told_before_its_moment(town: Town) -> None:
    process = await town.process()
    await town.publish("b", activates=real_now() + timedelta(days=1))
    await town.spoil(2)

    await process.council.refresh()

    assert process.measured("casework_council_unreadable") == 1
    assert process.measured("casework_council_version_ahead") == 0


async def test_a_process_that_starts_and_cannot_read_the_newest_runs_what_the_others_run(town: Town) -> None:
    await town.publish("b")
    await town.publish("c")
    await town.database[VERSIONS].update_one({"_id": 3}, {"$unset": {"digest": 1}})

    process = await town.process()

    assert process.runs == (2, "b")
    assert process.measured("casework_council_unreadable") == 1


async def test_a_version_of_before_moments_is_in_force_since_it_was_published(town: Town) -> None:
    await town.database[VERSIONS].update_one({"_id": 1}, {"$unset": {"activates": 1}})

    process = await town.process()

    assert process.runs == (1, "a")


async def test_parts_of_a_later_casework_are_passed_over(town: Town) -> None:
    await town.publish("b")
    later = town.council.model_copy(update={"version": "b"}).model_dump_json()
    await town.spoil(2, later.removesuffix("}") + ', "moods": []}')

    process = await town.process()

    assert process.runs == (2, "b")


async def test_without_a_version_in_force_a_process_says_what_is_missing(
    database: Versions, sample_council: Council
) -> None:
    process = Process(database)
    with pytest.raises(NoCouncilData, match="run `casework council publish"):
        await process.council.load(patience=0)

    await Town(database, sample_council).publish("a", activates=datetime(2090, 1, 1, tzinfo=UTC))

    with pytest.raises(NoCouncilData, match="no council data is in force yet: version 1 will be at 2090-01-01T00"):
        await process.council.load(patience=0)
    with pytest.raises(NoCouncilData, match="version 1 will be"):
        _ = process.council.directory


class AwayAtFirst:
    """A clock whose database does not answer the first time."""

    def __init__(self) -> None:
        self.asked = 0

    async def now(self) -> datetime:
        self.asked += 1
        if self.asked == 2:
            raise ServerSelectionTimeoutError("away")
        return real_now()


async def test_following_outlasts_an_outage(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = AwayAtFirst()
    process = await town.process(clock)
    monkeypatch.setattr("shared.plumbing.council.REFRESH_EVERY", 0.01)
    await town.publish("b")

    following = asyncio.create_task(process.council.follow())
    await process.until(lambda: process.council.number == 2)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following

    assert [entry["error"] for entry in process.said("cannot look for council data")] == ["ServerSelectionTimeoutError"]
