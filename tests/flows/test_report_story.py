"""Reports from the request to their end, danger ahead of everything, and what no rule can route."""

import pytest

from shared.commands import case_id_for
from tests.flows.people import CASE, COUNCILLOR, CREW, DANGER, REPORT, RESPONSE, WORDS, clocks, facts_of
from tests.flows.town import AMBIGUOUS, UNRULED, UNSURE, Town

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.asyncio(loop_scope="package")]

TRIAGE = "team:democratic-services"


async def test_a_report_is_completed_accepted_and_closed(town: Town) -> None:
    councillor, crew = town.as_(COUNCILLOR), town.as_(CREW)
    reference = await councillor.raise_(REPORT)
    await councillor.see_when(reference, status="with_team")

    await crew.order(reference, "acknowledge")
    completed = await crew.order(reference, "complete", reason="done", text=WORDS)
    closed = await councillor.order(reference, "accept", outcome="resolved")
    await town.mail(reference, COUNCILLOR, "The outcome: resolved.")
    await town.mail(reference, "team:street-cleansing", "is closed")

    assert (completed["status"], completed["team"]) == ("completed", "street-cleansing")
    assert "autoclose" in clocks(completed)
    assert (closed["status"], clocks(closed), closed["commands"]) == ("closed", {}, ["add-cc"])
    assert facts_of(closed) == ["raised", "routed", "acknowledged", "completed", "closed"]


async def test_danger_goes_by_the_urgent_lane_from_end_to_end(town: Town) -> None:
    councillor, response = town.as_(COUNCILLOR), town.as_(RESPONSE)

    reference = await councillor.raise_(DANGER)
    routed = await councillor.see_when(reference, status="with_team")
    await town.mail(reference, "team:environment-response", "Dangerous: a new report about Dangerous waste")
    await town.settle()

    case_id = case_id_for(reference)
    queues = {line["queue"] for line in town.logs.messages if line["case_id"] == case_id}
    assert queues == {
        "intake.commands.urgent",
        "intake.urgent",
        "routing.urgent",
        "scheduler.urgent",
        "notifier.urgent",
    }
    assert {one.key.split(".")[3] for one in town.tap.facts(case_id)} == {"urgent"}
    assert (routed["lane"], clocks(routed)["acknowledge"]["rule"]) == ("urgent", "1h")
    assert len(town.inbox.find(to="environment-response-duty@exampleton.example", subject=reference)) == 1

    await response.order(reference, "acknowledge")
    completed = await response.order(reference, "complete", reason="made-safe")
    assert (completed["status"], clocks(completed)) == ("completed", {})


@pytest.mark.parametrize(
    ("service", "reason"),
    [(AMBIGUOUS, "several-rules"), (UNRULED, "no-rule"), (UNSURE, "triage-service")],
)
async def test_what_no_single_rule_decides_goes_to_people(town: Town, service: str, reason: str) -> None:
    councillor = town.as_(COUNCILLOR)

    reference = await councillor.raise_(CASE, service=service)
    case = await councillor.see_when(reference, status="triage")
    await town.mail(reference, TRIAGE, "needs a decision which team answers for it")
    await town.mail(reference, COUNCILLOR, "We have received your case")

    assert (case["team"], sorted(clocks(case))) == ("democratic-services", ["acknowledge"])
    assert case["history"][1]["data"]["reason"] == reason
    assert case["sentence"].startswith("It is with Democratic Services, who choose the team")
