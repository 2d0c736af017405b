"""The commands on a case, and the personal data they carry sealed."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.commands.base import Command, Confidential, LongText, ShortText
from shared.events import CaseKind, Code, Lane

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
    """Set by the gateway from the service's danger flag and `flags`; intake computes it again."""
    flags: tuple[Code, ...] = Field(default=(), max_length=8)
    cc: tuple[Code, ...] = Field(default=(), max_length=10)
    share_constituent: bool = False
    """True: cc'd colleagues may see who the case is for."""
    on_behalf: Literal["named-constituent", "anonymous", "several-people", "own-observation"] = "own-observation"
    summary: ShortText
    description: LongText
    location: Annotated[Line | None, Confidential()] = None
    constituent: Annotated[Constituent | None, Confidential()] = None


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
