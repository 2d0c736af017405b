"""How long a council allows itself: a number of working days, or hours and minutes by the clock.

A target is written the same way everywhere (`10wd`, `1h`, `30m`), and its text reads back to the same target.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from shared.calendar.working import WorkingCalendar

_TEXT: Final = re.compile(r"([1-9][0-9]{0,3})(wd|h|m)")


class _Unit(StrEnum):
    """What a target is counted in."""

    WORKING_DAYS = "wd"
    HOURS = "h"
    MINUTES = "m"


@dataclass(frozen=True, slots=True)
class Target:
    """A time allowed: `amount` working days (`wd`), or hours (`h`) or minutes (`m`) that run day and night."""

    amount: int
    unit: str

    def __post_init__(self) -> None:
        """Refuse what its own text could not say."""
        if not _TEXT.fullmatch(str(self)):
            raise _refusal(str(self))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a target from its text.

        Raises:
            ValueError: the text is not a number and one of wd, h, m.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise _refusal(text)
        return cls(int(match[1]), match[2])

    @property
    def in_working_days(self) -> bool:
        """Say whether the target is counted in working days; otherwise it runs by the clock."""
        return self.unit == _Unit.WORKING_DAYS

    def due(self, calendar: WorkingCalendar, since: datetime) -> datetime:
        """Give the instant at which the target runs out, as an aware UTC instant.

        Raises:
            ValueError: `since` has no time zone.
            BeyondHorizon: the count leaves the known calendar.
        """
        if self.in_working_days:
            return calendar.due_at(since, self.amount)
        if since.tzinfo is None:
            raise ValueError(f"{since.isoformat()} has no time zone: hand in an aware datetime, such as one in UTC")
        # Elapsed time is counted in UTC: arithmetic on a London datetime would gain or lose an hour when clocks change.
        elapsed = timedelta(hours=self.amount) if self.unit == _Unit.HOURS else timedelta(minutes=self.amount)
        return since.astimezone(UTC) + elapsed

    def __str__(self) -> str:
        """Write the target as it is read."""
        return f"{self.amount}{self.unit}"


def _refusal(text: str) -> ValueError:
    """Say how a target is written."""
    return ValueError(
        f"{text!r} is not a target: write a number from 1 to 9999 and wd (working days), h (hours) or m (minutes), "
        "as in 10wd, 1h or 30m",
    )
