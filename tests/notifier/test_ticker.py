"""The loop that sends: in order, once, and never at the cost of a notice."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import structlog
from structlog.testing import LogCapture
from structlog.typing import FilteringBoundLogger

from services.notifier.domain import Notice
from services.notifier.ports import (
    Delayed,
    Doubtful,
    Letter,
    Outcome,
    Postbox,
    PostboxAway,
    PostboxLocked,
    Refused,
    Taken,
)
from services.notifier.ticker import Pace, Sender
from shared.events import NoticeFailed, NoticeInDoubt, NoticeSent
from tests.notifier.fakes import (
    FakeNoticeBook,
    FakePostbox,
    Patience,
    PlainWriter,
    Tally,
    Watch,
    notice,
)


class Stage:
    """The loop with a stand-in at every port."""

    def __init__(self, *postboxes: Postbox, unwritable: tuple[str, ...] = (), rate: float = 1e6) -> None:
        self.watch, self.tally, self.patience, self.capture = Watch(), Tally(), Patience(), LogCapture()
        self.book, self.postbox = FakeNoticeBook(self.watch), FakePostbox()
        self.log: FilteringBoundLogger = structlog.wrap_logger(
            structlog.PrintLogger(), processors=[self.capture], wrapper_class=structlog.make_filtering_bound_logger(0)
        )
        self.sender = Sender(
            self.book,
            PlainWriter(unwritable),
            postboxes or [self.postbox],
            self.tally,
            self.log,
            pace=Pace(rate),
            batch=3,
            last_mail=5.0,
            sleep=self.patience,
        )

    def put(self, *numbers: int) -> list[Notice]:
        found = []
        for number in numbers:
            found.append(notice(number))
            self.book.put(found[-1])
            self.watch.advance(seconds=1)
        return found

    def statuses(self) -> list[str]:
        return [document["notice"].status for document in self.book.documents.values()]


async def test_what_is_due_is_sent_oldest_first_and_reported() -> None:
    stage = Stage()
    first, second = stage.put(1, 2)

    pause = await stage.sender.turn()

    assert stage.postbox.delivered == [first.id, second.id]
    assert [(type(fact), fact.notice) for fact in stage.book.said if isinstance(fact, NoticeSent)] == [
        (NoticeSent, first.id),
        (NoticeSent, second.id),
    ]
    assert pause == 0
    assert stage.tally.outcomes == ["taken", "taken"]


async def test_danger_overtakes_what_has_waited_longer() -> None:
    stage = Stage()
    stage.put(1, 2, 3, 4)
    danger = notice(5, lane="urgent")
    stage.book.put(danger)

    await stage.sender.turn()

    assert stage.postbox.delivered[0] == danger.id


async def test_nothing_due_is_looked_at_again_soon() -> None:
    stage = Stage()

    assert await stage.sender.turn() == pytest.approx(0.2)


async def test_a_mail_refused_for_good_has_failed_and_the_next_one_is_sent() -> None:
    stage = Stage()
    first, second = stage.put(1, 2)
    stage.postbox.answers = [Refused("smtp-550")]

    await stage.sender.turn()

    assert stage.statuses() == ["failed", "sent"]
    failure = stage.book.said[0]
    assert isinstance(failure, NoticeFailed)
    assert (failure.notice, failure.reason) == (first.id, "smtp-550")
    assert stage.postbox.delivered == [second.id]


async def test_a_delayed_mail_is_sent_later_and_not_before() -> None:
    stage = Stage()
    stage.put(1)
    stage.postbox.answers = [Delayed("smtp-451")]

    await stage.sender.turn()
    await stage.sender.turn()
    assert stage.statuses() == ["queued"]
    stage.watch.advance(seconds=5)
    await stage.sender.turn()

    assert stage.statuses() == ["sent"]


async def test_a_mail_delayed_for_three_days_has_failed() -> None:
    stage = Stage()
    (told,) = stage.put(1)
    stage.watch.advance(hours=72)
    stage.postbox.answers = [Delayed("smtp-451")]

    await stage.sender.turn()

    assert stage.statuses() == ["failed"]
    assert stage.book.notice(told.id).reason == "smtp-451"


async def test_a_mail_nobody_answered_for_is_in_doubt_and_not_sent_again() -> None:
    stage = Stage()
    stage.put(1)
    stage.postbox.answers = [Doubtful("no-answer")]

    await stage.sender.turn()
    stage.watch.advance(days=1)
    await stage.sender.turn()

    assert stage.statuses() == ["in_doubt"]
    assert [type(fact) for fact in stage.book.said] == [NoticeInDoubt]
    assert stage.postbox.delivered == []


async def test_a_notice_that_cannot_be_written_has_failed_with_the_reason() -> None:
    stage = Stage(unwritable=(notice(1).id,))
    told, other = stage.put(1, 2)

    await stage.sender.turn()

    assert stage.book.notice(told.id).reason == "no-address"
    assert stage.postbox.delivered == [other.id]


async def test_a_notice_that_breaks_the_writer_waits_and_stops_no_other() -> None:
    class Breaking(PlainWriter):
        def write(self, notice: Notice) -> Letter:
            if notice.event == "event-1":
                raise KeyError(notice.template)
            return super().write(notice)

    stage = Stage()
    told, other = stage.put(1, 2)
    stage.sender._writer = Breaking()

    await stage.sender.turn()

    assert (stage.book.notice(told.id).status, stage.book.notice(told.id).reason) == ("queued", "not-written")
    assert stage.postbox.delivered == [other.id]


async def test_while_the_mail_server_is_away_nothing_is_claimed_and_the_waits_grow() -> None:
    stage = Stage()
    stage.put(1)
    stage.postbox.opening = [PostboxAway("no-connection") for _ in range(7)]

    pauses = [await stage.sender.turn() for _ in range(7)]

    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert stage.statuses() == ["queued"]
    assert stage.tally.server == "away"
    assert stage.sender.trouble is None


async def test_after_an_outage_everything_is_sent_once_and_the_waits_start_anew() -> None:
    stage = Stage()
    told = stage.put(1, 2)
    stage.postbox.opening = [PostboxAway("no-connection"), PostboxAway("no-connection")]
    await stage.sender.turn()
    await stage.sender.turn()

    await stage.sender.turn()

    assert stage.postbox.delivered == [each.id for each in told]
    stage.postbox.opening = [PostboxAway("no-connection")]
    assert await stage.sender.turn() == 1


async def test_a_server_that_goes_away_in_the_middle_costs_no_notice_an_attempt() -> None:
    stage = Stage()
    told = stage.put(1, 2, 3)
    stage.postbox.answers = [Taken(), PostboxAway("no-connection")]

    await stage.sender.turn()

    assert stage.statuses() == ["sent", "queued", "queued"]
    assert [stage.book.notice(each.id).attempts for each in told] == [1, 0, 0]


async def test_a_refused_log_in_stops_sending_loudly_and_fails_no_notice() -> None:
    stage = Stage()
    stage.put(1)
    stage.postbox.opening = [PostboxLocked("smtp-535")]

    pause = await stage.sender.turn()

    assert pause == 60
    assert stage.sender.trouble == "smtp-535"
    assert stage.tally.server == "locked"
    assert stage.statuses() == ["queued"]
    assert [entry["log_level"] for entry in stage.capture.entries] == ["error"]


async def test_the_service_is_ready_again_when_the_log_in_works_again() -> None:
    stage = Stage()
    stage.put(1)
    stage.postbox.opening = [PostboxLocked("smtp-535")]
    await stage.sender.turn()

    await stage.sender.turn()

    assert stage.sender.trouble is None
    assert stage.statuses() == ["sent"]


async def test_a_refused_sender_stays_a_trouble_until_a_mail_gets_through() -> None:
    stage = Stage()
    stage.put(1)
    stage.postbox.answers = [PostboxLocked("sender-553"), PostboxLocked("sender-553")]
    await stage.sender.turn()

    await stage.sender.turn()
    assert (stage.sender.trouble, stage.tally.server, stage.statuses()) == ("sender-553", "locked", ["queued"])
    await stage.sender.turn()

    assert (stage.sender.trouble, stage.tally.server, stage.statuses()) == (None, "open", ["sent"])


async def test_an_outage_of_the_store_waits_and_ends_nothing() -> None:
    stage = Stage()
    stage.put(1)
    stage.book.away = 1

    assert await stage.sender.turn() == 1
    assert stage.statuses() == ["queued"]


async def test_what_the_server_said_is_recorded_when_the_store_comes_back() -> None:
    stage = Stage()
    stage.put(1)
    away_after_hand_over = FakePostbox()

    async def post(written: Letter, hand_over: Callable[[], Awaitable[bool]]) -> Outcome:
        await hand_over()
        stage.book.away = 2
        return Taken()

    away_after_hand_over.post = post  # type: ignore[method-assign]  # the store goes away at the worst moment
    stage.sender._outlets = [away_after_hand_over]

    await stage.sender.turn()

    assert stage.statuses() == ["sent"]
    assert stage.patience.slept == [1, 1]


async def test_the_number_of_notices_without_an_end_and_in_doubt_is_shown() -> None:
    stage = Stage()
    stage.book.put(notice(1, status="in_doubt"), notice(2, status="in_doubt"), notice(3))

    await stage.sender.turn()

    assert (stage.tally.waiting, stage.tally.in_doubt) == (1, 2)


async def test_no_line_of_the_log_holds_an_address() -> None:
    stage = Stage()
    stage.put(1, 2)
    stage.postbox.answers = [Refused("smtp-550")]

    await stage.sender.turn()

    assert len(stage.capture.entries) == 2
    assert "@" not in str(stage.capture.entries)


class SlowPostbox(FakePostbox):
    """Takes a mail and holds it until the test lets go."""

    def __init__(self) -> None:
        super().__init__()
        self.holding, self.let_go = asyncio.Event(), asyncio.Event()

    async def post(self, written: Letter, hand_over: Callable[[], Awaitable[bool]]) -> Outcome:
        self.holding.set()
        await self.let_go.wait()
        return await super().post(written, hand_over)


async def test_told_to_stop_the_loop_finishes_the_mail_on_its_way_and_gives_back_the_rest() -> None:
    postbox = SlowPostbox()
    stage = Stage(postbox)
    stage.put(1, 2, 3)
    running = asyncio.create_task(stage.sender.run())
    await postbox.holding.wait()

    running.cancel()
    postbox.let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert stage.statuses() == ["sent", "queued", "queued"]
    assert postbox.closed


async def test_several_connections_share_the_work_and_send_nothing_twice() -> None:
    postboxes = [FakePostbox(), FakePostbox()]
    stage = Stage(*postboxes)
    told = stage.put(1, 2, 3)

    await stage.sender.turn()

    delivered = [*postboxes[0].delivered, *postboxes[1].delivered]
    assert sorted(delivered) == sorted(each.id for each in told)
    assert all(postbox.delivered for postbox in postboxes)


def test_the_pace_is_even_and_knows_no_debt() -> None:
    pace = Pace(10)

    assert [round(pace.wait(100.0), 3) for _ in range(3)] == [0, 0.1, 0.2]
    assert pace.wait(200.0) == 0


async def test_mails_are_spaced_by_the_rate() -> None:
    stage = Stage(rate=0.001)
    stage.put(1, 2)

    await stage.sender.turn()

    assert stage.patience.slept == [pytest.approx(1000, abs=1)]
