"""Business time: real time plus an offset that is zero and immovable in production.

In the development profile the offset lies in the council's database, so one command moves it for all services. It only
ever moves forward: a deadline that has passed stays passed.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pymongo import ReturnDocument

from shared.calendar import WorkingCalendar
from shared.plumbing.store import Database

CLOCK = "clock"
_ADVANCE = re.compile(r"(\d{1,5})(wd|d|h|m|s)")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}
_MOST_WORKING_DAYS = 250


class BusinessClock(Protocol):
    """Tells the time that decisions are taken at."""

    async def now(self) -> datetime:
        """Give the business time, aware, in UTC."""
        ...


def real_now() -> datetime:
    """Give the real time."""
    return datetime.now(UTC)  # noqa: TID251  this is the clock


class RealClock:
    """Business time in production: real time."""

    async def now(self) -> datetime:
        """Give the real time."""
        return real_now()


class MovableClock:
    """Business time in the development profile."""

    def __init__(self, database: Database) -> None:
        self._collection = database[CLOCK]

    async def now(self) -> datetime:
        """Give the business time: real time plus the offset everybody shares."""
        found = await self._collection.find_one({"_id": CLOCK})
        return real_now() + timedelta(seconds=found["offset_seconds"] if found else 0)

    async def advance(self, text: str, calendar: WorkingCalendar) -> datetime:
        """Move the clock forward for all services, e.g. by `5wd`, `2h`, `1d`, `30m`; give the new business time.

        Raises:
            ValueError: the text is no span of time, or too long.
        """
        span = span_of(text, await self.now(), calendar)
        found = await self._collection.find_one_and_update(
            {"_id": CLOCK},
            {"$inc": {"offset_seconds": span.total_seconds()}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return real_now() + timedelta(seconds=found["offset_seconds"] if found else 0)


def span_of(text: str, now: datetime, calendar: WorkingCalendar) -> timedelta:
    """Read a span: working days end at the same time of day.

    Raises:
        ValueError: the text is no span of time, or too long.
    """
    read = _ADVANCE.fullmatch(text.strip())
    if read is None:
        raise ValueError("a span looks like 5wd (working days), 1d, 2h, 30m or 10s")
    count, unit = int(read[1]), read[2]
    if unit != "wd":
        return count * _UNITS[unit]
    if count > _MOST_WORKING_DAYS:
        raise ValueError(f"at most {_MOST_WORKING_DAYS}wd at once")
    today = calendar.local_date(now)
    return timedelta(days=(calendar.add_working_days(today, count) - today).days)
