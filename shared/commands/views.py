"""What intake answers: a case as one person may see it. Views travel sealed, and reach the person through HTTP."""

from typing import Any, Literal

from shared.commands.base import Answered, Refusal
from shared.commands.case import Constituent
from shared.events import Capacity, CaseKind, Clock, Code, Impact, Lane, Moment, State


class EventView(Answered):
    """One fact of a case: its public data, and the words that belong to it if this person may read them."""

    id: Code
    seq: int
    type: Code
    at: Moment
    actor: str
    on_behalf_of: str | None = None
    data: dict[str, Any]
    """The event as subscribers get it."""
    text: dict[str, str] | None = None


class RefusedCommand(Answered):
    """A command of this person that was refused in the last 30 days."""

    id: Code
    """The command's id."""
    command: str
    at: Moment
    refusal: Refusal


class CaseSummary(Answered):
    """A case as it stands in a list."""

    reference: Code
    kind: CaseKind
    status: State
    service: Code
    ward: Code
    lane: Lane
    team: Code | None
    owner: Code
    level: int
    summary: str | None
    raised_at: Moment
    updated_at: Moment
    due: Moment | None
    """The next deadline of any running clock."""
    relation: Literal["owner", "cc", "officer", "offered"]
    """`offered`: the person may take it over."""


class AnswerView(Answered):
    """What was answered to one question of a form."""

    question: Code
    label: str
    """The question as it was asked."""
    answer: Any
    said: str
    """The answer in words."""


class FormView(Answered):
    """The form of the service as it was filled in, as far as this person may see it."""

    version: Code
    """Digest of the form."""
    answers: tuple[AnswerView, ...]


class TaskView(Answered):
    """The part of a case that one team has to do."""

    number: int
    """0: the part of the team that has the case."""
    team: Code
    team_name: str
    done: bool
    due: Moment | None = None
    """None where it is done, and for the part of the team that has the case."""


class CaseView(Answered):
    """A case as this person may see it."""

    reference: Code
    id: Code
    version: int
    kind: CaseKind
    status: State
    sentence: str
    """Where it is, who has it, what happens next."""
    service: Code
    service_name: str
    ward: Code
    ward_name: str
    lane: Lane
    level: int
    capacity: Capacity
    portfolio: Code | None = None
    impact: Impact = "routine"
    council_version: int = 0
    """Number of the council data it was raised under."""
    owner: Code
    owner_name: str
    cc: tuple[Code, ...]
    team: Code | None
    team_name: str | None
    routed_by: str | None
    """Why it came here: the rule and its version, in a sentence."""
    clocks: tuple[Clock, ...]
    tasks: tuple[TaskView, ...] = ()
    """The parts of several teams, where there are any; the case is answered when all are done."""
    promised: str | None
    keep_open_until: str | None
    raised_at: Moment
    updated_at: Moment
    summary: str | None
    description: str | None
    location: str | None
    constituent: Constituent | None
    form: FormView | None = None
    commands: tuple[str, ...]
    """What this person may do now: exactly the commands that would be accepted."""
    history: tuple[EventView, ...]
    refused: tuple[RefusedCommand, ...] = ()


class RefusedCase(Answered):
    """A request to raise a case that was refused; kept for 30 days."""

    reference: Code
    status: Literal["refused"] = "refused"
    refusal: Refusal
    at: Moment


class CommandReply(Answered):
    """What became of a command."""

    outcome: Literal["accepted", "refused"]
    repeated: bool
    """True: this command had been decided before; the view is the current one."""
    refusal: Refusal | None = None
    view: CaseView | None = None


class CaseReply(Answered):
    """The answer to GetCase: the view, or the refused request, or neither where the person may not know."""

    view: CaseView | None = None
    refused: RefusedCase | None = None
    decided: tuple[Code, ...] = ()
    """Those of the asked command ids that have been decided."""


class CasesReply(Answered):
    """The answer to ListCases."""

    cases: tuple[CaseSummary, ...]
    next: Code | None = None
    total: int


class EventsReply(Answered):
    """The answer to GetEvents; `found` is False where the person may not know the case."""

    found: bool
    events: tuple[EventView, ...] = ()
    last: int = 0
    """`caseseq` of the newest fact."""
