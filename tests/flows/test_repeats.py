"""The same thing twice, however it comes about: it is found done, and nobody is told again."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from shared.commands import case_id_for
from tests.flows.people import CASE, COLLEAGUE, COUNCILLOR, DANGER, OFFICER, REPORT, RESPONSE, WORDS, clocks, facts_of
from tests.flows.programs import until
from tests.flows.town import SECOND_GATEWAY, SERVICES, Town

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.asyncio(loop_scope="package")]

RECEIPT = "We have received your"


async def everything_kept(town: Town) -> dict[str, Any]:
    """Read what all services keep."""
    return {service: await town.documents(service) for service in SERVICES}


async def test_the_same_request_again_finds_the_case_it_made(town: Town) -> None:
    councillor = town.as_(COUNCILLOR)

    first = await councillor.post("/v1/cases", CASE, key="again-1")
    second = await councillor.post("/v1/cases", dict(reversed(CASE.items())), key="again-1")
    await town.settle()

    reference = first.json()["reference"]
    assert (first.status_code, second.status_code) == (201, 200)
    assert (second.json()["reference"], second.headers["Location"]) == (reference, f"/v1/cases/{reference}")
    assert facts_of(await councillor.see(reference)) == ["raised", "routed"]
    assert len(town.mails(reference, COUNCILLOR, RECEIPT)) == 1


async def test_another_request_under_the_same_key_is_refused_and_the_first_one_stands(town: Town) -> None:
    councillor = town.as_(COUNCILLOR)
    reference = (await councillor.post("/v1/cases", CASE, key="again-2")).json()["reference"]

    other = await councillor.post("/v1/cases", CASE | {"summary": "Another matter"}, key="again-2")

    assert (other.status_code, other.json()["code"], other.json()["field"]) == (422, "key-reused", "Idempotency-Key")
    assert (await councillor.see(reference))["summary"] == CASE["summary"]


async def test_the_same_command_again_finds_its_effect(town: Town) -> None:
    councillor, officer = town.as_(COUNCILLOR), town.as_(OFFICER)
    reference = await councillor.raise_(CASE)
    await councillor.see_when(reference, status="with_team")
    await officer.order(reference, "acknowledge")
    path = f"/v1/cases/{reference}/add-progress"

    answers = [await officer.post(path, {"text": WORDS}, key="progress-1") for _ in range(2)]
    other = await officer.post(path, {"text": "Something else"}, key="progress-1")
    await town.settle()

    assert [answer.status_code for answer in (*answers, other)] == [200, 200, 422]
    assert facts_of(await councillor.see(reference))[2:] == ["acknowledged", "progressed"]
    assert len(town.mails(reference, COUNCILLOR, "There is news about your case")) == 1


async def test_one_request_many_times_at_once_makes_one_case(town: Town) -> None:
    councillor = town.as_(COUNCILLOR)
    await town.programs[SECOND_GATEWAY].start()
    elsewhere = town.as_(COUNCILLOR, at=SECOND_GATEWAY)

    answers = await asyncio.gather(
        *(person.post("/v1/cases", REPORT, key="at-once") for person in (councillor, elsewhere) for _ in range(5))
    )
    await town.settle()

    met = Counter(answer.status_code for answer in answers)
    reference = next(answer.json()["reference"] for answer in answers if answer.status_code == 201)
    assert met[201] == 1
    assert met.keys() <= {200, 201, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"in-flight"}
    assert facts_of(await councillor.see(reference)) == ["raised", "routed"]
    assert len(town.mails(reference, COUNCILLOR, RECEIPT)) == 1


@pytest.mark.parametrize("lane", ["normal", "urgent"])
async def test_a_whole_story_said_again_changes_nothing_and_tells_nobody(town: Town, lane: str) -> None:
    councillor, officer = town.as_(COUNCILLOR), town.as_(OFFICER if lane == "normal" else RESPONSE)
    reference = await councillor.raise_(CASE if lane == "normal" else DANGER, cc=[COLLEAGUE])
    case = await councillor.see_when(reference, status="with_team")
    await town.move_clock_past(clocks(case)["acknowledge"]["due"])
    due = {"overdue"} if lane == "normal" else {"overdue", "alerted"}

    async def is_said() -> bool:
        return due <= set(facts_of(await councillor.see(reference)))

    await until(is_said, f"{reference} is {' and '.join(due)}")
    await officer.order(reference, "acknowledge")
    await town.settle()
    case_id = case_id_for(reference)
    said = [one for one in town.tap.heard if one.subject == case_id]
    before, mails, kept = await councillor.see(reference), len(town.inbox.find()), await everything_kept(town)

    for one in said:
        await town.tap.say_again(one)
    await town.settle()

    assert {one.key.split(".")[0] for one in said} == {"intake", "case", "routing", "timer", "notice"}
    assert await councillor.see(reference) == before
    assert len(town.inbox.find()) == mails
    assert await everything_kept(town) == kept
    heard = Counter(one.id for one in town.tap.heard if one.subject == case_id)
    assert set(heard.values()) == {2}
