"""The commands on a case, and the personal data they carry sealed."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.commands.base import Command, Confidential, LongText, ShortText
from shared.events import Capacity, CaseKind, Code, Impact, Lane

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")
]


class Constituent(BaseModel):
    """The resident a case is for. Optional in law and practice; if given, on what authority."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    name: Line
    authority: Literal["constituent-asked", "acting-with-authority", "no-personal-data"]
    email: Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None
    phone: Line | None = None
    address: Line | None = None


class RaiseCase(Command, name="raise"):
    """Raise a case for a resident (`case`), or report a problem (`report`)."""

    kind: CaseKind
    service: Code
    ward: Code
    lane: Lane = "normal"
    """Set by the gateway from the service's danger, `flags` and `impact`; intake computes it again."""
    impact: Impact = "routine"
    capacity: Capacity = "ward"
    portfolio: Code | None = None
    """Of cabinet business: which of the councillor's portfolios; may be left out where there is one."""
    flags: tuple[Code, ...] = Field(default=(), max_length=8)
    cc: tuple[Code, ...] = Field(default=(), max_length=10)
    share_constituent: bool = False
    """True: cc'd colleagues may see who the case is for."""
    on_behalf: Literal["named-constituent", "anonymous", "several-people", "own-observation"] = "own-observation"
    summary: ShortText
    description: LongText
    location: Annotated[Line | None, Confidential()] = None
    constituent: Annotated[Constituent | None, Confidential()] = None
    form: Annotated[dict[str, Any] | None, Confidential()] = None
    """Answers to the questions of the service, by the id of the question."""
    form_version: Code | None = None
    """Digest of the form that was filled in."""


class Acknowledge(Command, name="acknowledge"):
    """The team takes the case on."""


class AddProgress(Command, name="add-progress"):
    """The team tells the councillor how it stands."""

    text: LongText


class Commit(Command, name="commit"):
    """The team promises a date, or a range that ends on it."""

    promised: date
    not_before: date | None = None
    text: LongText


class Answer(Command, name="answer"):
    """The team gives its final response to a case."""

    text: LongText


class Complete(Command, name="complete"):
    """The team says the reported job is done."""

    reason: Literal["done", "made-safe", "nothing-found", "not-council", "duplicate"] = "done"
    text: Annotated[str | None, Confidential(), StringConstraints(max_length=10_000)] = None


class Accept(Command, name="accept"):
    """The councillor accepts the response or the completion, and closes."""

    outcome: Literal["resolved", "partly", "explained", "not-council", "commitment-kept", "withdrawn", "duplicate"] = (
        "resolved"
    )


class ExtendAutoClose(Command, name="extend-auto-close"):
    """The councillor keeps the case open until a later day, or five working days beyond the promise."""

    until: date | None = None
    to_commitment: bool = False
    reason: LongText


class AddCc(Command, name="add-cc"):
    """The councillor lets a fellow ward councillor follow the case."""

    person: Code


class RemoveCc(Command, name="remove-cc"):
    """The councillor ends a colleague's following, or the colleague leaves."""

    person: Code


class ReturnCase(Command, name="return"):
    """The team gives the case back as misrouted, with a reason of the council's list."""

    reason: Code
    suggestion: Code | None = None
    """The team that should have it."""
    text: LongText


class Assign(Command, name="assign"):
    """Democratic Services give the case to a team: from triage, or from another team."""

    team: Code
    restart_clock: bool = False
    """True: the time to answer counts from now."""
    text: LongText


class OpenTask(Command, name="open-task"):
    """The team that has the case gives a part of it to another team."""

    team: Code
    days: Annotated[int, Field(ge=1, le=260)] | None = None
    """Working days for the part; None: the time of the service."""
    text: LongText


class AnswerTask(Command, name="answer-task"):
    """A team says that its part is done, and what came of it."""

    number: Annotated[int, Field(ge=1, le=99)]
    text: LongText


Consent = Literal["constituent-agrees", "no-constituent", "not-yet-asked"]
"""Whether the resident agrees that another councillor goes on; without it, who it is stays hidden from that one."""


class TakeOver(Command, name="take-over"):
    """A councillor to whom the case was offered takes it over."""

    consent: Consent = "not-yet-asked"


class TransferOwner(Command, name="transfer-owner"):
    """Democratic Services give the case to another serving councillor."""

    person: Code
    consent: Consent = "not-yet-asked"
    text: LongText
