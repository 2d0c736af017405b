"""Who may do what: one table, role by command, for the decisions and for the commands a person is offered.

Deny by default: what is not in the table is forbidden, and who has no role may not even know that the case exists.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from services.intake.domain.case import Case
from shared.council import Directory

Role = Literal["councillor", "owner", "cc", "officer", "system"]

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
        "system": frozenset(),  # acts when routing or a timer says so, never by command
    }
)


def permits(role: Role, command: str) -> bool:
    """Say whether the table lets a role give a command."""
    return command in PERMITTED[role]


def role_of(case: Case, person: str, directory: Directory) -> Role | None:
    """Say what a person is to a case; None where the person may not know it."""
    if person == case.public.owner:
        return "owner"
    if person in case.public.cc:
        return "cc"
    if case.public.team and person in directory.members_of_team(case.public.team):
        return "officer"
    return None
