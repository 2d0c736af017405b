"""Says new facts at once, in order, in bursts; marks them lazily; sweeps what a crash has left unsaid.

A fact is always said again with the same id. Nothing is marked that the broker has not confirmed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from pymongo import UpdateMany
from structlog.typing import FilteringBoundLogger

from shared.plumbing.ending import end
from shared.plumbing.history import Key, Say, technical_now, unsaid
from shared.plumbing.metrics import Metrics
from shared.plumbing.store import Collection_, Store
from shared.plumbing.wire import Parcel, Wire

BURST = 500
BACKLOG = 5_000
"""Facts waiting in this process above which lanes pause: memory stays bounded while the broker is away."""
MARK_EVERY = 0.5
SWEEP_EVERY = 2.0
OVERDUE = timedelta(seconds=5)
"""Unsaid for longer than this: its process is gone, or the broker was away."""
PUBLISH_WITHIN = 5.0
"""Seconds for one burst: a blocked connection would wait without end."""
SWEEP_AT_MOST = 1_000


class Relay:
    """The one way from a history to the broker."""

    def __init__(
        self, store: Store, wire: Wire, parcel: Callable[[Say], Parcel], log: FilteringBoundLogger, metrics: Metrics
    ) -> None:
        self._store, self._wire, self._parcel, self._log, self._metrics = store, wire, parcel, log, metrics
        self._waiting: list[Say] = []
        self._marks: dict[Key, int] = {}
        self._unheard: dict[Key, int] = {}
        """By document, the first fact nobody heard: it and all after it stay unsaid until a sweep says them again."""
        self._wake, self._progress = asyncio.Event(), asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self.failing_since: datetime | None = None
        """Technical time since when the broker has confirmed nothing; None while all is well."""

    @property
    def waiting(self) -> int:
        """How many facts of this process wait to be said."""
        return len(self._waiting)

    @property
    def alive(self) -> bool:
        """Whether both tasks run."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    def say(self, says: Iterable[Say]) -> None:
        """Say these facts as soon as possible."""
        self._waiting.extend(says)
        self._wake.set()

    async def room(self) -> None:
        """Wait while too much is unsaid."""
        while len(self._waiting) > BACKLOG:
            self._progress.clear()
            await self._progress.wait()

    def start(self) -> None:
        """Start speaking, marking and sweeping."""
        self._tasks = (
            asyncio.create_task(self._speak(), name="relay"),
            asyncio.create_task(self._tend(), name="sweeper"),
        )

    async def stop(self, within: float = 10.0) -> None:
        """Say what waits, if the broker takes it in time; the sweeper of another process says the rest.

        Args:
            within: seconds for saying, and as many for marking what was said.
        """
        try:
            async with asyncio.timeout(within):
                while self._waiting:
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            self._log.warning("facts left unsaid", count=len(self._waiting))
        await end(self._tasks)
        try:
            async with asyncio.timeout(within):
                await self._mark()
        except Exception as error:  # noqa: BLE001  unmarked facts are said again with the same ids: no harm
            self._log.warning("marks lost", error=type(error).__name__)

    async def _speak(self) -> None:
        while await self._wake.wait():
            self._wake.clear()
            while burst := self._waiting[:BURST]:
                try:
                    async with asyncio.timeout(PUBLISH_WITHIN):
                        outcomes = await self._wire.publish([self._parcel(say) for say in burst])
                except Exception as error:  # noqa: BLE001  unconfirmed: the same burst again, in order, same ids
                    self.failing_since = self.failing_since or technical_now()
                    self._log.warning(
                        "relay waits for the broker", error=type(error).__name__, unsaid=len(self._waiting)
                    )
                    await asyncio.sleep(0.5)
                else:
                    self.failing_since = None
                    del self._waiting[: len(burst)]
                    self._settle(burst, outcomes)
                    self._progress.set()

    def _settle(self, burst: Sequence[Say], outcomes: Sequence[Exception | None]) -> None:
        for say, outcome in zip(burst, outcomes, strict=True):
            kind = say.entry["type"]
            if outcome is not None:
                self._unheard.setdefault(say.key, say.entry["seq"])
                self._metrics.unroutable.labels(kind).inc()
                self._log.error(
                    "nobody hears a fact that must be heard: check the bindings", type=kind, id=say.entry["id"]
                )
            else:
                self._metrics.said.labels(kind).inc()
                if say.key not in self._unheard:
                    self._marks[say.key] = max(self._marks.get(say.key, 0), say.entry["seq"])

    async def _tend(self) -> None:
        turn = 0
        while True:
            try:
                await self._mark()
                if turn % round(SWEEP_EVERY / MARK_EVERY) == 0:
                    for name, collection in self._store.durable.items():
                        await self._sweep(name, collection)
            except Exception as error:  # noqa: BLE001  what is not marked is swept, what is not swept now is swept later
                self._log.warning("relay waits for the database", error=type(error).__name__)
            turn += 1
            await asyncio.sleep(MARK_EVERY)

    async def _mark(self) -> None:
        """Set `relayed`; one operation for all documents that stand at the same position."""
        marks, self._marks = self._marks, {}
        groups: defaultdict[str, defaultdict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        for (name, document_id), position in marks.items():
            groups[name][position].append(document_id)
        for name, positions in groups.items():
            # Filtered by `say_to`, not by version: a private fact since then must not make the document look unsaid.
            await self._store.lazy[name].bulk_write(
                [
                    UpdateMany(
                        {"_id": {"$in": ids}, "say_to": position},
                        {"$set": {"relayed": position}, "$unset": {"unsaid_since": ""}},
                    )
                    for position, ids in positions.items()
                ],
                ordered=False,
            )

    async def _sweep(self, name: str, collection: Collection_) -> None:
        """Claim overdue documents with a token, as a lease, then say them again.

        By majority, unlike the marks: a claim that only the primary has is not found by the read after it. How long a
        document has been unsaid stays as it was: only then can somebody see that sweeping does not help.
        """
        now = technical_now()
        overdue = {"unsaid_since": {"$lt": now - OVERDUE}, "swept": {"$not": {"$gte": now - OVERDUE}}}
        oldest = await collection.find_one(
            {"unsaid_since": {"$exists": True}}, {"unsaid_since": 1}, sort=[("unsaid_since", 1)]
        )
        self._metrics.unsaid_age.labels(name).set((now - oldest["unsaid_since"]).total_seconds() if oldest else 0)
        if self.waiting:  # what waits here is not lost, and the broker may be away: do not pile it up
            return
        ids = [found["_id"] for found in await collection.find(overdue, {"_id": 1}).limit(SWEEP_AT_MOST).to_list()]
        if not ids:
            return
        token = uuid4().hex
        await collection.update_many({"_id": {"$in": ids}} | overdue, {"$set": {"swept": now, "swept_by": token}})
        async for found in collection.find({"_id": {"$in": ids}, "swept_by": token}):
            says = unsaid((name, found["_id"]), found)
            self._metrics.swept.inc(len(says))
            self._unheard.pop((name, found["_id"]), None)
            self.say(says)
