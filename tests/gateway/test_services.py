"""The catalogue over HTTP: found by plain words, and described with its form; and what becomes of a form sent in."""

from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator

from services.gateway.ports import Decided, Letter
from shared.commands import CaseReply, CommandReply, RaiseCase, Refusal, RefusedCase
from shared.council import Council, Directory, Form, ImpactChoice, ServiceType
from tests.gateway.fakes import BODY, CANARY, House, assert_problem, council, keyed, view

FORM = Form.model_validate(
    {
        "questions": [
            {"id": "gas", "type": "choice", "label": "Is there a smell of gas?", "options": "yes-no", "required": True},
            {
                "id": "rooms",
                "type": "choice",
                "label": "Which rooms?",
                "help": "Tick all.",
                "multiple": True,
                "options": [{"code": "bed", "label": "Bedroom"}, {"code": "bath", "label": "Bathroom"}],
            },
            {"id": "children", "type": "text", "label": "Do children sleep there?", "when": {"rooms": "bed"}},
            {"id": "seen", "type": "date", "label": "Last seen", "within": "2wd"},
            {"id": "since", "type": "date", "label": "Since when?", "latest": "0wd"},
            {"id": "account", "type": "text", "label": "Rent account", "private": True, "max_length": 10},
            {"id": "tenant", "type": "person", "label": "Who is the tenant?"},
            {"id": "photos", "type": "file", "label": "Photographs", "max_files": 2},
        ],
        "notices": [
            {"text": "Open a window.", "kind": "emergency", "when": {"gas": "yes"}},
            {"text": "We knock first."},
        ],
        "stops": [{"when": {"gas": "yes", "rooms": "bath"}, "message": "Leave the house and call the gas line."}],
    }
)
FITS: dict[str, Any] = {"gas": "no", "rooms": ["bed"], "tenant": {"name": CANARY}}


def asking() -> Council:
    """Give the council with a form for damp, a signpost, a service for the unsure and one of last year."""
    full = council()
    damp = full.services[0].model_copy(update={"form": FORM, "next_steps": "A surveyor calls you.", "lgsl": 141})
    others = (
        ServiceType(code="not-sure", name="I am not sure", kind="case", answer="10wd", triage=True),
        ServiceType(code="trains", name="Trains", kind="signpost", signpost="Write to www.trains.example."),
        ServiceType.model_validate(
            {"code": "gas-lamps", "name": "Gas lamps", "kind": "case", "answer": "1wd", "valid_to": "2025-12-31"}
        ),
    )
    impacts = (ImpactChoice(code="danger", label="Danger", definition="People may be hurt.", notice="Call 999 first."),)
    return full.model_copy(update={"services": (damp, *full.services[1:], *others), "impacts": impacts})


@pytest.fixture
def house() -> House:
    """Give a gateway of that council, whose intake knows no case yet."""
    house = House()
    house.council.published = Directory(asking())
    house.intake.answers[CaseReply] = CaseReply()
    return house


async def get(house: House, address: str) -> httpx2.Response:
    async with house.visit_as() as client:
        return await client.get(address)


async def raised(house: House, form: Any, key: str = "key-0001", **changed: Any) -> httpx2.Response:
    async with house.visit_as() as client:
        return await client.post("/v1/cases", json=BODY | {"form": form} | changed, headers=keyed(key))


def sent_on(house: House) -> RaiseCase:
    [(command, _, _)] = house.intake.commands
    assert isinstance(command, RaiseCase)
    return command


# Finding


async def test_services_are_found_by_plain_words_and_say_why(house: House) -> None:
    found = (await get(house, "/v1/services?q=wett wall")).json()["services"]

    assert [(service["code"], service["found"]) for service in found] == [
        ("damp", {"by": "synonym", "text": "wet walls"}),
        ("not-sure", {"by": "unsure", "text": "I am not sure"}),
    ]


async def test_without_words_all_that_is_offered_today_is_listed(house: House) -> None:
    found = (await get(house, "/v1/services")).json()["services"]

    assert [service["code"] for service in found] == ["damp", "waste", "gas", "not-sure", "trains"]
    assert {service["found"] for service in found} == {None}


async def test_who_finds_nothing_is_led_to_those_who_sort_it_out(house: House) -> None:
    [only] = (await get(house, f"/v1/services?q={CANARY}")).json()["services"]

    assert (only["code"], only["triage"], only["found"]["by"]) == ("not-sure", True, "unsure")


# Looking


async def test_a_service_says_what_happens_next_and_by_when(house: House) -> None:
    service = (await get(house, "/v1/services/damp")).json()

    assert service["next_steps"] == "A surveyor calls you."
    assert service["targets"] == {
        "acknowledge": "It should be taken on within 1 working day.",
        "answer": "It should be answered within 10 working days.",
        "closes": "It does not close by itself.",
    }
    assert service["impacts"] == [
        {"code": "danger", "label": "Danger", "definition": "People may be hurt.", "notice": "Call 999 first."}
    ]


async def test_a_service_says_what_will_be_asked(house: House) -> None:
    form = (await get(house, "/v1/services/damp")).json()["form"]
    questions = {question["id"]: question for question in form["questions"]}

    assert list(questions) == ["gas", "rooms", "children", "seen", "since", "account", "tenant", "photos"]
    assert questions["gas"]["options"] == [{"code": "yes", "label": "Yes"}, {"code": "no", "label": "No"}]
    assert (questions["gas"]["required"], questions["rooms"]["multiple"]) == (True, True)
    assert questions["rooms"]["help"] == "Tick all."
    assert questions["children"]["when"] == {"rooms": ["bed"]}
    assert (questions["seen"]["earliest"], questions["seen"]["latest"]) == ("2026-11-19", "2026-11-23")
    assert (questions["since"]["earliest"], questions["since"]["latest"]) == (None, "2026-11-23")
    assert (questions["account"]["private"], questions["account"]["max_length"]) == (True, 10)
    assert (questions["tenant"]["private"], questions["rooms"]["private"]) == (True, False)
    assert questions["photos"]["max_files"] == 2
    assert form["notices"] == [
        {"kind": "emergency", "text": "Open a window.", "when": {"gas": ["yes"]}},
        {"kind": "info", "text": "We knock first.", "when": {}},
    ]
    assert form["stops"] == [
        {"when": {"gas": ["yes"], "rooms": ["bath"]}, "message": "Leave the house and call the gas line."}
    ]


async def test_the_schema_a_service_shows_is_the_one_it_is_validated_by(house: House) -> None:
    form = (await get(house, "/v1/services/damp")).json()["form"]

    assert form["answers_schema"] == FORM.json_schema()
    assert form["version"] == FORM.digest()
    assert Draft202012Validator(form["answers_schema"]).is_valid(FITS)


async def test_a_service_of_somebody_elses_names_whom_to_contact_and_promises_nothing(house: House) -> None:
    service = (await get(house, "/v1/services/trains")).json()

    assert (service["kind"], service["signpost"]) == ("signpost", "Write to www.trains.example.")
    assert set(service["targets"].values()) == {None}
    assert (service["form"], service["impacts"]) == (None, [])


@pytest.mark.parametrize("code", ["no-such", "gas-lamps", CANARY])
async def test_a_service_that_is_not_offered_is_not_found(house: House, code: str) -> None:
    problem = assert_problem(await get(house, f"/v1/services/{code}"), 404)

    assert problem["code"] == "no-such-service"


# Sending a form in


@pytest.mark.parametrize("version", [None, FORM.digest(), "form-of-last-year"])
async def test_answers_that_fit_go_to_intake_with_the_form_they_were_judged_by(
    house: House, version: str | None
) -> None:
    answer = await raised(house, FITS, form_version=version)

    assert answer.status_code == 201
    assert (sent_on(house).form, sent_on(house).form_version) == (FITS, FORM.digest())


async def test_all_that_is_wrong_with_a_form_is_told_at_once(house: House) -> None:
    answers = {"rooms": [CANARY], "children": CANARY, "seen": "2026-11-18", "tenant": {"phone": CANARY}, CANARY: CANARY}

    problem = assert_problem(await raised(house, answers), 422)

    assert (problem["code"], problem["field"]) == ("form-invalid", "form")
    assert [(each["field"], each["problem"]) for each in problem["errors"]] == [
        ("form", "is not known here."),
        ("form.gas", "is missing."),
        ("form.rooms", "does not fit."),
        ("form.children", "is not asked."),
        ("form.seen", "lies too far back."),
        ("form.tenant", "does not fit."),
        ("form.tenant", "does not fit."),
    ]
    assert problem["errors"][1]["fix"] == '"Is there a smell of gas?" needs one of: Yes (yes), No (no).'
    assert "And 6 more" in problem["detail"]
    assert house.intake.commands == []


async def test_a_form_that_must_be_filled_in_cannot_be_left_out(house: House) -> None:
    problem = assert_problem(await raised(house, None), 422)

    assert (problem["code"], problem["field"]) == ("form-invalid", "form.gas")


async def test_a_stop_says_what_to_do_instead(house: House) -> None:
    problem = assert_problem(await raised(house, {"gas": "yes", "rooms": ["bath"]}), 422)

    assert (problem["code"], problem["detail"]) == ("form-stopped", "Leave the house and call the gas line.")
    assert house.intake.commands == []


async def test_an_emergency_notice_does_not_stop(house: House) -> None:
    assert (await raised(house, {"gas": "yes"})).status_code == 201


async def test_a_form_that_has_changed_is_to_be_loaded_again(house: House) -> None:
    problem = assert_problem(await raised(house, {"gas": CANARY}, form_version="form-of-last-year"), 409)

    assert problem["code"] == "form-changed"
    assert "load it again" in problem["detail"]
    assert "errors" not in problem


async def test_a_service_without_questions_takes_no_answers(house: House) -> None:
    refused = assert_problem(await raised(house, {CANARY: 1}, service="waste", kind="report"), 422)
    taken = await raised(house, None, key="key-0002", service="waste", kind="report")

    assert refused["code"] == "form-invalid"
    assert taken.status_code == 201
    assert (sent_on(house).form, sent_on(house).form_version) == (None, None)


@pytest.mark.parametrize("form", [CANARY, [CANARY], 7, True])
async def test_a_form_that_is_no_object_is_refused(house: House, form: Any) -> None:
    problem = assert_problem(await raised(house, form), 422)

    assert problem["field"] == "form"


async def test_an_unknown_service_is_left_to_intake(house: House) -> None:
    await raised(house, {"x": 1}, service="bicycles")

    assert sent_on(house).service == "bicycles"


async def test_a_repeated_request_finds_what_was_decided_though_its_form_no_longer_fits(house: House) -> None:
    house.intake.answers[CaseReply] = CaseReply(view=view())
    house.intake.decide = lambda command: Decided(
        CommandReply(outcome="accepted", repeated=True, view=view(command.reference))
    )

    answer = await raised(house, {"gas": "no", "seen": "2026-11-02"})

    assert answer.status_code == 200
    assert sent_on(house).form == {"gas": "no", "seen": "2026-11-02"}


async def test_a_repeated_request_that_was_refused_finds_the_refusal(house: House) -> None:
    no = Refusal(code="not-your-ward", sentence="Choose a ward of yours.", kind="invalid", field="ward")
    house.intake.answers[CaseReply] = CaseReply(
        refused=RefusedCase(reference="CW-7K2M9-Q4T1X", refusal=no, at=house.clock.at)
    )
    house.intake.decide = lambda _: Decided(CommandReply(outcome="refused", repeated=True, refusal=no))

    assert assert_problem(await raised(house, {}), 422)["code"] == "not-your-ward"


@pytest.mark.parametrize("reply", [CaseReply(), None])
async def test_a_new_request_whose_form_does_not_fit_is_refused_whether_or_not_intake_can_be_asked(
    house: House, reply: CaseReply | None
) -> None:
    house.intake.answers[CaseReply] = reply

    assert_problem(await raised(house, {}), 422)

    assert house.intake.commands == []


async def test_a_request_that_is_safe_and_undecided_is_not_refused_when_it_is_repeated(house: House) -> None:
    first = await raised(house, FITS)
    [(command, command_id, _)] = house.intake.commands
    letter = Letter(
        command_id, "t", "raise", command.reference, "case", "cllr-moss", "", house.clock.at, "intake.commands", b"", ""
    )
    await house.outbasket.keep(letter, taken=True)

    again = await raised(house, {})

    assert (first.status_code, again.status_code) == (201, 201)
    assert len(house.intake.commands) == 2
