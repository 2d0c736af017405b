"""What intake needs from the outside world besides its handlers: to find cases for those who ask.

A port gives what is on file; who may see it is decided by the domain, never by a port.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from services.intake.domain import CaseOnFile, Membership, TeamWork
from shared.commands import RefusedCommand
from shared.events import State

CASES = "cases"
"""Where the cases lie."""


class Wish(NamedTuple):
    """Which cases somebody wants listed.

    A councillor's are those the person owns, is cc'd on or has been offered; staff's those of the team work, and for
    who places cases those that wait for another councillor, too.
    """

    person: str
    work: TeamWork
    states: tuple[State, ...] = ()
    """Empty: in any state."""
    limit: int = 50
    after: str | None = None
    """`next` of the page before."""
    member: Membership = Membership(serves=True)


class Page(NamedTuple):
    """A part of a list, newest first; each case with its first fact only."""

    cases: Sequence[CaseOnFile]
    next: str | None
    """Where the next page goes on; None after the last."""
    total: int


class CaseFile(Protocol):
    """The cases, and the commands that were refused."""

    async def find(self, reference: str) -> CaseOnFile | None:
        """Find a case with all of its facts."""
        ...

    async def page(self, wish: Wish) -> Page:
        """List cases, newest first; a cursor that is none of ours gives an empty last page."""
        ...

    async def refusals(self, reference: str, person: str) -> Sequence[RefusedCommand]:
        """List what this person was refused under a reference and may still look up, newest first."""
        ...
