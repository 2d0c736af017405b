"""The council as it is on a day under a version, and which such world comes next.

What is next follows from what was seen last and from the versions alone, never from when somebody looks: however late
and however often, the same worlds are seen in the same order.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from shared.calendar import LONDON
from shared.council import Directory
from shared.council.base import Dated


class World(NamedTuple):
    """A council on a day."""

    directory: Directory
    on: date


class Version(NamedTuple):
    """What is known of a published version beside the council itself."""

    number: int
    version: str
    """The council's own name for it."""
    activates: datetime
    """From here on it is in force, unless one with a higher number is."""
    rolled_back_to: int | None = None


class Seen(NamedTuple):
    """A world by its number and day."""

    number: int
    on: date

    @property
    def id(self) -> str:
        """The name of the transition that led there."""
        return f"{self.number}:{self.on.isoformat()}"


def first_seen(versions: Iterable[Version], now: datetime) -> Seen | None:
    """Give the world to begin with: the version in force now, today. None: no version is in force."""
    numbers = [version.number for version in versions if version.activates <= now]
    return Seen(max(numbers), _day_of(now)) if numbers else None


def next_seen(seen: Seen, directory: Directory, versions: Iterable[Version], now: datetime) -> Seen | None:
    """Give the world that followed the one seen last, if it has come by now.

    Either a version came into force, or a day on which something in the council begins or has ended. Where a version
    comes into force as such a day begins, they are one: what the version before it says of that day no longer counts.

    Args:
        seen: the last world.
        directory: the council of its version.
        versions: all that is published, or at least all with a higher number.
        now: business time.
    """
    newer = [version for version in versions if version.number > seen.number and version.activates <= now]
    version = min(newer, key=lambda each: (each.activates, -each.number), default=None)
    day = next((each for each in dates_of(directory) if each > seen.on), None)
    if version is not None:
        # One that was published just before midnight may be found after it: days do not go back.
        on = max(seen.on, _day_of(version.activates))
        if day is None or max(version.activates, _midnight(on)) <= _midnight(day):
            return Seen(version.number, on)
    return Seen(seen.number, day) if day is not None and day <= _day_of(now) else None


def dates_of(directory: Directory) -> list[date]:
    """List the days on which something begins, or is no more, that a fact could be about."""
    return sorted(set(_changing(directory)))


def _changing(directory: Directory) -> Iterator[date]:
    council = directory.council
    seats = (seat for councillor in council.councillors for seat in councillor.seats)
    parts: Iterable[Dated]
    for parts in (council.wards, seats, council.posts, council.grants, council.officers, council.systems):
        for part in parts:
            if part.valid_from:
                yield part.valid_from
            if part.valid_to and part.valid_to < date.max:
                yield part.valid_to + timedelta(days=1)


def _day_of(moment: datetime) -> date:
    return moment.astimezone(LONDON).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, LONDON)
