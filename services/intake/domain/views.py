"""A case as one person may see it: the view, the line in a list, the facts.

Who may see how much of it is said in `sight`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Literal

from services.intake.domain import words
from services.intake.domain.case import Case
from services.intake.domain.filed import CaseOnFile, Record
from services.intake.domain.forms import form_view
from services.intake.domain.guards import offered
from services.intake.domain.policy import Role, is_ownerless, listens, roles_in
from services.intake.domain.sight import Sight, names_a_resident, shown, sight_of
from shared.commands import CaseSummary, CaseView, Constituent, EventView, RefusedCommand, TaskView
from shared.council import Directory
from shared.events import Task


def case_view(
    filed: CaseOnFile, person: str, directory: Directory, now: datetime, refused: Iterable[RefusedCommand] = ()
) -> CaseView | None:
    """Show a case to a person, with what the person may do now; None where the person may not know it."""
    case, public = filed.case, filed.case.public
    today = directory.calendar.local_date(now)
    roles = roles_in(case, person, directory, today)
    if not roles:
        return None
    service, ward = directory.service(public.service), directory.ward(public.ward)
    owner = directory.councillor(public.owner)
    team = directory.team(public.team) if public.team else None
    sight = sight_of(filed, roles)
    said = _raising(filed) if sight.words else {}
    return CaseView(
        reference=public.reference,
        id=public.id,
        version=case.seq,
        kind=public.kind,
        status=public.state,
        sentence=" ".join(_sentences(filed, roles, sight, directory, today)),
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
        constituent=_constituent(said, sight),
        form=form_view(said, resident=sight.resident),
        commands=offered(case, person, directory, now),
        history=_events(filed.records, sight),
        refused=tuple(refused),
    )


def case_summary(filed: CaseOnFile, person: str, directory: Directory, on: date) -> CaseSummary | None:
    """Show a case as a line in a person's list; None where the person may not know it."""
    case, public = filed.case, filed.case.public
    roles = roles_in(case, person, directory, on)
    if not roles:
        return None
    said = _raising(filed) if sight_of(filed, roles).words else {}
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
        summary=said.get("summary"),
        raised_at=case.raised_at,
        updated_at=case.updated_at,
        due=min((clock.due for clock in public.clocks), default=None),
        relation=_relation(roles[0]),
    )


def event_views(
    filed: CaseOnFile, person: str, directory: Directory, on: date, after: int = 0
) -> tuple[EventView, ...] | None:
    """Show the facts after a `caseseq`; None where the person may not know the case.

    A listening system reads those of any case, as the bus carries them: without a word.
    """
    roles = roles_in(filed.case, person, directory, on)
    if not roles and not listens(person, directory, on):
        return None
    return _events((record for record in filed.records if record.seq > after), sight_of(filed, roles))


def _sentences(filed: CaseOnFile, roles: Sequence[Role], sight: Sight, directory: Directory, on: date) -> Iterator[str]:
    """Say how the case stands, and what is peculiar to who looks at it."""
    yield words.sentence(filed.case, directory, ownerless=is_ownerless(filed.case, directory, on))
    if "offered" in roles:
        yield words.OFFERED_TO_YOU if sight.words else f"{words.OFFERED_TO_YOU} {words.SHOWN_THEN}"
    if "owner" in roles and not sight.resident and names_a_resident(filed):
        yield words.RESIDENT_HIDDEN


def _relation(role: Role) -> Literal["owner", "cc", "officer", "offered"]:
    """Give the word for a list: staff are officers of the cases they work on."""
    return role if role in {"owner", "cc", "offered"} else "officer"


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


def _constituent(said: Mapping[str, str], sight: Sight) -> Constituent | None:
    return Constituent.model_validate_json(said["constituent"]) if sight.resident and "constituent" in said else None


def _events(records: Iterable[Record], sight: Sight) -> tuple[EventView, ...]:
    return tuple(
        EventView(
            id=record.id,
            seq=record.seq,
            type=record.type,
            at=record.at,
            actor=record.actor,
            on_behalf_of=record.on_behalf_of or None,
            data=record.data,
            text=shown(record.text, sight),
        )
        for record in records
    )
