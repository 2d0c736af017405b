"""What intake does with the form of a service: it judges the answers as the gateway did, keeps them, and shows them.

The answers lie with the case's texts, each with its question as it was asked, so that they can be read when the form
has long changed. What is private among them is shown to those only who may know the resident.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from shared.commands import AnswerView, FormView, RaiseCase, Refusal
from shared.council import Directory, ServiceType
from shared.council.answers import judge_answers
from shared.council.forms import ChoiceQuestion, Form, Question

TEXT: Final = "form"
"""Name of the text that holds the answers."""
_KINDS: Final[Mapping[str, str]] = MappingProxyType({"form-changed": "conflict"})


class _Kept(BaseModel):
    """A form that was filled in, as it is kept."""

    model_config = ConfigDict(frozen=True)

    view: FormView
    private: frozenset[str]
    """Ids of the questions whose answers tell who the resident is."""


def refuse_form(command: RaiseCase, service: ServiceType | None, directory: Directory, today: date) -> Refusal | None:
    """Refuse answers that the service's form cannot take; the gateway may have judged by an earlier version."""
    if service is None:
        return None
    misfit = judge_answers(service.form, command.form or {}, command.form_version, today, directory.calendar)
    if misfit is None:
        return None
    first = next((f"form.{problem.question}" for problem in misfit.problems if problem.question), "form")
    kind = _KINDS.get(misfit.code, "invalid")
    return Refusal.model_validate({"code": misfit.code, "sentence": misfit.sentence, "kind": kind, "field": first})


def form_of(command: RaiseCase, service: ServiceType | None) -> Form | None:
    """Give the form that was filled in; None where nothing was answered."""
    return service.form if service and command.form else None


def form_texts(command: RaiseCase, service: ServiceType | None) -> dict[str, str]:
    """Put the answers beside the fact."""
    form = form_of(command, service)
    if form is None or not command.form:
        return {}
    answers = tuple(_answers(form, command.form))
    private = frozenset(question.id for question in form.questions if question.private)
    kept = _Kept(view=FormView(version=form.digest(), answers=answers), private=private)
    return {TEXT: kept.model_dump_json(), "share_constituent": "yes" if command.share_constituent else "no"}


def form_view(said: Mapping[str, str], *, resident: bool) -> FormView | None:
    """Show the answers to a person, without what is private where the person may not know the resident."""
    if TEXT not in said:
        return None
    kept = _Kept.model_validate_json(said[TEXT])
    if resident:
        return kept.view
    shown = tuple(answer for answer in kept.view.answers if answer.question not in kept.private)
    return FormView(version=kept.view.version, answers=shown)


def has_private_answers(said: Mapping[str, str]) -> bool:
    """Say whether an answer tells who the resident is."""
    if TEXT not in said:
        return False
    kept = _Kept.model_validate_json(said[TEXT])
    return any(answer.question in kept.private for answer in kept.view.answers)


def _answers(form: Form, given: Mapping[str, Any]) -> Iterator[AnswerView]:
    for question in form.questions:
        if question.id in given:
            answer = given[question.id]
            said = _said(question, answer)
            yield AnswerView(question=question.id, label=question.label, answer=answer, said=said)


def _said(question: Question, answer: Any) -> str:
    """Write an answer as a person reads it."""
    if isinstance(question, ChoiceQuestion):
        labels = {option.code: option.label for option in question.options}
        return ", ".join(labels[code] for code in (answer if isinstance(answer, list) else [answer]))
    if isinstance(answer, Mapping):
        return ", ".join(f"{part}" if isinstance(part, str) else f"{name} {part}" for name, part in answer.items())
    return ", ".join(answer) if isinstance(answer, list) else str(answer)
