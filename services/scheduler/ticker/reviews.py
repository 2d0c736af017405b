"""Calls the open cases that a transition of the council concerns to intake's attention, each once.

It may be killed at any moment and begins again where it was: what was said of a case stands in the case's diary.
"""

import asyncio
from typing import Final

from structlog.typing import FilteringBoundLogger

from services.scheduler.domain import Transition, review
from services.scheduler.ports import Gauge, OpenCases, TransitionBook
from services.scheduler.ticker.turning import Sleep, keep_turning
from shared.plumbing.clock import BusinessClock
from shared.plumbing.council import REFRESH_EVERY

PAGE: Final = 500
"""Diaries opened at once: one bulk write of some megabytes at most."""


class Reviewer:
    """Looks for such cases again and again."""

    def __init__(  # noqa: PLR0913  what it looks at, what it tells, how long it sleeps
        self,
        book: TransitionBook,
        cases: OpenCases,
        clock: BusinessClock,
        waiting: Gauge,
        log: FilteringBoundLogger,
        *,
        pause: float = REFRESH_EVERY,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._book, self._cases, self._clock, self._waiting = book, cases, clock, waiting
        self._log, self._pause, self._sleep = log, pause, sleep

    async def run(self) -> None:
        """Turn until cancelled; wait out an outage of the database."""
        await keep_turning(self.turn, "reviewer", self._log, self._sleep)

    async def turn(self) -> float:
        """Say what is to be said of all such cases; give the seconds to pause."""
        waiting = 0
        for transition in await self._book.open_for_review():
            left = await self._cases.left_to_review(transition)
            self._waiting.set(waiting + left)
            if left:
                await self._review(transition, waiting, left)
                left = await self._cases.left_to_review(transition)
            if not left and not transition.reviewed:
                await self._book.reviewed(transition)
                self._log.info("every case of a transition was reviewed", transition=transition.id)
            waiting += left
        self._waiting.set(waiting)
        return self._pause

    async def _review(self, transition: Transition, others: int, left: int) -> None:
        """Go through the diaries page by page, and show how many are left."""
        now = await self._clock.now()
        async for pages in self._cases.to_review(transition, PAGE):
            found = ((page, review(page.diary, transition, now)) for page in pages)
            said = await self._cases.say_reviews([(page, fact) for page, fact in found if fact])
            left = max(0, left - said)
            self._waiting.set(others + left)
            self._log.info("cases to be reviewed", transition=transition.id, said=said, left=left)
