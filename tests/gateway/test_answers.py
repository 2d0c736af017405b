"""What a POST is answered with (architecture: answers), and what goes to intake for it."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.gateway.ports import Decided, InFlight, Letter, Undecided
from shared.commands import (
    COMMANDS,
    CaseReply,
    CommandReply,
    EventsReply,
    RaiseCase,
    Refusal,
    RefusedCase,
    command_id_for,
    reference_for,
)
from tests.gateway.fakes import BODY, NOW, House, keyed, view

REFERENCE_OK = reference_for("exampleton", "cllr-moss", "key-0001")
GIVEN: dict[str, dict[str, Any]] = {
    "acknowledge": {},
    "add-progress": {"text": "Canary words"},
    "commit": {"promised": "2026-12-18", "text": "Canary words"},
    "answer": {"text": "Canary words"},
    "complete": {"reason": "made-safe"},
    "return": {"reason": "other-team", "suggestion": "streets", "text": "Canary words"},
    "assign": {"team": "housing", "restart_clock": True, "text": "Canary words"},
    "open-task": {"team": "drainage", "days": 5, "text": "Canary words"},
    "answer-task": {"number": 1, "text": "Canary words"},
    "take-over": {"consent": "constituent-agrees"},
    "transfer-owner": {"person": "cllr-fern", "consent": "no-constituent", "text": "Canary words"},
    "accept": {"outcome": "partly"},
    "extend-auto-close": {"until": "2026-12-31", "reason": "Canary words"},
    "add-cc": {"person": "cllr-fern"},
    "remove-cc": {"person": "cllr-fern"},
}


def refuse(kind: str) -> Decided:
    refusal = Refusal.model_validate(
        {"code": "some-code", "sentence": "Not so; do this.", "kind": kind, "field": "ward", "instead": ("accept",)}
    )
    return Decided(CommandReply(outcome="refused", repeated=False, refusal=refusal))


def a_letter(house: House) -> Letter:
    reference = reference_for("exampleton", "cllr-moss", "key-0001")
    return Letter("c-1", "t", "raise", reference, "case", "cllr-moss", "", house.clock.at, "intake.commands", b"", "")


async def raised(house: House, **changed: Any) -> httpx2.Response:
    async with house.visit_as() as client:
        return await client.post("/v1/cases", json=BODY | changed, headers=keyed())


async def test_a_new_case_is_201_with_its_address() -> None:
    house = House()

    answer = await raised(house)

    reference = reference_for("exampleton", "cllr-moss", "key-0001")
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/cases/{reference}"
    assert answer.json()["reference"] == reference


async def test_an_order_is_stamped_with_person_time_and_ids() -> None:
    house = House()

    await raised(house)

    [(command, command_id, urgent)] = house.intake.commands
    assert isinstance(command, RaiseCase)
    assert (command.actor, command.at, urgent) == ("cllr-moss", NOW, False)
    assert command_id == command_id_for("exampleton", "cllr-moss", "key-0001")
    assert command.constituent is not None
    assert command.constituent.name == "Robin Example"


async def test_the_same_request_has_the_same_ids_and_hash_and_another_body_another_hash() -> None:
    house = House()

    await raised(house)
    await raised(house)
    await raised(house, ward="oak")

    first, second, other = (command for command, _, _ in house.intake.commands)
    assert first == second
    assert (first.reference, first.body_hash != other.body_hash) == (other.reference, True)


@pytest.mark.parametrize(
    ("changed", "urgent"),
    [
        ({"service": "gas", "kind": "report"}, True),
        ({"service": "waste", "flags": ["asbestos"]}, True),
        ({"service": "damp", "impact": "safeguarding"}, True),
        ({"service": "waste", "kind": "report", "impact": "danger"}, True),
        ({"service": "damp", "impact": "daily-life"}, False),
        ({"service": "waste"}, False),
        ({"service": "no-such-service"}, False),
    ],
)
async def test_danger_goes_by_the_urgent_lane(changed: dict[str, Any], urgent: bool) -> None:  # noqa: FBT001  a parameter
    house = House()

    await raised(house, **changed)

    [(command, _, went_urgent)] = house.intake.commands
    assert isinstance(command, RaiseCase)
    assert (went_urgent, command.lane == "urgent") == (urgent, urgent)


async def test_a_repeated_request_is_200_with_the_current_view() -> None:
    house = House()
    house.intake.decide = lambda command: Decided(
        CommandReply(outcome="accepted", repeated=True, view=view(command.reference, status="closed"))
    )

    answer = await raised(house)

    assert (answer.status_code, answer.json()["status"]) == (200, "closed")
    assert answer.headers["Location"].endswith(answer.json()["reference"])


@pytest.mark.parametrize(
    ("kind", "status"), [("invalid", 422), ("forbidden", 403), ("not_found", 404), ("conflict", 409)]
)
async def test_a_refusal_is_a_problem_with_intakes_own_sentence(kind: str, status: int) -> None:
    house = House()
    house.intake.decide = lambda _: refuse(kind)

    answer = await raised(house)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json() == {
        "type": "urn:casework:problem:some-code",
        "title": answer.json()["title"],
        "status": status,
        "detail": "Not so; do this.",
        "code": "some-code",
        "field": "ward",
        "instead": ["accept"],
    }


async def test_a_request_that_is_being_worked_on_is_409_for_a_second() -> None:
    house = House()
    house.intake.decide = lambda _: InFlight()

    answer = await raised(house)

    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (409, "1", "in-flight")


async def test_a_request_without_a_decision_in_time_is_202_with_its_address() -> None:
    house = House()
    house.intake.decide = lambda _: Undecided()

    answer = await raised(house)

    reference = reference_for("exampleton", "cllr-moss", "key-0001")
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/v1/cases/{reference}")
    assert (answer.json()["reference"], answer.json()["status"]) == (reference, "pending")


async def test_a_request_that_nothing_has_taken_is_503_and_safe_to_repeat() -> None:
    house = House()
    house.intake.away = True

    answer = await raised(house)

    assert (answer.status_code, answer.json()["code"]) == (503, "not-taken")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(("name", "body"), GIVEN.items(), ids=GIVEN.keys())
async def test_every_command_has_an_address_and_reaches_intake(name: str, body: dict[str, Any]) -> None:
    house = House()

    async with house.visit_as("off-reed") as client:
        answer = await client.post(f"/v1/cases/{REFERENCE_OK}/{name}", json=body, headers=keyed())

    assert answer.status_code == 200
    [(command, _, urgent)] = house.intake.commands
    assert (command.name, command.reference, command.actor, urgent) == (name, REFERENCE_OK, "off-reed", False)
    assert command.model_dump(mode="json", include=set(body)) == body


def test_no_command_is_without_an_address() -> None:
    assert set(GIVEN) | {"raise"} == set(COMMANDS)


@pytest.mark.parametrize("name", ["acknowledge", "accept", "complete"])
async def test_a_command_without_fields_needs_no_body(name: str) -> None:
    house = House()

    async with house.visit_as() as client:
        none = await client.post(f"/v1/cases/{REFERENCE_OK}/{name}", headers=keyed())
        empty = await client.post(f"/v1/cases/{REFERENCE_OK}/{name}", json={}, headers=keyed())

    assert (none.status_code, empty.status_code) == (200, 200)
    first, second = (command for command, _, _ in house.intake.commands)
    assert first.body_hash == second.body_hash


async def test_whoever_leaves_a_case_is_told_that_it_is_done() -> None:
    house = House()
    house.intake.decide = lambda _: Decided(CommandReply(outcome="accepted", repeated=False, view=None))

    async with house.visit_as("cllr-fern") as client:
        answer = await client.post(f"/v1/cases/{REFERENCE_OK}/remove-cc", json={"person": "cllr-fern"}, headers=keyed())

    assert (answer.status_code, answer.json()) == (200, {"reference": REFERENCE_OK, "status": "done"})


@pytest.mark.parametrize("written", ["{0}", "  {0} ", "lower"])
async def test_a_reference_is_read_as_people_write_it(written: str) -> None:
    house = House()
    address = REFERENCE_OK.lower() if written == "lower" else written.format(REFERENCE_OK)

    async with house.visit_as() as client:
        answer = await client.post(f"/v1/cases/{address}/accept", headers=keyed())

    assert answer.status_code == 200
    assert house.intake.commands[0][0].reference == REFERENCE_OK


async def test_what_is_no_reference_is_not_found() -> None:
    house = House()

    async with house.visit_as() as client:
        wrong = await client.get(f"/v1/cases/{REFERENCE_OK[:-1]}!")
        swapped = await client.get("/v1/cases/CW-00000-00001")

    assert (wrong.status_code, swapped.status_code) == (404, 404)
    assert house.intake.queries == []


async def test_a_case_is_shown_with_what_the_person_may_do() -> None:
    house = House()

    async with house.visit_as() as client:
        answer = await client.get(f"/v1/cases/{REFERENCE_OK}")

    assert answer.status_code == 200
    assert (answer.json()["commands"], answer.json()["pending"]) == (["extend-auto-close"], [])
    assert house.intake.queries[0].actor == "cllr-moss"


async def test_a_case_that_may_not_be_known_is_404() -> None:
    house = House()
    house.intake.answers[CaseReply] = CaseReply()

    async with house.visit_as() as client:
        answer = await client.get(f"/v1/cases/{REFERENCE_OK}")

    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-case")


async def test_a_request_is_pending_until_intake_has_decided() -> None:
    house = House()
    house.intake.answers[CaseReply] = CaseReply()
    letter = a_letter(house)
    await house.outbasket.keep(letter, taken=True)

    async with house.visit_as() as client:
        pending = await client.get(f"/v1/cases/{letter.reference}")
        house.intake.answers[CaseReply] = CaseReply(view=view(letter.reference), decided=("c-1",))
        decided = await client.get(f"/v1/cases/{letter.reference}")

    assert (pending.status_code, pending.json()["status"]) == (200, "pending")
    assert pending.json()["pending"][0]["command"] == "raise"
    assert (decided.json()["status"], decided.json()["pending"]) == ("with_team", [])
    assert house.outbasket.done == {"c-1"}


async def test_a_refused_request_is_shown_with_its_sentence() -> None:
    house = House()
    letter = a_letter(house)
    await house.outbasket.keep(letter, taken=True)
    refusal = Refusal(code="unknown-ward", sentence="Choose one of your wards.", kind="invalid", field="ward")
    refused = RefusedCase(reference=letter.reference, refusal=refusal, at=NOW)
    house.intake.answers[CaseReply] = CaseReply(refused=refused, decided=("c-1",))

    async with house.visit_as() as client:
        answer = await client.get(f"/v1/cases/{letter.reference}")

    assert (answer.status_code, answer.json()["status"]) == (200, "refused")
    assert answer.json()["refusal"]["sentence"] == "Choose one of your wards."


async def test_a_command_that_waits_is_shown_with_the_case() -> None:
    house = House()
    await house.outbasket.keep(a_letter(house)._replace(command="accept"), taken=False)
    reference = a_letter(house).reference
    house.intake.answers[CaseReply] = CaseReply(view=view(reference))

    async with house.visit_as() as client:
        answer = await client.get(f"/v1/cases/{reference}")

    assert [each["command"] for each in answer.json()["pending"]] == ["accept"]


async def test_nobody_sees_anothers_pending_request() -> None:
    house = House()
    house.intake.answers[CaseReply] = CaseReply()
    letter = a_letter(house)
    await house.outbasket.keep(letter, taken=True)

    async with house.visit_as("cllr-fern") as client:
        answer = await client.get(f"/v1/cases/{letter.reference}")

    assert answer.status_code == 404


async def test_what_202_promised_holds_while_intake_is_away() -> None:
    house = House()
    letter = a_letter(house)
    await house.outbasket.keep(letter, taken=False)
    house.intake.away = True

    async with house.visit_as() as client:
        answer = await client.get(f"/v1/cases/{letter.reference}")

    assert (answer.status_code, answer.json()["status"]) == (200, "pending")


@pytest.mark.parametrize("address", ["/v1/cases", f"/v1/cases/{REFERENCE_OK}", f"/v1/cases/{REFERENCE_OK}/events"])
async def test_nothing_can_be_shown_while_intake_is_away(address: str) -> None:
    house = House()
    house.intake.away = True

    async with house.visit_as() as client:
        answer = await client.get(address)

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0


async def test_my_cases_come_by_state_and_by_page() -> None:
    house = House()

    async with house.visit_as() as client:
        answer = await client.get("/v1/cases?state=answered&state=closed&limit=100&cursor=c.1")

    assert answer.json() == {"cases": [], "next": None, "total": 0}
    assert house.intake.queries[0].model_dump(include={"states", "limit", "after"}) == {
        "states": ("answered", "closed"),
        "limit": 100,
        "after": "c.1",
    }


async def test_facts_come_after_a_number() -> None:
    house = House()

    async with house.visit_as() as client:
        answer = await client.get(f"/v1/cases/{REFERENCE_OK}/events?after=7&limit=500")

    assert answer.json()["events"] == []
    assert house.intake.queries[0].model_dump(include={"after", "limit"}) == {"after": 7, "limit": 500}


async def test_facts_of_a_case_that_may_not_be_known_are_404() -> None:
    house = House()
    house.intake.answers[EventsReply] = EventsReply(found=False)

    async with house.visit_as() as client:
        answer = await client.get(f"/v1/cases/{REFERENCE_OK}/events")

    assert answer.status_code == 404


async def test_business_time_is_read_anew_for_each_request() -> None:
    house = House()

    await raised(house)
    house.clock.at += timedelta(days=5)
    await raised(house)

    times = [command.at for command, _, _ in house.intake.commands]
    assert times == [NOW, NOW + timedelta(days=5)]
