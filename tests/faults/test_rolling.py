"""Every service is deployed anew while people work: none is cut off, and nothing is set aside."""

import asyncio
import signal
from collections import Counter

import pytest

from ops.development import SERVICES
from tests.counts import count
from tests.faults.checker import doubts, gather, violations
from tests.faults.city import City
from tests.faults.load import Crowd
from tests.faults.test_outages import Report

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

ROUNDS = count(1, 4)
"""How often each service is deployed."""
PREFETCHING = 0.7
"""Seconds a service is held still before it is stopped: what arrives meanwhile is prefetched, and waits in it."""
EXIT_WITHIN = 25.0
"""Seconds from SIGTERM to the end of a process."""
CUT_SHORT = {"stopped early: the broker brings the rest again", "facts left unsaid", "marks lost"}
"""What a service writes when it could not finish."""


async def test_a_rolling_restart_under_load_cuts_nothing_off(city: City, record_property: Report) -> None:
    crowd = Crowd(city.system, city.directory, 71)
    working = asyncio.create_task(crowd.work(count(40, 300), at_once=16))
    lines = {service: len(city.log_of(service)) for service in SERVICES}
    exits: list[tuple[str, float, int]] = []

    for _ in range(ROUNDS):
        for service in SERVICES:
            await asyncio.sleep(0.2)
            exits.append((service, *await city.deploy(service, PREFETCHING)))
    book = await working
    await city.stands()
    seconds = await city.rests()
    evidence = await gather(city, crowd, book)
    await crowd.client.aclose()

    slowest = max(taken for _, taken, _ in exits)
    record_property(
        "measured",
        f"rolling restart: {len(exits)} restarts, {len(book.given)} commands, slowest exit {slowest:.1f} s, "
        f"in doubt {doubts(evidence)}, drained after {seconds:.0f} s",
    )
    assert violations(evidence, city.directory) == []
    assert doubts(evidence) == 0
    assert slowest <= EXIT_WITHIN
    assert {code for _, _, code in exits} <= {0, -signal.SIGTERM}
    said = Counter(line["event"] for service in SERVICES for line in city.log_of(service)[lines[service] :])
    assert said["stopped"] == len(exits)
    assert not said.keys() & CUT_SHORT
