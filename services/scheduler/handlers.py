"""What the scheduler does when something happens to a case: it notes the clocks that run now.

Every case event is heard, for each carries all running clocks: the newest is the whole truth, older ones are ignored.
"""

from collections.abc import Callable
from typing import TypeAlias

from services.scheduler import domain
from services.scheduler.domain import Diary
from services.scheduler.ports import DIARY
from shared.events import CATALOGUE, CaseEvent, TimersSet
from shared.plumbing.envelope import Envelope
from shared.plumbing.handling import GiveUp, Handlers

Note: TypeAlias = Callable[[CaseEvent, Diary | None, Envelope], TimersSet | None]

handlers = Handlers()


def note_clocks(event: CaseEvent, diary: Diary | None, message: Envelope) -> TimersSet | None:
    """Note the clocks a case event left running.

    Raises:
        GiveUp: the event does not say its place in the story of the case, so nobody can tell whether it is news.
    """
    if message.caseseq < 1:
        raise GiveUp("no-caseseq")
    return domain.note(diary, event, message.caseseq)


def _noting(kind: type[CaseEvent]) -> Note:
    """Make the handler of one event type; its annotations are how the plumbing knows what it hears."""

    def note_event(event: CaseEvent, diary: Diary | None, message: Envelope) -> TimersSet | None:
        return note_clocks(event, diary, message)

    note_event.__name__ = note_event.__qualname__ = f"note_{kind.__name__}"
    note_event.__doc__ = f"Note the clocks that run after {kind.__name__}."
    note_event.__annotations__["event"] = kind
    return note_event


for _kind in CATALOGUE.values():
    if issubclass(_kind, CaseEvent):
        handlers.into(DIARY)(_noting(_kind))
