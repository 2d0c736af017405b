"""Whatever is written about a resident reaches those who may read it, and stands nowhere else."""

import json
from datetime import timedelta

import pytest

from shared.commands import RaiseCase, case_id_for
from shared.plumbing.setting_aside import REASON
from shared.plumbing.topology import INTAKE_COMMANDS
from tests.flows.audit import places_of, shown_in
from tests.flows.faults import FORGED, Fault
from tests.flows.people import CANARY, CASE, COLLEAGUE, COUNCILLOR, FORM, OFFICER, WORDS, facts_of
from tests.flows.town import SERVICES, Town

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo, pytest.mark.asyncio(loop_scope="package")]


async def every_word_about_a_case(town: Town) -> str:
    """Bring one case through everything with words in it, and give its reference."""
    councillor, officer = town.as_(COUNCILLOR), town.as_(OFFICER)
    reference = await councillor.raise_(CASE, form=FORM)
    await councillor.see_when(reference, status="with_team")
    await officer.order(reference, "acknowledge")
    await officer.order(reference, "add-progress", text=WORDS)
    promised = await town.today() + timedelta(days=21)
    await officer.order(reference, "commit", promised=promised.isoformat(), text=WORDS)
    await councillor.order(reference, "extend-auto-close", to_commitment=True, reason=WORDS)
    await officer.order(reference, "answer", text=WORDS)
    await councillor.order(reference, "accept")
    return reference


async def test_personal_data_is_read_by_owner_and_team_and_shows_nowhere_else(town: Town) -> None:
    councillor = town.as_(COUNCILLOR)
    reference = await every_word_about_a_case(town)
    refused = await councillor.post("/v1/cases", CASE | {"ward": "blackheath"})
    malformed = await councillor.post("/v1/cases", CASE | {"kind": CANARY})
    unfit = await councillor.post("/v1/cases", CASE | {"form": {"from": CANARY, CANARY: CANARY}})
    await town.settle()

    places = await places_of(town)

    kinds = {place.split()[0] for place in places}
    assert {"log", "message", "mail", "metrics", "intake.cases", "intake.refusals", "notifier.notices"} <= kinds
    assert {line["queue"].partition(".")[0] for line in town.logs.messages} == {*SERVICES} - {"gateway"}
    assert any(one.exchange == "casework.replies" for one in town.tap.heard)
    assert shown_in(places, CANARY) == []
    assert [CANARY in answer.text for answer in (refused, malformed, unfit)] == [False, False, False]
    assert [answer.json()["code"] for answer in (refused, unfit)] == ["not-your-ward", "form-invalid"]

    owner, team, colleague = [await town.as_(each).see(reference) for each in (COUNCILLOR, OFFICER, COLLEAGUE)]
    words = {name: event["text"] for name, event in zip(facts_of(owner), owner["history"], strict=True)}
    assert owner["constituent"] == team["constituent"] == CASE["constituent"]
    assert colleague["constituent"] is None
    given = [{each["question"]: each["answer"] for each in one["form"]["answers"]} for one in (owner, team, colleague)]
    assert given == [FORM, FORM, {name: FORM[name] for name in ("source", "times")}]
    assert owner["history"][0]["data"]["form"] == owner["form"]["version"]
    assert [owner[name] for name in ("summary", "description", "location")] == [
        CASE[name] for name in ("summary", "description", "location")
    ]
    assert words["progressed"] == words["committed"] == words["answered"] == {"text": WORDS}
    assert words["autoclose_extended"] == {"reason": WORDS}


async def test_an_order_among_the_dead_letters_keeps_its_words_sealed(town: Town) -> None:
    reference = await town.as_(COUNCILLOR).raise_(CASE)
    order = next(one for one in town.tap.heard if one.type == RaiseCase.type and one.subject == case_id_for(reference))
    altered = json.dumps(json.loads(order.body) | {"ward": "blackheath"}).encode()

    await town.tap.put(INTAKE_COMMANDS, Fault("altered", FORGED, order.type, order.subject, altered).message())
    (letter,) = await town.tap.take_dead("intake", 1)

    assert letter.headers[REASON] == FORGED
    assert "blackheath" in letter.everything()
    assert CANARY not in letter.everything()
