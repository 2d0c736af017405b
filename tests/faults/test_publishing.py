"""Another version of the council is published while people work: no case is lost, and none is routed by a mixture."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from ops.council.publishing import Order
from ops.council.standing import WITHIN
from ops.development import SERVICES
from shared.commands import case_id_for
from shared.plumbing.clock import real_now
from tests.counts import count
from tests.faults.checker import gather, violations
from tests.faults.city import City
from tests.faults.load import Book, Crowd
from tests.faults.publishing import (
    ROUTED,
    all_run,
    business_now,
    go_back,
    judge_decisions,
    judge_switches,
    lines_of,
    put,
    running,
    switches,
    versions_named,
    versions_of,
    with_rules_moved,
)
from tests.faults.test_outages import Report

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

CASES, PEOPLE, FEW = count(60, 200), count(2, 6), 2
PAUSE = 0.25
"""Seconds each of them waits between two cases: there is no end of cases to look at otherwise."""
ROUNDS = count(1, 3)
"""How often each service is killed."""
AHEAD = timedelta(seconds=4)
"""How long before its moment a version is published: every service looks twice meanwhile."""
TO_THE_MOMENT = 1.0
"""Seconds after its moment by which every service has switched; milliseconds but for a machine with other work."""
WHO = Order("Ada Elm", "a test")
SEED = 20_261_126


async def raise_while(crowd: Crowd, people: int, going_on: Callable[[], bool]) -> Book:
    """Raise cases for as long as something goes on, and at least so many."""

    async def person() -> None:
        while going_on() or len(crowd.book.given) < CASES:
            await crowd.raise_case(ROUTED[len(crowd.book.given) % len(ROUTED)])
            await asyncio.sleep(PAUSE)

    await asyncio.gather(*(person() for _ in range(people)))
    return crowd.book


@asynccontextmanager
async def back_afterwards(city: City) -> AsyncIterator[int]:
    """Leave the city with the council it had; gives its number."""
    [first] = [each for each in await versions_of(city) if each.number == 1]
    try:
        yield first.number
    finally:
        outcome = await go_back(city, first.number, WHO._replace(overtake=True))
        await all_run(city, outcome.version.number, within=60)


async def judged(
    city: City, crowd: Crowd, people: int, work: Callable[[], Coroutine[Any, Any, None]]
) -> tuple[list[str], dict[str, int]]:
    """Let people raise cases while something is done, and find what has gone wrong; also the decisions by version."""
    lines, doing = lines_of(city), asyncio.create_task(work())
    book = await raise_while(crowd, people, lambda: not doing.done())
    await doing
    await city.stands()
    await city.rests()
    evidence = await gather(city, crowd, book)
    ids = {"subject": {"$in": [case_id_for(reference) for reference in book.references()]}}
    decisions = await city.collection("routing", "decisions").find(ids).to_list()
    versions = await versions_of(city)
    old, new = city.directory.council, with_rules_moved(city.directory.council, "moved")
    found = [
        *violations(evidence, city.directory),
        *judge_decisions(
            decisions,
            evidence.cases,
            {old.version: old, new.version: new},
            {each.number: each.version for each in versions},
        ),
        *judge_switches(list(switches(city, lines)), versions, await business_now(city) - real_now()),
    ]
    assert len(evidence.cases) >= CASES
    return found, dict(versions_named(decisions))


async def test_a_changed_rule_that_is_published_under_load_loses_and_mixes_nothing(
    city: City, record_property: Report
) -> None:
    crowd = Crowd(city.system, city.directory, SEED)
    moved = with_rules_moved(city.directory.council, "moved")
    took: dict[str, float] = {}
    late: list[float] = []

    async def publish_and_go_back() -> None:
        await asyncio.sleep(1)
        outcome = await put(city, moved, WHO)
        took["at once"] = await all_run(city, outcome.version.number)
        await asyncio.sleep(1)
        outcome = await go_back(city, 1, WHO)
        took["back"] = await all_run(city, outcome.version.number)

        lines, now = lines_of(city), await business_now(city)
        offset = now - real_now()
        outcome = await put(city, moved, WHO._replace(activates=now + AHEAD))
        assert set((await running(city)).values()) == {outcome.version.number - 1}
        await all_run(city, outcome.version.number, within=AHEAD.total_seconds() + WITHIN.total_seconds())
        taken = [at for _, number, at in switches(city, lines) if number == outcome.version.number]
        late.extend((at + offset - outcome.version.activates).total_seconds() for at in taken)

    async with back_afterwards(city):
        found, named = await judged(city, crowd, PEOPLE, publish_and_go_back)
    await crowd.client.aclose()

    record_property(
        "measured",
        f"a changed rule under load: {len(crowd.book.given)} cases, decisions by version {named}; in use everywhere "
        f"{took['at once']:.1f} s after publishing, {took['back']:.1f} s after going back; one that waited, "
        f"{max(late) * 1000:.0f} ms after its moment",
    )
    assert found == []
    assert named.keys() == {city.directory.council.version, "moved"}
    assert len(late) == len(SERVICES)
    assert min(late) > -0.01
    assert max(late) <= TO_THE_MOMENT


async def test_whoever_is_killed_while_a_version_is_published_comes_back_on_the_right_one(
    city: City, record_property: Report
) -> None:
    crowd = Crowd(city.system, city.directory, SEED + 1)
    old, moved = city.directory.council, with_rules_moved(city.directory.council, "moved")
    chance = random.Random(SEED)  # noqa: S311  repeatable on purpose
    back: list[float] = []

    async def kill_each() -> None:
        for turn, service in enumerate(service for _ in range(ROUNDS) for service in SERVICES):
            waits = turn % 2 == 1
            moment = await business_now(city) + timedelta(seconds=2) if waits else None
            publishing = put(city, old if waits else moved, WHO._replace(activates=moment))
            _, outcome = await asyncio.gather(killed(service, chance.uniform(0, 2.5)), publishing)
            await city.stands()
            back.append(await all_run(city, outcome.version.number))

    async def killed(service: str, after: float) -> None:
        await asyncio.sleep(after)
        await city.kill(service)

    async with back_afterwards(city):
        found, named = await judged(city, crowd, FEW, kill_each)
    await crowd.client.aclose()

    record_property(
        "measured",
        f"killed while publishing: {len(back)} kills, {len(crowd.book.given)} cases, decisions by version {named}; "
        f"on the right version at most {max(back):.1f} s after being ready",
    )
    assert found == []
