"""The only loop: counts how often the rules were right, for those who watch.

Counted anew each time from what is kept, so a restart forgets nothing and every instance shows the same.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from structlog.typing import FilteringBoundLogger

from services.routing.ports import Board, Ledger, LedgerAway
from shared.plumbing.clock import BusinessClock
from shared.plumbing.store import OUTAGE

EVERY: Final = 60.0
"""Seconds."""
SHOWN_FOR: Final = timedelta(days=90)
"""Rule versions under which nothing was decided for so long are shown no more: metrics must not grow for ever."""


class Ticker:
    """Counts every minute; what cannot be counted stays as it was shown last."""

    def __init__(
        self,
        ledger: Ledger,
        board: Board,
        clock: BusinessClock,
        log: FilteringBoundLogger,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ledger, self._board, self._clock, self._log, self._sleep = ledger, board, clock, log, sleep

    async def run(self) -> None:
        """Turn until cancelled."""
        while True:
            try:
                await self.turn()
            except LedgerAway as error:
                self._log.warning("the decisions cannot be counted", error=str(error))
            except OUTAGE as error:  # nobody can tell the time
                self._log.warning("the decisions cannot be counted", error=type(error).__name__)
            await self._sleep(EVERY)

    async def turn(self) -> None:
        """Count once."""
        self._board.show(await self._ledger.tallies(await self._clock.now() - SHOWN_FOR))
