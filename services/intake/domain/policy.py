"""Who may do what: one table, role by command, for the decisions and for the commands a person is offered.

Deny by default: what is not in the table is forbidden, and who has no role may not even know that the case exists.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal, NamedTuple

from services.intake.domain.case import Case
from shared.council import Directory

Role = Literal["councillor", "owner", "cc", "officer", "admin", "system"]

ORDER = (
    "acknowledge",
    "add-progress",
    "commit",
    "answer",
    "complete",
    "accept",
    "extend-auto-close",
    "add-cc",
    "remove-cc",
)
"""The commands on a case, in the order in which they are offered."""

PERMITTED: Mapping[Role, frozenset[str]] = MappingProxyType(
    {
        # Domain table 2.3; the roles it has beyond these come with their own commands.
        "councillor": frozenset({"raise"}),
        "owner": frozenset({"accept", "extend-auto-close", "add-cc", "remove-cc"}),
        "cc": frozenset({"remove-cc"}),  # to leave: the decision sees to it that it is themselves
        "officer": frozenset({"acknowledge", "add-progress", "commit", "answer", "complete"}),
        "admin": frozenset(),  # reads what waits in triage
        "system": frozenset(),  # acts when routing or a timer says so, never by command
    }
)


def permits(role: Role, command: str) -> bool:
    """Say whether the table lets a role give a command."""
    return command in PERMITTED[role]


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


def role_of(case: Case, person: str, directory: Directory, on: date) -> Role | None:
    """Say what a person is to a case on a date; None where the person may not know it."""
    if person == case.public.owner:
        return "owner"
    if person in case.public.cc:
        return "cc"
    work = team_work(person, directory, on)
    if case.public.team in work.teams:
        return "officer"
    if case.public.state == "triage" and case.public.team in work.triage:
        return "admin"
    return None
