"""The ticker finds what is due, says it, and sleeps no longer than it may."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from pymongo.errors import NotPrimaryError
from structlog import get_logger
from structlog.testing import capture_logs

from services.scheduler.ticker import LIMIT, OUTAGE_PAUSE, Ticker
from tests.scheduler.fakes import FakeClock, FakeDiaries, FakeGauge, after, clock, noted

LONGEST = 0.25


class Enough(Exception):
    """Ends a loop that would run for ever."""


class Bench:
    """A ticker with everything it needs, in memory."""

    def __init__(self) -> None:
        self.diaries, self.clock, self.gauge = FakeDiaries(), FakeClock(), FakeGauge()
        self.ticker = Ticker(self.diaries, self.clock, self.gauge, get_logger(), longest_pause=LONGEST)

    def said(self) -> list[tuple[str, str]]:
        return [(case, fact.kind) for case, fact in self.diaries.said]


async def test_with_nothing_to_wait_for_the_ticker_sleeps_its_longest() -> None:
    assert await Bench().ticker.turn() == LONGEST


async def test_the_ticker_wakes_when_the_next_timer_is_nearer_than_that() -> None:
    bench = Bench()
    bench.diaries.note("case-1", noted(1, clock("answer", 8, rev=1)))
    bench.clock.at = after(8) - timedelta(seconds=0.1)

    assert await bench.ticker.turn() == pytest.approx(0.1)
    assert bench.said() == []


async def test_a_due_timer_is_said_and_the_next_turn_follows_at_once() -> None:
    bench = Bench()
    bench.diaries.note("case-1", noted(1, clock("answer", 8, rev=1)))
    bench.clock.at = after(8)

    assert await bench.ticker.turn() == 0.0
    assert bench.said() == [("case-1", "answer")]
    assert bench.diaries.said[0][1].at == after(8)


async def test_after_a_long_silence_everything_is_said_oldest_first() -> None:
    bench = Bench()
    for number in range(LIMIT + 50):
        bench.diaries.note(f"case-{number}", noted(1, clock("answer", LIMIT + 50 - number, rev=1)))
    bench.clock.at = after(24 * 365)

    await bench.ticker.turn()
    await bench.ticker.turn()

    dues = [fact.due for _, fact in bench.diaries.said]
    assert len(dues) == LIMIT + 50
    assert dues == sorted(dues)


async def test_the_clock_moved_on_says_what_became_due() -> None:
    bench = Bench()
    bench.diaries.note("case-1", noted(1, clock("answer", 80, rev=1)))
    await bench.ticker.turn()

    bench.clock.at = after(81)
    await bench.ticker.turn()

    assert bench.said() == [("case-1", "answer")]


async def test_the_gauge_shows_how_late_the_oldest_timer_is() -> None:
    bench = Bench()
    bench.diaries.note("case-1", noted(1, clock("answer", 8, rev=1)))
    bench.clock.at = after(9)

    await bench.ticker.turn()
    late = bench.gauge.shown
    await bench.ticker.turn()

    assert late == 3600.0
    assert bench.gauge.shown == bench.ticker.late_by == 0.0


async def test_while_too_much_is_unsaid_nothing_is_said_but_the_lateness_is_still_shown() -> None:
    bench = Bench()
    bench.diaries.note("case-1", noted(1, clock("answer", 8, rev=1)))
    bench.diaries.too_much_unsaid = True
    bench.clock.at = after(9)

    assert await bench.ticker.turn() == LONGEST
    assert bench.gauge.shown == 3600.0
    assert bench.said() == []


async def test_where_others_were_faster_the_ticker_gives_them_time() -> None:
    class Contended(FakeDiaries):
        async def say(self, reminders: object) -> int:
            return 0

    diaries = Contended()
    diaries.note("case-1", noted(1, clock("answer", 8, rev=1)))
    ticker = Ticker(diaries, FakeClock(after(9)), FakeGauge(), get_logger(), longest_pause=LONGEST)

    assert await ticker.turn() == LONGEST


def sleeping(pauses: list[float], at_most: int) -> Callable[[float], Awaitable[None]]:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == at_most:
            raise Enough

    return sleep


async def test_an_outage_of_the_database_is_waited_out() -> None:
    class Away(FakeDiaries):
        outages = 1

        async def next_due(self) -> datetime | None:
            if self.outages:
                self.outages -= 1
                raise NotPrimaryError("stepping down")
            return await super().next_due()

    diaries, pauses = Away(), list[float]()
    diaries.note("case-1", noted(1, clock("answer", 8, rev=1)))
    ticker = Ticker(
        diaries, FakeClock(after(9)), FakeGauge(), get_logger(), longest_pause=LONGEST, sleep=sleeping(pauses, 3)
    )

    with capture_logs() as logs, pytest.raises(Enough):
        await ticker.run()

    assert pauses == [OUTAGE_PAUSE, 0.0, LONGEST]
    assert [fact.kind for _, fact in diaries.said] == ["answer"]
    assert [(line["log_level"], line["error"]) for line in logs] == [("warning", "NotPrimaryError")]
