"""How transitions of the council are kept: in MongoDB, one document each, its facts in its history.

The one rule: no two transitions follow the same one. A unique index holds it, so that of several instances one adds
the next, whatever each believes to be next.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel
from structlog.typing import FilteringBoundLogger

from services.scheduler.adapters.diaries import Speaker
from services.scheduler.domain import Seen, Transition
from services.scheduler.ports import TRANSITION
from shared.events import CouncilPublished, Event
from shared.plumbing.council import REFRESH_EVERY
from shared.plumbing.history import Cause, Write, change, create, technical_now
from shared.plumbing.store import Collection, Store

_CONCERNS: Final = {"state.concerns_cases": True}
TRANSITIONS: Final = Collection(
    TRANSITION.collection,
    [
        IndexModel([("state.former", ASCENDING)], name="one_after_another", unique=True),
        IndexModel([("state.number", DESCENDING), ("state.on", DESCENDING)], name="last"),
        IndexModel([("created", ASCENDING)], name="for_review", partialFilterExpression=_CONCERNS),
    ],
)
PUBLICATIONS: Final = Collection("publications")

SETTLED_AFTER: Final = timedelta(seconds=5 * REFRESH_EVERY)
"""By then a version is in use everywhere: whoever is asked to look at a case knows who has left."""
LATE_UNTIL: Final = timedelta(days=1)
"""For so long a case event from before the transition may come late, out of a queue nobody worked on."""


class MongoTransitions:
    """What has been said about the council, shared by every instance of the scheduler."""

    def __init__(
        self,
        store: Store,
        speaker: Speaker,
        log: FilteringBoundLogger,
        *,
        settled_after: timedelta = SETTLED_AFTER,
    ) -> None:
        self._store, self._speaker, self._log = store, speaker, log
        self._settled_after = settled_after
        self._collection = store.durable[TRANSITION.collection]

    async def announce(self, news: Sequence[CouncilPublished]) -> bool:
        """Say of each version that it was published, unless that was said; whether all of them are said now."""
        writes = []
        for fact in news:
            name = f"version-{fact.number}"
            writes.append(create(PUBLICATIONS.name, name, name, fact, Cause(name, name)))
        return all([await self._write(write) is not None for write in writes])

    async def last(self) -> Transition | None:
        """Give the last transition: neither number nor day ever goes back."""
        newest = [("state.number", DESCENDING), ("state.on", DESCENDING)]
        found = await self._collection.find_one({}, {"state": 1}, sort=newest)
        return Transition.model_validate(found["state"]) if found else None

    async def add(self, seen: Seen, facts: Sequence[Event]) -> bool:
        """Keep a transition and say its facts; False: somebody else was faster."""
        return bool(await self._write(change(TRANSITION, seen.id, seen.id, None, facts, Cause(seen.id, seen.id))))

    async def open_for_review(self) -> Sequence[Transition]:
        """List the transitions whose cases are to be looked at, oldest first.

        Of cases that a late event makes known, it is said for a day, also where all others are done.
        """
        now = technical_now()
        wanted = _CONCERNS | {
            "created": {"$lte": now - self._settled_after},
            "$or": [{"state.reviewed": False}, {"created": {"$gt": now - LATE_UNTIL}}],
        }
        found = await self._collection.find(wanted, {"state": 1}).sort("created", ASCENDING).to_list()
        return [Transition.model_validate(document["state"]) for document in found]

    async def reviewed(self, transition: Transition) -> None:
        """Note that it was said of every case a transition concerns."""
        await self._collection.update_one(
            {"_id": transition.id}, {"$set": {"state.reviewed": True}, "$inc": {"version": 1}}
        )

    async def _write(self, write: Write) -> bool | None:
        """Write one document and say its facts; False: it is there; None: it could not be written."""
        (outcome,) = await self._store.write([write])
        if outcome is True:
            self._speaker.say(write.says)
        elif isinstance(outcome, Exception):
            self._log.error("a council fact cannot be written", document=write.key[1], error=type(outcome).__name__)
            return None
        return outcome
