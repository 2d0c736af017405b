"""The diaries keep their promise, in memory and in MongoDB; and with many tickers at once nothing is said twice."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pytest
from pymongo import UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from structlog import get_logger
from structlog.testing import capture_logs

from services.scheduler.adapters import DIARIES, MongoDiaries
from services.scheduler.domain import due
from services.scheduler.handlers import handlers
from services.scheduler.ports import DIARY, Diaries, Page
from services.scheduler.ticker import LIMIT, Ticker
from shared.events import CaseEvent, CaseProgressed, TimerDue, TimersSet
from shared.plumbing.envelope import Envelope
from shared.plumbing.history import Cause, Write, change
from shared.plumbing.lane import Done, Lane
from shared.plumbing.metrics import Metrics
from shared.plumbing.relay import BACKLOG
from shared.plumbing.store import Store
from tests.counts import count
from tests.scheduler.fakes import FakeClock, FakeDiaries, FakeGauge, FakeSpeaker, after, clock, heard, noted

Database = AsyncDatabase[dict[str, Any]]


class Shelf(NamedTuple):
    """Diaries to look at, a way to note in them, what was said, and a way to have too much unsaid."""

    diaries: Diaries
    note: Callable[[str, TimersSet], Awaitable[None]]
    said: Callable[[], list[tuple[str, str, int]]]
    be_behind: Callable[[], None]


def in_memory() -> Shelf:
    diaries = FakeDiaries()

    async def note(case: str, fact: TimersSet) -> None:
        diaries.note(case, fact)

    def be_behind() -> None:
        diaries.too_much_unsaid = True

    return Shelf(diaries, note, lambda: [(case, fact.kind, fact.rev) for case, fact in diaries.said], be_behind)


async def note_in(store: Store, facts: Sequence[tuple[str, TimersSet]]) -> None:
    """Write facts as the plumbing writes what a handler returned."""
    before = await store.read([(DIARY.collection, case) for case, _ in facts])
    writes = [
        change(
            DIARY,
            case,
            case,
            before.get((DIARY.collection, case)),
            [fact],
            Cause(f"event-{case}-{fact.caseseq}", f"story-{case}"),
        )
        for case, fact in facts
    ]
    assert all(outcome is True for outcome in await store.write(writes))


async def in_mongo(database: Database) -> Shelf:
    store, speaker = Store(database, [DIARIES]), FakeSpeaker()
    await store.prepare()

    async def note(case: str, fact: TimersSet) -> None:
        await note_in(store, [(case, fact)])

    def be_behind() -> None:
        speaker.waiting = BACKLOG + 1

    return Shelf(
        MongoDiaries(store, speaker, get_logger()),
        note,
        lambda: [(say.subject, say.entry["data"]["kind"], say.entry["data"]["rev"]) for say in speaker.says],
        be_behind,
    )


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.mongo)])
def shelf(request: pytest.FixtureRequest) -> Callable[[], Awaitable[Shelf]]:
    """The same suite for the double and for the real thing."""
    database = request.getfixturevalue("database") if request.param == "mongo" else None

    async def build() -> Shelf:
        return in_memory() if database is None else await in_mongo(database)

    return build


Build = Callable[[], Awaitable[Shelf]]


async def test_the_earliest_timer_of_all_cases_is_known(shelf: Build) -> None:
    diaries, note, _, _ = await shelf()
    assert await diaries.next_due() is None

    await note("case-1", noted(1, clock("answer", 80, rev=1)))
    await note("case-2", noted(1, clock("answer", 40, rev=1), clock("acknowledge", 8, rev=1)))
    await note("case-3", noted(1))

    assert await diaries.next_due() == after(8)


async def test_only_what_is_due_is_opened_oldest_first_and_no_more_than_asked(shelf: Build) -> None:
    diaries, note, _, _ = await shelf()
    for case, hours in (("case-1", 3), ("case-2", 1), ("case-3", 2), ("case-4", 9)):
        await note(case, noted(1, clock("answer", hours, rev=1)))

    assert [page.case for page in await diaries.overdue(after(3), 10)] == ["case-2", "case-3", "case-1"]
    assert [page.case for page in await diaries.overdue(after(3), 2)] == ["case-2", "case-3"]
    assert await diaries.overdue(after(0.5), 10) == []


async def test_a_reminder_is_written_and_said_and_the_diary_waits_for_the_next(shelf: Build) -> None:
    diaries, note, said, _ = await shelf()
    await note("case-1", noted(1, clock("acknowledge", 8, rev=1), clock("answer", 80, rev=1)))

    (page,) = await diaries.overdue(after(9), 10)
    written = await diaries.say([(page, due(page.diary, after(9)))])

    assert (written, said()) == (1, [("case-1", "acknowledge", 1)])
    assert await diaries.next_due() == after(80)
    assert await diaries.overdue(after(9), 10) == []


async def test_a_page_that_was_written_meanwhile_is_left_for_the_next_turn(shelf: Build) -> None:
    diaries, note, said, _ = await shelf()
    await note("case-1", noted(1, clock("acknowledge", 8, rev=1)))
    await note("case-2", noted(1, clock("acknowledge", 8, rev=1)))
    pages = await diaries.overdue(after(9), 10)

    await note("case-1", noted(2))
    written = await diaries.say([(page, due(page.diary, after(9))) for page in pages])

    assert (written, said()) == (1, [("case-2", "acknowledge", 1)])
    assert await diaries.overdue(after(9), 10) == []


async def test_nothing_to_write_is_no_work(shelf: Build) -> None:
    diaries, _, said, _ = await shelf()

    assert await diaries.say([]) == 0
    assert said() == []


async def test_while_too_much_is_unsaid_no_diary_is_opened(shelf: Build) -> None:
    diaries, note, _, be_behind = await shelf()
    await note("case-1", noted(1, clock("acknowledge", 8, rev=1)))

    be_behind()

    assert await diaries.overdue(after(9), 10) == []
    assert await diaries.next_due() == after(8)


# --- what only the real thing can show ---


@pytest.mark.mongo
async def test_a_reminder_names_the_case_event_that_left_its_clock_running(database: Database) -> None:
    diaries, note, _, _ = await in_mongo(database)
    await note("case-1", noted(1, clock("acknowledge", 8, rev=1)))
    await note("case-1", noted(2, clock("acknowledge", 8, rev=1)))

    (page,) = await diaries.overdue(after(9), 10)
    await diaries.say([(page, due(page.diary, after(9)))])

    stored = await database["diaries"].find_one({"_id": "case-1"})
    assert stored is not None
    *_, reminder = stored["history"]
    assert (reminder["type"], reminder["cause"], reminder["correlation"]) == (
        TimerDue.type,
        "event-case-1-2",
        "story-case-1",
    )


@pytest.mark.mongo
async def test_a_diary_nobody_can_read_does_not_stop_the_others_and_is_reported_once(database: Database) -> None:
    diaries, note, said, _ = await in_mongo(database)
    await note("case-1", noted(1, clock("acknowledge", 7, rev=1)))
    await note("case-2", noted(1, clock("acknowledge", 8, rev=1)))
    await database["diaries"].update_one({"_id": "case-1"}, {"$unset": {"state.lane": ""}})

    with capture_logs() as logs:
        for _ in range(2):
            pages = await diaries.overdue(after(9), 10)
            await diaries.say([(page, due(page.diary, after(9))) for page in pages])

    assert said() == [("case-2", "acknowledge", 1)]
    assert [(line["event"], line["case_id"]) for line in logs] == [("a diary cannot be read", "case-1")]
    assert await diaries.next_due() == after(7)


@pytest.mark.mongo
async def test_both_questions_are_answered_from_the_index_of_waiting_diaries(database: Database) -> None:
    diaries, note, _, _ = await in_mongo(database)
    await note("case-1", noted(1, clock("acknowledge", 8, rev=1)))
    await note("case-2", noted(1))
    await database.command("profile", 2)

    await diaries.next_due()
    await diaries.overdue(after(9), 10)

    await database.command("profile", 0)
    profiled = await database["system.profile"].find({"op": "query", "ns": f"{database.name}.diaries"}).to_list()
    assert len(profiled) == 2
    assert all("IXSCAN { state.next_due: 1 }" in entry["planSummary"] for entry in profiled)
    assert all(entry["keysExamined"] == 1 for entry in profiled)


@pytest.mark.mongo
async def test_events_taken_from_the_queue_in_any_order_leave_the_newest_clocks(database: Database) -> None:
    store, speaker = Store(database, [DIARIES]), LaneSpeaker()
    await store.prepare()
    lane = Lane(
        "scheduler", handlers, store=store, speaker=speaker, ports={}, log=get_logger(), metrics=Metrics("scheduler")
    )
    events: dict[int, CaseEvent] = {
        1: heard(clock("acknowledge", 8, rev=1)),
        2: heard(clock("answer", 80, rev=2)),
        3: heard(clock("autoclose", 200, rev=3)),
    }

    verdicts = await lane.work([arrived(caseseq, events[caseseq]) for caseseq in (2, 1, 3, 1, 2)])

    stored = await database["diaries"].find_one({"_id": "case-1"})
    assert stored is not None
    assert all(isinstance(verdict, Done) for verdict in verdicts)
    assert [(timer["kind"], timer["rev"]) for timer in stored["state"]["timers"]] == [("autoclose", 3)]
    assert (stored["state"]["caseseq"], len(stored["history"]), speaker.says) == (3, 2, [])


class LaneSpeaker(FakeSpeaker):
    """A relay that always has room."""

    async def room(self) -> None:
        return


def arrived(caseseq: int, event: CaseEvent) -> Envelope:
    return Envelope(
        type=CaseProgressed.type,
        id=f"event-{caseseq}",
        body=event.model_dump_json().encode(),
        subject="case-1",
        caseseq=caseseq,
    )


# --- many at once ---

CASES = count(2_000, 10_000)
TICKERS = 4


class Together:
    """Lets all tickers open the same pages before any of them may write: the race, every time."""

    def __init__(self, diaries: MongoDiaries, gate: asyncio.Barrier) -> None:
        self._diaries, self._gate, self._met = diaries, gate, False
        self.missed = 0

    async def next_due(self) -> datetime | None:
        return await self._diaries.next_due()

    async def overdue(self, now: datetime, limit: int) -> Sequence[Page]:
        pages = await self._diaries.overdue(now, limit)
        if not self._met:
            self._met = True
            await self._gate.wait()
        return pages

    async def say(self, reminders: Sequence[tuple[Page, Sequence[TimerDue]]]) -> int:
        said = await self._diaries.say(reminders)
        self.missed += len(reminders) - said
        return said


class BlindStore(Store):
    """A store that forgot the version in its filter: the last writer wins."""

    async def write(self, writes: Sequence[Write]) -> list[bool | Exception]:
        blind = [
            write._replace(operation=UpdateOne({"_id": write.key[1]}, write.operation._doc))
            if isinstance(write.operation, UpdateOne)
            else write
            for write in writes
        ]
        return await super().write(blind)


class Race(NamedTuple):
    """What became of a run with several tickers."""

    fired: Counter[tuple[str, str, int]]
    """How often each timer stands in the history of its diary as said."""
    said: Counter[str]
    """How often each fact was handed to the relay."""
    missed: int


async def race(database: Database, kind: type[Store]) -> Race:
    """Fire every timer with tickers that share nothing but the database."""
    stores, speakers = [kind(database, [DIARIES]) for _ in range(TICKERS)], [FakeSpeaker() for _ in range(TICKERS)]
    await stores[0].prepare()
    await note_in(
        stores[0], [(f"case-{number}", noted(1, clock("answer", number / CASES, rev=1))) for number in range(CASES)]
    )
    gate = asyncio.Barrier(TICKERS)
    rivals = [
        Together(MongoDiaries(store, speaker, get_logger()), gate)
        for store, speaker in zip(stores, speakers, strict=True)
    ]

    async def tick(diaries: Together) -> None:
        ticker = Ticker(diaries, FakeClock(after(24)), FakeGauge(), get_logger(), longest_pause=0.25)
        while await diaries.next_due():
            await ticker.turn()

    async with asyncio.TaskGroup() as group:
        for diaries in rivals:
            group.create_task(tick(diaries))

    fired: Counter[tuple[str, str, int]] = Counter()
    async for stored in database["diaries"].find():
        fired.update(
            (stored["_id"], entry["data"]["kind"], entry["data"]["rev"])
            for entry in stored["history"]
            if entry["type"] == TimerDue.type
        )
    said = Counter(say.entry["id"] for speaker in speakers for say in speaker.says)
    return Race(fired, said, sum(diaries.missed for diaries in rivals))


@pytest.mark.mongo
async def test_four_tickers_at_once_fire_each_of_many_timers_exactly_once(database: Database) -> None:
    outcome = await race(database, Store)

    assert outcome.missed >= 3 * LIMIT
    assert outcome.fired == {(f"case-{number}", "answer", 1): 1 for number in range(CASES)}
    assert len(outcome.said) == CASES
    assert set(outcome.said.values()) == {1}


@pytest.mark.mongo
async def test_without_the_version_in_the_filter_the_same_run_fires_twice(database: Database) -> None:
    outcome = await race(database, BlindStore)

    assert len(outcome.fired) == CASES
    assert max(outcome.fired.values()) > 1
