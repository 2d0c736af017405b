"""One case, from the request to the outcome mails, as the people concerned see it; and following it fact by fact."""

from datetime import timedelta
from typing import Any

import pytest

from shared.commands import case_id_for
from tests.flows.people import CANARY, CASE, COLLEAGUE, COUNCILLOR, OFFICER, WORDS, clocks, facts_of
from tests.flows.town import Town

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.asyncio(loop_scope="package")]

TEAM = "team:environmental-protection"


async def raised_and_routed(town: Town) -> tuple[str, dict[str, Any]]:
    """Raise a case and give it as it stands with its team."""
    councillor = town.as_(COUNCILLOR)
    reference = await councillor.raise_(CASE)
    return reference, await councillor.see_when(reference, status="with_team")


async def answered(town: Town) -> tuple[str, dict[str, Any]]:
    """Bring a case to its answer."""
    officer = town.as_(OFFICER)
    reference, _ = await raised_and_routed(town)
    await officer.order(reference, "acknowledge")
    return reference, await officer.order(reference, "answer", text=WORDS)


async def test_a_case_goes_to_its_team_and_everybody_concerned_gets_a_receipt(town: Town) -> None:
    reference, case = await raised_and_routed(town)

    await town.mail(reference, COUNCILLOR, "We have received your case about Noise nuisance in Abbey.")
    await town.mail(reference, COLLEAGUE, "copied you in")
    await town.mail(reference, TEAM, "A new case about Noise nuisance in Abbey is yours.")

    assert (case["team"], case["routed_by"].partition(",")[0]) == ("environmental-protection", "Routed by rule noise")
    assert {kind: clock["rule"] for kind, clock in clocks(case).items()} == {"acknowledge": "1wd", "answer": "10wd"}
    assert facts_of(case) == ["raised", "routed"]
    assert [case["constituent"]["name"], case["summary"]] == [f"Robin {CANARY}", CASE["summary"]]


async def test_what_team_and_councillor_do_moves_state_and_clocks(town: Town) -> None:
    councillor, officer = town.as_(COUNCILLOR), town.as_(OFFICER)
    reference, _ = await raised_and_routed(town)
    promised = await town.today() + timedelta(days=21)

    taken = await officer.order(reference, "acknowledge")
    told = await officer.order(reference, "add-progress", text=WORDS)
    committed = await officer.order(reference, "commit", promised=promised.isoformat(), text=WORDS)
    extended = await councillor.order(reference, "extend-auto-close", to_commitment=True, reason=WORDS)
    done = await officer.order(reference, "answer", text=WORDS)

    steps = [taken, told, committed, extended, done]
    assert [case["status"] for case in steps] == ["in_progress", "in_progress", "committed", "committed", "answered"]
    assert [sorted(clocks(case)) for case in steps] == [
        ["answer"],
        ["answer"],
        ["commitment"],
        ["commitment"],
        ["autoclose", "autoclose_last_warning", "autoclose_warning"],
    ]
    assert clocks(committed)["commitment"]["due"][:10] == committed["promised"] == promised.isoformat()
    assert clocks(done)["autoclose"]["due"][:10] == extended["keep_open_until"] > promised.isoformat()


async def test_an_answered_case_warns_its_owner_twice_then_closes_and_tells_everybody(town: Town) -> None:
    councillor = town.as_(COUNCILLOR)
    reference, case = await answered(town)
    due = {kind: clock["due"] for kind, clock in clocks(case).items()}

    await town.move_clock_past(due["autoclose_warning"])
    warned = await councillor.see_when(reference, version=5)
    await town.mail(reference, COUNCILLOR, "closes by itself soon")
    await town.move_clock_past(due["autoclose_last_warning"])
    again = await councillor.see_when(reference, version=6)
    await town.move_clock_past(due["autoclose"])
    closed = await councillor.see_when(reference, status="closed")
    await town.settle()

    assert [sorted(clocks(each)) for each in (warned, again, closed)] == [
        ["autoclose", "autoclose_last_warning"],
        ["autoclose"],
        [],
    ]
    assert facts_of(closed)[3:] == ["answered", "autoclose_warned", "autoclose_warned", "closed"]
    assert len(town.mails(reference, COUNCILLOR, "closes by itself soon")) == 2
    outcomes = [town.mails(reference, each, "is closed") for each in (COUNCILLOR, COLLEAGUE, TEAM)]
    assert [len(mails) for mails in outcomes] == [1, 1, 1]


async def test_a_team_that_misses_its_dates_is_told_so_and_so_is_the_owner(town: Town) -> None:
    councillor = town.as_(COUNCILLOR)
    reference, case = await raised_and_routed(town)

    await town.move_clock_past(clocks(case)["answer"]["due"])
    late = await councillor.see_when(reference, version=4)
    await town.settle()

    assert facts_of(late)[2:] == ["overdue", "overdue"]
    assert [each["data"]["clock"] for each in late["history"][2:]] == ["acknowledge", "answer"]
    assert sorted(clocks(late)) == ["acknowledge", "answer"]
    assert len(town.mails(reference, COUNCILLOR, "Your case about Noise nuisance in Abbey is overdue.")) == 2
    assert len(town.mails(reference, TEAM, "Overdue: a case about Noise nuisance in Abbey waits for your team.")) == 2


async def test_a_colleague_copied_in_later_is_told_and_follows_until_the_cc_is_ended(town: Town) -> None:
    councillor, colleague = town.as_(COUNCILLOR), town.as_(COLLEAGUE)
    reference = await councillor.raise_(CASE, cc=[])
    stranger = await colleague.get(f"/v1/cases/{reference}")

    await councillor.order(reference, "add-cc", person=COLLEAGUE)
    await town.mail(reference, COLLEAGUE, "copied you in")
    seen = await colleague.see(reference)
    left = await colleague.order(reference, "remove-cc", person=COLLEAGUE)
    after = await colleague.get(f"/v1/cases/{reference}")

    assert (stranger.status_code, after.status_code) == (404, 404)
    assert (seen["summary"], seen["constituent"]) == (CASE["summary"], None)
    assert left == {"reference": reference, "status": "done"}


async def test_a_case_can_be_followed_without_a_gap_from_wherever_one_stopped(town: Town) -> None:
    councillor = town.as_(COUNCILLOR)
    reference, _ = await answered(town)
    everything = await councillor.events(reference)

    pages, after = [], 0
    while page := await councillor.events(reference, after=after, limit=2):
        pages.append([event["seq"] for event in page])
        after = page[-1]["seq"]
    await town.settle()

    assert pages == [[1, 2], [3, 4]]
    assert [event["type"].split(".")[2] for event in everything] == ["raised", "routed", "acknowledged", "answered"]
    heard = town.tap.facts(case_id_for(reference), "case.")
    assert [(one.seq, one.id) for one in heard] == [(event["seq"], event["id"]) for event in everything]
