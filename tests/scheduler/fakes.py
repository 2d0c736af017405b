"""Honest doubles of what the scheduler needs, and the facts of an invented case."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from services.scheduler.domain import Diary, Seen, Transition, Version, evolve, evolve_transition, review
from services.scheduler.ports import Page
from shared.council import Council, Directory
from shared.events import (
    CaseEvent,
    CaseProgressed,
    CaseState,
    Clock,
    ClockKind,
    CouncilPublished,
    Event,
    Lane,
    State,
    TimerDue,
    TimerReview,
    TimersSet,
)
from shared.plumbing.history import Say

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def after(hours: float) -> datetime:
    """Business time this many hours after the story began."""
    return START + timedelta(hours=hours)


def clock(kind: ClockKind, hours: float, rev: int) -> Clock:
    return Clock(kind=kind, due=after(hours), rule="1wd", rev=rev)


def heard(
    *clocks: Clock,
    lane: Lane = "normal",
    state: State = "in_progress",
    owner: str = "cllr-moss",
    portfolio: str | None = None,
) -> CaseEvent:
    """Any case event that leaves these clocks running."""
    return CaseProgressed(
        at=START,
        case=CaseState(
            id="case-1",
            reference="CW-00000-00000",
            kind="case",
            state=state,
            owner=owner,
            portfolio=portfolio,
            service="lamps",
            ward="elm",
            lane=lane,
            clocks=clocks,
        ),
    )


def noted(caseseq: int, *clocks: Clock, owner: str | None = "cllr-moss", portfolio: str | None = None) -> TimersSet:
    return TimersSet(
        at=START,
        caseseq=caseseq,
        lane="normal",
        service="lamps",
        ward="elm",
        clocks=clocks,
        owner=owner,
        portfolio=portfolio,
    )


class FakeClock:
    """A business clock that stands where it was put."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    async def now(self) -> datetime:
        return self.at


class FakeGauge:
    """Remembers what was shown last."""

    def __init__(self) -> None:
        self.shown: float | None = None

    def set(self, value: float) -> None:
        self.shown = value


class FakeCounter:
    """Counts."""

    def __init__(self) -> None:
        self.count = 0.0

    def inc(self, amount: float = 1) -> None:
        self.count += amount


class FakeSpeaker:
    """A relay that keeps what it is to say."""

    def __init__(self) -> None:
        self.says: list[Say] = []
        self.waiting = 0

    def say(self, says: Iterable[Say]) -> None:
        self.says.extend(says)


class FakeDiaries:
    """Diaries in memory, with the same promise: a page is written only as it was read."""

    def __init__(self) -> None:
        self.shelf: dict[str, tuple[int, Diary]] = {}
        self.said: list[tuple[str, TimerDue]] = []
        self.too_much_unsaid = False

    def note(self, case: str, fact: TimersSet) -> None:
        version, diary = self.shelf.get(case, (0, None))
        self.shelf[case] = (version + 1, evolve(diary, fact, version + 1))

    async def next_due(self) -> datetime | None:
        return min((diary.next_due for _, diary in self.shelf.values() if diary.next_due), default=None)

    async def overdue(self, now: datetime, limit: int) -> Sequence[Page]:
        if self.too_much_unsaid:
            return []
        found = sorted(
            (diary.next_due, case)
            for case, (_, diary) in self.shelf.items()
            if diary.next_due is not None and diary.next_due <= now
        )
        return [Page(case, self.shelf[case][1], {"version": self.shelf[case][0]}) for _, case in found[:limit]]

    async def say(self, reminders: Sequence[tuple[Page, Sequence[TimerDue]]]) -> int:
        done = 0
        for page, facts in reminders:
            version, diary = self.shelf[page.case]
            if facts and page.document["version"] == version:
                for fact in facts:
                    diary = evolve(diary, fact, version + 1)
                self.shelf[page.case] = (version + 1, diary)
                self.said += [(page.case, fact) for fact in facts]
                done += 1
        return done


class FakeRecord:
    """Published versions in memory; some cannot be read."""

    def __init__(self) -> None:
        self.published: dict[int, tuple[Version, Council]] = {}
        self.unreadable: set[int] = set()

    async def versions(self, above: int) -> Sequence[Version]:
        return [version for number, (version, _) in sorted(self.published.items()) if number > above]

    async def directory(self, number: int) -> Directory | None:
        known = number in self.published and number not in self.unreadable
        return Directory(self.published[number][1], number) if known else None


class FakeBook:
    """Transitions in memory, with the same promise: one follows another, and no two the same one."""

    def __init__(self) -> None:
        self.announced: dict[int, CouncilPublished] = {}
        self.kept: list[tuple[Transition, Sequence[Event]]] = []

    async def announce(self, news: Sequence[CouncilPublished]) -> bool:
        for fact in news:
            self.announced.setdefault(fact.number, fact)
        return True

    async def last(self) -> Transition | None:
        return self.kept[-1][0] if self.kept else None

    async def add(self, seen: Seen, facts: Sequence[Event]) -> bool:
        transition: Transition | None = None
        for seq, fact in enumerate(facts, 1):
            transition = evolve_transition(transition, fact, seq)
        assert transition is not None
        assert transition.seen == seen
        if any(seen == other.seen or transition.former == other.former for other, _ in self.kept):
            return False
        self.kept.append((transition, facts))
        return True

    async def open_for_review(self) -> Sequence[Transition]:
        return [transition for transition, _ in self.kept if transition.concerns_cases]

    async def reviewed(self, transition: Transition) -> None:
        done = transition.model_copy(update={"reviewed": True})
        self.kept = [(done if each.id == transition.id else each, facts) for each, facts in self.kept]


class FakeOpenCases:
    """Diaries of open cases in memory; `unwritable` of them cannot be written."""

    def __init__(self, *cases: tuple[str, Diary]) -> None:
        self.shelf = dict(cases)
        self.unwritable: set[str] = set()
        self.said: list[tuple[str, TimerReview]] = []
        self.opened: list[int] = []

    def _left(self, transition: Transition) -> list[str]:
        return [case for case, diary in sorted(self.shelf.items()) if review(diary, transition, START)]

    async def left_to_review(self, transition: Transition) -> int:
        return len(self._left(transition))

    async def to_review(self, transition: Transition, at_once: int) -> AsyncIterator[Sequence[Page]]:
        left = self._left(transition)
        for first in range(0, len(left), at_once):
            pages = [Page(case, self.shelf[case], {}) for case in left[first : first + at_once]]
            self.opened.append(len(pages))
            yield pages

    async def say_reviews(self, reviews: Sequence[tuple[Page, TimerReview]]) -> int:
        written = [(page.case, fact) for page, fact in reviews if page.case not in self.unwritable]
        for case, fact in written:
            self.shelf[case] = evolve(self.shelf[case], fact, 1)
        self.said += written
        return len(written)
