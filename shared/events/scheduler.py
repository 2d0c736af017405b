"""What the scheduler says: that a time has come. It never changes a case; intake checks `rev` and decides."""

from typing import Literal

from shared.events.base import Code, Event, Moment
from shared.events.case import Clock, ClockKind, Lane


class TimerDue(Event, type="casework.timer.due.v1", must_be_heard=True):
    """Sent when a clock of a case has run out; `at` is the business time of firing, never before `due`."""

    kind: ClockKind
    rev: int
    due: Moment
    lane: Lane
    service: Code
    ward: Code

    def routing_tail(self) -> tuple[str, str, str]:
        """Lane, service type and ward of the case."""
        return self.lane, self.service, self.ward


class TimerReview(Event, type="casework.timer.review.v1", must_be_heard=True):
    """Sent for each open case that something outside it may concern; intake looks at the case and decides."""

    reason: Literal["owner-left", "portfolio-moved"]
    cause: Code
    """The transition of the council it follows from."""
    lane: Lane
    service: Code
    ward: Code

    def routing_tail(self) -> tuple[str, str, str]:
        """Lane, service type and ward of the case."""
        return self.lane, self.service, self.ward


class TimersSet(Event, type="casework.timer.set.v1", said=False):
    """Kept in the diary: the clocks a case event left running. Never published."""

    caseseq: int
    lane: Lane
    service: Code
    ward: Code
    clocks: tuple[Clock, ...] = ()
    owner: Code | None = None
    """Whose case it is, while it is open; None when it is closed."""
    portfolio: Code | None = None
