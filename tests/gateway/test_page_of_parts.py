"""The page of a case that several teams work on."""

from datetime import timedelta

import httpx2

from shared.commands import CaseReply, TaskView, reference_for
from tests.gateway.fakes import NOW, House, view

REFERENCE = reference_for("exampleton", "cllr-moss", "key-0001")


async def page_of(house: House) -> httpx2.Response:
    session_id = await house.sessions.open("cllr-moss")
    async with house.visit() as client:
        return await client.get(f"/casework/{REFERENCE}", headers={"Cookie": f"casework={session_id}"})


async def test_each_team_is_named_with_how_its_part_stands() -> None:
    house = House()
    tasks = (
        TaskView(number=1, team="drainage", team_name="Drainage <b>", done=False, due=NOW + timedelta(days=3)),
        TaskView(number=0, team="housing", team_name="Housing Repairs", done=True),
    )
    house.intake.answers[CaseReply] = CaseReply(view=view(REFERENCE, tasks=tasks, capacity="cabinet"))

    page = await page_of(house)

    assert page.status_code == 200
    assert "Drainage &lt;b&gt;</th><td>to be done by 26 November 2026, 09:00</td>" in page.text
    assert "Housing Repairs</th><td>done</td>" in page.text
    assert "cabinet business" in page.text


async def test_a_case_of_one_team_has_no_table_of_parts() -> None:
    house = House()
    house.intake.answers[CaseReply] = CaseReply(view=view(REFERENCE))

    page = await page_of(house)

    assert page.status_code == 200
    assert "<h2>Parts</h2>" not in page.text
