"""A transition of the council: from one world to the next, with all that changed, and whose cases it concerns.

Each world is reached by one transition, and each transition follows another: whoever notices, it happens once.
"""

from datetime import date
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from services.scheduler.domain.changes import changes
from services.scheduler.domain.world import Seen, Version, World
from shared.events import (
    Code,
    CouncilActivated,
    CouncilEvent,
    CouncilPortfolioMoved,
    CouncilPublished,
    CouncilSeen,
    CouncilTermEnded,
    Event,
    Moment,
)

Concern: TypeAlias = Literal["owner-left", "portfolio-moved"]


class Moved(BaseModel):
    """A portfolio that has another holder now, or none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    portfolio: Code
    holder: Code | None = None


class Transition(BaseModel):
    """What is known of a transition beside its facts."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    on: date
    former: Code | None = None
    """The transition before it; None: it is the first."""
    leavers: tuple[Code, ...] = ()
    """Councillors who hold no seat any more."""
    moved: tuple[Moved, ...] = ()
    concerns_cases: bool = False
    """True: open cases of the leavers, and of the portfolios that moved, are to be looked at."""
    reviewed: bool = False
    """True: it was said of every such case."""

    @property
    def seen(self) -> Seen:
        """The world it led to."""
        return Seen(self.number, self.on)

    @property
    def id(self) -> str:
        """Its name: the number of the version and the day."""
        return self.seen.id

    def concern(self, owner: str, portfolio: str | None) -> Concern | None:
        """Say why it concerns an open case, if it does.

        A case in a portfolio that moved is where it belongs if its owner is the new holder.
        """
        if owner in self.leavers:
            return "owner-left"
        if any(moved.portfolio == portfolio and moved.holder != owner for moved in self.moved):
            return "portfolio-moved"
        return None


def announce(version: Version, at: Moment) -> CouncilPublished:
    """Say that a version was published."""
    return CouncilPublished(
        at=at,
        number=version.number,
        version=version.version,
        activates=version.activates,
        rolled_back_to=version.rolled_back_to,
    )


def begin(world: World, at: Moment) -> list[Event]:
    """Make the first transition: from nothing known. All that is there already is no change."""
    number = world.directory.number
    return [CouncilSeen(at=at, number=number, on=world.on), _activated(world, None, at)]


def move(before: World, after: World, at: Moment) -> list[Event]:
    """Make the transition from one world to the next."""
    former, number = before.directory.number, after.directory.number
    seen = CouncilSeen(at=at, number=number, on=after.on, former=Seen(former, before.on).id)
    activated = [_activated(after, former, at)] if number != former else []
    return [seen, *activated, *changes(before, after, at)]


def evolve(transition: Transition | None, fact: Event, _seq: int) -> Transition:
    """Write a fact into the transition.

    Raises:
        TypeError: the fact is none of a transition's, or the first is not `CouncilSeen`.
    """
    match fact, transition:
        case CouncilSeen(), None:
            return Transition(number=fact.number, on=fact.on, former=fact.former)
        case CouncilTermEnded(left_office=True), Transition():
            leavers = tuple(dict.fromkeys((*transition.leavers, fact.councillor)))
            return transition.model_copy(update={"leavers": leavers, "concerns_cases": True})
        case CouncilPortfolioMoved(), Transition():
            moved = (*transition.moved, Moved(portfolio=fact.portfolio, holder=fact.holder))
            return transition.model_copy(update={"moved": moved, "concerns_cases": True})
        case CouncilEvent(), Transition():
            return transition
        case _:
            what = "a" if transition else "a new"
            raise TypeError(f"{type(fact).__name__} cannot be written into {what} transition")


def _activated(world: World, former: int | None, at: Moment) -> CouncilActivated:
    council = world.directory.council
    return CouncilActivated(at=at, number=world.directory.number, version=council.version, former=former)
