"""A service has ten seconds to take a version into use, from its moment and from when it was published."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from ops.council.standing import Running, standing, troubles
from shared.calendar import WorkingCalendar
from shared.council import Council, load_bundle
from shared.plumbing.clock import MovableClock, real_now
from shared.plumbing.versions import VERSIONS, publish
from tests.shared.small_council import write

pytestmark = pytest.mark.mongo

CALENDAR = WorkingCalendar(holidays=frozenset(), known_until=datetime(2026, 12, 1, tzinfo=UTC).date(), version="test")
BEHIND = {"intake": Running(number=1), "routing": Running(number=0), "notifier": Running(number=2), "gateway": None}
SAID = ["intake runs council version 1, in force is 2", "routing runs no council version, in force is 2"]
Versions = AsyncDatabase[dict[str, Any]]


@pytest.fixture(scope="module")
def council(tmp_path_factory: pytest.TempPathFactory) -> Council:
    return load_bundle(write(tmp_path_factory.mktemp("small")))


async def put(database: Versions, council: Council, version: str, activates: datetime | None = None) -> None:
    changed = council.model_copy(update={"version": version})
    await publish(database, changed, author="test", reason="test", activates=activates)


async def turn_back(database: Versions, number: int, **moments: timedelta) -> None:
    """Turn back when a version was published, or its moment."""
    changed = {name: real_now() - by for name, by in moments.items()}
    await database[VERSIONS].update_one({"_id": number}, {"$set": changed})


async def said(database: Versions) -> list[str]:
    return list(troubles(await standing(database), BEHIND))


async def test_who_stays_behind_is_named_once_there_was_time(database: Versions, council: Council) -> None:
    await put(database, council, "a")
    await put(database, council, "b")

    at_once = await said(database)
    await turn_back(database, 2, published=timedelta(seconds=11), activates=timedelta(seconds=11))

    assert at_once == []
    assert await said(database) == SAID


async def test_a_version_that_was_published_late_has_its_time_all_the_same(
    database: Versions, council: Council
) -> None:
    await put(database, council, "a")
    await put(database, council, "b")

    await turn_back(database, 2, activates=timedelta(seconds=50))
    published_late = await said(database)
    await turn_back(database, 2, published=timedelta(seconds=11))

    assert published_late == []
    assert await said(database) == SAID


async def test_a_version_that_waited_has_its_time_from_its_moment(database: Versions, council: Council) -> None:
    clock = MovableClock(database)
    await put(database, council, "a")
    await put(database, council, "b", await clock.now() + timedelta(hours=1))
    await turn_back(database, 1, published=timedelta(days=3), activates=timedelta(days=3))
    await turn_back(database, 2, published=timedelta(days=3))
    waiting = await standing(database)

    await clock.advance("1h", CALENDAR)
    comes_now = await said(database)
    await clock.advance("11s", CALENDAR)

    assert [each.number for each in waiting.scheduled] == [2]
    assert comes_now == []
    assert await said(database) == SAID


async def test_of_those_to_come_the_next_is_first(database: Versions, council: Council) -> None:
    await put(database, council, "a", real_now() + timedelta(days=2))
    await put(database, council, "b", real_now() + timedelta(days=5))

    found = await standing(database)

    assert found.active is None
    assert [each.number for each in found.scheduled] == [1, 2]
    assert list(troubles(found, BEHIND)) == []


async def test_a_record_that_was_changed_by_hand_needs_a_person(database: Versions, council: Council) -> None:
    await put(database, council, "a")
    await database[VERSIONS].update_one({}, {"$unset": {"reason": 1}})

    assert await said(database) == ["council: version 1 has no 'reason'; somebody has changed the record by hand"]
