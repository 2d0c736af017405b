"""Who may do what: one table, role by command, for the decisions and for the commands a person is offered.

Deny by default: what is not in the table is forbidden, and who has no role may not even know that the case exists.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal, NamedTuple

from services.intake.domain.case import LEAD, Case
from shared.council import Directory

Role = Literal["councillor", "owner", "cc", "manager", "officer", "contributor", "admin", "offered", "system"]

ORDER = (
    "acknowledge",
    "add-progress",
    "commit",
    "answer",
    "complete",
    "return",
    "assign",
    "open-task",
    "answer-task",
    "accept",
    "extend-auto-close",
    "add-cc",
    "remove-cc",
    "take-over",
    "transfer-owner",
)
"""The commands on a case, in the order in which they are offered."""

_OF_A_TEAM = frozenset({"acknowledge", "add-progress", "commit", "answer", "complete", "return", "open-task"})

PERMITTED: Mapping[Role, frozenset[str]] = MappingProxyType(
    {
        # Domain table 2.3; the roles it has beyond these come with their own commands.
        "councillor": frozenset({"raise"}),
        "owner": frozenset({"accept", "extend-auto-close", "add-cc", "remove-cc"}),
        "cc": frozenset({"remove-cc"}),  # to leave: the decision sees to it that it is themselves
        "manager": _OF_A_TEAM | {"assign"},  # to another team of the department: the decision sees to that
        "officer": _OF_A_TEAM,
        "contributor": frozenset({"add-progress", "answer-task"}),  # of a team that has a part of the case
        "admin": frozenset({"assign", "open-task", "answer-task", "transfer-owner"}),
        "offered": frozenset({"take-over"}),  # knows that there is such a case, and reads no word of it
        "system": frozenset(),  # acts when routing or a timer says so, never by command
    }
)


def permits(role: Role, command: str) -> bool:
    """Say whether the table lets a role give a command."""
    return command in PERMITTED[role]


def permitted_as(roles: Iterable[Role], command: str) -> Role | None:
    """Choose the role in which somebody with these may give a command."""
    return next((role for role in roles if permits(role, command)), None)


class TeamWork(NamedTuple):
    """The cases that a person may know as a member of staff, whoever raised them."""

    teams: frozenset[str]
    """Teams that the person works for: in any state."""
    triage: frozenset[str]
    """Teams for which the person only places cases: while a case is in triage."""


def team_work(person: str, directory: Directory, on: date) -> TeamWork:
    """Say which cases of teams a person may know on a date; a list asks for these and no others."""
    places = "democratic-services" in directory.roles_of(person, on)
    return TeamWork(directory.teams_of(person, on), frozenset({directory.triage_team().id} if places else ()))


class Membership(NamedTuple):
    """Which cases a person may know as a councillor; a list asks for these and no others."""

    serves: bool
    """False: none. Who has left office is no controller of the casework any more, nor is the council theirs."""
    portfolios: frozenset[str] = frozenset()
    """Of the cases of cabinet business that are the person's own, those of these portfolios."""


def membership(person: str, directory: Directory, on: date) -> Membership:
    """Say which cases a person may know as a councillor on a date."""
    return Membership(directory.serving(person, on), directory.portfolios_of(person, on))


def may_own(case: Case, person: str, directory: Directory, on: date) -> bool:
    """Say whether somebody could act as the owner of a case on a date.

    Ward business needs a seat, of whatever ward; cabinet business needs the portfolio as well.
    """
    serves, portfolios = membership(person, directory, on)
    return serves and (case.public.capacity == "ward" or case.public.portfolio in portfolios)


def is_ownerless(case: Case, directory: Directory, on: date) -> bool:
    """Say whether an open case has an owner who cannot act on a date."""
    return case.is_open and not may_own(case, case.public.owner, directory, on)


def is_offered_to(case: Case, person: str, directory: Directory, on: date) -> bool:
    """Say whether somebody may take a case over on a date; an offer has no effect while the owner can act after all."""
    asked = case.offered is not None and person in case.offered.to
    return asked and is_ownerless(case, directory, on) and may_own(case, person, directory, on)


def listens(person: str, directory: Directory, on: date) -> bool:
    """Say whether somebody is a listening system on a date: it reads the facts of any case, and is nothing to one."""
    return "subscriber" in directory.roles_of(person, on)


def roles_in(case: Case, person: str, directory: Directory, on: date) -> tuple[Role, ...]:
    """Say what a person is to a case on a date, in the order of the roles' reach; empty: the person may not know it.

    Several roles add up. Only these count: no other role a council can grant opens a case.
    """
    public = case.public
    work = team_work(person, directory, on)
    holds: Mapping[Role, bool] = {
        "owner": person == public.owner and may_own(case, person, directory, on),
        "cc": person in public.cc and membership(person, directory, on).serves,
        "manager": public.team in directory.teams_of(person, on, ("manager",)),
        "officer": public.team in work.teams,
        "contributor": any(task.team in work.teams for task in public.tasks if task.number != LEAD),
        "admin": bool(work.triage),
        "offered": is_offered_to(case, person, directory, on),
    }
    return tuple(role for role, held in holds.items() if held)


def role_of(case: Case, person: str, directory: Directory, on: date) -> Role | None:
    """Say what a person is to a case on a date first of all; None where the person may not know it."""
    return next(iter(roles_in(case, person, directory, on)), None)
