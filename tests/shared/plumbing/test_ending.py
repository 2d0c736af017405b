"""Tasks end, also those that did not hear their first cancellation."""

import asyncio
import time

from shared.plumbing.ending import end


async def _deaf_to(cancellations: int) -> None:
    heard = 0
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard += 1
            if heard > cancellations:
                raise


async def _started(cancellations: int) -> "asyncio.Task[None]":
    task = asyncio.create_task(_deaf_to(cancellations))
    await asyncio.sleep(0)
    return task


async def test_tasks_end_together_even_if_one_misses_its_first_cancellations() -> None:
    tasks = [await _started(0), await _started(2)]

    assert await end(tasks)
    assert all(task.cancelled() for task in tasks)


async def test_a_task_that_will_not_end_is_given_up_after_its_time() -> None:
    task = await _started(3)
    began = time.monotonic()

    assert not await end([task], within=0.3)
    assert time.monotonic() - began < 2
    assert await end([task])


async def test_what_has_ended_already_needs_nothing() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    await task

    assert await end([task], within=0)
