"""Says new facts at once, in order, in bursts; marks them lazily; sweeps what a crash has left unsaid.

A fact is always said again with the same id. Nothing is marked that the broker has not confirmed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

from pymongo import UpdateMany
from structlog.typing import FilteringBoundLogger

from shared.plumbing.ending import end
from shared.plumbing.history import Document, Key, Say, technical_now, unsaid
from shared.plumbing.metrics import Metrics
from shared.plumbing.store import Collection_, Store
from shared.plumbing.wire import Parcel, Wire

BURST = 500
BACKLOG = 5_000
"""Facts waiting in this process above which lanes pause: memory stays bounded while the broker is away."""
MARK_EVERY = 0.5
MARK_TRIES = 6
"""Turns a gap before what was said may take to close."""
SWEEP_EVERY = 2.0
OVERDUE = timedelta(seconds=5)
"""Unsaid for longer than this: its process is gone, or the broker was away."""
PUBLISH_WITHIN = 5.0
"""Seconds for one burst: a blocked connection would wait without end."""
SWEEP_AT_MOST = 1_000


class Range(NamedTuple):
    """Facts of one document that were said one after the other."""

    after: int
    """Position of the fact before them."""
    to: int
    tries: int
    """How often it was tried to mark them."""


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Join what follows without a gap."""
    found: list[Range] = []
    for each in sorted(ranges):
        if found and each.after <= found[-1].to:
            last = found[-1]
            found[-1] = Range(last.after, max(last.to, each.to), max(last.tries, each.tries))
        else:
            found.append(each)
    return found


def _unmarked(each: Range, ids: Sequence[str]) -> Document:
    # Not by version: a private fact since then must not make the document look unsaid.
    return {"_id": {"$in": list(ids)}, "relayed": {"$gte": each.after, "$lt": each.to}}


def _all_said(each: Range, ids: Sequence[str]) -> UpdateMany:
    """Mark the documents that have nothing else to say: nearly all of them, so without computing anything."""
    wanted = _unmarked(each, ids) | {"say_to": {"$lte": each.to}}
    return UpdateMany(wanted, {"$set": {"relayed": each.to}, "$unset": {"unsaid_since": ""}})


def _more_to_say(each: Range, ids: Sequence[str]) -> UpdateMany:
    """Mark the others: what is said later than `to` waits from now on, not from when the document was first unsaid.

    A document that came to have nothing else to say in between is left to the next turn: it must not look unsaid.
    """
    wanted = _unmarked(each, ids) | {"say_to": {"$gt": each.to}}
    return UpdateMany(wanted, {"$set": {"relayed": each.to}, "$currentDate": {"unsaid_since": True}})


class Relay:
    """The one way from a history to the broker."""

    def __init__(
        self, store: Store, wire: Wire, parcel: Callable[[Say], Parcel], log: FilteringBoundLogger, metrics: Metrics
    ) -> None:
        self._store, self._wire, self._parcel, self._log, self._metrics = store, wire, parcel, log, metrics
        self._waiting: list[Say] = []
        self._marks: defaultdict[Key, list[Range]] = defaultdict(list)
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
                self._metrics.unroutable.labels(kind).inc()
                self._log.error(
                    "nobody hears a fact that must be heard: check the bindings", type=kind, id=say.entry["id"]
                )
            else:
                self._metrics.said.labels(kind).inc()
                self._marks[say.key].append(Range(say.after, say.entry["seq"], 0))

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
        """Move `relayed` on by what was said without a gap; one operation for all documents that move alike.

        A fact before it that another process or lane has still to say is a gap. It may close in a moment, so the mark
        is tried again; if it does not, the document stays unsaid and is swept.
        """
        marks, self._marks = self._marks, defaultdict(list)
        groups: defaultdict[tuple[str, Range], list[str]] = defaultdict(list)
        for (name, document_id), ranges in marks.items():
            for each in joined(ranges):
                groups[name, each].append(document_id)
        by_collection: defaultdict[str, list[tuple[Range, list[str]]]] = defaultdict(list)
        for (name, each), ids in sorted(groups.items(), key=lambda group: group[0][1]):
            by_collection[name].append((each, ids))
        for name, moves in by_collection.items():
            wanted = sum(len(ids) for _, ids in moves)
            done = await self._store.lazy[name].bulk_write([_all_said(each, ids) for each, ids in moves], ordered=True)
            found = done.matched_count
            if found < wanted:
                more = [_more_to_say(each, ids) for each, ids in moves]
                found += (await self._store.lazy[name].bulk_write(more, ordered=True)).matched_count
            if found < wanted:
                for each, ids in moves:
                    if each.tries < MARK_TRIES:
                        for document_id in ids:
                            self._marks[name, document_id].append(each._replace(tries=each.tries + 1))

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
            self.say(says)
