"""Messages on the work queues that nobody of ours would send: set aside at once, without effect or answer."""

import pytest
import pytest_asyncio

from shared.commands import case_id_for
from shared.plumbing.envelope import ATTEMPT
from shared.plumbing.setting_aside import ERROR, QUEUE, REASON
from shared.plumbing.topology import NOTIFIER, STEP, WORK_QUEUES, WorkQueue
from tests.flows.faults import ECHO, STRANGERS_LINE, faults_for
from tests.flows.people import CASE, COUNCILLOR, DANGER
from tests.flows.programs import until
from tests.flows.town import Town

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.asyncio(loop_scope="package")]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def cases(town: Town) -> dict[str, str]:
    """References of an ordinary and of an urgent case which their teams have, and have not acknowledged."""
    return {lane: await raised(town, lane) for lane in ("normal", "urgent")}


async def raised(town: Town, lane: str) -> str:
    """Raise a case that goes by a lane, and wait until its team has it."""
    councillor = town.as_(COUNCILLOR)
    reference = await councillor.raise_(DANGER if lane == "urgent" else CASE)
    await councillor.see_when(reference, status="with_team")
    return reference


def lane_of(queue: WorkQueue) -> str:
    return "urgent" if queue.name.endswith(".urgent") else "normal"


@pytest.mark.parametrize("queue", WORK_QUEUES, ids=lambda queue: queue.name)
async def test_bad_messages_are_set_aside_with_their_reason_and_the_queue_works_on(
    town: Town, cases: dict[str, str], queue: WorkQueue
) -> None:
    await town.settle()
    reference = cases[lane_of(queue)]
    faults = faults_for(queue, reference, town.tap.facts(case_id_for(reference)), town.seal)
    kept = await town.documents(queue.service)

    for fault in faults:
        await town.tap.put(queue, fault.message())
    dead = await town.tap.take_dead(queue.service, len(faults))

    assert {one.id: one.headers[REASON] for one in dead} == {fault.what: fault.reason for fault in faults}
    assert {one.id: one.body for one in dead} == {fault.what: fault.body for fault in faults}
    assert {(one.headers[QUEUE], one.headers[ATTEMPT], STEP in one.headers) for one in dead} == {(queue.name, 1, False)}
    assert await town.documents(queue.service) == kept
    assert not [one for one in town.tap.heard if one.key == STRANGERS_LINE]

    worked_on = len(town.logs.messages)
    await raised(town, lane_of(queue))

    async def is_done() -> bool:
        return "done" in {line["outcome"] for line in town.logs.messages[worked_on:] if line["queue"] == queue.name}

    await until(is_done, f"a good message on {queue.name}")


async def test_what_is_wrong_is_named_by_its_place_and_never_repeated(town: Town, cases: dict[str, str]) -> None:
    said = town.tap.facts(case_id_for(cases["normal"]))
    wrong = next(
        fault for fault in faults_for(NOTIFIER, cases["normal"], said, town.seal) if fault.what == "a field is wrong"
    )

    await town.tap.put(NOTIFIER, wrong.message())
    (letter,) = await town.tap.take_dead("notifier", 1)

    assert ECHO in letter.body.decode()
    assert letter.headers[ERROR] == "at: datetime_from_date_parsing"
    assert ECHO not in str(letter.headers)
    assert ECHO not in town.logs.getvalue()
    assert ECHO not in await town.programs["notifier"].metrics()
