"""The gateway's own database: browser sessions, and commands that are safe but not decided. No wait is without end.

A session is stored under the hash of its id, so that whoever reads the database cannot use one. A command is stored
sealed, as it goes to the broker.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final, Protocol

from bson import Binary
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError, PyMongoError

from services.gateway.ports import Letter, MovableClock, PendingCommand, Unavailable
from shared.calendar import WorkingCalendar
from shared.plumbing.history import Document, Say, technical_now
from shared.plumbing.store import Collection, Collection_
from shared.plumbing.topology import COMMANDS as COMMANDS_EXCHANGE

IDLE: Final = timedelta(minutes=30)
ABSOLUTE: Final = timedelta(hours=8)
KEPT: Final = timedelta(days=30)
WITHIN: Final = 3.0

SESSIONS = Collection("sessions", (IndexModel("expires", expireAfterSeconds=0),))
COMMANDS = Collection(
    "commands",
    (
        IndexModel(
            [("state.reference", ASCENDING), ("state.principal", ASCENDING)],
            partialFilterExpression={"state.decided": False},
        ),
        # Only what no longer has to be sent may expire.
        IndexModel("state.expires", expireAfterSeconds=0, partialFilterExpression={"relayed": {"$gte": 1}}),
    ),
)


class Speaker(Protocol):
    """The part of the relay that is needed here."""

    def say(self, says: Iterable[Say]) -> None:
        """Say these as soon as possible."""
        ...


@asynccontextmanager
async def _bounded() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WITHIN):
            yield
    except (PyMongoError, TimeoutError) as error:
        raise Unavailable from error


class BoundedClock:
    """Business time of the development profile, which lies in the council's database."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock

    async def now(self) -> datetime:
        """Give the business time."""
        async with _bounded():
            return await self._clock.now()

    async def advance(self, text: str, calendar: WorkingCalendar) -> datetime:
        """Move business time on."""
        async with _bounded():
            return await self._clock.advance(text, calendar)


class MongoSessions:
    """Browser sessions."""

    def __init__(self, collection: Collection_, now: Callable[[], datetime] = technical_now) -> None:
        self._collection, self._now = collection, now

    async def open(self, person: str) -> str:
        """Begin a session and give its secret id."""
        session_id, now = secrets.token_urlsafe(32), self._now()
        async with _bounded():
            await self._collection.insert_one(
                {
                    "_id": _hashed(session_id),
                    "person": person,
                    "created": now,
                    "ends": now + ABSOLUTE,
                    "expires": now + IDLE,
                }
            )
        return session_id

    async def find(self, session_id: str) -> str | None:
        """Say whose session this is, and let the idle time begin anew."""
        now = self._now()
        async with _bounded():
            found = await self._collection.find_one_and_update(
                {"_id": _hashed(session_id), "expires": {"$gt": now}},
                [{"$set": {"expires": {"$min": ["$ends", now + IDLE]}}}],
            )
        return str(found["person"]) if found else None

    async def close(self, session_id: str) -> None:
        """End a session."""
        async with _bounded():
            await self._collection.delete_one({"_id": _hashed(session_id)})


class MongoOutbasket:
    """Commands without a decision, in documents with a history: the relay sends what no queue has taken."""

    def __init__(self, collection: Collection_, relay: Speaker, now: Callable[[], datetime] = technical_now) -> None:
        self._collection, self._relay, self._now = collection, relay, now

    async def keep(self, letter: Letter, *, taken: bool) -> bool:
        """Keep a command; unless the queue has it, the relay sends it."""
        document = self._document(letter, taken=taken)
        try:
            async with _bounded():
                await self._collection.insert_one(document)
        except Unavailable as error:
            if not isinstance(error.__cause__, DuplicateKeyError):
                raise
            return await self._holds(letter)
        if not taken:
            key = (COMMANDS.name, letter.id)
            self._relay.say([Say(key, letter.case_id, document["history"][0], 0)])
        return True

    async def _holds(self, letter: Letter) -> bool:
        async with _bounded():
            found = await self._collection.find_one({"_id": letter.id}, {"state.hash": 1})
        return found is not None and bool(found["state"]["hash"] == letter.body_hash)

    async def pending(self, reference: str, principal: str) -> Sequence[PendingCommand]:
        """List this person's undecided commands on a case, oldest first."""
        asked = {"state.reference": reference, "state.principal": principal, "state.decided": False}
        async with _bounded():
            found = await self._collection.find(asked, {"state": 1}).sort("state.at", ASCENDING).limit(100).to_list()
        return [PendingCommand(each["_id"], each["state"]["command"], each["state"]["at"]) for each in found]

    async def decided(self, ids: Sequence[str]) -> None:
        """Note that these commands are decided; not noted now, it is noted the next time somebody asks."""
        try:
            async with _bounded():
                await self._collection.update_many(
                    {"_id": {"$in": list(ids)}}, {"$set": {"state.decided": True}, "$inc": {"version": 1}}
                )
        except Unavailable:
            return

    def _document(self, letter: Letter, *, taken: bool) -> Document:
        now = self._now()
        entry: Document = {
            "id": letter.id,
            "type": letter.type,
            "seq": 1,
            "caseseq": None,
            "at": letter.at,
            "recorded": now,
            "cause": letter.id,
            "correlation": letter.id,
            "actor": letter.actor,
            "on_behalf_of": letter.on_behalf_of,
            "traceparent": "",
            "hash": "",
            "exchange": COMMANDS_EXCHANGE,
            "key": letter.routing_key,
            "mandatory": True,
            "body": Binary(letter.body),
        }
        document: Document = {
            "_id": letter.id,
            "subject": letter.case_id,
            "version": 1,
            "created": now,
            "relayed": 1 if taken else 0,
            "say_to": 1,
            "history": [] if taken else [entry],
            "state": {
                "reference": letter.reference,
                "principal": letter.actor,
                "command": letter.command,
                "hash": letter.body_hash,
                "at": letter.at,
                "decided": False,
                "expires": now + KEPT,
            },
        }
        return document if taken else document | {"unsaid_since": now}


def _hashed(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
