"""The working calendar of a council: which days count, and when a day ends.

A date outside the years the calendar knows is refused, never guessed: an unknown bank holiday would be a silent wrong
deadline.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

LONDON: Final = ZoneInfo("Europe/London")

_LAST_SECOND: Final = time(23, 59, 59)
_ONE_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


class BeyondHorizon(ValueError):
    """A date that the calendar knows nothing about."""

    def __init__(self, day: date, known_from: date, known_until: date) -> None:
        """Name the date and the span that is known."""
        super().__init__(
            f"{day} is outside the known calendar ({known_from} to {known_until}): "
            "publish a calendar that knows the bank holidays of that year",
        )
        self.day = day
        self.known_from = known_from
        self.known_until = known_until


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The days a council works: Monday to Friday but for bank holidays and its own closure days.

    `known_from` and `known_until` (both included) span the years whose holidays are known; `version` names these
    contents, so that a deadline can say by which calendar it was counted.
    """

    holidays: frozenset[date]
    known_until: date
    version: str
    closures: frozenset[date] = frozenset()
    known_from: date = date.min

    def is_working_day(self, day: date) -> bool:
        """Say whether the council works on a date.

        Raises:
            BeyondHorizon: the calendar does not know that date.
        """
        if not self.known_from <= day <= self.known_until:
            raise BeyondHorizon(day, self.known_from, self.known_until)
        return day.weekday() < _SATURDAY and day not in self.holidays and day not in self.closures

    def add_working_days(self, day: date, n: int) -> date:
        """Give the n-th working day after a date; the date itself is day 0, whatever day it is.

        Raises:
            ValueError: n is negative.
            BeyondHorizon: the count leaves the known calendar.
        """
        return self._step(day, n, _ONE_DAY)

    def subtract_working_days(self, day: date, n: int) -> date:
        """Give the n-th working day before a date; the date itself is day 0, whatever day it is.

        Raises:
            ValueError: n is negative.
            BeyondHorizon: the count leaves the known calendar.
        """
        return self._step(day, n, -_ONE_DAY)

    def working_days_between(self, a: date, b: date) -> int:
        """Count the working days after a up to and including b; negative when b lies before a.

        So `working_days_between(d, add_working_days(d, n)) == n`.

        Raises:
            BeyondHorizon: a day of the span is outside the known calendar.
        """
        if b < a:
            return -self.working_days_between(b, a)
        return sum(self.is_working_day(a + timedelta(days=offset)) for offset in range(1, (b - a).days + 1))

    def due_at(self, received: datetime, n: int) -> datetime:
        """Give the end of the n-th working day after an instant's local date, as an aware UTC instant.

        Raises:
            ValueError: the instant has no time zone, or n is negative.
            BeyondHorizon: the count leaves the known calendar.
        """
        return self.end_of_day(self.add_working_days(self.local_date(received), n))

    def end_of_day(self, day: date) -> datetime:
        """Give 23:59:59 in London on a date, as an aware UTC instant."""
        return datetime.combine(day, _LAST_SECOND, tzinfo=LONDON).astimezone(UTC)

    def local_date(self, moment: datetime) -> date:
        """Give the date in London at an aware instant.

        Raises:
            ValueError: the instant has no time zone.
        """
        if moment.tzinfo is None:
            raise ValueError(f"{moment.isoformat()} has no time zone: hand in an aware datetime, such as one in UTC")
        return moment.astimezone(LONDON).date()

    def _step(self, day: date, n: int, step: timedelta) -> date:
        """Walk n working days in one direction."""
        if n < 0:
            raise ValueError(f"{n} working days cannot be counted: count zero or more, or in the other direction")
        remaining = n
        while remaining:
            day += step
            remaining -= self.is_working_day(day)
        return day


def calendar_version(holidays: Iterable[date], closures: Iterable[date], known_until: date) -> str:
    """Name a calendar by its contents: equal contents have equal names, in every process."""
    parts = [*(f"h{day}" for day in sorted(holidays)), *(f"c{day}" for day in sorted(closures)), f"u{known_until}"]
    return "wd-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
