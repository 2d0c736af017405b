"""Whether the answers to a form fit it, said in plain sentences.

Gateway and intake both ask here, so both validate by the same JSON Schema; only what a schema cannot say, the working
days of a date, is checked beside it. No sentence quotes what was sent: answers may be personal.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, Protocol, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from shared.calendar import WorkingCalendar
from shared.council.forms import (
    Condition,
    DateQuestion,
    Form,
    LocationQuestion,
    Notice,
    PersonQuestion,
    Question,
    working_days,
)

_LONGEST_LIST: Final = 100
_HALF_A_PAIR: Final = re.compile(r"[\ud800-\udfff]")
_NOTHING_ASKED: Final = Form()
_CODES: Final[Mapping[str, str]] = MappingProxyType({"maxLength": "too-long", "maxItems": "too-many"})


@dataclass(frozen=True, slots=True)
class AnswerProblem:
    """One thing that does not fit; `question` is empty where no single question of the form is meant."""

    question: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a form cannot be taken as it was filled in, in one sentence and, where answers are wrong, one by one."""

    code: Literal["form-stopped", "form-changed", "form-invalid"]
    sentence: str
    problems: tuple[AnswerProblem, ...] = ()


class _Validator(Protocol):
    """What is used of a compiled schema."""

    def iter_errors(self, instance: object) -> Iterable[ValidationError]:
        """Yield everything that does not fit."""


def judge_answers(
    form: Form | None, answers: object, filled_in: str | None, today: date, calendar: WorkingCalendar
) -> Misfit | None:
    """Say why answers cannot be taken; None: they can. `filled_in` is the digest of the form they were given to.

    Answers to an earlier form are as good as any while they fit the present one.

    Raises:
        BeyondHorizon: the bounds of a date leave the known calendar.
    """
    form = form or _NOTHING_ASKED
    message = stopped_by(form, answers)
    if message:
        return Misfit("form-stopped", message)
    problems = validate_answers(form, answers, today, calendar)
    if not problems:
        return None
    if filled_in not in {None, form.digest()}:
        return Misfit("form-changed", "The form has changed since it was filled in: load it again and answer it anew.")
    more = len(problems) - 1
    sentence = problems[0].sentence + (f" And {more} more of its answers must be put right." if more else "")
    return Misfit("form-invalid", sentence, tuple(problems))


def validate_answers(form: Form, answers: object, today: date, calendar: WorkingCalendar) -> list[AnswerProblem]:
    """List what does not fit, in the order of the form, each question or part of it once; an empty list: all fits.

    Raises:
        BeyondHorizon: the bounds of a date leave the known calendar.
    """
    unread = _overlong(form, answers) or _torn(form, answers)
    if unread:
        return unread
    found: dict[tuple[str, str], AnswerProblem] = {}
    for error in _compiled(form).iter_errors(answers):
        for problem in _problems(form, error):
            found.setdefault((problem.question, problem.sentence), problem)
    if isinstance(answers, Mapping):
        faulty = {problem.question for problem in found.values()}
        for question in form.questions:
            if isinstance(question, DateQuestion) and question.id in answers and question.id not in faulty:
                outside = _outside(question, date.fromisoformat(answers[question.id]), today, calendar)
                if outside:
                    found[question.id, outside.sentence] = outside
    order = {question.id: number for number, question in enumerate(form.questions)}
    return sorted(found.values(), key=lambda problem: order.get(problem.question, -1))


def stopped_by(form: Form, answers: object) -> str | None:
    """Give the message of the first stop that these answers meet, whatever else may be wrong with them."""
    return next((stop.message for stop in form.stops if holds(stop.when, answers)), None)


def notices_for(form: Form, answers: object) -> tuple[Notice, ...]:
    """Give the notices to show with these answers; with none, those that are always shown."""
    return tuple(notice for notice in form.notices if holds(notice.when, answers))


def holds(when: Condition, answers: object) -> bool:
    """Say whether a condition holds for these answers, which may be anything."""
    given = answers if isinstance(answers, Mapping) else {}
    for question_id, codes in when:
        answer = given.get(question_id)
        chosen = answer if isinstance(answer, list | tuple) else (answer,)
        if not any(isinstance(code, str) and code in codes for code in chosen):
            return False
    return True


@lru_cache(maxsize=512)
def _compiled(form: Form) -> _Validator:
    """Compile a form once; forms are equal when their contents are, so a republished one is found again."""
    return Draft202012Validator(form.json_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def _overlong(form: Form, answers: object) -> list[AnswerProblem]:
    """Refuse a very long list before the schema is asked: comparing its items takes time that grows with the square."""
    if not isinstance(answers, Mapping):
        return []
    long = (question for question in form.questions if isinstance(answers.get(question.id), list | tuple))
    return [_unfit(each, "too-many") for each in long if len(answers[each.id]) > _LONGEST_LIST]


def _torn(form: Form, answers: object) -> list[AnswerProblem]:
    """Refuse half a surrogate pair, which JSON can say: it is no letter, and no message can carry it."""
    if not isinstance(answers, Mapping):
        return []
    return [_unfit(each, "invalid") for each in form.questions if _has_half_a_pair(answers.get(each.id))]


def _has_half_a_pair(answer: object) -> bool:
    if isinstance(answer, str):
        return _HALF_A_PAIR.search(answer) is not None
    if isinstance(answer, Mapping):
        return any(_has_half_a_pair(each) for pair in answer.items() for each in pair)
    return isinstance(answer, list | tuple) and any(map(_has_half_a_pair, answer))


def _problems(form: Form, error: ValidationError) -> Iterable[AnswerProblem]:
    """Say what one error of the schema means."""
    path = list(error.absolute_path)
    question = form.question(str(path[0])) if path else None
    if question is None:
        return _problems_of_the_whole(form, error)
    if error.validator == "not":  # a form says only so that a question is not asked
        sentence = f'"{question.label}" is not asked with the other answers given: leave it out.'
        return [AnswerProblem(question.id, "not-asked", sentence)]
    if isinstance(question, LocationQuestion | PersonQuestion) and len(path) > 1:
        sentence = f'"{question.label}" needs {question.parts[str(path[1])]}.'
        return [AnswerProblem(question.id, _CODES.get(str(error.validator), "invalid"), sentence)]
    return [_unfit(question, _CODES.get(str(error.validator), "invalid"))]


def _problems_of_the_whole(form: Form, error: ValidationError) -> Iterable[AnswerProblem]:
    if error.validator == "required" and isinstance(error.instance, Mapping):
        required = cast("list[str]", error.validator_value)
        missing = (form.question(name) for name in required if name not in error.instance)
        return [_unfit(question, "missing") for question in missing if question]
    if error.validator == "additionalProperties":
        known = ", ".join(question.id for question in form.questions) or "none"
        sentence = f"The form has no such question: leave out every answer but those to its own questions ({known})."
        return [AnswerProblem("", "unknown-question", sentence)]
    sentence = "Send the answers as an object that gives each question's id its answer."
    return [AnswerProblem("", "invalid", sentence)]


def _unfit(question: Question, code: str) -> AnswerProblem:
    return AnswerProblem(question.id, code, f'"{question.label}" needs {question.wanted}.')


def _outside(question: DateQuestion, day: date, today: date, calendar: WorkingCalendar) -> AnswerProblem | None:
    """Say that a day lies outside the question's bounds, and which day would be the last that fits."""
    earliest, latest = date_bounds(question, today, calendar)
    if day < earliest:
        sentence = f'"{question.label}" lies too far back: choose {_said(earliest)} or later.'
        return AnswerProblem(question.id, "too-early", sentence)
    if day > latest:
        sentence = f'"{question.label}" lies too far ahead: choose {_said(latest)} or earlier.'
        return AnswerProblem(question.id, "too-late", sentence)
    return None


def date_bounds(question: DateQuestion, today: date, calendar: WorkingCalendar) -> tuple[date, date]:
    """Give the first and the last day that fit a question.

    Raises:
        BeyondHorizon: the count leaves the known calendar.
    """
    earliest, latest = (f"-{question.within}", "0wd") if question.within else (question.earliest, question.latest)
    return (
        _counted(today, earliest, calendar) if earliest else date.min,
        _counted(today, latest, calendar) if latest else date.max,
    )


def _counted(today: date, bound: str, calendar: WorkingCalendar) -> date:
    days = working_days(bound)
    return calendar.add_working_days(today, days) if days >= 0 else calendar.subtract_working_days(today, -days)


def _said(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B %Y}"
