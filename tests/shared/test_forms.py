"""Forms: what they refuse to be, the schema they say, and what holds for any of them."""

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from shared.council.answers import stopped_by, validate_answers
from shared.council.forms import Form
from tests.shared.waste_form import BIN, CALENDAR, FRIDAY, form, problems

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
