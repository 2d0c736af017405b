"""A dependency is away: commands are answered as promised, nothing is set aside, and all of it comes afterwards."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from pymongo.errors import PyMongoError

from tests.counts import count
from tests.faults import servers
from tests.faults.checker import Evidence, gather, violations
from tests.faults.city import City
from tests.faults.load import Crowd, Given

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

AWAY = count(5, 60)
"""Seconds a dependency is away."""
A_SECOND = 2
"""Cases raised in each of them."""
ANSWERED_WITHIN = 6.0
"""Seconds: one for the confirm, three for the reply, two for a machine with other work."""

Report = Callable[[str, str], None]


async def _raise_meanwhile(crowd: Crowd, seconds: float) -> list[Given]:
    """Raise cases evenly for so many seconds."""
    raising = []
    for number in range(int(seconds * A_SECOND)):
        raising.append(asyncio.create_task(crowd.raise_case("noise" if number % 3 else "dangerous-waste")))
        await asyncio.sleep(1 / A_SECOND)
    return await asyncio.gather(*raising)


async def _afterwards(city: City, crowd: Crowd, report: Report, what: str) -> tuple[Evidence, list[str]]:
    """Wait until the city stands and rests, and look."""
    await city.stands()
    seconds = await city.rests()
    evidence = await gather(city, crowd, crowd.book)
    await crowd.client.aclose()
    told = Counter(each.answer for each in crowd.book.given)
    report("measured", f"{what} for {AWAY} s: answers {dict(told)}, drained after {seconds:.0f} s")
    return evidence, violations(evidence, city.directory)


async def test_while_the_broker_is_unreachable_commands_are_kept_and_decided_afterwards(
    city: City, record_property: Report
) -> None:
    crowd = Crowd(city.system, city.directory, 61)
    await crowd.raise_case("noise")

    async with city.broker_network.silent():
        given = await _raise_meanwhile(crowd, AWAY)
        kept = await city.collection("gateway", "commands").count_documents({})
    evidence, broken = await _afterwards(city, crowd, record_property, "broker unreachable")

    assert {each.answer for each in given} == {202}
    assert max(each.seconds for each in given) < ANSWERED_WITHIN
    assert kept >= len(given)
    assert broken == []
    assert len(evidence.cases) == len(given) + 1


async def test_while_the_database_takes_no_writes_commands_are_promised_and_decided_afterwards(
    city: City, record_property: Report
) -> None:
    crowd = Crowd(city.system, city.directory, 62)
    await crowd.raise_case("noise")

    down = {"replSetStepDown": AWAY, "secondaryCatchUpPeriodSecs": 0, "force": True}
    await city.mongo.admin.command(down)
    given = await _raise_meanwhile(crowd, AWAY - 3)
    with pytest.raises(PyMongoError):
        await city.collection("intake", "faults").insert_one({"created": 1}, comment="it was read-only throughout")
    await servers.database_takes_writes(city.ports.mongo, AWAY + 30)
    evidence, broken = await _afterwards(city, crowd, record_property, "database read-only")

    assert {each.answer for each in given} == {202}
    assert max(each.seconds for each in given) < ANSWERED_WITHIN
    assert broken == []
    assert len(evidence.cases) == len(given) + 1


async def test_while_the_mail_server_is_down_cases_go_on_and_every_mail_comes_once_afterwards(
    city: City, record_property: Report
) -> None:
    crowd = Crowd(city.system, city.directory, 63)
    before = (await city.mails()).total()

    async with city.mail_network.refusing():
        given = await _raise_meanwhile(crowd, AWAY)
        meanwhile = (await city.mails()).total()
    evidence, broken = await _afterwards(city, crowd, record_property, "mail server down")

    assert {each.answer for each in given} <= {201, 202}
    assert meanwhile == before
    assert broken == []
    assert sum(evidence.mails[notice["_id"]] for notice in evidence.notices) == len(evidence.notices)
