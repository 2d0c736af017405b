"""Honest doubles of what the scheduler needs, and the facts of an invented case."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from services.scheduler.domain import Diary, evolve
from services.scheduler.ports import Page
from shared.events import CaseEvent, CaseProgressed, CaseState, Clock, ClockKind, Lane, TimerDue, TimersSet
from shared.plumbing.history import Say

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def after(hours: float) -> datetime:
    """Business time this many hours after the story began."""
    return START + timedelta(hours=hours)


def clock(kind: ClockKind, hours: float, rev: int) -> Clock:
    return Clock(kind=kind, due=after(hours), rule="1wd", rev=rev)


def heard(*clocks: Clock, lane: Lane = "normal") -> CaseEvent:
    """Any case event that leaves these clocks running."""
    return CaseProgressed(
        at=START,
        case=CaseState(
            id="case-1",
            reference="CW-00000-00000",
            kind="case",
            state="in_progress",
            owner="cllr-moss",
            service="lamps",
            ward="elm",
            lane=lane,
            clocks=clocks,
        ),
    )


def noted(caseseq: int, *clocks: Clock) -> TimersSet:
    return TimersSet(at=START, caseseq=caseseq, lane="normal", service="lamps", ward="elm", clocks=clocks)


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
