"""Finds what was published, came into force and changed in the council, and has it said.

However late somebody looks, and however many do, each world of the council is seen once and in its order: a transition
follows only the last one.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from structlog.typing import FilteringBoundLogger

from services.scheduler.domain import Seen, Transition, Version, World, announce, begin, first_seen, move, next_seen
from services.scheduler.ports import CouncilRecord, Counter, TransitionBook
from services.scheduler.ticker.turning import Sleep, keep_turning
from shared.events import Event
from shared.plumbing.clock import BusinessClock
from shared.plumbing.council import REFRESH_EVERY

LOOK_EVERY: Final = REFRESH_EVERY
"""Seconds between two looks: as often as every service looks for council data."""


class Watcher:
    """Looks at the council again and again."""

    def __init__(  # noqa: PLR0913  what it looks at, what it tells, how long it sleeps
        self,
        record: CouncilRecord,
        book: TransitionBook,
        clock: BusinessClock,
        transitions: Counter,
        log: FilteringBoundLogger,
        *,
        pause: float = LOOK_EVERY,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._record, self._book, self._clock, self._transitions = record, book, clock, transitions
        self._log, self._pause, self._sleep = log, pause, sleep
        self._announced = 0
        """Every version up to this number has been announced."""

    async def run(self) -> None:
        """Turn until cancelled; wait out an outage of the database."""
        await keep_turning(self.turn, "watcher", self._log, self._sleep)

    async def turn(self) -> float:
        """Say all that has happened by now; give the seconds to pause."""
        now, last = await self._clock.now(), await self._book.last()
        versions = await self._record.versions(above=min(self._announced, last.number if last else 0))
        news = [version for version in versions if version.number > self._announced]
        if news and await self._book.announce([announce(version, now) for version in news]):
            self._announced = news[-1].number
        while step := await self._next(last, versions, now):
            seen, facts = step
            if not await self._book.add(seen, facts):
                break  # somebody else was faster, and goes on
            self._transitions.inc()
            self._log.info("the council changed", transition=seen.id, facts=len(facts) - 1)
            last = await self._book.last()
        return self._pause

    async def _next(
        self, last: Transition | None, versions: Sequence[Version], now: datetime
    ) -> tuple[Seen, list[Event]] | None:
        """Find the next world that has come, and what to say of it.

        A version that cannot be read counts as if it were not there, as it does for every service; if it is the last
        one seen, another instance can read it, and goes on.
        """
        before = await self._record.directory(last.number) if last else None
        if last and not before:
            return None
        readable = list(versions)
        while seen := next_seen(last.seen, before, readable, now) if last and before else first_seen(readable, now):
            directory = await self._record.directory(seen.number)
            if directory is not None:
                world = World(directory, seen.on)
                if last and before:
                    return seen, list(move(World(before, last.on), world, now))
                return seen, begin(world, now)
            readable = [version for version in readable if version.number != seen.number]
        return None
