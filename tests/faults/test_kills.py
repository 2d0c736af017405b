"""Every process is killed while people work; what they were promised is there, and nobody is told twice."""

import asyncio
import random

import pytest

from tests.counts import count
from tests.faults.checker import doubts, gather, violations
from tests.faults.city import KILLABLE, City
from tests.faults.load import Crowd
from tests.faults.test_outages import Report

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

COMMANDS = count(60, 400)
ROUNDS = count(1, 3)
"""How often each process is killed."""
SEED = 20_261_125


async def test_whoever_is_killed_every_promise_is_kept(city: City, record_property: Report) -> None:
    crowd = Crowd(city.system, city.directory, SEED)

    async def nemesis() -> None:
        chance = random.Random(SEED)  # noqa: S311  repeatable on purpose
        for _ in range(ROUNDS):
            for name in chance.sample(KILLABLE, len(KILLABLE)):
                await asyncio.sleep(chance.uniform(1.0, 3.0))
                await city.kill(name)
        await city.stands()

    killing = asyncio.create_task(nemesis())
    book = await crowd.work(COMMANDS)
    while not killing.done():  # they work for as long as there is killing
        book = await crowd.work(len(book.given) + 10)
    await killing
    await city.stands()
    seconds = await city.rests()
    evidence = await gather(city, crowd, book)
    await crowd.client.aclose()

    record_property(
        "measured",
        f"kills: {len(KILLABLE) * ROUNDS}, commands: {len(book.given)}, cases: {len(evidence.cases)}, "
        f"asked again: {sum(each.tries - 1 for each in book.given)}, notices: {len(evidence.notices)}, "
        f"in doubt: {doubts(evidence)}, at rest after {seconds:.0f} s",
    )
    assert violations(evidence, city.directory) == []
