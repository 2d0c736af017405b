"""What the scheduler keeps, and what its ticker needs from the outside world.

A page is written back only as it was read: a missed compare-and-set is nobody's failure, somebody else was faster.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from services.scheduler.domain import Diary, evolve
from shared.events import TimerDue
from shared.plumbing.handling import Aggregate

DIARY: Final = Aggregate("diaries", Diary, evolve)
"""One document for each case, under the case's id."""


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


class Gauge(Protocol):
    """A number for those who watch."""

    def set(self, value: float) -> None:
        """Show a new value."""
