"""What one recipient is told about one event: one notice per (event, recipient, template, channel)."""

import hashlib
import re
from datetime import UTC, date, datetime
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, PlainSerializer

from services.notifier.domain.matrix import MATRIX, WORDING, Channel, Role
from shared.council import Directory
from shared.events import (
    CaseAcknowledged,
    CaseAlerted,
    CaseAssigned,
    CaseAutocloseWarned,
    CaseCcAdded,
    CaseClosed,
    CaseCommitted,
    CaseCompleted,
    CaseEvent,
    CaseHandoverOffered,
    CaseKind,
    CaseOverdue,
    CaseOwnerChanged,
    CaseRouted,
    CaseTaskAnswered,
    CaseTaskOpened,
    CaseTriageNeeded,
    ClockKind,
    Code,
    Lane,
    Moment,
)
from shared.plumbing.handling import Entry

Status = Literal["queued", "sending", "handed_over", "sent", "failed", "in_doubt"]
"""queued -> sending -> handed_over -> sent, failed or in_doubt; a delay leads from any of the middle back to queued."""

Why = Literal["new-danger", "unacknowledged"]
"""Why somebody is called: a danger has come, or nobody has taken it on."""

Day = Annotated[date, PlainSerializer(date.isoformat)]
"""A local day, stored as its ISO text."""

TEAM = "team:"
DUTY = "duty:"
ON_CALL = "call:"
"""Whoever is on duty in a team, where no officer is named."""
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""A notice not yet tried is due since ever: its handler is told business time, the claim loop lives in real time."""
_CALL = "call-"


class PublicFacts(BaseModel):
    """All that a notice may say about a case beyond its service and ward. Nothing here can hold free text."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: CaseKind
    owner: Code
    team: Code | None = None
    acknowledge_by: Moment | None = None
    answer_by: Moment | None = None
    closes_at: Moment | None = None
    promised: Day | None = None
    not_before: Day | None = None
    overdue: ClockKind | None = None
    overdue_since: Moment | None = None
    reason: Code | None = None
    """Why it was closed or completed, or why somebody else gets it."""
    outcome: Code | None = None
    rule: Code | None = None
    """The routing rule that named the team."""
    former_team: Code | None = None
    former_owner: Code | None = None
    part_team: Code | None = None
    """The team with a part of the case."""
    part_by: Moment | None = None
    officer: Code | None = None
    """Who is called."""
    level: int = 0
    """How far up the team's escalation the one who is called stands; 0: whoever is on duty."""
    round: int = 0
    """How often it has been called out again."""


class Notice(Entry):
    """Something one recipient is told about one event, and how far the telling has come."""

    # Tolerant to read: during a deployment a newer process may have stored more.
    model_config = ConfigDict(frozen=True, extra="ignore")

    event: Code
    case: Code
    caseseq: int
    correlation: str
    reference: Code
    channel: Channel = "mail"
    recipient: Code
    """A person, `team:<id>`, `duty:<team id>` or `call:<team id>`; never an address."""
    role: Role
    template: Code
    """Which mail, e.g. `receipt-owner`; of a call `call-` and why."""
    lane: Lane
    service: Code
    ward: Code
    facts: PublicFacts
    at: Moment | None = None
    """Business time of the event: the council's own words of that day are used. None: noted by an older version."""
    status: Status = "queued"
    attempts: int = 0
    """How often it has been offered, without an end."""
    next_at: datetime = AT_ONCE
    """Real time before which it is not tried."""
    claimed_by: str = ""
    claimed_until: datetime = AT_ONCE
    reason: str = ""
    """Why the last attempt did not succeed, as a code."""


def notice_id(event_id: str, recipient: str, template: str, channel: Channel = "mail") -> str:
    """Give the id under which this recipient is told of this event by this template and channel, once and for all."""
    # A mail's id says nothing of the channel: older versions knew only mails, and an event may come again after them.
    parts = [event_id, recipient, template] + ([] if channel == "mail" else [channel])
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def notices_for(
    event: CaseEvent, *, event_id: str, caseseq: int, correlation: str, directory: Directory
) -> list[Notice]:
    """List the notices of an event, after `MATRIX`."""
    case, row = event.case, MATRIX[type(event)]
    facts = _facts(event)
    notices: dict[str, Notice] = {}
    for role in row.whom:
        channel: Channel = "call" if role == "call" else "mail"
        template = _call_of(event) if role == "call" else f"{row.what}-{WORDING[role]}"
        said = _called_out(facts, event, directory) if role == "call" else facts
        for recipient in _recipients(role, event, directory):
            identity = notice_id(event_id, recipient, template, channel)
            notices.setdefault(
                identity,
                Notice(
                    id=identity,
                    event=event_id,
                    case=case.id,
                    caseseq=caseseq,
                    correlation=correlation,
                    reference=case.reference,
                    channel=channel,
                    recipient=recipient,
                    role=role,
                    template=template,
                    lane=case.lane,
                    service=case.service,
                    ward=case.ward,
                    facts=said,
                    at=event.at,
                ),
            )
    return list(notices.values())


def why_called(notice: Notice) -> Why:
    """Give why a call is made.

    Raises:
        ValueError: it is no call, or one that only a newer version knows.
    """
    for why in get_args(Why):
        if notice.template == _CALL + why:
            found: Why = why
            return found
    raise ValueError(f"{notice.template} is no call this version knows")


def _recipients(role: Role, event: CaseEvent, directory: Directory) -> tuple[str, ...]:  # noqa: C901  a case for each role
    case = event.case
    found: tuple[str, ...] = ()
    match role:
        case "owner" if _may_know(case.owner, event, directory):
            found = (case.owner,)
        case "cc":
            found = tuple(person for person in case.cc if _is_in_office(person, event, directory))
        case "colleague" if isinstance(event, CaseCcAdded):
            found = (event.person,)
        case "secretary" if case.secretary and case.capacity == "cabinet":
            found = (case.secretary,)
        case "team" | "triage" if (role == "triage") == (case.state == "triage") and _asks_the_holder(event):
            found = (TEAM + _holder(event, directory),)
        case "partner" if not isinstance(event, CaseOverdue) or _late_part(event):
            found = (TEAM + _holder(event, directory),)
        case "desk":
            found = (TEAM + directory.triage_team().id,)
        case "duty" if _is_danger(event):
            found = _duty_inbox(event, directory)
        case "call" if _is_danger(event):
            found = (_officer(event, directory) or ON_CALL + _holder(event, directory),)
        case "offered" if isinstance(event, CaseHandoverOffered):
            found = tuple(person for person in event.to if person != case.owner)
        case "former" if isinstance(event, CaseOwnerChanged) and _can_be_told(event, directory):
            found = (event.former,)
    return found


def _late_part(event: CaseEvent) -> str | None:
    """Name the team whose part of the case is late, if that is what the event says."""
    if not isinstance(event, CaseOverdue) or event.number is None:
        return None
    return next((task.team for task in event.case.tasks if task.number == event.number), None)


def _may_know(owner: str, event: CaseEvent, directory: Directory) -> bool:
    """Say whether the owner can still act: whoever has left is out of the case, and is told no more of it.

    Of cabinet business that is so, too, once the portfolio has moved.
    """
    case, on = event.case, directory.calendar.local_date(event.at)
    has_it = case.portfolio is None or case.portfolio in directory.portfolios_of(owner, on)
    return has_it and _is_in_office(owner, event, directory)


def _is_in_office(person: str, event: CaseEvent, directory: Directory) -> bool:
    """Say whether a councillor holds a seat; of one that is not known here yet nobody can say that it is over."""
    unknown = directory.councillor(person) is None
    return unknown or directory.serving(person, directory.calendar.local_date(event.at))


def _asks_the_holder(event: CaseEvent) -> bool:
    """Say whether the team that leads is told: of what others have done, not of its own part or of what they owe."""
    if isinstance(event, CaseTaskAnswered):
        return event.number > 0 and event.team != event.case.team
    return _late_part(event) is None


def _can_be_told(event: CaseOwnerChanged, directory: Directory) -> bool:
    return event.former != event.case.owner and directory.address_of(event.former) is not None


def _is_danger(event: CaseEvent) -> bool:
    return event.case.lane == "urgent" or isinstance(event, CaseAlerted)


def _duty_inbox(event: CaseEvent, directory: Directory) -> tuple[str, ...]:
    """Find the inbox that is always read. A team without one reads of danger in its own, where it is told already."""
    team_id = _holder(event, directory)
    team = directory.team(team_id)
    if team and team.duty_inbox and team.duty_inbox.casefold() != team.inbox.casefold():
        return (DUTY + team_id,)
    return (TEAM + team_id,) if isinstance(event, CaseAlerted) else ()


def _holder(event: CaseEvent, directory: Directory) -> str:
    """Name the team whose turn it is after the event; without one the case lies with the triage team."""
    if part := _late_part(event):
        return part
    match event:
        case CaseRouted() | CaseAssigned() | CaseTaskOpened() | CaseAlerted():
            return event.team
        case _ if isinstance(event, CaseTriageNeeded) or event.case.team is None:
            return directory.triage_team().id
        case _:
            return event.case.team


def _officer(event: CaseEvent, directory: Directory) -> str | None:
    """Name the officer to call: as the event says, else who is on the team's duty rota at that moment."""
    if isinstance(event, CaseAlerted):
        return event.officer
    if isinstance(event, CaseRouted) and event.duty:
        return event.duty
    turn = directory.duty(_holder(event, directory), event.at)
    return turn.officer if turn else None


def _call_of(event: CaseEvent) -> str:
    why: Why = "unacknowledged" if isinstance(event, CaseAlerted) else "new-danger"
    return _CALL + why


def _called_out(facts: PublicFacts, event: CaseEvent, directory: Directory) -> PublicFacts:
    return facts.model_copy(update={"team": _holder(event, directory), "officer": _officer(event, directory)})


def _facts(event: CaseEvent) -> PublicFacts:  # noqa: C901, PLR0912  a case for each fact that says more than its case
    case = event.case
    due = {kind: clock.due if (clock := case.clock(kind)) else None for kind in ("acknowledge", "answer", "autoclose")}
    facts = PublicFacts(
        kind=case.kind,
        owner=case.owner,
        team=case.team,
        acknowledge_by=due["acknowledge"],
        answer_by=due["answer"],
        closes_at=due["autoclose"],
    )
    more: dict[str, object] = {}
    match event:
        case CaseRouted():
            more = {"team": event.team, "rule": event.rule}
        case CaseAssigned():
            more = {"team": event.team, "former_team": event.former}
        case CaseTaskOpened():
            more = {"part_team": event.team, "part_by": event.due}
        case CaseTaskAnswered():
            more = {"part_team": event.team}
        case CaseAlerted():
            more = {"team": event.team, "officer": event.officer, "level": event.level, "round": event.round}
        case CaseHandoverOffered():
            more = {"reason": event.reason}
        case CaseOwnerChanged():
            more = {"former_owner": event.former, "reason": event.reason}
        case CaseAcknowledged():
            more = {"team": event.team}
        case CaseCommitted():
            more = {"promised": event.promised, "not_before": event.not_before}
        case CaseAutocloseWarned():
            more = {"closes_at": event.closes_at}
        case CaseOverdue():
            more = {"overdue": event.clock, "overdue_since": event.due, "part_team": _late_part(event)}
        case CaseCompleted():
            more = {"reason": event.reason}
        case CaseClosed():
            more = {"reason": event.reason, "outcome": event.outcome}
    return facts.model_copy(update=more)


_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def is_address(text: str) -> bool:
    """Say whether a text is one plain e-mail address and nothing else."""
    return _ADDRESS.fullmatch(text) is not None
