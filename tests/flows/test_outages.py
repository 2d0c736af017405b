"""A program is away for a while: nothing is lost, nothing happens twice, and people are told what they may rely on."""

import asyncio
from collections import Counter

import pytest

from tests.flows.people import CASE, COLLEAGUE, COUNCILLOR, OFFICER, REPORT, clocks, facts_of
from tests.flows.town import Town

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.asyncio(loop_scope="package")]

TEAM = "team:environmental-protection"


async def test_while_intake_is_away_orders_are_taken_and_decided_when_it_is_back(town: Town) -> None:
    councillor, officer = town.as_(COUNCILLOR), town.as_(OFFICER)
    known = await councillor.raise_(CASE)
    await councillor.see_when(known, status="with_team")

    async with town.programs["intake"].away():
        good, bad, order, listed = await asyncio.gather(
            councillor.post("/v1/cases", REPORT, key="away-1"),
            councillor.post("/v1/cases", REPORT | {"ward": "blackheath"}, key="away-2"),
            officer.post(f"/v1/cases/{known}/acknowledge", key="away-3"),
            councillor.get("/v1/cases"),
        )
        pending = await councillor.see(good.json()["reference"])

    assert [answer.status_code for answer in (good, bad, order, listed)] == [202, 202, 202, 503]
    assert (good.headers["Location"], pending["status"]) == (f"/v1/cases/{pending['reference']}", "pending")
    case = await councillor.see_when(pending["reference"], status="with_team", pending=[])
    refused = await councillor.see_when(bad.json()["reference"], status="refused")
    acknowledged = await officer.see_when(known, status="in_progress", pending=[])
    again = await councillor.post("/v1/cases", REPORT, key="away-1")
    await town.settle()

    assert (refused["refusal"]["code"], refused["refusal"]["field"]) == ("not-your-ward", "ward")
    assert refused["refusal"]["sentence"].startswith("You serve Abbey (abbey), not Blackheath")
    assert [facts_of(each) for each in (case, acknowledged)] == [
        ["raised", "routed"],
        ["raised", "routed", "acknowledged"],
    ]
    assert (again.status_code, again.json()["reference"]) == (200, case["reference"])
    assert len(town.mails(case["reference"], COUNCILLOR, "We have received your report")) == 1


async def test_while_the_notifier_is_away_cases_go_on_and_every_mail_comes_once_when_it_is_back(town: Town) -> None:
    councillor, officer = town.as_(COUNCILLOR), town.as_(OFFICER)

    async with town.programs["notifier"].away():
        reference = await councillor.raise_(CASE)
        await councillor.see_when(reference, status="with_team")
        await officer.order(reference, "acknowledge")
        unsent = town.inbox.find(subject=reference)
    await town.settle()

    assert unsent == []
    told = Counter(mail.recipients[0] for mail in town.inbox.find(subject=reference))
    address = town.directory.address_of
    assert told == {address(COUNCILLOR): 2, address(COLLEAGUE): 1, address(TEAM): 1}


async def test_a_time_that_came_while_the_scheduler_was_away_is_said_when_it_is_back(town: Town) -> None:
    councillor = town.as_(COUNCILLOR)
    reference = await councillor.raise_(CASE)
    case = await councillor.see_when(reference, status="with_team")

    async with town.programs["scheduler"].away():
        await town.move_clock_past(clocks(case)["acknowledge"]["due"])
        later = await councillor.raise_(CASE)
        await councillor.see_when(later, status="with_team")
        silent = facts_of(await councillor.see(reference))
    await councillor.see_when(reference, version=3)
    await town.settle()

    assert silent == ["raised", "routed"]
    assert facts_of(await councillor.see(reference)) == ["raised", "routed", "overdue"]
    assert facts_of(await councillor.see(later)) == ["raised", "routed"]
    assert len(town.mails(reference, COUNCILLOR, "is overdue")) == 1


async def test_while_routing_is_away_cases_wait_and_are_routed_when_it_is_back(town: Town) -> None:
    councillor = town.as_(COUNCILLOR)

    async with town.programs["routing"].away():
        reference = await councillor.raise_(CASE)
        waiting = await councillor.see(reference)
    routed = await councillor.see_when(reference, status="with_team")

    assert (waiting["status"], waiting["team"], waiting["clocks"]) == ("raised", None, [])
    assert facts_of(routed) == ["raised", "routed"]
