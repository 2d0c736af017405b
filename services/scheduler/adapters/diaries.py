"""How the diaries are kept: in MongoDB, one document a case.

A reminder is said only after its diary has been written on the version that was read: nothing else keeps instances
apart.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from pydantic import ValidationError
from pymongo import ASCENDING, IndexModel
from structlog.typing import FilteringBoundLogger

from services.scheduler.domain import Diary, Transition
from services.scheduler.ports import DIARY, Page
from shared.events import TimerDue, TimerReview, TimersSet
from shared.plumbing.history import Cause, Say, Write, change
from shared.plumbing.relay import BACKLOG
from shared.plumbing.store import Collection, Store

_NEXT_DUE: Final = "state.next_due"
_WAITS: Final = {_NEXT_DUE: {"$type": "date"}}
"""Diaries with nothing to say are not in the index: it stays as small as the number of open cases."""

_OWNER: Final = "state.owner"
_PORTFOLIO: Final = "state.portfolio"
_OPEN: Final = {_OWNER: {"$type": "string"}}
"""A case that is closed has no owner here."""
_CABINET: Final = _OPEN | {_PORTFOLIO: {"$type": "string"}}

DIARIES: Final = Collection(
    DIARY.collection,
    [
        IndexModel([(_NEXT_DUE, ASCENDING)], name="next_due", partialFilterExpression=_WAITS),
        IndexModel([(_OWNER, ASCENDING)], name="owner", partialFilterExpression=_OPEN),
        IndexModel([(_PORTFOLIO, ASCENDING)], name="portfolio", partialFilterExpression=_CABINET),
    ],
)


class Speaker(Protocol):
    """Says facts as soon as possible: the relay."""

    @property
    def waiting(self) -> int:
        """How many facts wait to be said."""

    def say(self, says: Iterable[Say]) -> None:
        """Say these facts."""


class MongoDiaries:
    """The diaries of all cases, shared by every instance of the scheduler."""

    def __init__(self, store: Store, speaker: Speaker, log: FilteringBoundLogger) -> None:
        self._store, self._speaker, self._log = store, speaker, log
        self._collection = store.durable[DIARY.collection]
        self._complained: set[str] = set()

    async def next_due(self) -> datetime | None:
        """Tell when the earliest timer that has not been said is due, in business time."""
        found = await self._collection.find_one(_WAITS, {_NEXT_DUE: 1}, sort=[(_NEXT_DUE, ASCENDING)])
        earliest: datetime | None = found["state"]["next_due"] if found else None
        return earliest

    async def overdue(self, now: datetime, limit: int) -> Sequence[Page]:
        """Open the diaries with something due, oldest first; none while too much is still unsaid."""
        if self._speaker.waiting > BACKLOG:
            return []
        # The index is used only if the query repeats its condition.
        waits = {_NEXT_DUE: _WAITS[_NEXT_DUE] | {"$lte": now}}
        documents = await self._collection.find(waits).sort(_NEXT_DUE, ASCENDING).limit(limit).to_list()
        return [page for page in map(self._page, documents) if page]

    async def say(self, reminders: Sequence[tuple[Page, Sequence[TimerDue]]]) -> int:
        """Write reminders into their diaries and say those that could be written; how many diaries that were."""
        return await self._write(
            [
                change(DIARY, page.case, page.document["subject"], dict(page.document), facts, _cause(page.document))
                for page, facts in reminders
                if facts
            ]
        )

    async def left_to_review(self, transition: Transition) -> int:
        """Count the open cases a transition concerns, and of which that was not said yet."""
        return await self._collection.count_documents(_concerned(transition))

    async def to_review(self, transition: Transition, at_once: int) -> AsyncIterator[Sequence[Page]]:
        """Open their diaries, so many at once; none while too much is still unsaid."""
        pages: list[Page] = []
        async with self._collection.find(_concerned(transition), batch_size=at_once) as found:
            async for document in found:
                if self._speaker.waiting > BACKLOG:
                    return
                pages += filter(None, [self._page(document)])
                if len(pages) >= at_once:
                    yield pages
                    pages = []
        if pages:
            yield pages

    async def say_reviews(self, reviews: Sequence[tuple[Page, TimerReview]]) -> int:
        """Write reviews into their diaries and say those that could be written; how many that were."""
        return await self._write(
            [
                change(
                    DIARY,
                    page.case,
                    page.document["subject"],
                    dict(page.document),
                    [fact],
                    Cause(fact.cause, fact.cause),
                )
                for page, fact in reviews
            ]
        )

    async def _write(self, writes: Sequence[Write]) -> int:
        """Write diaries as they were read, and say what could be written; how many diaries that were."""
        if not writes:
            return 0
        said = 0
        for write, outcome in zip(writes, await self._store.write(writes), strict=True):
            if outcome is True:
                self._speaker.say(write.says)
                said += 1
            elif isinstance(outcome, Exception):
                self._complain("a reminder cannot be written", write.key[1], outcome)
            # False: another instance, or a newer event, was faster. What is still due stands there at the next turn.
        return said

    def _page(self, document: dict[str, Any]) -> Page | None:
        try:
            return Page(document["_id"], Diary.model_validate(document["state"]), document)
        except ValidationError as error:
            # One diary nobody can read must not keep the others from being said; the overdue gauge goes on showing it.
            self._complain("a diary cannot be read", document["_id"], error)
            return None

    def _complain(self, what: str, case: str, error: Exception) -> None:
        """Log what is wrong with one diary, once: it comes up again at every turn."""
        if case not in self._complained:
            self._complained.add(case)
            self._log.error(what, case_id=case, error=type(error).__name__)


def _cause(document: Mapping[str, Any]) -> Cause:
    """Name the case event that left the clocks running as the cause of what is said about them."""
    noted = next(entry for entry in reversed(document["history"]) if entry["type"] == TimersSet.type)
    return Cause(noted["cause"], noted["correlation"], traceparent=noted["traceparent"])


def _concerned(transition: Transition) -> dict[str, Any]:
    """Ask for the open cases a transition concerns, and of which that was not said yet."""
    # An index is used only if the query repeats its condition.
    ways: list[dict[str, Any]] = [{_OWNER: _OPEN[_OWNER] | {"$in": list(transition.leavers)}}]
    for moved in transition.moved:
        others = {_OWNER: _OPEN[_OWNER] | {"$ne": moved.holder}}
        ways.append(others | {_PORTFOLIO: _CABINET[_PORTFOLIO] | {"$eq": moved.portfolio}})
    return {"$or": ways, "state.reviews": {"$ne": transition.id}}
