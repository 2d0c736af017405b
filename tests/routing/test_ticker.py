"""The ticker counts again and again, and an outage of the database leaves what was shown last."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import NotPrimaryError
from structlog import get_logger
from structlog.testing import capture_logs

from services.routing.domain import Tally
from services.routing.ports import LedgerAway
from services.routing.ticker import EVERY, SHOWN_FOR, Ticker

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TALLY = Tally("lamps", "7", 4, 1)


class Enough(Exception):
    """Ends a loop that would run for ever."""


class FixedClock:
    """A clock that stands still, and cannot be read the first time if told so."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away

    async def now(self) -> datetime:
        if self.away:
            self.away = False
            raise NotPrimaryError("stepping down")
        return NOW


class FakeLedger:
    """Gives what it was told to, and notes since when it was asked to look."""

    def __init__(self, *answers: Sequence[Tally] | LedgerAway) -> None:
        self.answers, self.asked = list(answers), list[datetime]()

    async def tallies(self, since: datetime) -> Sequence[Tally]:
        self.asked.append(since)
        answer = self.answers.pop(0)
        if isinstance(answer, LedgerAway):
            raise answer
        return answer


class FakeBoard:
    def __init__(self) -> None:
        self.shown: list[Sequence[Tally]] = []

    def show(self, tallies: Sequence[Tally]) -> None:
        self.shown.append(tallies)


async def test_the_ticker_counts_every_minute_and_waits_out_an_outage() -> None:
    ledger, board, slept = FakeLedger([TALLY], LedgerAway("AutoReconnect"), []), FakeBoard(), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if not ledger.answers:
            raise Enough

    with capture_logs() as logs, pytest.raises(Enough):
        await Ticker(ledger, board, FixedClock(), get_logger(), sleep=sleep).run()

    assert board.shown == [[TALLY], []]
    assert slept == [EVERY] * 3
    assert ledger.asked == [NOW - SHOWN_FOR] * 3
    assert timedelta(days=90) == SHOWN_FOR
    assert [(line["event"], line["error"]) for line in logs] == [("the decisions cannot be counted", "AutoReconnect")]


async def test_a_clock_that_cannot_be_read_is_waited_out_too() -> None:
    ledger, board = FakeLedger([TALLY]), FakeBoard()

    async def sleep(_: float) -> None:
        if not ledger.answers:
            raise Enough

    with capture_logs() as logs, pytest.raises(Enough):
        await Ticker(ledger, board, FixedClock(away=True), get_logger(), sleep=sleep).run()

    assert board.shown == [[TALLY]]
    assert [line["error"] for line in logs] == ["NotPrimaryError"]
