"""Finds what is due and has it said.

Nothing due is ever left out, however long nobody looked. Any number of tickers may run: the compare-and-set of a diary
decides who says it.
"""

import asyncio
from typing import Final

from structlog.typing import FilteringBoundLogger

from services.scheduler.domain import due
from services.scheduler.ports import Diaries, Gauge
from services.scheduler.ticker.turning import Sleep, keep_turning
from shared.plumbing.clock import BusinessClock

LIMIT: Final = 500
"""Diaries opened at once: one find and one bulk write of some megabytes at most."""


class Ticker:
    """Looks into the diaries again and again.

    `longest_pause` (seconds) bounds how late a timer fires when the business clock has been moved, or when a clock was
    noted after the ticker had gone to sleep.
    """

    def __init__(  # noqa: PLR0913  what it looks at, what it tells, how long it sleeps
        self,
        diaries: Diaries,
        clock: BusinessClock,
        overdue: Gauge,
        log: FilteringBoundLogger,
        *,
        longest_pause: float,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._diaries, self._clock, self._overdue, self._log = diaries, clock, overdue, log
        self._longest_pause, self._sleep = longest_pause, sleep
        self.late_by = 0.0
        """Seconds (business time) by which the oldest timer not yet said was late when the last turn began."""

    async def run(self) -> None:
        """Turn until cancelled; wait out an outage of the database."""
        await keep_turning(self.turn, "ticker", self._log, self._sleep)

    async def turn(self) -> float:
        """Say what is due now; give the seconds to pause: none while there may be more."""
        now, earliest = await self._clock.now(), await self._diaries.next_due()
        ahead = (earliest - now).total_seconds() if earliest else self._longest_pause
        self.late_by = max(0.0, -ahead)
        self._overdue.set(self.late_by)
        if ahead > 0:
            return min(ahead, self._longest_pause)
        pages = await self._diaries.overdue(now, LIMIT)
        said = await self._diaries.say([(page, due(page.diary, now)) for page in pages])
        # Where every write missed, others are at work; where none was possible, trying faster does not help.
        return 0.0 if said else self._longest_pause
