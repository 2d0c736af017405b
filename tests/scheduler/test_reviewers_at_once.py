"""Many reviewers at once, and one that dies: each case is said by one of them, and none is forgotten."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
from structlog import get_logger

from services.scheduler.adapters import MongoDiaries
from services.scheduler.domain import Transition
from services.scheduler.ports import Page
from services.scheduler.ticker import Reviewer
from shared.events import TimerReview
from tests.scheduler.desks import Dies, DyingStore
from tests.scheduler.fakes import FakeClock, after, noted
from tests.scheduler.review_desk import ELECTION, KEPT, Database, desk_of, left

pytestmark = pytest.mark.mongo


class SmallPages(MongoDiaries):
    """Opens a few diaries at once, so that there are pages to die between."""

    async def to_review(self, transition: Transition, at_once: int) -> AsyncIterator[Sequence[Page]]:
        async for pages in super().to_review(transition, 3):
            yield pages


async def reviews_of(database: Database) -> Counter[str]:
    return Counter(
        [
            document["_id"]
            for document in await database["diaries"].find().to_list()
            for entry in document["history"]
            if entry["type"] == TimerReview.type
        ]
    )


@pytest.mark.parametrize("dies_at", [1, 2, 3])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_reviewer_that_dies_is_continued_where_it_was(
    database: Database, dies_at: int, *, before: bool
) -> None:
    store = DyingStore(database, KEPT)
    desk = await desk_of(database, store)
    for number in range(8):
        await desk.note(f"case-{number}", noted(1))
    await desk.book.add(ELECTION, left("cllr-moss"))
    store.dies_at, store.before = dies_at, before
    small = SmallPages(store, desk.speaker, get_logger())
    with pytest.raises(Dies):
        await Reviewer(desk.book, small, FakeClock(after(1)), desk.gauge, get_logger()).turn()
    interrupted = await reviews_of(database)

    again = await desk_of(database)
    await again.reviewer.turn()

    assert interrupted.total() == min(8, 3 * (dies_at - before))
    assert await reviews_of(database) == {f"case-{number}": 1 for number in range(8)}
    assert await again.reviewed()


async def test_of_three_reviewers_at_once_each_case_is_said_by_one(database: Database) -> None:
    desks = [await desk_of(database) for _ in range(3)]
    for number in range(40):
        await desks[0].note(f"case-{number}", noted(1))
    await desks[0].book.add(ELECTION, left("cllr-moss"))
    gate = asyncio.Barrier(3)

    class Together(SmallPages):
        met = False

        async def say_reviews(self, reviews: Sequence[tuple[Page, TimerReview]]) -> int:
            if not self.met:
                self.met = True
                await gate.wait()
            return await super().say_reviews(reviews)

    rivals = [
        Reviewer(
            desk.book, Together(desk.store, desk.speaker, get_logger()), FakeClock(after(1)), desk.gauge, get_logger()
        )
        for desk in desks
    ]
    await asyncio.gather(*(reviewer.turn() for reviewer in rivals))
    for reviewer in rivals:
        await reviewer.turn()

    everyone = {f"case-{number}": 1 for number in range(40)}
    assert await reviews_of(database) == everyone
    assert Counter(case for desk in desks for case, _ in desk.said()) == everyone
    assert await desks[0].reviewed()
