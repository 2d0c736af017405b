"""Forms: what they refuse to be, the schema they say, and which answers fit."""

import json
import string
import time
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from shared.calendar import WorkingCalendar
from shared.council.answers import AnswerProblem, judge_answers, notices_for, stopped_by, validate_answers
from shared.council.forms import Form

FRIDAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 23)
CALENDAR = WorkingCalendar(
    holidays=frozenset({date(2026, 12, 25)}), known_from=date(2026, 1, 1), known_until=date(2027, 12, 31), version="t"
)
SENT = "zq-sent-zq"

BIN = {"id": "bin", "type": "choice", "label": "Which bin?", "options": [{"code": "grey", "label": "Grey"}]}
WASTE = {
    "questions": [
        {
            "id": "hazards",
            "type": "choice",
            "label": "What is there?",
            "multiple": True,
            "required": True,
            "options": [{"code": "gas", "label": "Gas cylinders"}, {"code": "drums", "label": "Drums"}],
        },
        {"id": "danger", "type": "choice", "label": "Is anybody in danger?", "options": "yes-no", "required": True},
        {"id": "who", "type": "text", "label": "Who?", "when": {"danger": True}, "required": True, "max_length": 20},
        {"id": "drums", "type": "text", "label": "What do the labels say?", "when": {"hazards": ["drums"]}},
        {"id": "seen", "type": "date", "label": "When was it seen?", "within": "2wd"},
        {"id": "place", "type": "location", "label": "Where exactly?"},
        {"id": "reporter", "type": "person", "label": "Who saw it?"},
        {"id": "photos", "type": "file", "label": "Photographs", "max_files": 2},
    ],
    "notices": [
        {"text": "Do not touch it.", "kind": "warning"},
        {"text": "Call 999 now.", "kind": "emergency", "when": {"danger": "yes"}},
    ],
    "stops": [{"when": {"hazards": "gas", "danger": "yes"}, "message": "Leave the place and call 999."}],
}
FITS: dict[str, Any] = {"hazards": ["drums"], "danger": "no"}


def form(**content: Any) -> Form:
    return Form.model_validate(content)


def problems(answers: object, of: Form | None = None, today: date = FRIDAY) -> list[tuple[str, str]]:
    found = validate_answers(of or form(**WASTE), answers, today, CALENDAR)
    return [(problem.question, problem.code) for problem in found]


# What a form refuses to be


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"questions": [BIN, BIN]}, "two questions have the id 'bin': give one another id"),
        ({"questions": [{**BIN, "when": {"bin": "grey"}}]}, "names question 'bin', which stands later in the form, or"),
        (
            {"questions": [{"id": "a", "type": "text", "label": "A", "when": {"bin": "grey"}}, BIN]},
            "question 'a': `when` names question 'bin', which stands later",
        ),
        (
            {"questions": [BIN, {"id": "a", "type": "text", "label": "A", "when": {"bun": "grey"}}]},
            "names question 'bun', which does not exist: name an earlier question",
        ),
        (
            {"questions": [BIN, {"id": "a", "type": "text", "label": "A", "when": {"bin": "blue"}}]},
            "'bin' cannot be answered 'blue': name one of grey",
        ),
        (
            {"questions": [BIN, {"id": "a", "type": "text", "label": "A", "when": {"bin": []}}]},
            "`when` names no answer to 'bin': name one of grey",
        ),
        (
            {
                "questions": [
                    {"id": "a", "type": "text", "label": "A"},
                    {"id": "b", "type": "text", "label": "B", "when": {"a": "x"}},
                ]
            },
            "'a', which is no choice: name a choice",
        ),
        (
            {"questions": [BIN], "notices": [{"text": "Mind.", "when": {"bin": "blue"}}]},
            "notice 1: 'bin' cannot be answered 'blue'",
        ),
        (
            {"questions": [BIN], "stops": [{"message": "No.", "when": {"box": "blue"}}]},
            "stop 1: `when` names question 'box', which does not exist",
        ),
        ({"questions": [BIN], "stops": [{"message": "No.", "when": {}}]}, "at least 1 item"),
        ({"questions": [{**BIN, "options": []}]}, "at least 1 item"),
        ({"questions": [{**BIN, "options": [*BIN["options"], *BIN["options"]]}]}, "two options have the code 'grey'"),
        ({"questions": [{"id": "p", "type": "person", "label": "P", "private": False}]}, "Input should be True"),
        ({"questions": [{**BIN, "type": "colour"}]}, "does not match any of the expected tags"),
        ({"questions": [{**BIN, "max_length": 5}]}, "Extra inputs are not permitted"),
        (
            {"questions": [{"id": "d", "type": "date", "label": "D", "within": "2wd", "latest": "0wd"}]},
            "`within` says both bounds already",
        ),
        (
            {"questions": [{"id": "d", "type": "date", "label": "D", "earliest": "+2wd", "latest": "-1wd"}]},
            "latest -1wd lies before earliest +2wd: no day is left to choose",
        ),
    ],
)
def test_a_form_that_cannot_be_filled_in_is_refused_with_what_to_do(content: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        form(**content)

    assert sentence in str(refused.value)


def test_an_unquoted_yes_of_yaml_is_the_word() -> None:
    unquoted = form(
        questions=[
            {"id": "a", "type": "choice", "label": "A", "options": [{"code": True, "label": "Y"}]},
            {"id": "b", "type": "text", "label": "B", "when": {"a": True}},
        ]
    )
    quoted = form(
        questions=[
            {"id": "a", "type": "choice", "label": "A", "options": [{"code": "yes", "label": "Y"}]},
            {"id": "b", "type": "text", "label": "B", "when": {"a": ["yes"]}},
        ]
    )

    assert unquoted == quoted


# What a form says


def test_the_schema_of_a_form_says_its_conditions_and_refuses_what_is_not_asked() -> None:
    schema = form(
        questions=[
            BIN,
            {"id": "note", "type": "text", "label": "Note", "help": "In a line.", "when": {"bin": "grey"}},
        ]
    ).json_schema()

    assert schema == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "bin": {"title": "Which bin?", "type": "string", "oneOf": [{"const": "grey", "title": "Grey"}]},
            "note": {
                "title": "Note",
                "description": "In a line.",
                "type": "string",
                "minLength": 1,
                "maxLength": 200,
                "pattern": r"^(?=\s*\S)[^\u0000-\u0008\u000b-\u001f\u007f]*$(?!\n)",
            },
        },
        "additionalProperties": False,
        "allOf": [
            {
                "if": {"properties": {"bin": {"enum": ["grey"]}}, "required": ["bin"]},
                "else": {"properties": {"note": {"not": {}}}},
            }
        ],
    }


def test_the_digest_names_what_is_asked_and_not_what_is_shown_beside_it() -> None:
    asked = form(questions=[BIN])
    with_notice = form(questions=[BIN], notices=[{"text": "Mind the bin."}])
    other = form(questions=[{**BIN, "required": True}])

    assert asked.digest() == with_notice.digest() == "form-ff15a66372e5"
    assert other.digest() != asked.digest()


# Which answers fit


def test_the_answers_to_all_questions_fit() -> None:
    answers = {
        "hazards": ["drums", "gas"],
        "danger": "yes",
        "who": "Two children",
        "drums": "Corrosive\nKeep upright",
        "seen": "2026-11-18",
        "place": {"text": "Behind the garages", "uprn": "100000001", "easting": 400000, "northing": 290000.5},
        "reporter": {"name": "Pat Poe", "email": "pat@poe.example", "phone": "+44 1632 960001", "address": "1 Low Rd"},
        "photos": ["f-1", "f-2"],
    }

    assert problems(answers) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"hazards": None}, ("hazards", "invalid")),
        ({"hazards": []}, ("hazards", "invalid")),
        ({"hazards": ["gas", "gas"]}, ("hazards", "invalid")),
        ({"hazards": ["gas", SENT]}, ("hazards", "invalid")),
        ({"hazards": "gas"}, ("hazards", "invalid")),
        ({"danger": "maybe"}, ("danger", "invalid")),
        ({"danger": True}, ("danger", "invalid")),
        ({"who": "Two children"}, ("who", "not-asked")),
        ({"danger": "yes"}, ("who", "missing")),
        ({"danger": "yes", "who": "x" * 21}, ("who", "too-long")),
        ({"danger": "yes", "who": " \n "}, ("who", "invalid")),
        ({"danger": "yes", "who": "bell\x07"}, ("who", "invalid")),
        ({"hazards": ["gas"], "drums": "none"}, ("drums", "not-asked")),
        ({"seen": "2026-11-17"}, ("seen", "too-early")),
        ({"seen": "2026-11-21"}, ("seen", "too-late")),
        ({"seen": "2026-11-31"}, ("seen", "invalid")),
        ({"seen": "20261118"}, ("seen", "invalid")),
        ({"seen": "2026-11-18\n"}, ("seen", "invalid")),
        ({"seen": "٢٠٢٦-11-18"}, ("seen", "invalid")),
        ({"place": "Behind the garages"}, ("place", "invalid")),
        ({"place": {}}, ("place", "invalid")),
        ({"place": {"text": "x", "easting": 400000}}, ("place", "invalid")),
        ({"place": {"text": "x", "lat": 52.5}}, ("place", "invalid")),
        ({"place": {"text": "x", "lat": 152.5, "lon": -2}}, ("place", "invalid")),
        ({"place": {"text": "x" * 501}}, ("place", "too-long")),
        ({"place": {"text": "x", "uprn": "12a"}}, ("place", "invalid")),
        ({"place": {"text": "x", "what3words": SENT}}, ("place", "invalid")),
        ({"reporter": {"email": "pat@poe.example"}}, ("reporter", "invalid")),
        ({"reporter": {"name": "Pat\nPoe"}}, ("reporter", "invalid")),
        ({"reporter": {"name": "Pat Poe", "email": "pat@poe"}}, ("reporter", "invalid")),
        ({"reporter": {"name": "Pat Poe", "email": "pat@poe.example\n"}}, ("reporter", "invalid")),
        ({"reporter": {"name": "Pat Poe", "phone": SENT}}, ("reporter", "invalid")),
        ({"photos": ["a", "b", "c"]}, ("photos", "too-many")),
        ({"photos": ["../etc/passwd"]}, ("photos", "invalid")),
        ({"photos": [{"id": "a"}]}, ("photos", "invalid")),
        ({SENT: 1}, ("", "unknown-question")),
    ],
)
def test_an_answer_that_does_not_fit_is_named_by_its_question(
    changed: dict[str, Any], problem: tuple[str, str]
) -> None:
    found = validate_answers(form(**WASTE), FITS | changed, FRIDAY, CALENDAR)

    assert [(each.question, each.code) for each in found] == [problem]
    assert SENT not in found[0].sentence


@pytest.mark.parametrize("answers", [None, [], "hazards", 7, True])
def test_answers_that_are_no_object_are_refused_whole(answers: object) -> None:
    assert problems(answers) == [("", "invalid")]


def test_a_form_that_asks_nothing_takes_no_answer() -> None:
    assert problems({}, form()) == []
    assert problems({"a": 1}, form()) == [("", "unknown-question")]


def test_all_problems_are_told_at_once_in_the_order_of_the_form() -> None:
    answers = {"photos": [], "reporter": {"phone": "x"}, "danger": "yes", "extra": 1, "more": 2}

    assert problems(answers) == [
        ("", "unknown-question"),
        ("hazards", "missing"),
        ("who", "missing"),
        ("reporter", "invalid"),
        ("reporter", "invalid"),
        ("photos", "invalid"),
    ]


def test_a_sentence_says_what_would_fit() -> None:
    answers = {"danger": "yes", "seen": "2026-11-10", "reporter": {"name": "Pat Poe", "email": "pat"}}

    found = validate_answers(form(**WASTE), answers, FRIDAY, CALENDAR)

    assert found == [
        AnswerProblem(
            "hazards",
            "missing",
            '"What is there?" needs one or more of: Gas cylinders (gas), Drums (drums), in a list, each once.',
        ),
        AnswerProblem("who", "missing", '"Who?" needs a text of at most 20 characters.'),
        AnswerProblem(
            "seen",
            "too-early",
            '"When was it seen?" lies too far back: choose Wednesday 18 November 2026 or later.',
        ),
        AnswerProblem("reporter", "invalid", '"Who saw it?" needs the e-mail address in the form name@place.example.'),
    ]


@pytest.mark.parametrize(
    ("bounds", "today", "first", "last"),
    [
        ({"within": "2wd"}, MONDAY, date(2026, 11, 19), MONDAY),
        ({"within": "0wd"}, MONDAY, MONDAY, MONDAY),
        ({"earliest": "0wd", "latest": "+5wd"}, FRIDAY, FRIDAY, date(2026, 11, 27)),
        ({"earliest": "-1wd", "latest": "+1wd"}, date(2026, 12, 25), date(2026, 12, 24), date(2026, 12, 28)),
    ],
)
def test_the_bounds_of_a_date_are_working_days_and_both_fit(
    bounds: dict[str, str], today: date, first: date, last: date
) -> None:
    dated = form(questions=[{"id": "day", "type": "date", "label": "Day", **bounds}])
    one = timedelta(days=1)

    found = [problems({"day": f"{day}"}, dated, today) for day in (first - one, first, last, last + one)]

    assert found == [[("day", "too-early")], [], [], [("day", "too-late")]]


def test_a_date_with_one_bound_is_free_on_the_other_side() -> None:
    dated = form(questions=[{"id": "since", "type": "date", "label": "Since when?", "latest": "0wd"}])

    assert problems({"since": "1998-02-03"}, dated) == []
    assert problems({"since": "2026-11-21"}, dated) == [("since", "too-late")]


def test_a_question_asked_only_after_one_that_is_not_asked_is_not_asked_either() -> None:
    chain = form(
        questions=[
            {"id": "a", "type": "choice", "label": "A", "options": "yes-no"},
            {"id": "b", "type": "choice", "label": "B", "options": "yes-no", "when": {"a": "yes"}},
            {"id": "c", "type": "text", "label": "C", "when": {"b": "yes"}, "required": True},
        ]
    )

    assert problems({"a": "no"}, chain) == []
    assert problems({"a": "no", "b": "yes", "c": "x"}, chain) == [("b", "not-asked")]
    assert problems({"a": "yes", "b": "yes"}, chain) == [("c", "missing")]


def test_a_very_long_list_is_refused_before_its_items_are_compared() -> None:
    answers = FITS | {"photos": [{"a": number} for number in range(20_000)]}
    began = time.process_time()

    assert problems(answers) == [("photos", "too-many")]
    assert time.process_time() - began < 1  # comparing each with each takes a minute and more


# What stops, and what only warns


def test_an_emergency_is_shown_and_does_not_stop() -> None:
    answers = {"hazards": ["drums"], "danger": "yes", "who": "A child"}

    assert [notice.text for notice in notices_for(form(**WASTE), answers)] == ["Do not touch it.", "Call 999 now."]
    assert stopped_by(form(**WASTE), answers) is None
    assert problems(answers) == []


def test_a_stop_waits_for_all_its_answers() -> None:
    assert stopped_by(form(**WASTE), {"hazards": ["gas"], "danger": "no"}) is None
    assert stopped_by(form(**WASTE), {"hazards": ["drums", "gas"], "danger": "yes"}) == "Leave the place and call 999."


def test_without_answers_only_what_is_always_shown_is_shown() -> None:
    assert [notice.text for notice in notices_for(form(**WASTE), None)] == ["Do not touch it."]


# What becomes of a form that was filled in


@pytest.mark.parametrize("filled_in", [None, form(**WASTE).digest(), "form-of-last-year"])
def test_answers_that_fit_are_taken_whatever_form_they_were_given_to(filled_in: str | None) -> None:
    assert judge_answers(form(**WASTE), FITS, filled_in, FRIDAY, CALENDAR) is None


@pytest.mark.parametrize("filled_in", [None, form(**WASTE).digest()])
def test_answers_that_do_not_fit_are_refused_with_all_that_is_wrong(filled_in: str | None) -> None:
    misfit = judge_answers(form(**WASTE), {"danger": "maybe"}, filled_in, FRIDAY, CALENDAR)

    assert misfit is not None
    assert misfit.code == "form-invalid"
    assert misfit.sentence == (
        '"What is there?" needs one or more of: Gas cylinders (gas), Drums (drums), in a list, each once. '
        "And 1 more of its answers must be put right."
    )
    assert [problem.question for problem in misfit.problems] == ["hazards", "danger"]


def test_answers_to_a_form_that_has_changed_are_refused_by_that() -> None:
    misfit = judge_answers(form(**WASTE), {"danger": "maybe"}, "form-of-last-year", FRIDAY, CALENDAR)

    assert misfit is not None
    assert (misfit.code, misfit.problems) == ("form-changed", ())
    assert "load it again" in misfit.sentence


def test_a_stop_counts_more_than_answers_that_are_missing() -> None:
    misfit = judge_answers(form(**WASTE), {"hazards": ["gas"], "danger": "yes"}, None, FRIDAY, CALENDAR)

    assert misfit is not None
    assert (misfit.code, misfit.sentence) == ("form-stopped", "Leave the place and call 999.")


def test_a_service_without_a_form_takes_no_answers() -> None:
    misfit = judge_answers(None, {"danger": "yes"}, None, FRIDAY, CALENDAR)

    assert judge_answers(None, {}, None, FRIDAY, CALENDAR) is None
    assert misfit is not None
    assert misfit.code == "form-invalid"


# Of any form

slugs = st.text(string.ascii_lowercase, min_size=1, max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(slugs | st.sampled_from(["text", "name"]), inner),
    max_leaves=8,
)


@st.composite
def forms(draw: st.DrawFn) -> dict[str, Any]:
    ids = draw(st.lists(slugs, min_size=1, max_size=6, unique=True))
    questions: list[dict[str, Any]] = []
    for each in ids:
        kind = draw(st.sampled_from(["text", "choice", "date", "location", "person", "file"]))
        question: dict[str, Any] = {"id": each, "type": kind, "label": each.upper(), "required": draw(st.booleans())}
        if kind == "choice":
            codes = draw(st.lists(slugs, min_size=1, max_size=4, unique=True))
            question |= {"options": [{"code": code, "label": code} for code in codes], "multiple": draw(st.booleans())}
        choices = [earlier for earlier in questions if earlier["type"] == "choice"]
        conditional: bool = draw(st.booleans())
        if choices and conditional:
            on = draw(st.sampled_from(choices))
            codes = [option["code"] for option in on["options"]]
            question["when"] = {on["id"]: draw(st.lists(st.sampled_from(codes), min_size=1, unique=True))}
        questions.append(question)
    return {"questions": questions}


def asked(question: dict[str, Any], answers: dict[str, Any]) -> bool:
    def chosen(of: str) -> set[str]:
        answer = answers.get(of, [])
        return set(answer if isinstance(answer, list) else [answer])

    return all(chosen(of) & set(codes) for of, codes in question.get("when", {}).items())


@st.composite
def filled_in(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    content = draw(forms())
    answers: dict[str, Any] = {}
    for question in content["questions"]:
        if asked(question, answers) and (question["required"] or draw(st.booleans())):
            codes = [option["code"] for option in question.get("options", [])]
            one = st.sampled_from(codes) if codes else st.nothing()
            fitting: dict[str, st.SearchStrategy[Any]] = {
                "text": st.text(string.printable[:94], min_size=1, max_size=50),
                "choice": st.lists(one, min_size=1, unique=True) if question.get("multiple") else one,
                "date": st.dates().map(str),
                "location": st.just({"text": "Low Road"}),
                "person": st.just({"name": "Pat Poe"}),
                "file": st.lists(slugs, min_size=1, max_size=3, unique=True),
            }
            answers[question["id"]] = draw(fitting[question["type"]])
    return content, answers


@given(forms())
def test_any_form_has_a_sound_schema_and_reads_back_from_its_json(content: dict[str, Any]) -> None:
    original = form(**content)

    again = Form.model_validate(json.loads(json.dumps(original.model_dump(mode="json"))))

    Draft202012Validator.check_schema(original.json_schema())
    assert again == original
    assert again.digest() == original.digest()


@given(filled_in())
def test_any_form_filled_in_as_asked_fits(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    content, answers = pair

    assert problems(answers, form(**content)) == []


@given(filled_in(), st.data())
def test_any_required_answer_left_out_is_missing(
    pair: tuple[dict[str, Any], dict[str, Any]], data: st.DataObject
) -> None:
    content, answers = pair
    required = [each["id"] for each in content["questions"] if each["required"] and each["id"] in answers]
    if not required:
        return
    left_out = data.draw(st.sampled_from(required))

    found = problems({name: answer for name, answer in answers.items() if name != left_out}, form(**content))

    assert (left_out, "missing") in found


@given(forms(), st.dictionaries(slugs, json_values) | json_values)
def test_whatever_is_sent_the_form_answers_and_never_fails(content: dict[str, Any], answers: object) -> None:
    any_form = form(**content)
    schema_says = Draft202012Validator(any_form.json_schema()).is_valid(answers)

    found = validate_answers(any_form, answers, FRIDAY, CALENDAR)

    assert found or schema_says
    assert stopped_by(any_form, answers) is None
