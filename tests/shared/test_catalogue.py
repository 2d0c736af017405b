"""The services of the sample council with their forms, and forms in the council's files."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.council import Directory, Form, ServiceType, load_bundle
from shared.council.answers import judge_answers, notices_for
from shared.council.forms import ChoiceQuestion
from tests.shared.small_council import refusal_of, write

ROOT = Path(__file__).parents[2]
DIRECTORY = Directory(load_bundle(ROOT / "council"))
SERVICES = DIRECTORY.council.services
TODAY = date(2026, 11, 25)


def form_of(code: str) -> Form:
    service = DIRECTORY.service(code)
    assert service is not None
    assert service.form is not None
    return service.form


def judged(code: str, answers: dict[str, Any]) -> str | None:
    misfit = judge_answers(form_of(code), answers, None, TODAY, DIRECTORY.calendar)
    return misfit.code if misfit else None


def test_at_least_fifteen_services_of_the_sample_ask_something() -> None:
    assert len([service for service in SERVICES if service.form]) >= 15


def test_the_forms_of_the_sample_differ() -> None:
    digests = [service.form.digest() for service in SERVICES if service.form]

    assert len(digests) == len(set(digests))


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.code)
def test_a_service_says_what_happens_next_or_whom_to_contact(service: ServiceType) -> None:
    assert service.signpost if service.kind == "signpost" else service.next_steps


def test_a_report_of_danger_is_never_stopped() -> None:
    asking = [service for service in SERVICES if service.danger and service.form]

    assert {service.code for service in asking} >= {"dangerous-waste", "needles", "asbestos"}
    assert [service.code for service in asking if service.form and service.form.stops] == []


def test_dangerous_waste_asks_for_immediate_danger_first_and_takes_the_report_all_the_same() -> None:
    form = form_of("dangerous-waste")
    always = [notice.text for notice in notices_for(form, {})]
    emergency = [notice.text for notice in notices_for(form, {"danger": "yes"}) if notice.kind == "emergency"]

    assert form.questions[0].id == "danger"
    assert any("Do not touch" in text for text in always)
    assert any("999" in text for text in emergency)
    assert judged("dangerous-waste", {"danger": "yes", "hazards": ["chemicals"]}) is None


def test_dangerous_waste_names_every_hazard() -> None:
    hazards = form_of("dangerous-waste").question("hazards")

    assert isinstance(hazards, ChoiceQuestion)
    assert set(hazards.codes) == {
        *("chemicals", "asbestos", "needles", "clinical", "glass", "gas", "blood", "highway", "other")
    }


@pytest.mark.parametrize(
    ("day", "code"),
    [("2026-11-23", None), ("2026-11-25", None), ("2026-11-20", "form-invalid"), ("2026-11-26", "form-invalid")],
)
def test_a_missed_bin_is_reported_within_two_working_days(day: str, code: str | None) -> None:
    assert judged("missed-bin", {"bin": "grey", "day": day}) == code


def test_a_pothole_on_a_motorway_is_somebody_elses() -> None:
    assert judged("pothole", {"road": "motorway"}) == "form-stopped"
    assert judged("pothole", {"road": "street"}) is None


@pytest.mark.parametrize("code", ["noise", "repairs", "fly-tipping", "dangerous-waste"])
def test_what_is_asked_of_the_commonest_may_be_left_out(code: str) -> None:
    assert judged(code, {}) is None


def test_who_the_resident_is_is_asked_in_private_questions_alone() -> None:
    private = {(s.code, q.id) for s in SERVICES if s.form for q in s.form.questions if q.private}

    assert private >= {
        ("repairs", "tenant"),
        ("repairs", "home"),
        ("homeless", "person"),
        ("ctax", "account"),
        ("pcn", "number"),
        ("adult-care", "person"),
    }


def test_the_form_that_is_explained_to_readers_is_one() -> None:
    page = (ROOT / "docs" / "council-forms.md").read_text(encoding="utf-8")
    [service] = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    body = json.loads(page.partition("```json\n")[2].partition("```")[0])

    form = Form.model_validate(service["form"])

    assert [question.id for question in form.questions] == ["bin", "day", "sticker", "says"]
    assert judge_answers(form, body["form"], None, TODAY, DIRECTORY.calendar) is None


FORM = """    form:
      questions:
        - id: size
          type: choice
          label: How much is it?
          options: [{code: bag, label: A bag}, {code: van, label: A van load}]
        - id: seen
          type: date
          label: When was it seen?
          within: 2wd
      stops:
        - when: {size: van}
          message: Report it as fly-tipping.
"""


def with_form(text: str = FORM, after: str = "    answer: 3wd\n") -> dict[str, tuple[str, str]]:
    return {"services.yaml": (after, after + text)}


def test_a_form_is_read_from_the_councils_files(tmp_path: Path) -> None:
    council = load_bundle(write(tmp_path, with_form()))

    assert council.services[0].form is not None
    assert [question.id for question in council.services[0].form.questions] == ["size", "seen"]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("code: van", "cod: van", 11, "form.questions.0.choice.options.1.cod: Extra inputs"),
        ("within: 2wd", "within: 2 days", 15, "form.questions.1.date.within: String should match"),
        ("type: date", "type: day", 12, "form.questions.1: Input tag 'day'"),
        ("when: {size: van}", "when: {size: lorry}", 6, "stop 1: 'size' cannot be answered 'lorry': name one of"),
        ("id: seen", "id: size", 6, "two questions have the id 'size'"),
        ("label: How much is it?", "label: ''", 10, "form.questions.0.choice.label: String should have at least 1"),
    ],
)
def test_a_broken_form_is_refused_with_its_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    assert FORM.count(old) == 1

    refusal = refusal_of(write(tmp_path, with_form(FORM.replace(old, new))))

    assert (refusal[0].file, refusal[0].line, refusal[0].rule) == ("services.yaml", line, "field")
    assert says in str(refusal)


def test_danger_with_a_form_that_stops_is_refused(tmp_path: Path) -> None:
    [problem] = refusal_of(write(tmp_path, with_form(after="    acknowledge: 1h\n")))

    assert "danger is always taken in" in problem.message
