"""A diary reminds of every clock once, never early, in whatever order the facts of a case arrive."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.domain import Diary, due, evolve, note
from shared.events import CaseEvent, Clock, ClockKind, TimerDue
from tests.scheduler.fakes import START, after, clock, heard, noted

ACK, ANSWER = clock("acknowledge", 8, rev=1), clock("answer", 80, rev=1)


def remind(diary: Diary, hours: float) -> tuple[Diary, list[tuple[str, int]]]:
    """Say what is due at that time; the diary after it, and what was said."""
    facts = due(diary, after(hours))
    for fact in facts:
        diary = evolve(diary, fact, 0)
    return diary, [(fact.kind, fact.rev) for fact in facts]


def test_a_diary_waits_for_the_earliest_clock_of_the_case() -> None:
    diary = evolve(None, noted(1, ANSWER, ACK), 1)

    assert diary.next_due == after(8)
    assert [timer.kind for timer in diary.waiting] == ["acknowledge", "answer"]


def test_a_reminder_says_what_was_due_and_when_it_was_said() -> None:
    diary = evolve(None, noted(1, ACK), 1)

    assert due(diary, after(9)) == [
        TimerDue(at=after(9), kind="acknowledge", rev=1, due=after(8), lane="normal", service="lamps", ward="elm")
    ]


def test_nothing_is_said_before_it_is_due_and_all_of_it_however_late() -> None:
    diary = evolve(None, noted(1, ACK, ANSWER), 1)

    assert due(diary, after(8) - timedelta(microseconds=1)) == []
    assert [fact.kind for fact in due(diary, after(8))] == ["acknowledge"]
    assert [fact.kind for fact in due(diary, after(24 * 365))] == ["acknowledge", "answer"]


def test_what_was_said_is_not_said_again_when_the_next_event_still_lists_its_clock() -> None:
    diary, first = remind(evolve(None, noted(1, ACK, ANSWER), 1), 9)
    diary, second = remind(evolve(diary, noted(2, ACK, ANSWER), 3), 10)

    assert (first, second) == ([("acknowledge", 1)], [])
    assert diary.next_due == after(80)


def test_a_clock_set_anew_is_said_again() -> None:
    diary, _ = remind(evolve(None, noted(1, ACK), 1), 9)
    diary, again = remind(evolve(diary, noted(2, clock("acknowledge", 9.25, rev=2)), 3), 10)

    assert again == [("acknowledge", 2)]


def test_a_clock_the_case_no_longer_lists_is_never_said() -> None:
    diary = evolve(evolve(None, noted(1, ACK, ANSWER), 1), noted(2, ANSWER), 2)

    assert due(diary, after(9)) == []
    assert diary.next_due == after(80)


def test_a_clock_that_was_said_went_and_came_back_unchanged_is_not_said_again() -> None:
    diary, _ = remind(evolve(None, noted(1, ACK), 1), 9)
    diary, again = remind(evolve(evolve(diary, noted(2), 3), noted(3, ACK), 4), 10)

    assert again == []
    assert diary.next_due is None


def test_a_closed_case_leaves_nothing_waiting() -> None:
    diary = evolve(evolve(None, noted(1, ACK, ANSWER), 1), noted(2), 2)

    assert diary.next_due is None
    assert due(diary, after(24 * 365)) == []


@pytest.mark.parametrize("caseseq", [1, 4, 5])
def test_an_event_not_newer_than_the_last_is_ignored(caseseq: int) -> None:
    diary = evolve(None, noted(5, ANSWER), 1)

    assert note(diary, heard(ACK), caseseq) is None


def test_a_newer_event_is_noted_with_all_its_clocks_even_if_they_are_known() -> None:
    diary = evolve(None, noted(5, ANSWER), 1)

    assert note(diary, heard(ANSWER), 6) == noted(6, ANSWER)


def test_the_lane_of_the_newest_event_is_the_lane_of_the_reminder() -> None:
    fact = note(None, heard(ACK, lane="urgent"), 1)

    assert fact is not None
    (reminder,) = due(evolve(None, fact, 1), after(9))
    assert reminder.routing_key() == "timer.due.v1.urgent.lamps.elm"


def test_a_due_time_between_two_milliseconds_is_kept_at_the_later_one() -> None:
    fine = Clock(kind="acknowledge", due=START + timedelta(microseconds=1), rule="1h", rev=1)

    diary = evolve(None, noted(1, fine), 1)

    assert diary.next_due == START + timedelta(milliseconds=1)


def test_a_reminder_without_a_diary_is_refused() -> None:
    (reminder,) = due(evolve(None, noted(1, ACK), 1), after(9))

    with pytest.raises(TypeError, match="TimerDue cannot be written into a new diary"):
        evolve(None, reminder, 1)


# --- any order, any repetition ---

END = 100.0
KINDS: tuple[ClockKind, ...] = get_args(ClockKind)[:3]


@st.composite
def stories(draw: st.DrawFn) -> list[CaseEvent]:
    """The events of a case, in order: clocks are set, set anew, kept, taken away and resumed."""
    last: dict[ClockKind, Clock] = {}
    running: dict[ClockKind, Clock] = {}
    events = []
    for caseseq in range(1, draw(st.integers(1, 6)) + 1):
        for kind in KINDS:
            match draw(st.sampled_from(["keep", "set", "drop", "resume"])):
                case "set":
                    last[kind] = running[kind] = clock(kind, draw(st.floats(0, END * 1.5)), rev=caseseq)
                case "drop":
                    running.pop(kind, None)
                case "resume" if kind in last:
                    running[kind] = last[kind]
        events.append(heard(*running.values()))
    return events


@dataclass
class Reader:
    """Keeps a diary as the service does, and remembers what it said."""

    diary: Diary | None = None
    said: list[TimerDue] = field(default_factory=list)

    def hear(self, event: CaseEvent, caseseq: int) -> None:
        fact = note(self.diary, event, caseseq)
        if fact is not None:
            self.diary = evolve(self.diary, fact, 0)

    def tick(self, hours: float) -> None:
        for fact in due(self.diary, after(hours)) if self.diary else ():
            self.diary = evolve(self.diary, fact, 0)
            self.said.append(fact)


@given(data=st.data(), story=stories())
def test_any_order_and_any_repetition_of_the_events_leaves_the_same_diary(
    data: st.DataObject, story: list[CaseEvent]
) -> None:
    numbers = range(1, len(story) + 1)
    deliveries = data.draw(st.permutations([*numbers, *data.draw(st.lists(st.sampled_from(numbers), max_size=6))]))
    ticks = iter(sorted(data.draw(st.lists(st.floats(0, END), min_size=len(deliveries), max_size=len(deliveries)))))
    straight, shuffled = Reader(), Reader()

    for caseseq in numbers:
        straight.hear(story[caseseq - 1], caseseq)
    straight.tick(END)
    for caseseq in deliveries:
        shuffled.hear(story[caseseq - 1], caseseq)
        if data.draw(st.booleans()):
            shuffled.tick(next(ticks))
    shuffled.tick(END)

    assert straight.diary is not None
    assert shuffled.diary is not None
    assert shuffled.diary.timers == straight.diary.timers
    assert shuffled.diary.waiting == straight.diary.waiting
    assert shuffled.diary.next_due == straight.diary.next_due
    assert shuffled.diary.caseseq == straight.diary.caseseq == len(story)


@given(data=st.data(), story=stories())
def test_nothing_is_said_early_twice_or_not_at_all(data: st.DataObject, story: list[CaseEvent]) -> None:
    numbers = range(1, len(story) + 1)
    deliveries = data.draw(st.permutations([*numbers, *numbers]))
    ticks = iter(sorted(data.draw(st.lists(st.floats(0, END), min_size=len(deliveries), max_size=len(deliveries)))))
    reader = Reader()

    for caseseq in deliveries:
        reader.hear(story[caseseq - 1], caseseq)
        reader.tick(next(ticks))
    reader.tick(END)

    promised = {(each.kind, each.rev): each.due for event in story for each in event.case.clocks}
    said = [(fact.kind, fact.rev) for fact in reader.said]
    assert all(fact.at >= fact.due >= promised[fact.kind, fact.rev] for fact in reader.said)
    assert len(said) == len(set(said))
    # A due time is kept in whole milliseconds, so one within the last of them may still wait.
    end = after(END) - timedelta(milliseconds=1)
    assert {(each.kind, each.rev) for each in story[-1].case.clocks if each.due <= end} <= set(said)
