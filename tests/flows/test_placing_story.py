"""A case that two teams give back, that people place, and that two teams answer together."""

import pytest

from shared.commands import case_id_for
from tests.flows.people import CASE, COUNCILLOR, CREW, OFFICER, WORDS, clocks, facts_of
from tests.flows.town import Town

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.asyncio(loop_scope="package")]

SAFETY, PLACER = "off-053", "off-067"
"""An officer of the team that is suggested, and somebody of Democratic Services."""


async def test_a_case_is_given_back_twice_placed_by_people_and_answered_by_two_teams(town: Town) -> None:
    councillor, noise, safety = town.as_(COUNCILLOR), town.as_(OFFICER), town.as_(SAFETY)
    placer, crew = town.as_(PLACER), town.as_(CREW)
    reference = await councillor.raise_(CASE)
    first = await councillor.see_when(reference, status="with_team", team="environmental-protection")

    gone = await noise.order(reference, "return", reason="other-team", suggestion="community-safety", text=WORDS)
    second = await councillor.see_when(reference, status="with_team", team="community-safety")
    await safety.order(reference, "return", reason="wrong-place", suggestion="environmental-protection", text=WORDS)
    waiting = await councillor.see_when(reference, status="triage")
    placing = await placer.see(reference)
    placed = await placer.order(reference, "assign", team="environmental-protection", text=WORDS)

    assert (gone["status"], (await safety.get(f"/v1/cases/{reference}")).status_code) == ("done", 404)
    assert [case["clocks"] for case in (second, waiting)] == [first["clocks"]] * 2  # they ran on
    assert "named this one" in second["routed_by"]
    assert "given back twice" in waiting["routed_by"]
    assert (placing["summary"], placing["constituent"]["name"]) == (CASE["summary"], CASE["constituent"]["name"])
    assert (placed["summary"], placed["constituent"], placed["history"][0]["text"]) == (None, None, None)
    assert clocks(placed)["answer"] == clocks(first)["answer"]
    assert clocks(placed)["acknowledge"]["rev"] == placed["version"]

    await noise.order(reference, "acknowledge")
    parted = await noise.order(reference, "open-task", team="street-cleansing", days=3, text=WORDS)
    seen = await crew.see(reference)
    own = await noise.order(reference, "answer", text=WORDS)
    answered = await crew.order(reference, "answer-task", number=1, text=WORDS)
    await town.settle()

    assert [(part["team"], part["done"]) for part in parted["tasks"]] == [("street-cleansing", False)]
    assert clocks(parted)["task"]["due"] == parted["tasks"][0]["due"]
    assert (seen["commands"], seen["summary"]) == (["add-progress", "answer-task"], CASE["summary"])
    assert own["status"] == "in_progress"
    assert "Parts of it are with other teams: Street Cleansing" in own["sentence"]
    assert answered["status"] == "answered"
    assert all(part["done"] for part in answered["tasks"])
    assert "task" not in clocks(answered)
    said = ["raised", "routed", "returned", "routed", "returned", "triage_needed", "assigned", "acknowledged"]
    said += ["task_opened", "task_answered", "task_answered", "answered"]
    assert facts_of(answered) == said
    heard = town.tap.facts(case_id_for(reference), "case.")
    assert [(fact.seq, fact.type.split(".")[2]) for fact in heard] == list(enumerate(said, 1))


async def test_a_part_that_is_late_is_said_to_be_and_stays_owed(town: Town) -> None:
    councillor, noise = town.as_(COUNCILLOR), town.as_(OFFICER)
    reference = await councillor.raise_(CASE)
    await councillor.see_when(reference, status="with_team")
    await noise.order(reference, "acknowledge")
    parted = await noise.order(reference, "open-task", team="street-cleansing", days=1, text=WORDS)

    await town.move_clock_past(clocks(parted)["task"]["due"])
    await town.settle()
    late = await noise.see(reference)

    [overdue] = [each["data"] for each in late["history"] if each["type"] == "casework.case.overdue.v1"]
    assert (overdue["clock"], overdue["number"]) == ("task", 1)
    assert [part["done"] for part in late["tasks"]] == [False]
