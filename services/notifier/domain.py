"""Decides who is told of what: one notice per (event, recipient, template).

`MATRIX` is the whole rule, and a test compares it with the council's notification matrix. A notice holds ids, codes and
dates only, never a name, an address or a word somebody wrote.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, PlainSerializer

from shared.council import Directory
from shared.events import (
    CaseAcknowledged,
    CaseAnswered,
    CaseAutocloseExtended,
    CaseAutocloseWarned,
    CaseCcAdded,
    CaseCcRemoved,
    CaseClosed,
    CaseCommitted,
    CaseCompleted,
    CaseEvent,
    CaseKind,
    CaseOverdue,
    CaseProgressed,
    CaseRaised,
    CaseRouted,
    CaseTriageNeeded,
    ClockKind,
    Code,
    Lane,
    Moment,
    NoticeFailed,
    NoticeInDoubt,
    NoticeSent,
)
from shared.plumbing.handling import Entry

Role = Literal["owner", "cc", "colleague", "secretary", "team", "duty", "triage"]
"""What makes somebody a recipient: `colleague` is the one just copied in, `duty` a team's inbox that is always read."""

Status = Literal["queued", "sending", "handed_over", "sent", "failed", "in_doubt"]
"""queued -> sending -> handed_over -> sent, failed or in_doubt; a delay leads from any of the middle back to queued."""

End: TypeAlias = NoticeSent | NoticeFailed | NoticeInDoubt

Day = Annotated[date, PlainSerializer(date.isoformat)]
"""A local day, stored as its ISO text."""

TEAM = "team:"
DUTY = "duty:"
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""A notice not yet tried is due since ever: its handler is told business time, the claim loop lives in real time."""


class Told(NamedTuple):
    """A row of the matrix: what the mail is, and who gets it."""

    what: str
    whom: tuple[Role, ...]


NOBODY = Told("", ())

MATRIX: Mapping[type[CaseEvent], Told] = MappingProxyType(
    {
        CaseRaised: Told("receipt", ("owner", "cc", "secretary")),
        CaseRouted: Told("new-case", ("team", "duty")),
        CaseTriageNeeded: Told("triage", ("triage", "duty")),
        CaseAcknowledged: Told("acknowledged", ("owner", "secretary")),
        CaseProgressed: Told("progress", ("owner", "cc", "secretary")),
        CaseCommitted: Told("commitment", ("owner", "cc", "secretary", "team")),
        CaseAnswered: Told("answer", ("owner", "cc", "secretary")),
        CaseCompleted: Told("completion", ("owner", "cc", "secretary")),
        CaseAutocloseExtended: NOBODY,  # the owner did it, and nobody else has to act
        CaseAutocloseWarned: Told("autoclose-warning", ("owner", "secretary")),
        CaseOverdue: Told("overdue", ("owner", "secretary", "team", "triage", "duty")),
        CaseCcAdded: Told("copied-in", ("colleague",)),
        CaseCcRemoved: NOBODY,  # removal ends the notices
        CaseClosed: Told("closed", ("owner", "cc", "secretary", "team")),
    }
)
"""Who is told of which fact (domain 2.7). `triage` is told instead of `team` while the case waits in triage. `duty` is
told of danger only, cases on the urgent lane, and where the team has a duty inbox of its own: nobody is told twice."""

_WORDING: Mapping[Role, str] = MappingProxyType(
    {
        "owner": "owner",
        "secretary": "owner",
        "cc": "cc",
        "colleague": "cc",
        "team": "team",
        "triage": "team",
        "duty": "duty",
    }
)
"""Which wording a role reads: the owner and a colleague are told differently."""


class PublicFacts(BaseModel):
    """All that a mail may say about a case beyond its service and ward. Nothing here can hold free text."""

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
    """Why it was closed or completed."""
    outcome: Code | None = None
    rule: Code | None = None
    """The routing rule that named the team."""


class Notice(Entry):
    """Something one recipient is told about one event, and how far the telling has come."""

    # Tolerant to read: during a deployment a newer process may have stored more.
    model_config = ConfigDict(frozen=True, extra="ignore")

    event: Code
    case: Code
    caseseq: int
    correlation: str
    reference: Code
    recipient: Code
    """A person, `team:<id>`, or `duty:<team id>`; never an address."""
    role: Role
    template: Code
    lane: Lane
    service: Code
    ward: Code
    facts: PublicFacts
    status: Status = "queued"
    attempts: int = 0
    """How often the mail server has been asked to take it, without an end."""
    next_at: datetime = AT_ONCE
    """Real time before which it is not tried."""
    claimed_by: str = ""
    claimed_until: datetime = AT_ONCE
    reason: str = ""
    """Why the last attempt did not succeed, as a code."""


def notice_id(event_id: str, recipient: str, template: str) -> str:
    """Give the id under which this recipient is told of this event by this template, once and for all."""
    return hashlib.sha256(f"{event_id}|{recipient}|{template}".encode()).hexdigest()


def notices_for(
    event: CaseEvent, *, event_id: str, caseseq: int, correlation: str, directory: Directory
) -> list[Notice]:
    """List the notices of an event, after `MATRIX`."""
    case, row = event.case, MATRIX[type(event)]
    facts = _facts(event)
    notices: dict[str, Notice] = {}
    for role in row.whom:
        template = f"{row.what}-{_WORDING[role]}"
        for recipient in _recipients(role, event, directory):
            identity = notice_id(event_id, recipient, template)
            notices.setdefault(
                identity,
                Notice(
                    id=identity,
                    event=event_id,
                    case=case.id,
                    caseseq=caseseq,
                    correlation=correlation,
                    reference=case.reference,
                    recipient=recipient,
                    role=role,
                    template=template,
                    lane=case.lane,
                    service=case.service,
                    ward=case.ward,
                    facts=facts,
                ),
            )
    return list(notices.values())


def _recipients(role: Role, event: CaseEvent, directory: Directory) -> tuple[str, ...]:
    case = event.case
    found: tuple[str, ...] = ()
    match role:
        case "owner":
            found = (case.owner,)
        case "cc":
            found = case.cc
        case "colleague" if isinstance(event, CaseCcAdded):
            found = (event.person,)
        case "secretary" if case.secretary and case.capacity == "cabinet":
            found = (case.secretary,)
        case "team" | "triage" if (role == "triage") == (case.state == "triage"):
            found = (TEAM + _holder(event, directory),)
        case "duty" if case.lane == "urgent" and _has_own_duty_inbox(_holder(event, directory), directory):
            found = (DUTY + _holder(event, directory),)
    return found


def _has_own_duty_inbox(team_id: str, directory: Directory) -> bool:
    team = directory.team(team_id)
    return bool(team and team.duty_inbox and team.duty_inbox.casefold() != team.inbox.casefold())


def _holder(event: CaseEvent, directory: Directory) -> str:
    """Name the team that has the case in its hands; without one it lies with the triage team."""
    if isinstance(event, CaseRouted):
        return event.team
    if isinstance(event, CaseTriageNeeded) or event.case.team is None:
        return directory.triage_team().id
    return event.case.team


def _facts(event: CaseEvent) -> PublicFacts:
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
        case CaseAcknowledged():
            more = {"team": event.team}
        case CaseCommitted():
            more = {"promised": event.promised, "not_before": event.not_before}
        case CaseAutocloseWarned():
            more = {"closes_at": event.closes_at}
        case CaseOverdue():
            more = {"overdue": event.clock, "overdue_since": event.due}
        case CaseCompleted():
            more = {"reason": event.reason}
        case CaseClosed():
            more = {"reason": event.reason, "outcome": event.outcome}
    return facts.model_copy(update=more)


_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def is_address(text: str) -> bool:
    """Say whether a text is one plain e-mail address and nothing else."""
    return _ADDRESS.fullmatch(text) is not None


FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=15)
GIVEN_UP_AFTER = timedelta(hours=72)


def pause_after(attempts: int) -> timedelta:
    """Give the time to wait after so many attempts: 5 s, doubled each time, at most 15 minutes."""
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 20)), LONGEST_PAUSE)


def is_given_up(created: datetime, now: datetime) -> bool:
    """Say whether a notice that cannot be delivered has been tried long enough: 72 hours."""
    return now - created >= GIVEN_UP_AFTER


def sent(notice: Notice, at: datetime) -> NoticeSent:
    """State that the mail server has taken the mail."""
    return NoticeSent(
        at=at,
        notice=notice.id,
        recipient=notice.recipient,
        template=notice.template,
        lane=notice.lane,
        service=notice.service,
        ward=notice.ward,
    )


def failed(notice: Notice, at: datetime, reason: str) -> NoticeFailed:
    """State that the mail will never be delivered, and why, as a code."""
    return NoticeFailed(
        at=at,
        notice=notice.id,
        recipient=notice.recipient,
        template=notice.template,
        lane=notice.lane,
        service=notice.service,
        ward=notice.ward,
        reason=reason,
    )


def in_doubt(notice: Notice, at: datetime) -> NoticeInDoubt:
    """State that nobody knows whether the mail server has the mail."""
    return NoticeInDoubt(
        at=at,
        notice=notice.id,
        recipient=notice.recipient,
        template=notice.template,
        lane=notice.lane,
        service=notice.service,
        ward=notice.ward,
    )
