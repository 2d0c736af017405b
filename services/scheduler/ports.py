"""What the scheduler keeps, and what its loops need from the outside world.

A page is written back only as it was read: a missed compare-and-set is nobody's failure, somebody else was faster.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from services.scheduler.domain import Diary, Seen, Transition, Version, evolve, evolve_transition
from shared.council import Directory
from shared.events import CouncilPublished, Event, TimerDue, TimerReview
from shared.plumbing.handling import Aggregate

DIARY: Final = Aggregate("diaries", Diary, evolve)
"""One document for each case, under the case's id."""

TRANSITION: Final = Aggregate("transitions", Transition, evolve_transition)
"""One document for each transition of the council, under its name."""


class Page(NamedTuple):
    """A diary as it was read."""

    case: str
    diary: Diary
    document: Mapping[str, Any]
    """The stored document it came from: what a write is compared with."""


class Diaries(Protocol):
    """The diaries of all cases."""

    async def next_due(self) -> datetime | None:
        """Tell when the earliest timer that has not been said is due, in business time."""

    async def overdue(self, now: datetime, limit: int) -> Sequence[Page]:
        """Open the diaries with something due, oldest first; none while too much is still unsaid."""

    async def say(self, reminders: Sequence[tuple[Page, Sequence[TimerDue]]]) -> int:
        """Write reminders into their diaries and say those that could be written; how many diaries that were."""


class OpenCases(Protocol):
    """The diaries of the open cases that a transition of the council concerns."""

    async def left_to_review(self, transition: Transition) -> int:
        """Count those of which that was not said yet."""

    def to_review(self, transition: Transition, at_once: int) -> AsyncIterator[Sequence[Page]]:
        """Open these diaries, so many at once; none while too much is still unsaid."""

    async def say_reviews(self, reviews: Sequence[tuple[Page, TimerReview]]) -> int:
        """Write reviews into their diaries and say those that could be written; how many that were."""


class CouncilRecord(Protocol):
    """What is published of the council, read only."""

    async def versions(self, above: int) -> Sequence[Version]:
        """List the versions with a higher number, by number; what is no version is left out."""

    async def directory(self, number: int) -> Directory | None:
        """Give the council of a version; None: this program cannot read it, or it is not there."""


class TransitionBook(Protocol):
    """What has been said about the council, by whichever instance."""

    async def announce(self, news: Sequence[CouncilPublished]) -> bool:
        """Say of each version that it was published, unless that was said; whether all of them are said now."""

    async def last(self) -> Transition | None:
        """Give the last transition."""

    async def add(self, seen: Seen, facts: Sequence[Event]) -> bool:
        """Keep a transition and say its facts; False: somebody else was faster."""

    async def open_for_review(self) -> Sequence[Transition]:
        """List the transitions whose cases are to be looked at."""

    async def reviewed(self, transition: Transition) -> None:
        """Note that it was said of every case a transition concerns."""


class Gauge(Protocol):
    """A number for those who watch."""

    def set(self, value: float) -> None:
        """Show a new value."""


class Counter(Protocol):
    """A number that only grows, for those who watch."""

    def inc(self, amount: float = 1) -> None:
        """Add to it."""
