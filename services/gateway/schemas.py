"""What people send and get over HTTP: one closed model for each body.

No model here has a field that decides who acts, when, or by which lane: those come from the token, the clock and the
council. A body with a field that is not listed is refused.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints

from shared.commands import CaseView, Refusal
from shared.events import Capacity, CaseKind, Code, Impact

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _written_day(value: object) -> object:
    """Take a day only as it is written in ISO 8601: a bare number would be read as seconds since 1970."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        return value
    raise ValueError("write the day as YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_written_day), Field(examples=["2026-12-04"])]
Line = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
    ),
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]


class Sent(BaseModel):
    """Base of every body: closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ConstituentIn(Sent):
    """The resident a case is for, and on what authority the councillor acts."""

    name: Line
    authority: Literal["constituent-asked", "acting-with-authority", "no-personal-data"]
    email: Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None
    phone: Line | None = None
    address: Line | None = None


class RaiseCaseIn(Sent):
    """Raise a case for a resident (`case`), or report a problem (`report`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "case",
                    "service": "damp-and-mould",
                    "ward": "abbey",
                    "cc": ["cllr-example"],
                    "on_behalf": "named-constituent",
                    "summary": "Damp in the back bedroom",
                    "description": "The wall has been wet since the gutter broke. Two children sleep in the room.",
                    "constituent": {"name": "Robin Example", "authority": "constituent-asked"},
                    "form": {"rooms": ["bedroom"], "landlord": "council"},
                    "form_version": "form-3b1f0c9a7e52",
                },
            ],
        },
    )

    kind: CaseKind
    service: Code
    ward: Code
    impact: Impact = "routine"
    """How much it weighs for those concerned; `safeguarding` and `danger` go by the urgent lane."""
    capacity: Capacity = "ward"
    """`cabinet`: business of a portfolio the councillor holds."""
    portfolio: Code | None = None
    """Of cabinet business: which portfolio; may be left out where the councillor holds one."""
    flags: Annotated[tuple[Code, ...], Field(max_length=8)] = ()
    cc: Annotated[tuple[Code, ...], Field(max_length=10)] = ()
    share_constituent: StrictBool = False
    """True: colleagues in `cc` may see who the case is for."""
    on_behalf: Literal["named-constituent", "anonymous", "several-people", "own-observation"] = "own-observation"
    summary: Line
    description: Text
    location: Line | None = None
    constituent: ConstituentIn | None = None
    form: dict[str, Any] | None = None
    """Answers to the questions of the service, by the id of the question; see `GET /v1/services/{code}`."""
    form_version: Code | None = None
    """`version` of the form that was filled in."""


class AcknowledgeIn(Sent):
    """Nothing needs to be said; an empty body will do."""


class TextIn(Sent):
    """What the team tells the councillor."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "A surveyor has been asked to visit."}]})

    text: Text


class CommitIn(Sent):
    """A promise: the day by which it will be done, or a range of days."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"promised": "2026-12-18", "text": "The gutter will be renewed."}]}
    )

    promised: Day
    not_before: Day | None = None
    text: Text


class CompleteIn(Sent):
    """The reported job is done, or why there is nothing to do."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "done", "text": "Removed this morning."}]})

    reason: Literal["done", "made-safe", "nothing-found", "not-council", "duplicate"] = "done"
    text: Text | None = None


class AcceptIn(Sent):
    """The councillor accepts, and the case closes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "resolved"}]})

    outcome: Literal["resolved", "partly", "explained", "not-council", "commitment-kept", "withdrawn", "duplicate"] = (
        "resolved"
    )


class ExtendAutoCloseIn(Sent):
    """Keep the case open until a day, or until five working days after the promised one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"to_commitment": True, "reason": "I want to see the gutter renewed."}]}
    )

    until: Day | None = None
    to_commitment: StrictBool = False
    reason: Text


class PersonIn(Sent):
    """A fellow ward councillor."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"person": "cllr-example"}]})

    person: Code


class FieldProblem(BaseModel):
    """One field that is wrong, and how to put it right. Never what was sent in it."""

    field: str
    problem: str
    fix: str


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:casework:problem:not-yet-answered",
                    "title": "Not possible now",
                    "status": 409,
                    "detail": "The case has not been answered yet: wait for the answer, or add a question.",
                    "code": "not-yet-answered",
                    "instead": ["extend-auto-close"],
                },
            ],
        },
    )

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    instead: tuple[str, ...] | None = None
    """Commands that this person may give now."""
    errors: tuple[FieldProblem, ...] | None = None


class PendingCommandOut(BaseModel):
    """A command that is safe and not decided yet."""

    id: str
    command: str
    at: datetime


class PendingCase(BaseModel):
    """The request is safe; a decision will come, yes or no. Ask the address in `Location` again."""

    reference: Code
    status: Literal["pending"] = "pending"
    pending: tuple[PendingCommandOut, ...] = ()


class RefusedOut(BaseModel):
    """A request to raise a case that was refused; kept for 30 days."""

    reference: Code
    status: Literal["refused"] = "refused"
    at: datetime
    refusal: Refusal


class CaseOut(CaseView):
    """A case as this person may see it, with this person's commands that are still undecided."""

    pending: tuple[PendingCommandOut, ...] = ()


class Done(BaseModel):
    """The command was accepted, and this person can no longer see the case."""

    reference: Code
    status: Literal["done"] = "done"


class FlagOut(BaseModel):
    """Something a councillor may tick when choosing a service."""

    code: str
    label: str
    danger: bool


class FoundBy(BaseModel):
    """Why a service was found: the council's own words that come nearest to those that were asked for."""

    by: Literal["name", "code", "synonym", "flag", "lgsl", "unsure"]
    """`unsure`: it stands for those who find nothing that fits."""
    text: str


class ServiceOut(BaseModel):
    """A service a councillor can choose."""

    code: str
    name: str
    kind: Literal["case", "report", "signpost"]
    synonyms: tuple[str, ...]
    lgsl: int | None
    """Number in the Local Government Services List."""
    acknowledge: str | None
    """Target: `1wd` is one working day."""
    answer: str | None
    autoclose_days: int | None
    danger: bool
    location_required: bool
    triage: bool
    """True: people in Democratic Services decide who answers for it."""
    signpost: str | None
    """Whom to contact, where the council does not answer for it."""
    flags: tuple[FlagOut, ...]
    found: FoundBy | None = None


class ServicesOut(BaseModel):
    """The services that were found, the likeliest first; without a question the whole catalogue."""

    council: str
    version: str
    services: tuple[ServiceOut, ...]


class WardOut(BaseModel):
    """An electoral ward."""

    code: str
    name: str


class TeamOut(BaseModel):
    """A team of the council."""

    id: str
    name: str


class MeOut(BaseModel):
    """Who the bearer of the token is, today."""

    id: str
    name: str
    email: str
    """Where the council writes to this person; empty for a system."""
    kind: Literal["councillor", "officer", "system"]
    roles: tuple[str, ...]
    wards: tuple[WardOut, ...]
    teams: tuple[TeamOut, ...]
    portfolios: tuple[str, ...] = ()
    """Portfolios held today, by their codes."""
    features: tuple[str, ...] = ()
    """What is switched on for this person today; a case keeps what it was raised under."""
    council: str
    today: date
    """Business date."""


class Health(BaseModel):
    """Whether the gateway is alive or ready, and what it lacks."""

    status: Literal["alive", "ready", "not ready"]
    parts: dict[str, str] = {}


class DevelopmentLinks(BaseModel):
    """Where to look in the development profile."""

    gateway: str
    openapi: str
    docs: str
    asyncapi: str
    inbox: str
    issuer: str
    clock: str


class ClockOut(BaseModel):
    """Business time."""

    now: datetime
    today: date


class PeopleOut(BaseModel):
    """Who works in a team."""

    people: tuple[str, ...]
    """Ids of its officers, in alphabetical order."""


class AdvanceIn(Sent):
    """How far to move business time on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"advance": "5wd"}]})

    advance: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}(wd|d|h|m|s)$")]


class TokenIn(Sent):
    """Whose token the development issuer is asked for."""

    sub: Code


JsonDocument = dict[str, Any] | list[Any]
