"""Every case event is heard, and leaves its clocks in the diary of its case."""

import itertools

import pytest

from services.scheduler.handlers import handlers, note_clocks
from services.scheduler.ports import DIARY
from shared.events import CATALOGUE, CaseClosed, CaseEvent, CaseProgressed, CaseRaised, TimersSet
from shared.plumbing.envelope import Envelope
from shared.plumbing.handling import GiveUp
from tests.scheduler.fakes import clock, heard, noted


def message(caseseq: int) -> Envelope:
    return Envelope(type=CaseProgressed.type, id=f"event-{caseseq}", body=b"", subject="case-1", caseseq=caseseq)


def test_the_clocks_of_an_event_are_noted_with_its_place_in_the_story() -> None:
    ack = clock("acknowledge", 8, rev=1)

    assert note_clocks(heard(ack), None, message(3)) == noted(3, ack)


def test_an_event_older_than_the_diary_is_ignored() -> None:
    diary = DIARY.evolve(None, noted(5), 1)

    assert note_clocks(heard(clock("acknowledge", 8, rev=1)), diary, message(4)) is None


def test_an_event_without_its_place_in_the_story_is_set_aside_and_not_passed_over() -> None:
    with pytest.raises(GiveUp, match="no-caseseq"):
        note_clocks(heard(), None, message(0))


def test_there_is_one_handler_for_each_case_event_and_it_does_the_same() -> None:
    kinds = {kind for kind in CATALOGUE.values() if issubclass(kind, CaseEvent)}
    ack = clock("acknowledge", 8, rev=1)

    assert {CaseRaised, CaseClosed} < kinds
    assert {handler.message for handler in handlers} == kinds
    for handler in handlers:
        assert (handler.says, handler.aggregate) == ((TimersSet,), DIARY)
        assert handler.bind({})(heard(ack), None, message(3)) == noted(3, ack)


def test_the_three_events_of_a_short_story_leave_one_diary_in_any_order() -> None:
    ack, answer = clock("acknowledge", 8, rev=1), clock("answer", 80, rev=1)
    story = {1: heard(ack, answer), 2: heard(answer), 3: heard(answer, clock("autoclose", 200, rev=3))}
    left = set()

    for order in itertools.permutations(story):
        diary = None
        for caseseq in order:
            fact = note_clocks(story[caseseq], diary, message(caseseq))
            diary = DIARY.evolve(diary, fact, 1) if fact else diary
        assert diary is not None
        left.add(diary.model_dump_json())

    assert len(left) == 1
