"""A case as one person may see it: the view, the line in a list, the facts.

Who the constituent is reaches the owner and the teams; a cc'd colleague only if the owner shared it. Democratic
Services know every case, and read what was written only while they have to place it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from services.intake.domain import words
from services.intake.domain.case import Case
from services.intake.domain.forms import TEXT as FORM
from services.intake.domain.forms import form_view
from services.intake.domain.guards import offered
from services.intake.domain.policy import Role, roles_in
from shared.commands import CaseSummary, CaseView, Constituent, EventView, RefusedCommand, TaskView
from shared.council import Directory
from shared.events import Task

NAMING_FIELDS = frozenset({"constituent", "share_constituent", FORM})
"""Texts of the raising that stand in the view alone, for those who may know the constituent; never among the facts."""


class Record(NamedTuple):
    """One fact of a case with its words in clear."""

    id: str
    seq: int
    type: str
    at: datetime
    actor: str
    on_behalf_of: str
    cause: str
    """Id of the command or event that it follows from."""
    data: dict[str, Any]
    """The event as subscribers get it."""
    text: Mapping[str, str]


class CaseOnFile(NamedTuple):
    """A case with the facts of it that were read, oldest first."""

    case: Case
    records: Sequence[Record]


def case_view(
    filed: CaseOnFile, person: str, directory: Directory, now: datetime, refused: Iterable[RefusedCommand] = ()
) -> CaseView | None:
    """Show a case to a person, with what the person may do now; None where the person may not know it."""
    case, public = filed.case, filed.case.public
    roles = roles_in(case, person, directory, directory.calendar.local_date(now))
    if not roles:
        return None
    reads = may_read(case, roles)
    service, ward = directory.service(public.service), directory.ward(public.ward)
    owner = directory.councillor(public.owner)
    team = directory.team(public.team) if public.team else None
    said = _raising(filed) if reads else {}
    return CaseView(
        reference=public.reference,
        id=public.id,
        version=case.seq,
        kind=public.kind,
        status=public.state,
        sentence=words.sentence(case, directory),
        service=public.service,
        service_name=service.name if service else public.service,
        ward=public.ward,
        ward_name=ward.name if ward else public.ward,
        lane=public.lane,
        level=public.level,
        capacity=public.capacity,
        portfolio=public.portfolio,
        impact=public.impact,
        council_version=case.council_version,
        owner=public.owner,
        owner_name=owner.full_name if owner else public.owner,
        cc=public.cc,
        team=public.team,
        team_name=team.name if team else public.team,
        routed_by=words.routed_by(case, directory),
        clocks=public.clocks,
        tasks=tuple(_part(case, task, directory) for task in public.tasks),
        promised=case.promised.isoformat() if case.promised else None,
        keep_open_until=case.keep_open_until.isoformat() if case.keep_open_until else None,
        raised_at=case.raised_at,
        updated_at=case.updated_at,
        summary=said.get("summary"),
        description=said.get("description"),
        location=said.get("location"),
        constituent=_constituent(said, roles),
        form=form_view(said, roles[0]),
        commands=offered(case, person, directory, now),
        history=_events(filed.records, reads=reads),
        refused=tuple(refused),
    )


def case_summary(filed: CaseOnFile, person: str, directory: Directory, on: date) -> CaseSummary | None:
    """Show a case as a line in a person's list; None where the person may not know it."""
    case, public = filed.case, filed.case.public
    roles = roles_in(case, person, directory, on)
    if not roles:
        return None
    return CaseSummary(
        reference=public.reference,
        kind=public.kind,
        status=public.state,
        service=public.service,
        ward=public.ward,
        lane=public.lane,
        team=public.team,
        owner=public.owner,
        level=public.level,
        summary=_raising(filed).get("summary") if may_read(case, roles) else None,
        raised_at=case.raised_at,
        updated_at=case.updated_at,
        due=min((clock.due for clock in public.clocks), default=None),
        relation=_relation(roles[0]),
    )


def event_views(
    filed: CaseOnFile, person: str, directory: Directory, on: date, after: int = 0
) -> tuple[EventView, ...] | None:
    """Show the facts after a `caseseq`; None where the person may not know the case."""
    roles = roles_in(filed.case, person, directory, on)
    if not roles:
        return None
    return _events((each for each in filed.records if each.seq > after), reads=may_read(filed.case, roles))


def may_read(case: Case, roles: Sequence[Role]) -> bool:
    """Say whether somebody with these roles may read what was written, and not the facts alone."""
    return any(role != "admin" for role in roles) or (bool(roles) and case.public.state == "triage")


def _relation(role: Role) -> Literal["owner", "cc", "officer"]:
    """Give the word for a list: whoever works on the case, or places it, is an officer of it."""
    return "owner" if role == "owner" else "cc" if role == "cc" else "officer"


def _part(case: Case, task: Task, directory: Directory) -> TaskView:
    team, clock = directory.team(task.team), case.part_clock(task.number)
    return TaskView(
        number=task.number,
        team=task.team,
        team_name=team.name if team else task.team,
        done=task.done,
        due=clock.due if clock else None,
    )


def _raising(filed: CaseOnFile) -> Mapping[str, str]:
    return next((record.text for record in filed.records if record.seq == 1), {})


def _constituent(said: Mapping[str, str], roles: Sequence[Role]) -> Constituent | None:
    if "constituent" not in said or (set(roles) == {"cc"} and said.get("share_constituent") != "yes"):
        return None
    return Constituent.model_validate_json(said["constituent"])


def _events(records: Iterable[Record], *, reads: bool) -> tuple[EventView, ...]:
    return tuple(
        EventView(
            id=record.id,
            seq=record.seq,
            type=record.type,
            at=record.at,
            actor=record.actor,
            on_behalf_of=record.on_behalf_of or None,
            data=record.data,
            text=_words(record) or None if reads else None,
        )
        for record in records
    )


def _words(record: Record) -> dict[str, str]:
    return {name: text for name, text in record.text.items() if name not in NAMING_FIELDS}
