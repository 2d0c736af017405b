"""The book of notices: one suite for the real one on MongoDB and for the stand-in the other tests use."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Protocol

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.notifier.adapters import NOTICES, MongoNoticeBook
from services.notifier.adapters.notice_book import due_at
from services.notifier.domain import Notice
from services.notifier.ports import NoticeBook
from shared.events import Event, NoticeFailed, NoticeInDoubt, NoticeSent
from shared.plumbing.history import Say, enter
from shared.plumbing.store import Store
from tests.notifier.fakes import CASE, FakeNoticeBook, Watch, call, notice


class Shelf(Protocol):
    """A book and how the test looks into it."""

    watch: Watch

    def book(self) -> NoticeBook: ...
    async def put(self, *notices: Notice) -> None: ...
    async def notice(self, notice_id: str) -> Notice: ...
    def said(self) -> list[Event]: ...


class FakeShelf:
    def __init__(self) -> None:
        self.watch = Watch()
        self._book = FakeNoticeBook(self.watch)

    def book(self) -> NoticeBook:
        return self._book

    async def put(self, *notices: Notice) -> None:
        self._book.put(*notices)

    async def notice(self, notice_id: str) -> Notice:
        return self._book.notice(notice_id)

    def said(self) -> list[Event]:
        return self._book.said


class MongoShelf:
    def __init__(self, store: Store) -> None:
        self.watch = Watch()
        self.store = store
        self.says: list[Say] = []

    def say(self, says: Iterable[Say]) -> None:
        self.says.extend(says)

    def book(self) -> MongoNoticeBook:
        return MongoNoticeBook(self.store, self, self.watch.business, now=self.watch)

    async def put(self, *notices: Notice) -> None:
        for each in notices:
            await self.store.write([enter("notices", each, CASE)])
            # As old as the test says, whatever the real time.
            await self.store.lazy["notices"].update_one({"_id": each.id}, {"$set": {"created": self.watch.now}})

    async def document(self, notice_id: str) -> dict[str, Any]:
        return (await self.store.read([("notices", notice_id)]))["notices", notice_id]

    async def notice(self, notice_id: str) -> Notice:
        return Notice.model_validate((await self.document(notice_id))["state"])

    def said(self) -> list[Event]:
        kinds: dict[str, type[Event]] = {each.type: each for each in (NoticeSent, NoticeFailed, NoticeInDoubt)}
        return [kinds[say.entry["type"]].model_validate(say.entry["data"]) for say in self.says]


@pytest.fixture
async def mongo_shelf(database: AsyncDatabase[dict[str, Any]]) -> MongoShelf:
    store = Store(database, [NOTICES])
    await store.prepare()
    return MongoShelf(store)


@pytest.fixture(params=["fake", pytest.param("mongo", marks=pytest.mark.mongo)])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    found: Shelf = FakeShelf() if request.param == "fake" else request.getfixturevalue("mongo_shelf")
    return found


async def test_a_claimed_notice_is_nobody_elses(shelf: Shelf) -> None:
    await shelf.put(notice(1), notice(2))

    first, second = await shelf.book().claim(1), await shelf.book().claim(5)

    assert len(first) == len(second) == 1
    assert first[0].notice.id != second[0].notice.id
    assert await shelf.book().claim(5) in ((), [])


async def test_urgent_ones_come_first_then_the_oldest(shelf: Shelf) -> None:
    for number in (1, 2):
        await shelf.put(notice(number))
        shelf.watch.advance(seconds=1)
    await shelf.put(notice(3, lane="urgent"))

    claims = await shelf.book().claim(2)

    assert [claim.notice.event for claim in claims] == ["event-3", "event-1"]


async def test_mails_and_calls_are_claimed_apart(shelf: Shelf) -> None:
    await shelf.put(notice(1), call(2), notice(3))

    calls, mails = await shelf.book().claim(9, "call"), await shelf.book().claim(9, "mail")

    assert [claim.notice.event for claim in calls] == ["event-2"]
    assert {claim.notice.event for claim in mails} == {"event-1", "event-3"}


async def test_of_danger_alone_nothing_else_is_claimed(shelf: Shelf) -> None:
    await shelf.put(notice(1), notice(2, lane="urgent"), call(3))

    claims = await shelf.book().claim(9, "mail", urgent_only=True)

    assert [claim.notice.event for claim in claims] == ["event-2"]


async def test_of_calls_too_urgent_ones_come_first_then_the_oldest(shelf: Shelf) -> None:
    for number in (1, 2):
        await shelf.put(call(number, lane="normal"))
        shelf.watch.advance(seconds=1)
    await shelf.put(call(3))

    claims = await shelf.book().claim(2, "call")

    assert [claim.notice.event for claim in claims] == ["event-3", "event-1"]


async def test_a_delayed_call_comes_back_within_seconds_and_fails_after_an_hour(shelf: Shelf) -> None:
    await shelf.put(call(1))
    (claim,) = await shelf.book().claim(1, "call")
    assert await shelf.book().delay(claim, "http-503")

    shelf.watch.advance(seconds=1)
    (again,) = await shelf.book().claim(1, "call")
    shelf.watch.advance(hours=1)
    await shelf.book().delay(again, "http-503")

    assert (again.notice.attempts, again.notice.channel) == (1, "call")
    assert (await shelf.notice(claim.notice.id)).status == "failed"


async def test_a_call_claimed_by_a_process_that_died_is_made_by_another(shelf: Shelf) -> None:
    await shelf.put(call(1))
    (claim,) = await shelf.book().claim(1, "call")
    shelf.watch.advance(seconds=121)

    assert await shelf.book().recover() == (1, 0)
    assert await shelf.book().hand_over(claim) is None
    assert len(await shelf.book().claim(1, "call")) == 1


async def test_a_sent_notice_is_reported_by_a_fact_without_an_address(shelf: Shelf) -> None:
    await shelf.put(notice(1))
    book = shelf.book()
    (claim,) = await book.claim(1)
    handed_over = await book.hand_over(claim)
    assert handed_over

    assert await book.sent(handed_over)

    told = await shelf.notice(claim.notice.id)
    assert (told.status, told.attempts, told.claimed_by) == ("sent", 1, "")
    assert shelf.said() == [
        NoticeSent(
            at=await shelf.watch.business(),
            notice=told.id,
            recipient="cllr-alder",
            template="answer-owner",
            lane="normal",
            service="lamps",
            ward="elm",
        )
    ]


async def test_a_failed_notice_is_reported_with_its_reason(shelf: Shelf) -> None:
    await shelf.put(notice(1))
    (claim,) = await shelf.book().claim(1)

    assert await shelf.book().failed(claim, "no-address")

    (fact,) = shelf.said()
    assert isinstance(fact, NoticeFailed)
    assert fact.reason == "no-address"
    assert (await shelf.notice(claim.notice.id)).status == "failed"


async def test_a_notice_ends_once(shelf: Shelf) -> None:
    await shelf.put(notice(1))
    (claim,) = await shelf.book().claim(1)
    await shelf.book().failed(claim, "smtp-550")

    assert not await shelf.book().sent(claim)

    assert len(shelf.said()) == 1


async def test_a_delayed_notice_comes_back_after_its_pause(shelf: Shelf) -> None:
    await shelf.put(notice(1))
    (claim,) = await shelf.book().claim(1)
    assert await shelf.book().delay(claim, "smtp-451")

    shelf.watch.advance(seconds=4.9)
    assert not await shelf.book().claim(1)
    shelf.watch.advance(seconds=0.1)
    (again,) = await shelf.book().claim(1)

    assert (again.notice.attempts, again.notice.reason) == (1, "smtp-451")


async def test_a_delay_after_the_hand_over_counts_the_attempt_once(shelf: Shelf) -> None:
    await shelf.put(notice(1))
    (claim,) = await shelf.book().claim(1)
    handed_over = await shelf.book().hand_over(claim)
    assert handed_over

    await shelf.book().delay(handed_over, "smtp-452")

    assert (await shelf.notice(claim.notice.id)).attempts == 1


async def test_after_three_days_a_delay_is_a_failure(shelf: Shelf) -> None:
    await shelf.put(notice(1))
    shelf.watch.advance(hours=72)
    (claim,) = await shelf.book().claim(1)

    await shelf.book().delay(claim, "smtp-451")

    assert (await shelf.notice(claim.notice.id)).status == "failed"
    assert [type(fact) for fact in shelf.said()] == [NoticeFailed]


async def test_a_released_notice_is_as_if_never_claimed(shelf: Shelf) -> None:
    await shelf.put(notice(1))
    claims = await shelf.book().claim(1)

    await shelf.book().release(claims)

    (again,) = await shelf.book().claim(1)
    assert again.notice.attempts == 0


async def test_a_process_that_died_before_the_hand_over_leaves_no_doubt(shelf: Shelf) -> None:
    await shelf.put(notice(1))
    (claim,) = await shelf.book().claim(1)
    shelf.watch.advance(seconds=121)

    assert await shelf.book().recover() == (1, 0)

    assert await shelf.book().hand_over(claim) is None
    assert len(await shelf.book().claim(1)) == 1
    assert shelf.said() == []


async def test_a_process_that_died_after_the_hand_over_leaves_a_doubt_that_is_counted(shelf: Shelf) -> None:
    await shelf.put(notice(1), notice(2))
    claims = await shelf.book().claim(2)
    handed_over = await shelf.book().hand_over(claims[0])
    assert handed_over
    shelf.watch.advance(seconds=121)

    assert await shelf.book().recover() == (1, 1)

    assert await shelf.book().count("in_doubt") == 1
    assert await shelf.book().count("queued", "sending", "handed_over") == 1
    assert [type(fact) for fact in shelf.said()] == [NoticeInDoubt]
    assert not await shelf.book().sent(handed_over)


async def test_what_is_on_its_way_is_left_alone(shelf: Shelf) -> None:
    await shelf.put(notice(1), notice(2))
    claims = await shelf.book().claim(2)
    await shelf.book().hand_over(claims[0])
    shelf.watch.advance(seconds=119)

    assert await shelf.book().recover() == (0, 0)


async def test_a_claim_that_ran_out_is_not_handed_over(shelf: Shelf) -> None:
    await shelf.put(notice(1))
    (claim,) = await shelf.book().claim(1)
    shelf.watch.advance(seconds=120)

    assert await shelf.book().hand_over(claim) is None


@pytest.mark.mongo
async def test_two_instances_at_once_claim_every_notice_exactly_once(mongo_shelf: MongoShelf) -> None:
    told = [notice(number) for number in range(60)]
    await asyncio.gather(*(mongo_shelf.put(each) for each in told))
    books = [mongo_shelf.book(), mongo_shelf.book()]

    claimed: list[str] = []

    async def work(book: MongoNoticeBook) -> None:
        while claims := await book.claim(7):
            for claim in claims:
                handed_over = await book.hand_over(claim)
                assert handed_over
                claimed.append(claim.notice.id)
                assert await book.sent(handed_over)

    # A round may find only what the other has just taken: a second look finds what is left.
    await asyncio.gather(*(work(book) for book in books))
    await asyncio.gather(*(work(book) for book in books))

    assert sorted(claimed) == sorted(each.id for each in told)
    assert len(mongo_shelf.said()) == len(told)


@pytest.mark.mongo
async def test_the_end_and_its_fact_are_one_write_that_the_sweeper_can_find(mongo_shelf: MongoShelf) -> None:
    await mongo_shelf.put(notice(1))
    (claim,) = await mongo_shelf.book().claim(1)
    await mongo_shelf.book().failed(claim, "smtp-550")

    document = await mongo_shelf.document(claim.notice.id)

    (entry,) = document["history"]
    assert entry["type"] == "casework.notice.failed.v1"
    assert entry["key"] == "notice.failed.v1.normal.lamps.elm"
    assert (entry["cause"], entry["correlation"]) == ("event-1", "c-1")
    assert document["unsaid_since"]
    assert document["say_to"] == 1


@pytest.mark.mongo
async def test_the_search_for_due_notices_uses_its_index(mongo_shelf: MongoShelf) -> None:
    await mongo_shelf.put(notice(1))
    due = due_at(mongo_shelf.watch.now, "mail")

    plan = (await mongo_shelf.store.durable["notices"].find(due).sort([("state.lane", -1), ("created", 1)]).explain())[
        "queryPlanner"
    ]["winningPlan"]

    assert "COLLSCAN" not in str(plan)
    assert "'SORT'" not in str(plan)
    assert "'due'" in str(plan)


@pytest.mark.mongo
async def test_a_notice_with_days_and_moments_comes_back_as_it_was(mongo_shelf: MongoShelf) -> None:
    told = notice(1)
    full = told.facts.model_copy(
        update={"promised": mongo_shelf.watch.now.date(), "closes_at": mongo_shelf.watch.now + timedelta(days=1)}
    )
    told = told.model_copy(update={"facts": full})

    await mongo_shelf.put(told)

    assert await mongo_shelf.notice(told.id) == told


@pytest.mark.mongo
async def test_a_call_is_found_without_a_look_at_the_mails_that_wait(mongo_shelf: MongoShelf) -> None:
    await mongo_shelf.put(*(notice(number) for number in range(50)), call(99))
    due = due_at(mongo_shelf.watch.now, "call")

    looking = mongo_shelf.store.durable["notices"].find(due).sort([("state.lane", -1), ("created", 1)])
    looked = await looking.hint("calls").explain()

    assert "'SORT'" not in str(looked["queryPlanner"]["winningPlan"])
    assert looked["executionStats"]["totalDocsExamined"] == 1


@pytest.mark.mongo
async def test_a_notice_of_an_older_version_is_a_mail_and_is_sent(mongo_shelf: MongoShelf) -> None:
    await mongo_shelf.put(notice(1))
    older = {"state.channel": "", "state.at": "", "state.facts.level": "", "state.facts.round": ""}
    await mongo_shelf.store.durable["notices"].update_one({}, {"$unset": older})

    assert await mongo_shelf.book().claim(1, "call") in ((), [])
    (claim,) = await mongo_shelf.book().claim(1)
    handed_over = await mongo_shelf.book().hand_over(claim)
    assert handed_over
    assert await mongo_shelf.book().sent(handed_over)

    assert (claim.notice.channel, claim.notice.at) == ("mail", None)
    assert (await mongo_shelf.notice(notice(1).id)).status == "sent"
