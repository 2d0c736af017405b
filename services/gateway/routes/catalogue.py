"""What the gateway says of a service: what will be asked, what happens next and by when, and how much it weighs."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field

from services.gateway.domain import in_words
from services.gateway.schemas import FlagOut, FoundBy, ServiceOut
from shared.council import Directory, Form, ServiceType
from shared.council.answers import date_bounds
from shared.council.finding import Hit
from shared.council.forms import AnyQuestion, ChoiceQuestion, DateQuestion, FileQuestion, TextQuestion


class OptionOut(BaseModel):
    """One answer a choice offers."""

    code: str
    label: str


class QuestionOut(BaseModel):
    """A question of a form, with what bounds its answer."""

    id: str
    type: Literal["text", "choice", "date", "location", "person", "file"]
    label: str
    help: str | None = None
    required: bool = False
    """Where `when` is given: only while it is asked."""
    when: dict[str, tuple[str, ...]] = {}
    """Asked only if each question named here was answered with one of these codes. Not asked, it must be left out."""
    private: bool = False
    """True: a colleague in cc reads the answer only if the owner shares who the resident is."""
    options: tuple[OptionOut, ...] | None = None
    multiple: bool | None = None
    max_length: int | None = None
    earliest: date | None = None
    latest: date | None = None
    max_files: int | None = None


class NoticeOut(BaseModel):
    """A text to show with the form, always or while `when` holds. It stops nothing."""

    kind: Literal["info", "warning", "emergency"]
    text: str
    when: dict[str, tuple[str, ...]] = {}


class StopOut(BaseModel):
    """Answers with which the form cannot be sent, and what to do instead."""

    when: dict[str, tuple[str, ...]]
    message: str


class FormOut(BaseModel):
    """What a service asks. Send the answers as `form` and `version` as `form_version` when raising the case."""

    version: str
    """Digest of what is asked: it changes when, and only when, that does."""
    answers_schema: dict[str, Any] = Field(examples=[{"type": "object", "properties": {}}])
    """JSON Schema (draft 2020-12) the answers are validated by; the bounds of dates are not in it."""
    questions: tuple[QuestionOut, ...]
    notices: tuple[NoticeOut, ...]
    stops: tuple[StopOut, ...]


class TargetsOut(BaseModel):
    """The time the council allows itself, in words; a flag may shorten it."""

    acknowledge: str | None
    answer: str | None
    closes: str | None
    """When it closes by itself."""


class ImpactOut(BaseModel):
    """How much a case may weigh for those concerned."""

    code: str
    label: str
    definition: str
    notice: str | None
    """To be shown first."""


class ServiceDetailOut(ServiceOut):
    """A service with all that is to be known before raising a case."""

    next_steps: str | None
    """What happens after it has been raised."""
    targets: TargetsOut
    form: FormOut | None
    impacts: tuple[ImpactOut, ...]


def service_out(service: ServiceType, hit: Hit | None = None) -> ServiceOut:
    """Describe a service, and why it was found."""
    found = None if hit is None or hit.matched == "listed" else FoundBy(by=hit.matched, text=hit.text)
    return ServiceOut(
        code=service.code,
        name=service.name,
        kind=service.kind,
        synonyms=service.synonyms,
        lgsl=service.lgsl,
        acknowledge=service.acknowledge,
        answer=service.answer,
        autoclose_days=service.autoclose_days,
        danger=service.danger,
        location_required=service.location_required,
        triage=service.triage,
        signpost=service.signpost,
        flags=tuple(FlagOut(code=flag.code, label=flag.label, danger=flag.danger) for flag in service.flags),
        found=found,
    )


def service_detail(service: ServiceType, directory: Directory, today: date) -> ServiceDetailOut:
    """Describe a service with its form as it is to be filled in today."""
    return ServiceDetailOut(
        **dict(service_out(service)),
        next_steps=service.next_steps,
        targets=_targets(service),
        form=_form(service.form, directory, today) if service.form else None,
        impacts=tuple(
            ImpactOut(code=each.code, label=each.label, definition=each.definition, notice=each.notice)
            for each in directory.council.impacts
        )
        if service.kind != "signpost"
        else (),
    )


def _targets(service: ServiceType) -> TargetsOut:
    if service.kind == "signpost":
        return TargetsOut(acknowledge=None, answer=None, closes=None)
    done = "answered" if service.kind == "case" else "completed"
    taken_on = f"It should be taken on within {in_words(service.acknowledge)}." if service.acknowledge else None
    finished = f"It should be {done} within {in_words(service.answer)}." if service.answer else None
    after = f"{service.autoclose_days}wd" if service.autoclose_days and not service.danger else None
    closes = f"It closes by itself {in_words(after)} after it was {done}." if after else "It does not close by itself."
    return TargetsOut(acknowledge=taken_on, answer=finished, closes=closes)


def _form(form: Form, directory: Directory, today: date) -> FormOut:
    return FormOut(
        version=form.digest(),
        answers_schema=form.json_schema(),
        questions=tuple(_question(question, directory, today) for question in form.questions),
        notices=tuple(NoticeOut(kind=each.kind, text=each.text, when=dict(each.when)) for each in form.notices),
        stops=tuple(StopOut(message=each.message, when=dict(each.when)) for each in form.stops),
    )


def _question(question: AnyQuestion, directory: Directory, today: date) -> QuestionOut:
    bounds: dict[str, Any] = {}
    match question:
        case TextQuestion():
            bounds = {"max_length": question.max_length}
        case ChoiceQuestion():
            options = tuple(OptionOut(code=option.code, label=option.label) for option in question.options)
            bounds = {"options": options, "multiple": question.multiple}
        case DateQuestion():
            earliest, latest = date_bounds(question, today, directory.calendar)
            bounds = {"earliest": None if earliest == date.min else earliest}
            bounds["latest"] = None if latest == date.max else latest
        case FileQuestion():
            bounds = {"max_files": question.max_files}
    return QuestionOut(
        id=question.id,
        type=question.type,
        label=question.label,
        help=question.help,
        required=question.required,
        when=dict(question.when),
        private=question.private,
        **bounds,
    )
