"""The loops of danger: over the same book of notices as the ordinary mails, and held up by none of them."""

import asyncio

import pytest

from services.notifier.ports import Call, Delayed, Doubtful, Letter, PostboxAway
from services.notifier.ticker import Pace, Sender
from shared.events import NoticeFailed, NoticeSent
from tests.notifier.fakes import FakeDutyCaller, FakePostbox, PlainCallWriter, PlainWriter, call, notice
from tests.notifier.test_ticker import SlowPostbox, Stage


def caller(stage: Stage, *lines: FakeDutyCaller) -> Sender[Call]:
    return Sender(
        stage.book, PlainCallWriter(), lines, stage.tally, stage.log, channel="call", batch=3, sleep=stage.patience
    )


async def test_a_call_waits_for_no_mail_and_not_for_their_pace() -> None:
    stage, line = Stage(rate=0.001), FakeDutyCaller()
    stage.put(*range(1, 20))
    danger = call(20)
    stage.book.put(danger)

    await caller(stage, line).turn()

    assert line.made == [danger.id]
    assert stage.patience.slept == []
    assert stage.postbox.delivered == []


async def test_each_loop_leaves_the_other_channel_alone() -> None:
    stage, line = Stage(), FakeDutyCaller()
    (told,) = stage.put(1)
    danger = call(2)
    stage.book.put(danger)

    await stage.sender.turn()
    assert (stage.postbox.delivered, stage.book.notice(danger.id).status) == ([told.id], "queued")
    await caller(stage, line).turn()

    assert (line.made, stage.statuses()) == ([danger.id], ["sent", "sent"])


async def test_a_call_is_made_while_the_mail_server_is_away() -> None:
    stage, line = Stage(), FakeDutyCaller()
    stage.book.put(call(1))
    stage.postbox.opening = [PostboxAway("no-connection")]
    await stage.sender.turn()

    await caller(stage, line).turn()

    assert len(line.made) == 1


async def test_a_call_nobody_takes_now_is_made_again_within_seconds_and_given_up_after_an_hour() -> None:
    stage, line = Stage(), FakeDutyCaller()
    stage.book.put(call(1))
    calling = caller(stage, line)
    line.answers = [Delayed("http-503") for _ in range(3)]

    await calling.turn()
    stage.watch.advance(seconds=1)
    await calling.turn()
    assert stage.statuses() == ["queued"]
    stage.watch.advance(hours=1)
    await calling.turn()

    assert stage.statuses() == ["failed"]
    (fact,) = stage.book.said
    assert isinstance(fact, NoticeFailed)
    assert (fact.template, fact.recipient, fact.reason) == ("call-unacknowledged", "off-cedar", "http-503")


async def test_a_call_nobody_answered_for_is_in_doubt_and_not_made_again() -> None:
    stage, line = Stage(), FakeDutyCaller()
    stage.book.put(call(1))
    line.answers = [Doubtful("no-answer")]

    await caller(stage, line).turn()
    stage.watch.advance(minutes=5)
    await caller(stage, line).turn()

    assert stage.statuses() == ["in_doubt"]
    assert line.made == []


async def test_a_call_that_was_made_is_said_by_the_name_of_why() -> None:
    stage, line = Stage(), FakeDutyCaller()
    stage.book.put(call(1))

    await caller(stage, line).turn()

    (fact,) = stage.book.said
    assert isinstance(fact, NoticeSent)
    assert (fact.template, fact.lane) == ("call-unacknowledged", "urgent")


def reserved(stage: Stage, postbox: FakePostbox, pace: Pace | None = None) -> Sender[Letter]:
    """The loop that keeps a connection for the mails of danger."""
    return Sender(
        stage.book, PlainWriter(), [postbox], stage.tally, stage.log, urgent_only=True, pace=pace, sleep=stage.patience
    )


async def test_a_mail_of_danger_does_not_wait_for_ordinary_ones_on_their_way() -> None:
    slow, kept = SlowPostbox(), FakePostbox()
    stage = Stage(slow)
    stage.put(1, 2, 3)
    sending = asyncio.create_task(stage.sender.turn())
    await slow.holding.wait()
    danger = notice(4, lane="urgent")
    stage.book.put(danger)

    await reserved(stage, kept).turn()

    assert (kept.delivered, slow.delivered) == ([danger.id], [])
    slow.let_go.set()
    await sending


async def test_the_loop_of_danger_leaves_ordinary_mails_to_the_other() -> None:
    stage, kept = Stage(), FakePostbox()
    stage.put(1)

    await reserved(stage, kept).turn()

    assert (kept.delivered, stage.statuses()) == ([], ["queued"])


async def test_both_loops_keep_the_rate_together() -> None:
    pace = Pace(0.001)
    stage = Stage()
    stage.book.put(notice(1, lane="urgent"))
    pace.wait(asyncio.get_running_loop().time())  # the other loop has just sent

    await reserved(stage, FakePostbox(), pace).turn()

    assert stage.patience.slept == [pytest.approx(1000, abs=1)]
