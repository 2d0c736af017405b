"""The diary of one case: which clocks run, whose it is, what is due, what has been said.

A (kind, rev) is said once and never before it is due, in whatever order the facts of a case arrive; a review is said
once for each transition of the council. The diary only reminds: intake looks at the case and decides.
"""

from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict

from services.scheduler.domain.transition import Transition
from shared.events import (
    CaseEvent,
    Clock,
    ClockKind,
    Code,
    Event,
    Lane,
    Moment,
    State,
    TimerDue,
    TimerReview,
    TimersSet,
)

_OVER: Final[frozenset[State]] = frozenset({"closed", "anonymised"})


class Timer(BaseModel):
    """A clock of the case, as the diary keeps it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: ClockKind
    due: Moment
    """Whole milliseconds, as the database keeps them."""
    rule: Code
    rev: int


class Diary(BaseModel):
    """What is to be said about one case, and when."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    caseseq: int
    """The newest case event noted."""
    lane: Lane
    service: Code
    ward: Code
    timers: tuple[Timer, ...] = ()
    """The clocks that event left running, in order of time."""
    fired: tuple[tuple[ClockKind, int], ...] = ()
    """Every (kind, rev) ever said; kept when its clock has gone, so that it can never be said again."""
    owner: Code | None = None
    """Whose case it is while it is open. None, too, in a diary from before owners were noted: the next event tells."""
    portfolio: Code | None = None
    """Of a case of cabinet business: the portfolio it belongs to."""
    reviews: tuple[Code, ...] = ()
    """Every transition of the council for which a review was said; none is said twice."""
    next_due: Moment | None = None
    """When to open the diary again; None while nothing waits. The ticker looks diaries up by it."""

    @property
    def waiting(self) -> tuple[Timer, ...]:
        """The timers still to be said, in order of time."""
        return tuple(timer for timer in self.timers if (timer.kind, timer.rev) not in self.fired)


def note(diary: Diary | None, event: CaseEvent, caseseq: int) -> TimersSet | None:
    """Note the clocks a case event left running; None if a newer event has been noted already.

    An event whose clocks are all known is noted, too: else one that lies between could set them back.
    """
    if diary is not None and caseseq <= diary.caseseq:
        return None
    return TimersSet(
        at=event.at,
        caseseq=caseseq,
        lane=event.case.lane,
        service=event.case.service,
        ward=event.case.ward,
        clocks=event.case.clocks,
        owner=None if event.case.state in _OVER else event.case.owner,
        portfolio=event.case.portfolio,
    )


def due(diary: Diary, now: datetime) -> list[TimerDue]:
    """List what is to be said by now (business time), oldest first; however late, nothing is left out."""
    return [
        TimerDue(
            at=now,
            kind=timer.kind,
            rev=timer.rev,
            due=timer.due,
            lane=diary.lane,
            service=diary.service,
            ward=diary.ward,
        )
        for timer in diary.waiting
        if timer.due <= now
    ]


def review(diary: Diary, transition: Transition, now: datetime) -> TimerReview | None:
    """Have an open case looked at that a transition concerns; once for each transition."""
    if diary.owner is None or transition.id in diary.reviews:
        return None
    reason = transition.concern(diary.owner, diary.portfolio)
    if reason is None:
        return None
    return TimerReview(
        at=now, reason=reason, cause=transition.id, lane=diary.lane, service=diary.service, ward=diary.ward
    )


def evolve(diary: Diary | None, fact: Event, _seq: int) -> Diary:
    """Write a fact into the diary.

    Raises:
        TypeError: the fact is none of a diary's, or the first is not `TimersSet`.
    """
    match fact, diary:
        case TimersSet(), _:
            after = Diary(
                caseseq=fact.caseseq,
                lane=fact.lane,
                service=fact.service,
                ward=fact.ward,
                timers=tuple(sorted(map(_timer, fact.clocks), key=lambda timer: (timer.due, timer.kind, timer.rev))),
                fired=diary.fired if diary else (),
                owner=fact.owner,
                portfolio=fact.portfolio,
                reviews=diary.reviews if diary else (),
            )
        case TimerDue(), Diary():
            after = diary.model_copy(update={"fired": (*diary.fired, (fact.kind, fact.rev))})
        case TimerReview(), Diary():
            after = diary.model_copy(update={"reviews": (*diary.reviews, fact.cause)})
        case _:
            raise TypeError(f"{type(fact).__name__} cannot be written into {'a' if diary else 'a new'} diary")
    return after.model_copy(update={"next_due": min((timer.due for timer in after.waiting), default=None)})


def _timer(clock: Clock) -> Timer:
    # The database cuts microseconds off: a timer rounded down would fire before its clock has run out.
    up = timedelta(microseconds=-clock.due.microsecond % 1000)
    return Timer(kind=clock.kind, due=clock.due + up, rule=clock.rule, rev=clock.rev)
