"""Every open case that a transition of the council concerns is called to intake's attention, once."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from pymongo.errors import NotPrimaryError
from structlog import get_logger
from structlog.testing import capture_logs

from services.scheduler.adapters import MongoTransitions
from services.scheduler.adapters.transitions import LATE_UNTIL, SETTLED_AFTER
from services.scheduler.domain import Diary, Moved, Seen, Transition, evolve
from services.scheduler.ticker import OUTAGE_PAUSE, Reviewer
from services.scheduler.ticker.reviews import PAGE
from shared.events import (
    CouncilPortfolioMoved,
    CouncilSeen,
    CouncilTermBegan,
    TimerReview,
)
from shared.plumbing.council import REFRESH_EVERY
from shared.plumbing.history import technical_now
from shared.plumbing.relay import BACKLOG
from tests.scheduler.fakes import (
    START,
    FakeBook,
    FakeClock,
    FakeGauge,
    FakeOpenCases,
    after,
    noted,
)
from tests.scheduler.review_desk import ELECTION, Database, Desk, desk_of, left
from tests.scheduler.worlds import may

MOVED = Transition(number=12, on=may(11), moved=(Moved(portfolio="housing", holder="cllr-reed"),))


PORTFOLIO = CouncilPortfolioMoved(
    at=START, number=12, portfolio="housing", on=may(11), former="cllr-fern", holder="cllr-reed"
)


# --- the loop, in memory ---


class Bench:
    """A reviewer with everything it needs, in memory, after an election in which Moss left."""

    def __init__(self, cases: FakeOpenCases) -> None:
        self.book, self.cases, self.gauge = FakeBook(), cases, FakeGauge()
        self.reviewer = Reviewer(self.book, cases, FakeClock(after(1)), self.gauge, get_logger(), pause=0.25)

    @classmethod
    async def after_the_election(cls, cases: FakeOpenCases) -> "Bench":
        bench = cls(cases)
        assert await bench.book.add(ELECTION, left("cllr-moss"))
        return bench

    def done(self) -> list[bool]:
        return [transition.reviewed for transition, _ in self.book.kept]


def diary(owner: str | None = "cllr-moss") -> Diary:
    return evolve(None, noted(1, owner=owner), 1)


async def test_every_case_is_said_once_and_then_the_transition_is_done_with() -> None:
    bench = await Bench.after_the_election(
        FakeOpenCases(*((f"case-{number}", diary()) for number in range(PAGE + 1)), ("other", diary("cllr-reed")))
    )

    pauses = [await bench.reviewer.turn() for _ in range(2)]

    assert pauses == [0.25, 0.25]
    assert sorted(case for case, _ in bench.cases.said) == sorted(f"case-{number}" for number in range(PAGE + 1))
    assert {(fact.at, fact.cause) for _, fact in bench.cases.said} == {(after(1), "12:2026-05-11")}
    assert bench.cases.opened == [PAGE, 1]
    assert (bench.done(), bench.gauge.shown) == ([True], 0)


async def test_while_a_case_could_not_be_said_the_transition_is_not_done_with_and_the_gauge_shows_it() -> None:
    bench = await Bench.after_the_election(FakeOpenCases(("case-1", diary()), ("case-2", diary())))
    bench.cases.unwritable = {"case-1"}

    await bench.reviewer.turn()
    before = bench.done(), bench.gauge.shown
    bench.cases.unwritable = set()
    await bench.reviewer.turn()

    assert before == ([False], 1)
    assert (bench.done(), bench.gauge.shown) == ([True], 0)
    assert [case for case, _ in bench.cases.said] == ["case-2", "case-1"]


async def test_a_case_that_comes_late_is_said_though_all_others_were_done() -> None:
    bench = await Bench.after_the_election(FakeOpenCases())
    await bench.reviewer.turn()

    bench.cases.shelf["late"] = diary()
    await bench.reviewer.turn()

    assert bench.done() == [True]
    assert [case for case, _ in bench.cases.said] == ["late"]


async def test_the_log_shows_how_far_it_is_page_by_page() -> None:
    bench = await Bench.after_the_election(FakeOpenCases(*((f"case-{number}", diary()) for number in range(PAGE + 1))))

    with capture_logs() as logs:
        await bench.reviewer.turn()

    assert [(line.get("said"), line.get("left")) for line in logs] == [(PAGE, 1), (1, 0), (None, None)]
    assert {line["transition"] for line in logs} == {"12:2026-05-11"}


async def test_an_outage_of_the_database_is_waited_out() -> None:
    class Away(FakeBook):
        async def open_for_review(self) -> Sequence[Transition]:
            raise NotPrimaryError("stepping down")

    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        raise asyncio.CancelledError

    reviewer = Reviewer(Away(), FakeOpenCases(), FakeClock(), FakeGauge(), get_logger(), sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        await reviewer.run()

    assert pauses == [OUTAGE_PAUSE]


# --- MongoDB ---


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await desk_of(database)


CASES = {
    "case-of-a-leaver": noted(1, owner="cllr-moss"),
    "case-of-a-leaver-in-a-portfolio": noted(1, owner="cllr-moss", portfolio="housing"),
    "case-in-a-portfolio": noted(1, owner="cllr-fern", portfolio="housing"),
    "case-of-the-new-holder": noted(1, owner="cllr-reed", portfolio="housing"),
    "case-in-another-portfolio": noted(1, owner="cllr-fern", portfolio="parks"),
    "case-of-one-who-stays": noted(1, owner="cllr-reed"),
    "case-closed": noted(1, owner=None, portfolio="housing"),
}
CONCERNED = [
    ("case-in-a-portfolio", "portfolio-moved"),
    ("case-of-a-leaver", "owner-left"),
    ("case-of-a-leaver-in-a-portfolio", "owner-left"),
]


@pytest.mark.mongo
async def test_the_open_cases_of_leavers_and_of_moved_portfolios_are_found_and_no_others(desk: Desk) -> None:
    for case, fact in CASES.items():
        await desk.note(case, fact)
    await desk.book.add(ELECTION, [*left("cllr-moss"), PORTFOLIO])

    for _ in range(2):
        await desk.reviewer.turn()

    assert sorted(desk.said()) == CONCERNED
    assert (await desk.reviewed(), desk.gauge.shown) == (True, 0)


@pytest.mark.mongo
async def test_a_portfolio_that_nobody_holds_any_more_concerns_all_its_cases(desk: Desk) -> None:
    for case, fact in CASES.items():
        await desk.note(case, fact)
    nobody = PORTFOLIO.model_copy(update={"holder": None})
    await desk.book.add(ELECTION, [*left(), nobody])

    await desk.reviewer.turn()

    assert sorted(case for case, _ in desk.said()) == [
        "case-in-a-portfolio",
        "case-of-a-leaver-in-a-portfolio",
        "case-of-the-new-holder",
    ]


@pytest.mark.mongo
async def test_a_review_is_written_into_the_diary_before_it_is_said_and_names_its_transition(desk: Desk) -> None:
    await desk.note("case-1", CASES["case-of-a-leaver"])
    await desk.book.add(ELECTION, left("cllr-moss"))

    await desk.reviewer.turn()

    stored = await desk.database["diaries"].find_one({"_id": "case-1"})
    assert stored is not None
    *_, entry = stored["history"]
    assert (entry["type"], entry["cause"], entry["correlation"]) == (TimerReview.type, ELECTION.id, ELECTION.id)
    assert entry["mandatory"]
    assert stored["state"]["reviews"] == [ELECTION.id]
    assert desk.speaker.says[-1].entry["id"] == entry["id"]


@pytest.mark.mongo
async def test_a_case_taken_over_while_its_page_lay_open_is_looked_at_anew(desk: Desk) -> None:
    await desk.note("case-1", CASES["case-of-a-leaver"])
    transition = Transition(number=12, on=may(11), leavers=("cllr-moss",))
    pages = [page async for some in desk.diaries.to_review(transition, 10) for page in some]
    review = TimerReview(at=START, reason="owner-left", cause="12", lane="normal", service="lamps", ward="elm")

    await desk.note("case-1", noted(2, owner="cllr-reed"))

    assert await desk.diaries.say_reviews([(page, review) for page in pages]) == 0
    assert (desk.said(), await desk.diaries.left_to_review(transition)) == ([], 0)


@pytest.mark.mongo
async def test_a_diary_nobody_can_read_does_not_stop_the_others_and_keeps_the_transition_open(desk: Desk) -> None:
    for number in range(4):
        await desk.note(f"case-{number}", CASES["case-of-a-leaver"])
    await desk.database["diaries"].update_one({"_id": "case-1"}, {"$unset": {"state.lane": ""}})
    await desk.book.add(ELECTION, left("cllr-moss"))

    with capture_logs() as logs:
        for _ in range(2):
            await desk.reviewer.turn()

    assert sorted(case for case, _ in desk.said()) == ["case-0", "case-2", "case-3"]
    assert [line["case_id"] for line in logs if line["event"] == "a diary cannot be read"] == ["case-1"]
    assert (await desk.reviewed(), desk.gauge.shown) == (False, 1)


@pytest.mark.mongo
async def test_while_too_much_is_unsaid_no_case_is_opened(desk: Desk) -> None:
    await desk.note("case-1", CASES["case-of-a-leaver"])
    await desk.book.add(ELECTION, left("cllr-moss"))
    desk.speaker.waiting = BACKLOG + 1

    await desk.reviewer.turn()

    assert (desk.said(), await desk.reviewed(), desk.gauge.shown) == ([], False, 1)


@pytest.mark.mongo
async def test_cases_are_looked_at_when_every_service_knows_and_late_ones_for_a_day(database: Database) -> None:
    desk = await desk_of(database)
    book = MongoTransitions(desk.store, desk.speaker, get_logger())
    nobody = CouncilTermBegan(at=START, number=13, councillor="cllr-reed", ward="elm", on=may(12))
    seen = CouncilSeen(at=START, number=13, on=may(12), former=ELECTION.id)
    await book.add(ELECTION, left("cllr-moss"))
    await book.add(Seen(13, may(12)), [seen, nobody])

    async def open_when(age: timedelta, *, reviewed: bool = False) -> list[str]:
        changed = {"created": technical_now() - age, "state.reviewed": reviewed}
        await database["transitions"].update_many({}, {"$set": changed})
        return [transition.id for transition in await book.open_for_review()]

    minute = timedelta(minutes=1)
    assert SETTLED_AFTER.total_seconds() == 5 * REFRESH_EVERY
    assert await open_when(timedelta()) == []
    assert await open_when(SETTLED_AFTER) == [ELECTION.id]
    assert await open_when(30 * LATE_UNTIL) == [ELECTION.id]
    assert await open_when(LATE_UNTIL - minute, reviewed=True) == [ELECTION.id]
    assert await open_when(LATE_UNTIL + minute, reviewed=True) == []


@pytest.mark.mongo
async def test_cases_are_found_by_the_indexes_of_open_cases(desk: Desk) -> None:
    for case, fact in CASES.items():
        await desk.note(case, fact)
    for number in range(200):
        await desk.note(f"case-{number}", noted(1, owner=None, portfolio="housing"))
        await desk.note(f"case-other-{number}", noted(1, owner="cllr-reed"))
    transition = MOVED.model_copy(update={"leavers": ("cllr-moss",)})
    await desk.database.command("profile", 2)

    await desk.diaries.left_to_review(transition)
    found = [page.case async for some in desk.diaries.to_review(transition, 10) for page in some]

    await desk.database.command("profile", 0)
    profiled = await desk.database["system.profile"].find({"ns": f"{desk.database.name}.diaries"}).to_list()
    looks = [entry for entry in profiled if entry["op"] in {"query", "command"}]
    assert sorted(found) == [case for case, _ in CONCERNED]
    assert len(looks) == 2
    for entry in looks:
        assert "COLLSCAN" not in entry["planSummary"]
        assert entry["keysExamined"] <= 10
