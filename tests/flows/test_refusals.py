"""Orders that are refused: the answer says why and what to do, and nothing has changed."""

from datetime import timedelta
from typing import Any, NamedTuple

import httpx2
import pytest
import pytest_asyncio

from shared.commands import case_id_for
from tests.flows.people import CASE, COLLEAGUE, COUNCILLOR, OFFICER, OTHER_OFFICER, STRANGER, WORDS, facts_of
from tests.flows.town import Town

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.asyncio(loop_scope="package")]


PAST = {"until": "2024-01-08", "reason": WORDS}


class Forbidden(NamedTuple):
    """An order, and the answer it must get."""

    person: str
    command: str
    body: dict[str, Any]
    status: int
    code: str


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def committed(town: Town) -> str:
    """The reference of a case whose team has promised a date."""
    councillor, officer = town.as_(COUNCILLOR), town.as_(OFFICER)
    reference = await councillor.raise_(CASE)
    await councillor.see_when(reference, status="with_team")
    await officer.order(reference, "acknowledge")
    promised = await town.today() + timedelta(days=21)
    await officer.order(reference, "commit", promised=promised.isoformat(), text=WORDS)
    await town.settle()
    return reference


def problem_of(answer: httpx2.Response) -> dict[str, Any]:
    """Read a problem document; its detail is a sentence."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["detail"].endswith(".")
    assert " " in problem["detail"]
    return problem


@pytest.mark.parametrize(
    "order",
    [
        Forbidden(COUNCILLOR, "accept", {}, 409, "not-in-committed"),
        Forbidden(OFFICER, "acknowledge", {}, 409, "not-in-committed"),
        Forbidden(OFFICER, "complete", {}, 409, "wrong-kind"),
        Forbidden(COUNCILLOR, "answer", {"text": WORDS}, 403, "not-permitted"),
        Forbidden(OFFICER, "accept", {}, 403, "not-permitted"),
        Forbidden(COLLEAGUE, "extend-auto-close", {"to_commitment": True, "reason": WORDS}, 403, "not-permitted"),
        Forbidden(OTHER_OFFICER, "add-progress", {"text": WORDS}, 404, "unknown-case"),
        Forbidden(STRANGER, "accept", {}, 404, "unknown-case"),
        Forbidden(COUNCILLOR, "extend-auto-close", PAST, 422, "extension-into-the-past"),
        Forbidden(COUNCILLOR, "add-cc", {"person": STRANGER}, 422, "not-a-fellow-councillor"),
    ],
    ids=lambda order: f"{order.command} by {order.person}",
)
async def test_a_command_that_state_role_or_content_forbids_changes_nothing(
    town: Town, committed: str, order: Forbidden
) -> None:
    councillor = town.as_(COUNCILLOR)
    before = await councillor.see(committed)

    answer = await town.as_(order.person).post(f"/v1/cases/{committed}/{order.command}", order.body)

    problem = problem_of(answer)
    assert (answer.status_code, problem["code"]) == (order.status, order.code)
    after = await councillor.see(committed)
    assert after | {"refused": before["refused"]} == before
    assert len(town.tap.facts(case_id_for(committed), "case.")) == len(facts_of(before))


async def test_a_refused_command_can_be_looked_up_by_whoever_gave_it_and_by_nobody_else(
    town: Town, committed: str
) -> None:
    councillor, colleague = town.as_(COUNCILLOR), town.as_(COLLEAGUE)
    before = await councillor.see(committed), await colleague.see(committed)

    problem = problem_of(await colleague.post(f"/v1/cases/{committed}/remove-cc", {"person": COUNCILLOR}))

    after = await councillor.see(committed), await colleague.see(committed)
    assert after[0] == before[0]
    refused = next(each for each in after[1]["refused"] if each not in before[1]["refused"])
    assert (refused["command"], refused["refusal"]["code"]) == ("remove-cc", problem["code"])
    assert refused["refusal"]["sentence"] == problem["detail"]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"ward": "blackheath"}, "not-your-ward", "ward"),
        ({"ward": "atlantis"}, "unknown-ward", "ward"),
        ({"service": "alchemy"}, "unknown-service", "service"),
        ({"cc": [STRANGER]}, "not-a-fellow-councillor", "cc"),
        ({"constituent": None}, "constituent-missing", "constituent"),
    ],
)
async def test_a_request_that_is_refused_makes_no_case_and_tells_which_field_is_wrong(
    town: Town, changes: dict[str, Any], code: str, field: str
) -> None:
    councillor = town.as_(COUNCILLOR)
    had = (await councillor.get("/v1/cases")).json()["total"]
    key = f"refused-{code}-{field}"

    answer = await councillor.post("/v1/cases", CASE | changes, key=key)
    again = await councillor.post("/v1/cases", CASE | changes, key=key)
    await town.settle()

    problem = problem_of(answer)
    assert (answer.status_code, problem["code"], problem["field"]) == (422, code, field)
    assert again.json() == answer.json()
    assert (await councillor.get("/v1/cases")).json()["total"] == had
