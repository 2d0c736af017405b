"""A binding is gone: a fact that must be heard stays unsaid, an alarm is given, and it is heard once it is back."""

import asyncio

import httpx2
import pytest

from ops.status import collect
from tests.faults.checker import gather, violations
from tests.faults.city import FIREHOSE, City, until
from tests.faults.load import OWNER, Crowd
from tests.faults.test_outages import Report

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

ALARM = "nobody hears a fact that must be heard: check the bindings"
PATTERN, QUEUE = "routing.*.*.normal.#", "intake"


async def test_a_fact_that_must_be_heard_waits_for_its_binding(city: City, record_property: Report) -> None:
    crowd = Crowd(city.system, city.directory, 81)
    alarms = sum(line["event"] == ALARM for line in city.log_of("routing"))

    await city.unbind(FIREHOSE, "#")
    await city.unbind(QUEUE, PATTERN)
    try:
        raised = await crowd.raise_case("noise")
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def alarmed() -> bool:
            return bool(sum(line["event"] == ALARM for line in city.log_of("routing")) > alarms)

        await until(alarmed, "an alarm", 10)
        seconds = loop.time() - began
        problems = (await collect(city.system)).problems
        metrics = await _metrics(city.system.services["routing"])
        view = await crowd.see(OWNER, raised.reference)
        unsaid = await city.collection("routing", "decisions").count_documents({"unsaid_since": {"$exists": True}})
    finally:
        await city.bind(FIREHOSE, "#")
        await city.bind(QUEUE, PATTERN)
    rested = await city.rests()
    routed = await crowd.see(OWNER, raised.reference)
    evidence = await gather(city, crowd, crowd.book)
    await crowd.client.aclose()

    record_property("measured", f"binding removed: alarm after {seconds:.1f} s, heard {rested:.0f} s after re-binding")
    assert view is not None
    assert (view["status"], view["team"]) == ("raised", None)
    assert 'casework_unroutable_total{type="casework.routing.decided.v1"}' in metrics
    assert unsaid == 1
    assert f"{QUEUE}: not bound to {PATTERN}; import the broker's definitions" in problems
    assert routed is not None
    assert routed["status"] == "with_team"
    # What was said while the firehose was unbound it has not heard; everybody else has.
    assert [one for one in violations(evidence, city.directory) if not one.startswith("unheard")] == []


async def _metrics(url: str) -> str:
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
        return (await client.get(f"{url}/metrics")).text
