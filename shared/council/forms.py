"""The form of a service: what is asked when a case is raised, what is shown with it, and what stops it.

The JSON Schema of a form is what gateway and intake both validate by, and its digest is the form's version: a case
keeps the digest of the form it was raised with, so never let what a form asks depend on anything but the form.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema, model_validator

from shared.council.base import CouncilModel, Line, Slug

Schema = dict[str, Any]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
"""A text of the council's, of more than one line if need be."""

MAX_FILES: Final = 10
_CODE: Final = {"type": ["string", "boolean"]}
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
# A pattern's `$` also matches before a last line break in Python, and only there: the look-ahead takes that away.
_END: Final = r"$(?!\n)"
_SOME_TEXT: Final = r"^(?=\s*\S)[^\u0000-\u0008\u000b-\u001f\u007f]*" + _END
_ONE_LINE: Final = r"^(?=\s*\S)[^\u0000-\u001f\u007f]*" + _END
_EMAIL: Final = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+" + _END


def _code(value: object) -> object:
    """Take an unquoted yes or no for the word: YAML reads it as true or false."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _pairs(value: object) -> object:
    """Read `{question: answer}` or `{question: [answers]}` as pairs, which can be hashed."""
    if isinstance(value, Mapping):
        return tuple(
            (question, tuple(map(_code, codes)) if isinstance(codes, list | tuple) else (_code(codes),))
            for question, codes in value.items()
        )
    return value


Code = Annotated[Slug, BeforeValidator(_code)]
Condition = Annotated[
    tuple[tuple[Slug, tuple[Slug, ...]], ...],
    BeforeValidator(_pairs),
    PlainSerializer(lambda pairs: {question: list(codes) for question, codes in pairs}, return_type=dict[str, Any]),
    WithJsonSchema({"type": "object", "additionalProperties": {"anyOf": [_CODE, {"type": "array", "items": _CODE}]}}),
]
"""Holds when every question named was answered with one of the codes beside it; an empty one always holds."""


class Option(CouncilModel):
    """One answer a choice offers."""

    code: Code
    label: Line


_YES_OR_NO: Final = ({"code": "yes", "label": "Yes"}, {"code": "no", "label": "No"})


class Question(CouncilModel):
    """What every question has; `when` names the earlier answers without which it is not asked."""

    id: Slug
    label: Line
    help: Words | None = None
    required: bool = False
    when: Condition = ()
    private: bool = False
    """True: the answer tells who the resident is, and is for those only who may know it. A person is always private."""

    @property
    def wanted(self) -> str:
        """The answer that fits, in words."""
        raise NotImplementedError

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes a condition can wait for; only a choice has any."""
        return ()

    def schema_of_answer(self) -> Schema:
        """Give the JSON Schema of an answer, without title and description."""
        raise NotImplementedError


class TextQuestion(Question):
    """A question answered in words."""

    type: Literal["text"]
    max_length: int = Field(default=200, ge=1, le=4000)

    @property
    def wanted(self) -> str:
        """The answer that fits, in words."""
        return f"a text of at most {self.max_length} characters"

    def schema_of_answer(self) -> Schema:
        """Give the JSON Schema of an answer."""
        return {"type": "string", "minLength": 1, "maxLength": self.max_length, "pattern": _SOME_TEXT}


class ChoiceQuestion(Question):
    """A question with options; `options: yes-no` stands for the two that are meant."""

    type: Literal["choice"]
    options: Annotated[
        tuple[Option, ...],
        BeforeValidator(lambda value: _YES_OR_NO if value == "yes-no" else value),
        Field(min_length=1, max_length=60),
    ]
    multiple: bool = False

    @model_validator(mode="after")
    def _no_option_stands_twice(self) -> Self:
        for code in self.codes:
            if self.codes.count(code) > 1:
                raise ValueError(f"two options have the code {code!r}: give one another code")
        return self

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes a condition can wait for."""
        return tuple(option.code for option in self.options)

    @property
    def wanted(self) -> str:
        """The answer that fits, in words."""
        offered = ", ".join(f"{option.label} ({option.code})" for option in self.options)
        return f"one or more of: {offered}, in a list, each once" if self.multiple else f"one of: {offered}"

    def schema_of_answer(self) -> Schema:
        """Give the JSON Schema of an answer."""
        one: Schema = {"oneOf": [{"const": option.code, "title": option.label} for option in self.options]}
        if not self.multiple:
            return {"type": "string", **one}
        return {
            "type": "array",
            "items": {"type": "string", **one},
            "minItems": 1,
            "maxItems": len(self.options),
            "uniqueItems": True,
        }


class DateQuestion(Question):
    """A question for a day. Bounds are working days from today: `-2wd`, `0wd`, `+10wd`.

    `within: 2wd` means at most two working days ago and not in the future.
    """

    type: Literal["date"]
    within: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}wd$")] | None = None
    earliest: Annotated[str, StringConstraints(pattern=r"^(0|[+-][1-9][0-9]?)wd$")] | None = None
    latest: Annotated[str, StringConstraints(pattern=r"^(0|[+-][1-9][0-9]?)wd$")] | None = None

    @model_validator(mode="after")
    def _the_bounds_leave_a_day(self) -> Self:
        if self.within and (self.earliest or self.latest):
            raise ValueError("`within` says both bounds already: leave out `earliest` and `latest`")
        if self.earliest and self.latest and working_days(self.latest) < working_days(self.earliest):
            raise ValueError(f"latest {self.latest} lies before earliest {self.earliest}: no day is left to choose")
        return self

    @property
    def wanted(self) -> str:
        """The answer that fits, in words."""
        return "a date written as year-month-day, such as 2026-11-25"

    def schema_of_answer(self) -> Schema:
        """Give the JSON Schema of an answer."""
        return {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}" + _END}


class LocationQuestion(Question):
    """A question for a place: words, and if known a property number (UPRN) or coordinates."""

    type: Literal["location"]

    parts: ClassVar[Mapping[str, str]] = {
        "text": "the place in words, in at most 500 characters",
        "uprn": "the property number (UPRN) as up to 12 digits",
        "easting": "the easting as a number of metres on the national grid",
        "northing": "the northing as a number of metres on the national grid",
        "lat": "the latitude as a number of degrees in Great Britain",
        "lon": "the longitude as a number of degrees in Great Britain",
    }

    @property
    def wanted(self) -> str:
        """The answer that fits, in words."""
        return "a place as `text`, and if known `uprn`, `easting` with `northing`, or `lat` with `lon`"

    def schema_of_answer(self) -> Schema:
        """Give the JSON Schema of an answer."""
        return {
            "type": "object",
            "properties": {
                "text": {"type": "string", "maxLength": 500, "pattern": _SOME_TEXT},
                "uprn": {"type": "string", "pattern": "^[0-9]{1,12}" + _END},
                "easting": {"type": "number", "minimum": 0, "maximum": 700_000},
                "northing": {"type": "number", "minimum": 0, "maximum": 1_300_000},
                "lat": {"type": "number", "minimum": 49, "maximum": 61},
                "lon": {"type": "number", "minimum": -9, "maximum": 2},
            },
            "required": ["text"],
            "dependentRequired": {"easting": ["northing"], "northing": ["easting"], "lat": ["lon"], "lon": ["lat"]},
            "additionalProperties": False,
        }


class PersonQuestion(Question):
    """A question for somebody: a name, and if known how to reach them."""

    type: Literal["person"]
    private: Literal[True] = True

    parts: ClassVar[Mapping[str, str]] = {
        "name": "the name in at most 200 characters, on one line",
        "email": "the e-mail address in the form name@place.example",
        "phone": "the phone number as digits and spaces",
        "address": "the address in at most 500 characters",
    }

    @property
    def wanted(self) -> str:
        """The answer that fits, in words."""
        return "a person as `name`, and if known `email`, `phone` and `address`"

    def schema_of_answer(self) -> Schema:
        """Give the JSON Schema of an answer."""
        return {
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": 200, "pattern": _ONE_LINE},
                "email": {"type": "string", "maxLength": 254, "format": "email", "pattern": _EMAIL},
                "phone": {"type": "string", "pattern": r"^\+?[0-9 ()-]{4,30}" + _END},
                "address": {"type": "string", "maxLength": 500, "pattern": _SOME_TEXT},
            },
            "required": ["name"],
            "additionalProperties": False,
        }


class FileQuestion(Question):
    """A question for files that were uploaded before, by their ids."""

    type: Literal["file"]
    max_files: int = Field(default=3, ge=1, le=MAX_FILES)

    @property
    def wanted(self) -> str:
        """The answer that fits, in words."""
        return f"a list of at most {self.max_files} uploaded files, each once, by their ids"

    def schema_of_answer(self) -> Schema:
        """Give the JSON Schema of an answer."""
        file_id = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}" + _END}
        return {"type": "array", "items": file_id, "minItems": 1, "maxItems": self.max_files, "uniqueItems": True}


AnyQuestion = Annotated[
    TextQuestion | ChoiceQuestion | DateQuestion | LocationQuestion | PersonQuestion | FileQuestion,
    Field(discriminator="type"),
]


class Notice(CouncilModel):
    """A text shown with the form, always or under a condition. It stops nothing, not even in an emergency."""

    text: Words
    kind: Literal["info", "warning", "emergency"] = "info"
    when: Condition = ()


class Stop(CouncilModel):
    """Answers with which the form cannot be sent, and what to do instead."""

    when: Condition = Field(min_length=1)
    message: Words


class Form(CouncilModel):
    """What a service asks, in order. A form that asks nothing takes no answer."""

    questions: tuple[AnyQuestion, ...] = Field(default=(), max_length=40)
    notices: tuple[Notice, ...] = Field(default=(), max_length=20)
    stops: tuple[Stop, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _every_condition_looks_back(self) -> Self:
        ids = {question.id for question in self.questions}
        seen: dict[str, Question] = {}
        for question in self.questions:
            if question.id in seen:
                raise ValueError(f"two questions have the id {question.id!r}: give one another id")
            _check_condition(f"question {question.id!r}", question.when, seen, ids)
            seen[question.id] = question
        for number, notice in enumerate(self.notices, 1):
            _check_condition(f"notice {number}", notice.when, seen, ids)
        for number, stop in enumerate(self.stops, 1):
            _check_condition(f"stop {number}", stop.when, seen, ids)
        return self

    def question(self, question_id: str) -> Question | None:
        """Find a question."""
        return next((question for question in self.questions if question.id == question_id), None)

    def json_schema(self) -> Schema:
        """Give the JSON Schema (draft 2020-12) of a whole set of answers."""
        schema: Schema = {"$schema": _DIALECT, "type": "object", "properties": {}, "additionalProperties": False}
        multiple = {each.id for each in self.questions if isinstance(each, ChoiceQuestion) and each.multiple}
        conditions: list[Schema] = []
        for question in self.questions:
            described = {"description": question.help} if question.help else {}
            schema["properties"][question.id] = {"title": question.label, **described, **question.schema_of_answer()}
            if question.when:
                then = {"then": {"required": [question.id]}} if question.required else {}
                holds = _schema_of_condition(question.when, multiple)
                conditions.append({"if": holds, **then, "else": {"properties": {question.id: {"not": {}}}}})
        required = [question.id for question in self.questions if question.required and not question.when]
        return schema | ({"required": required} if required else {}) | ({"allOf": conditions} if conditions else {})

    def digest(self) -> str:
        """Name the form by what it asks: forms with equal schemas have equal digests, in every process."""
        return _digest(self)


def working_days(bound: str) -> int:
    """Give the working days from today of a date's bound: -2 for `-2wd`."""
    return int(bound.removesuffix("wd"))


@lru_cache(maxsize=512)
def _digest(form: Form) -> str:
    canonical = json.dumps(form.json_schema(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "form-" + hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _check_condition(what: str, when: Condition, seen: Mapping[str, Question], ids: set[str]) -> None:
    """Refuse a condition on what is not asked before, or on an answer that cannot be given."""
    for question_id, codes in when:
        question = seen.get(question_id)
        if question is None:
            why = "stands later in the form, or is the same one" if question_id in ids else "does not exist"
            raise ValueError(f"{what}: `when` names question {question_id!r}, which {why}: name an earlier question")
        known = ", ".join(question.codes)
        if not known:
            raise ValueError(f"{what}: `when` names question {question_id!r}, which is no choice: name a choice")
        if not codes:
            raise ValueError(f"{what}: `when` names no answer to {question_id!r}: name one of {known}")
        for code in codes:
            if code not in question.codes:
                raise ValueError(f"{what}: {question_id!r} cannot be answered {code!r}: name one of {known}")


def _schema_of_condition(when: Condition, multiple: set[str]) -> Schema:
    """Say in JSON Schema that every question named was answered with one of the codes beside it."""
    properties: Schema = {}
    for question_id, codes in when:
        one_of: Schema = {"enum": list(codes)}
        properties[question_id] = {"contains": one_of} if question_id in multiple else one_of
    return {"properties": properties, "required": [question_id for question_id, _ in when]}
