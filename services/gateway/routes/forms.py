"""Judges the form of a service before anything is sent on, so that all that is wrong is told at once.

Intake judges again by the same function; what the gateway lets through is therefore never the last word.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from services.gateway.domain import GatewayError
from services.gateway.schemas import FieldProblem
from shared.council import Directory
from shared.council.answers import AnswerProblem, Misfit, judge_answers

_MOST = 20
_SAID: Mapping[str, str] = MappingProxyType(
    {
        "missing": "is missing.",
        "not-asked": "is not asked.",
        "unknown-question": "is not known here.",
        "too-long": "is too long.",
        "too-many": "has too many items.",
        "too-early": "lies too far back.",
        "too-late": "lies too far ahead.",
    }
)
_ANSWERS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "form-stopped": (422, "The form cannot be sent"),
        "form-changed": (409, "The form has changed"),
        "form-invalid": (422, "A field is wrong"),
    }
)


class FormRefused(GatewayError):
    """The form cannot be taken as it was filled in; `errors` names each answer that is wrong."""

    def __init__(self, misfit: Misfit) -> None:
        status, title = _ANSWERS[misfit.code]
        self.errors = tuple(_field(problem) for problem in misfit.problems[:_MOST])
        field = self.errors[0].field if self.errors else "form"
        super().__init__(misfit.sentence, code=misfit.code, status=status, title=title, field=field)


def judge_form(directory: Directory, fields: Mapping[str, Any], today: date) -> FormRefused | str | None:
    """Say why the form in a request to raise a case cannot be taken, or else which one was filled in.

    None: no form was filled in, or the service is unknown, which intake tells.
    """
    service = directory.service(fields["service"])
    if service is None:
        return None
    misfit = judge_answers(service.form, fields["form"] or {}, fields["form_version"], today, directory.calendar)
    if misfit:
        return FormRefused(misfit)
    return service.form.digest() if service.form and fields["form"] else None


def _field(problem: AnswerProblem) -> FieldProblem:
    field = f"form.{problem.question}" if problem.question else "form"
    return FieldProblem(field=field, problem=_SAID.get(problem.code, "does not fit."), fix=problem.sentence)
