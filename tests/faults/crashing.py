"""Parts of a service that end its process at a named point, as a power cut would.

    read       a batch has been read from the database, nothing is written
    written    its effect is durable, nothing is said and nothing acknowledged
    published  facts have been handed to the broker, no confirm has been seen
    confirmed  the confirms have been seen, nothing is noted
    marked     `relayed` has been written
    acked      the acknowledgement has been handed to the broker

The environment says where (CRASH_POINT), at which hit (CRASH_HIT), and which file must exist for hits to count
(CRASH_ARMED): only once the test has made it, so that a process that was just restarted can first finish what it found.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from shared.plumbing.aiormq_wire import AiormqReading, AiormqWire, Tag
from shared.plumbing.envelope import Envelope
from shared.plumbing.history import Document, Key, Write
from shared.plumbing.service import Parts
from shared.plumbing.store import Collection, Collection_, Database, Store
from shared.plumbing.topology import EVENTS
from shared.plumbing.wire import Parcel

POINTS = ("read", "written", "published", "confirmed", "marked", "acked")
POINT, HIT, ARMED = "CRASH_POINT", "CRASH_HIT", "CRASH_ARMED"
_LET_THE_KERNEL_DELIVER = 0.05
"""Seconds: what was handed to a socket reaches the broker, and no answer is seen meanwhile."""
_TURNS_TO_WRITE = 3
"""Turns of the event loop after which what stood in the queue of frames is in the socket."""
_hits: dict[str, int] = {}


def crashpoint(name: str) -> None:
    """End this process if the environment says so: by SIGKILL, so that nothing is tidied up."""
    if os.environ.get(POINT) != name or not Path(os.environ[ARMED]).exists():
        return
    _hits[name] = _hits.get(name, 0) + 1
    if _hits[name] == int(os.environ[HIT]):
        time.sleep(_LET_THE_KERNEL_DELIVER)
        os.kill(os.getpid(), signal.SIGKILL)


class _Marking:
    """The relay's own view of a collection."""

    def __init__(self, collection: Collection_) -> None:
        self._collection = collection

    async def bulk_write(self, operations: Sequence[Any], *, ordered: bool) -> Any:
        done = await self._collection.bulk_write(operations, ordered=ordered)
        crashpoint("marked")
        return done


class CrashingStore(Store):
    """Ends the process after reading, writing or marking."""

    def __init__(self, database: Database, collections: Sequence[Collection]) -> None:
        super().__init__(database, collections)
        marking = {name: _Marking(collection) for name, collection in self.lazy.items()}
        self.lazy = cast("Mapping[str, Collection_]", marking)

    async def read(self, keys: Iterable[Key]) -> dict[Key, Document]:
        found = await super().read(keys)
        crashpoint("read")
        return found

    async def write(self, writes: Sequence[Write]) -> list[bool | Exception]:
        results = await super().write(writes)
        crashpoint("written")
        return results


class CrashingReading(AiormqReading):
    """Ends the process after acknowledging."""

    async def done(self, tags: Sequence[Tag], *, all_before: bool) -> None:
        await super().done(tags, all_before=all_before)
        for _ in range(_TURNS_TO_WRITE):
            await asyncio.sleep(0)
        crashpoint("acked")


class CrashingWire(AiormqWire):
    """Ends the process when facts have been published, or confirmed."""

    reading: type[AiormqReading] = CrashingReading

    async def read(self, queue: Any, offer: Callable[[Any, Envelope], None], lost: Callable[[], None]) -> AiormqReading:
        reading = self.reading(queue, offer, lost)
        queue.channel.reopen_callbacks.add(reading.consume_again)
        await reading.consume()
        return reading

    async def publish(self, parcels: Sequence[Parcel]) -> list[Exception | None]:
        if parcels[0].exchange != EVENTS:
            return await super().publish(parcels)
        publishing = asyncio.ensure_future(super().publish(parcels))
        try:
            for _ in range(_TURNS_TO_WRITE):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            publishing.cancel()
            raise
        if not publishing.done():
            crashpoint("published")
        outcomes = await publishing
        crashpoint("confirmed")
        return outcomes


CRASHING = Parts(wire=CrashingWire, store=CrashingStore)
