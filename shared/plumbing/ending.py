"""Ends tasks that were started for as long as a program runs, whatever they wait for."""

import asyncio
from collections.abc import Collection
from typing import Any

_AGAIN_AFTER = 0.2
"""Seconds until a task that did not hear its cancellation is cancelled once more."""


async def end(tasks: Collection["asyncio.Task[Any]"], within: float = 5.0) -> bool:
    """Cancel tasks and wait until they have ended; says whether all have.

    Cancelled more than once, because a cancellation can get lost: of several tasks that wait in PyMongo for a server,
    one can miss its own when another is cancelled at the same moment (seen with PyMongo 4.20 on Python 3.11 while no
    server answers). A task that needs time to tidy up must therefore bear being cancelled again.

    Args:
        tasks: what to end.
        within: seconds; what runs on after that ends with the process.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    pending = {task for task in tasks if not task.done()}
    while pending and loop.time() < deadline:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_AFTER)
    return not pending
