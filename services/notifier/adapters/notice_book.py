"""Keeps the notices in MongoDB; several instances take from it at once and never the same notice.

Every step is a compare-and-set on one document. The end of a notice is appended to its history in the same write, so a
mail is reported exactly if its end is recorded.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from pymongo import DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import PyMongoError

from services.notifier import domain
from services.notifier.domain import AT_ONCE, Channel, End, Notice, Status
from services.notifier.ports import BookAway, Claim
from shared.plumbing.history import Cause, Document, Say, append, technical_now
from shared.plumbing.store import Collection, Store

_NAME = "notices"
_CALLS = "calls"

NOTICES = Collection(
    _NAME,
    (
        IndexModel(
            [("state.lane", DESCENDING), ("created", 1), ("state.next_at", 1)],
            name="due",
            partialFilterExpression={"state.status": "queued"},
        ),
        IndexModel(
            [("state.lane", DESCENDING), ("created", 1), ("state.next_at", 1)],
            name=_CALLS,
            partialFilterExpression={"state.status": "queued", "state.channel": "call"},
        ),
        IndexModel([("state.status", 1), ("state.claimed_until", 1)], name="ends"),
    ),
)
"""`ends` also counts the notices by status, e.g. those in doubt. Calls have an index of their own: one is found at once
however many mails wait."""

_UNCLAIMED = {"state.claimed_by": "", "state.claimed_until": AT_ONCE}


class Speaker(Protocol):
    """Whoever says facts once they are durable: the relay."""

    def say(self, says: Iterable[Say]) -> None:
        """Say them as soon as possible."""
        ...


class MongoNoticeBook:
    """The collection `notices` of the notifier's own database."""

    def __init__(
        self,
        store: Store,
        relay: Speaker,
        business_now: Callable[[], Awaitable[datetime]],
        *,
        claim_for: timedelta = timedelta(seconds=120),
        now: Callable[[], datetime] = technical_now,
    ) -> None:
        """Work on a store; `business_now` dates the facts, `now` (real time) the claims."""
        self._store = store
        self._relay = relay
        self._business_now = business_now
        self._claim_for = claim_for
        self._now = now

    async def claim(self, limit: int, channel: Channel = "mail", *, urgent_only: bool = False) -> Sequence[Claim]:
        """Take over what is due: look, compare-and-set, and read back what is ours."""
        notices, now = self._store.durable[_NAME], self._now()
        due = due_at(now, channel, urgent_only=urgent_only)
        turn = uuid4().hex
        try:
            looking = notices.find(due, {"_id": 1}).sort([("state.lane", -1), ("created", 1)])
            found = await (looking.hint(_CALLS) if channel == "call" else looking).to_list(limit)
            if not found:
                return ()
            wanted = {"_id": {"$in": [document["_id"] for document in found]}}
            await notices.update_many(
                wanted | due,
                {
                    "$set": {
                        "state.status": "sending",
                        "state.claimed_by": turn,
                        "state.claimed_until": now + self._claim_for,
                    },
                    "$inc": {"version": 1},
                },
            )
            ours = await notices.find(wanted | {"state.claimed_by": turn}).to_list()
        except PyMongoError as error:
            raise _away(error) from error
        place = {document["_id"]: index for index, document in enumerate(found)}
        return [_claim(document) for document in sorted(ours, key=lambda document: place[document["_id"]])]

    async def hand_over(self, claim: Claim) -> Claim | None:
        """Note the hand-over on a majority, journaled, unless the claim has run out."""
        if claim.notice.claimed_until <= self._now():
            return None
        try:
            document = await self._store.durable[_NAME].find_one_and_update(
                {"_id": claim.notice.id, "version": claim.document["version"]},
                {
                    "$set": {
                        "state.status": "handed_over",
                        "state.claimed_until": self._now() + self._claim_for,
                        "state.attempts": claim.notice.attempts + 1,
                    },
                    "$inc": {"version": 1},
                },
                return_document=ReturnDocument.AFTER,
            )
        except PyMongoError as error:
            raise _away(error) from error
        return _claim(document) if document else None

    async def sent(self, claim: Claim) -> bool:
        """Record that the server has it."""
        return await self._end(claim, "sent", domain.sent(claim.notice, await self._business_now()))

    async def failed(self, claim: Claim, reason: str) -> bool:
        """Record that it will never be delivered."""
        fact = domain.failed(claim.notice, await self._business_now(), reason)
        return await self._end(claim, "failed", fact, reason)

    async def in_doubt(self, claim: Claim, reason: str) -> bool:
        """Record that nobody knows."""
        return await self._end(claim, "in_doubt", domain.in_doubt(claim.notice, await self._business_now()), reason)

    async def delay(self, claim: Claim, reason: str) -> bool:
        """Queue it again, later each time; tried for as long as its channel allows, it has failed."""
        now, notice = self._now(), claim.notice
        if domain.is_given_up(claim.created, now, notice.channel):
            return await self.failed(claim, reason)
        # A hand-over has counted the attempt already.
        attempts = notice.attempts if notice.status == "handed_over" else notice.attempts + 1
        return await self._set(
            claim.document,
            {
                "state.status": "queued",
                "state.attempts": attempts,
                "state.next_at": now + domain.pause_after(attempts, notice.channel),
                "state.reason": reason,
            }
            | _UNCLAIMED,
        )

    async def release(self, claims: Sequence[Claim]) -> None:
        """Queue them again as they were."""
        for claim in claims:
            await self._set(claim.document, {"state.status": "queued"} | _UNCLAIMED)

    async def count(self, *statuses: Status) -> int:
        """Count by status, from the index."""
        try:
            return await self._store.durable[_NAME].count_documents({"state.status": {"$in": statuses}})
        except PyMongoError as error:
            raise _away(error) from error

    async def recover(self) -> tuple[int, int]:
        """Queue again what was claimed and never handed over; what was handed over is in doubt."""
        out = {"state.claimed_until": {"$lt": self._now()}}
        try:
            put_back = await self._store.durable[_NAME].update_many(
                {"state.status": "sending"} | out,
                {"$set": {"state.status": "queued"} | _UNCLAIMED, "$inc": {"version": 1}},
            )
            doubtful = await self._store.durable[_NAME].find({"state.status": "handed_over"} | out).to_list(1000)
        except PyMongoError as error:
            raise _away(error) from error
        ended = [await self.in_doubt(_claim(document), "process-died") for document in doubtful]
        return put_back.modified_count, sum(ended)

    async def _set(self, document: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        try:
            result = await self._store.durable[_NAME].update_one(
                {"_id": document["_id"], "version": document["version"]}, {"$set": values, "$inc": {"version": 1}}
            )
        except PyMongoError as error:
            raise _away(error) from error
        return result.modified_count == 1

    async def _end(self, claim: Claim, status: Status, fact: End, reason: str = "") -> bool:
        """Set the status, append the fact and say it: one write."""
        state = {"status": status, "reason": reason, "claimed_by": "", "claimed_until": AT_ONCE}
        cause = Cause(id=claim.notice.event, correlation=claim.notice.correlation)
        write = append((_NAME, claim.notice.id), dict(claim.document), state, [fact], cause)
        try:
            result = (await self._store.write([write]))[0]
        except PyMongoError as error:
            raise _away(error) from error
        if isinstance(result, Exception):
            raise _away(result) from result
        if result:
            self._relay.say(write.says)
        return result


def due_at(now: datetime, channel: Channel, *, urgent_only: bool = False) -> Document:
    """Say which notices of a channel are due; those of older versions name none and are mails."""
    lane = {"state.lane": "urgent"} if urgent_only else {}
    return lane | {
        "state.status": "queued",
        "state.channel": "call" if channel == "call" else {"$ne": "call"},
        "state.next_at": {"$lte": now},
    }


def _claim(document: Document) -> Claim:
    return Claim(Notice.model_validate(document["state"]), document["created"], document)


def _away(error: Exception) -> BookAway:
    return BookAway(type(error).__name__)
