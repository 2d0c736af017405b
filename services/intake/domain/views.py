"""A case as one person may see it: the view, the line in a list, the facts.

Who the constituent is reaches the owner and the team; a cc'd colleague only if the owner shared it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from services.intake.domain import words
from services.intake.domain.case import Case
from services.intake.domain.forms import TEXT as FORM
from services.intake.domain.forms import form_view
from services.intake.domain.guards import offered
from services.intake.domain.policy import Role, role_of
from shared.commands import CaseSummary, CaseView, Constituent, EventView, RefusedCommand
from shared.council import Directory

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
    role = role_of(case, person, directory, directory.calendar.local_date(now))
    if role is None:
        return None
    service, ward = directory.service(public.service), directory.ward(public.ward)
    owner = directory.councillor(public.owner)
    team = directory.team(public.team) if public.team else None
    said = _raising(filed)
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
        owner=public.owner,
        owner_name=owner.full_name if owner else public.owner,
        cc=public.cc,
        team=public.team,
        team_name=team.name if team else public.team,
        routed_by=words.routed_by(case),
        clocks=public.clocks,
        promised=case.promised.isoformat() if case.promised else None,
        keep_open_until=case.keep_open_until.isoformat() if case.keep_open_until else None,
        raised_at=case.raised_at,
        updated_at=case.updated_at,
        summary=said.get("summary"),
        description=said.get("description"),
        location=said.get("location"),
        constituent=_constituent(said, role),
        form=form_view(said, role),
        commands=offered(case, person, directory, now),
        history=_events(filed.records),
        refused=tuple(refused),
    )


def case_summary(filed: CaseOnFile, person: str, directory: Directory, on: date) -> CaseSummary | None:
    """Show a case as a line in a person's list; None where the person may not know it."""
    case, public = filed.case, filed.case.public
    relation = _relation(role_of(case, person, directory, on))
    if relation is None:
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
        summary=_raising(filed).get("summary"),
        raised_at=case.raised_at,
        updated_at=case.updated_at,
        due=min((clock.due for clock in public.clocks), default=None),
        relation=relation,
    )


def event_views(
    filed: CaseOnFile, person: str, directory: Directory, on: date, after: int = 0
) -> tuple[EventView, ...] | None:
    """Show the facts after a `caseseq`; None where the person may not know the case."""
    if role_of(filed.case, person, directory, on) is None:
        return None
    return _events(record for record in filed.records if record.seq > after)


def _relation(role: Role | None) -> Literal["owner", "cc", "officer"] | None:
    """Give the word for a list: whoever is on the team that has the case is an officer of it."""
    if role == "admin":
        return "officer"
    return role if role in {"owner", "cc", "officer"} else None


def _raising(filed: CaseOnFile) -> Mapping[str, str]:
    return next((record.text for record in filed.records if record.seq == 1), {})


def _constituent(said: Mapping[str, str], role: Role) -> Constituent | None:
    if "constituent" not in said or (role == "cc" and said.get("share_constituent") != "yes"):
        return None
    return Constituent.model_validate_json(said["constituent"])


def _events(records: Iterable[Record]) -> tuple[EventView, ...]:
    return tuple(
        EventView(
            id=record.id,
            seq=record.seq,
            type=record.type,
            at=record.at,
            actor=record.actor,
            on_behalf_of=record.on_behalf_of or None,
            data=record.data,
            text={name: text for name, text in record.text.items() if name not in NAMING_FIELDS} or None,
        )
        for record in records
    )
