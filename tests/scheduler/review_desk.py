"""A reviewer with everything it needs in MongoDB, after an election."""

from datetime import timedelta
from typing import Any, NamedTuple

from pymongo.asynchronous.database import AsyncDatabase
from structlog import get_logger

from services.scheduler.adapters import DIARIES, PUBLICATIONS, TRANSITIONS, MongoDiaries, MongoTransitions
from services.scheduler.domain import Seen
from services.scheduler.ports import DIARY
from services.scheduler.ticker import Reviewer
from shared.events import CouncilSeen, CouncilTermEnded, Event, TimersSet
from shared.plumbing.history import Cause, change
from shared.plumbing.store import Store
from tests.scheduler.fakes import START, FakeClock, FakeGauge, FakeSpeaker, after
from tests.scheduler.worlds import may

Database = AsyncDatabase[dict[str, Any]]
KEPT = (DIARIES, TRANSITIONS, PUBLICATIONS)
ELECTION = Seen(12, may(11))


def left(*councillors: str) -> list[Event]:
    return [
        CouncilSeen(at=START, number=12, on=may(11), former="11:2026-05-01"),
        *(
            CouncilTermEnded(at=START, number=12, councillor=each, ward="elm", on=may(11), left_office=True)
            for each in councillors
        ),
    ]


class Desk(NamedTuple):
    """What is kept in MongoDB, and what was said."""

    database: Database
    store: Store
    speaker: FakeSpeaker
    diaries: MongoDiaries
    book: MongoTransitions
    gauge: FakeGauge
    reviewer: Reviewer

    async def note(self, case: str, fact: TimersSet) -> None:
        """Write as the plumbing writes what a handler returned."""
        key = (DIARY.collection, case)
        before = (await self.store.read([key])).get(key)
        cause = Cause(f"event-{case}-{fact.caseseq}", f"story-{case}")
        assert await self.store.write([change(DIARY, case, case, before, [fact], cause)]) == [True]

    def said(self) -> list[tuple[str, str]]:
        return [(say.subject, say.entry["data"]["reason"]) for say in self.speaker.says if "case" in say.subject]

    async def reviewed(self) -> bool:
        stored = await self.database["transitions"].find_one({"_id": ELECTION.id})
        assert stored is not None
        return bool(stored["state"]["reviewed"])


async def desk_of(database: Database, store: Store | None = None) -> Desk:
    own = store or Store(database, KEPT)
    await own.prepare()
    speaker, gauge = FakeSpeaker(), FakeGauge()
    diaries = MongoDiaries(own, speaker, get_logger())
    book = MongoTransitions(own, speaker, get_logger(), settled_after=timedelta())
    reviewer = Reviewer(book, diaries, FakeClock(after(1)), gauge, get_logger())
    return Desk(database, own, speaker, diaries, book, gauge, reviewer)
