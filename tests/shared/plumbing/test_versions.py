"""Versions are numbered without a gap, never changed, and in force by one rule; nothing scheduled is lost unnoticed."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.asynchronous.database import AsyncDatabase

from shared.calendar import WorkingCalendar
from shared.council import Council
from shared.plumbing.clock import MovableClock, real_now
from shared.plumbing.versions import (
    GRACE,
    VERSIONS,
    Published,
    PublishRefused,
    RecordBroken,
    council_of,
    in_force,
    is_overtaken,
    local,
    publish,
    published_versions,
    to_come,
)

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
CALENDAR = WorkingCalendar(holidays=frozenset(), known_until=NOON.date(), version="test")
Versions = AsyncDatabase[dict[str, Any]]


def named(council: Council, version: str) -> Council:
    return council.model_copy(update={"version": version})


async def put(database: Versions, council: Council, **more: Any) -> int:
    return await publish(database, council, author="Ada Elm", reason="a test", **more)


async def in_days(database: Versions, days: float) -> datetime:
    """Name a moment some days ahead by the business clock, in whole milliseconds."""
    later = await MovableClock(database).now() + timedelta(days=days)
    return later.replace(microsecond=0)


def version(number: int, hours: int, digest: str = "") -> Published:
    return Published(number, str(number), digest, "", "", NOON, NOON + timedelta(hours=hours))


@given(st.lists(st.integers(-3, 3), max_size=7))
def test_what_is_to_come_comes_in_that_order_and_nothing_else_ever_does(hours: list[int]) -> None:
    versions = [version(number, at) for number, at in enumerate(hours, 1)]

    seen = [found for hour in range(-4, 5) if (found := in_force(versions, NOON + timedelta(hours=hour)))]
    succession = list(dict.fromkeys(each.number for each in seen))

    present = in_force(versions, NOON)
    expected = [*([present.number] if present else []), *(each.number for each in to_come(versions, NOON))]
    assert succession == sorted(succession)
    assert succession[len(succession) - len(expected) :] == expected
    assert set(succession) == {each.number for each in versions if not is_overtaken(each, versions)}


@pytest.mark.mongo
async def test_a_version_says_who_why_and_when(database: Versions, sample_council: Council) -> None:
    await put(database, sample_council)
    later = await in_days(database, 3)
    summer = later.astimezone(timezone(timedelta(hours=1)))

    number = await publish(
        database,
        named(sample_council, "b"),
        author="Ben Oak",
        reason="new rules",
        activates=summer,
        rolled_back_to=1,
    )

    first, second = await published_versions(database)
    assert (number, second.number, first.number) == (2, 2, 1)
    assert (second.version, second.author, second.reason, second.rolled_back_to) == ("b", "Ben Oak", "new rules", 1)
    assert second.activates == later
    assert abs(second.published - real_now()) < timedelta(seconds=30)
    assert abs(first.activates - first.published) < timedelta(seconds=30)
    assert first.rolled_back_to is None
    assert (await council_of(database, 2)).digest() == second.digest == named(sample_council, "b").digest()


@pytest.mark.mongo
async def test_what_is_in_force_already_is_not_published_again(database: Versions, sample_council: Council) -> None:
    later = await in_days(database, 3)
    assert await put(database, sample_council) == 1
    assert await put(database, sample_council) == 1
    assert await put(database, sample_council, activates=later) == 1
    assert await put(database, named(sample_council, "b"), activates=later) == 2

    assert await put(database, named(sample_council, "b"), activates=later) == 2
    assert await put(database, sample_council) == 1

    assert len(await published_versions(database)) == 2


@pytest.mark.mongo
async def test_going_back_makes_a_new_number_and_changes_no_old_one(
    database: Versions, sample_council: Council
) -> None:
    await put(database, sample_council)
    await put(database, named(sample_council, "b"))
    before = await database[VERSIONS].find().to_list()

    number = await put(database, sample_council, rolled_back_to=1)

    assert number == 3
    assert (await database[VERSIONS].find({"_id": {"$lt": 3}}).to_list()) == before
    active = in_force(await published_versions(database), await MovableClock(database).now())
    assert active is not None
    assert (active.number, active.version, active.rolled_back_to) == (3, sample_council.version, 1)


@pytest.mark.mongo
async def test_a_time_that_has_passed_is_refused_unless_somebody_just_typed_it(
    database: Versions, sample_council: Council
) -> None:
    await put(database, sample_council)
    passed = real_now() - GRACE - timedelta(seconds=5)

    with pytest.raises(PublishRefused, match=r"has passed \(it is .*\): name a later time, or none"):
        await put(database, named(sample_council, "b"), activates=passed)
    number = await put(database, named(sample_council, "b"), activates=real_now() - GRACE / 2)

    assert number == 2


@pytest.mark.mongo
async def test_the_business_clock_says_what_has_passed(database: Versions, sample_council: Council) -> None:
    tomorrow = await in_days(database, 1)
    await MovableClock(database).advance("2d", CALENDAR)

    with pytest.raises(PublishRefused, match="has passed"):
        await put(database, sample_council, activates=tomorrow)
    assert await put(database, sample_council) == 1

    [only] = await published_versions(database)
    assert only.activates > tomorrow


@pytest.mark.mongo
async def test_a_version_that_waits_for_its_day_is_not_lost_unnoticed(
    database: Versions, sample_council: Council
) -> None:
    await put(database, sample_council)
    later = await in_days(database, 3)
    await put(database, named(sample_council, "b"), activates=later)

    for moment in (None, await in_days(database, 1), later):
        with pytest.raises(PublishRefused) as refused:
            await put(database, named(sample_council, "c"), activates=moment)
        assert f"version 2 of {local(later)} would never come into force, because a later number wins" in str(
            refused.value
        )
    assert await put(database, named(sample_council, "c"), activates=await in_days(database, 4)) == 3

    assert [each.number for each in to_come(await published_versions(database), real_now())] == [2, 3]


@pytest.mark.mongo
async def test_a_version_that_waits_may_be_overtaken_on_purpose(database: Versions, sample_council: Council) -> None:
    await put(database, sample_council)
    await put(database, named(sample_council, "b"), activates=await in_days(database, 3))

    assert await put(database, named(sample_council, "c"), overtake=True) == 3

    versions = await published_versions(database)
    assert [is_overtaken(each, versions) for each in versions] == [False, True, False]
    assert to_come(versions, real_now()) == []


@pytest.mark.mongo
async def test_what_is_in_force_takes_back_what_is_to_come(database: Versions, sample_council: Council) -> None:
    await put(database, sample_council)
    await put(database, named(sample_council, "b"), activates=await in_days(database, 3))

    assert await put(database, sample_council, overtake=True) == 3
    assert await put(database, sample_council, overtake=True) == 3

    assert to_come(await published_versions(database), real_now()) == []


@pytest.mark.mongo
async def test_what_is_to_come_may_be_brought_forward(database: Versions, sample_council: Council) -> None:
    await put(database, sample_council)
    await put(database, named(sample_council, "b"), activates=await in_days(database, 3))

    assert await put(database, named(sample_council, "b")) == 3

    versions = await published_versions(database)
    active = in_force(versions, real_now())
    assert active is not None
    assert (active.number, active.version) == (3, "b")
    assert to_come(versions, real_now()) == []


@pytest.mark.mongo
async def test_whoever_publishes_at_the_same_moment_comes_after(database: Versions, sample_council: Council) -> None:
    numbers = await asyncio.gather(*(put(database, named(sample_council, f"v{each}")) for each in range(6)))

    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]
    versions = await published_versions(database)
    assert [each.version for each in versions] == [f"v{numbers.index(number)}" for number in range(1, 7)]


@pytest.mark.mongo
async def test_what_was_published_after_somebody_looked_is_not_published_over(
    database: Versions, sample_council: Council
) -> None:
    assert await put(database, sample_council, expects=0) == 1
    await put(database, named(sample_council, "b"))

    with pytest.raises(PublishRefused, match="version 2 was published meanwhile, by Ada Elm: look again"):
        await put(database, named(sample_council, "c"), expects=1)

    assert await put(database, named(sample_council, "c"), expects=2) == 3


@pytest.mark.mongo
async def test_of_many_who_looked_at_the_same_moment_one_publishes(database: Versions, sample_council: Council) -> None:
    await put(database, sample_council)

    outcomes = await asyncio.gather(
        *(put(database, named(sample_council, f"v{each}"), expects=1) for each in range(5)), return_exceptions=True
    )

    assert sorted(map(repr, map(type, outcomes))) == sorted(map(repr, [int] + [PublishRefused] * 4))
    assert len(await published_versions(database)) == 2


@pytest.mark.mongo
async def test_a_moment_without_a_zone_is_a_mistake(database: Versions, sample_council: Council) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        await put(database, sample_council, activates=datetime(2026, 12, 1))  # noqa: DTZ001  that is the mistake


@pytest.mark.mongo
async def test_a_version_that_is_not_there_or_is_none_is_named(database: Versions, sample_council: Council) -> None:
    await put(database, sample_council)
    await database[VERSIONS].update_one({"_id": 1}, {"$unset": {"digest": 1}})

    with pytest.raises(RecordBroken, match="version 1 has no 'digest'"):
        await published_versions(database)
    with pytest.raises(LookupError, match="there is no version 2"):
        await council_of(database, 2)


@pytest.mark.mongo
async def test_a_council_too_big_for_a_document_is_refused_before_it_is_sent(
    database: Versions, sample_council: Council
) -> None:
    [town, *_] = sample_council.towns
    huge = sample_council.model_copy(update={"towns": (town.model_copy(update={"name": "x" * 10_000}),) * 2_000})

    with pytest.raises(PublishRefused, match="and a version has room for 15,000,000"):
        await put(database, huge)
