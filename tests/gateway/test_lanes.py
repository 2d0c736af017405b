"""By which lane a command goes: that of its case, once this process has shown the case."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.gateway.ports import Decided, Undecided
from services.gateway.routes.lanes import Lanes
from shared.commands import CaseReply, CasesReply, CaseSummary, Command, CommandReply, reference_for
from shared.events import Lane
from tests.gateway.fakes import BODY, House, keyed, view

REFERENCE = reference_for("exampleton", "cllr-moss", "key-0001")
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def a_line(lane: Lane) -> CaseSummary:
    return CaseSummary(
        reference=REFERENCE,
        kind="report",
        status="with_team",
        service="gas",
        ward="elm",
        lane=lane,
        team="housing",
        owner="cllr-moss",
        level=0,
        summary=None,
        raised_at=AT,
        updated_at=AT,
        due=None,
        relation="officer",
    )


async def lane_of_the_next_command(house: House, client: Any) -> bool:
    await client.post(f"/v1/cases/{REFERENCE}/acknowledge", headers=keyed("key-0009"))
    return house.intake.commands[-1][2]


@pytest.mark.parametrize("lane", ["normal", "urgent"])
async def test_a_command_goes_by_the_lane_its_case_was_shown_with(lane: Lane) -> None:
    house = House()
    house.intake.answers[CaseReply] = CaseReply(view=view(REFERENCE, lane=lane))

    async with house.visit_as("off-reed") as client:
        await client.get(f"/v1/cases/{REFERENCE}")

        assert await lane_of_the_next_command(house, client) is (lane == "urgent")


async def test_a_list_shows_lanes_too() -> None:
    house = House()
    house.intake.answers[CasesReply] = CasesReply(cases=(a_line("urgent"),), total=1)

    async with house.visit_as("off-reed") as client:
        await client.get("/v1/cases")

        assert await lane_of_the_next_command(house, client) is True


async def test_the_answer_to_a_command_shows_the_lane_for_the_next_one() -> None:
    house = House()
    house.intake.decide = lambda command: Decided(
        CommandReply(outcome="accepted", repeated=False, view=view(command.reference, lane="urgent"))
    )

    async with house.visit_as("off-reed") as client:
        first = await lane_of_the_next_command(house, client)
        second = await lane_of_the_next_command(house, client)

    assert (first, second) == (False, True)


async def test_a_danger_that_is_not_decided_yet_goes_on_by_the_urgent_lane() -> None:
    house = House()
    house.intake.decide = lambda _: Undecided()

    async with house.visit_as() as client:
        await client.post("/v1/cases", json=BODY | {"service": "gas", "kind": "report"}, headers=keyed())

        assert await lane_of_the_next_command(house, client) is True


async def test_intake_has_the_last_word_on_the_lane() -> None:
    house = House()

    def calm(command: Command) -> Decided:
        return Decided(CommandReply(outcome="accepted", repeated=False, view=view(command.reference, lane="normal")))

    house.intake.decide = calm
    async with house.visit_as() as client:
        await client.post("/v1/cases", json=BODY | {"service": "gas", "kind": "report"}, headers=keyed())

        assert house.intake.commands[0][2] is True
        assert await lane_of_the_next_command(house, client) is False


def test_of_too_many_cases_the_one_not_asked_about_for_longest_is_forgotten() -> None:
    lanes = Lanes(most=2)
    lanes.note("first", "urgent")
    lanes.note("second", "urgent")
    lanes.is_urgent("first")

    lanes.note("third", "urgent")

    assert [lanes.is_urgent(each) for each in ("first", "second", "third")] == [True, False, True]


def test_a_case_nobody_was_shown_is_not_urgent() -> None:
    assert not Lanes().is_urgent("first")
