"""How a loop turns: again and again until it is cancelled, and through an outage of the database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, TypeAlias

from structlog.typing import FilteringBoundLogger

from shared.plumbing.store import OUTAGE

OUTAGE_PAUSE: Final = 1.0
"""Seconds until the next try while the database is away."""

Turn: TypeAlias = Callable[[], Awaitable[float]]
"""Does what there is to do; gives the seconds to pause."""
Sleep: TypeAlias = Callable[[float], Awaitable[None]]


async def keep_turning(turn: Turn, name: str, log: FilteringBoundLogger, sleep: Sleep = asyncio.sleep) -> NoReturn:
    """Turn until cancelled; wait out an outage of the database."""
    while True:
        try:
            pause = await turn()
        except OUTAGE as error:
            log.warning("a loop waits for the database", loop=name, error=type(error).__name__)
            pause = OUTAGE_PAUSE
        await sleep(pause)
