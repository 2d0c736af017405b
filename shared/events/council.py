"""What the scheduler says of the council: a version was published or came into force, and what that changed.

Each fact is said once, whoever notices it. It names ids and dates; the names lie in the council data.
"""

from datetime import date

from shared.events.base import Code, Event, Moment


class CouncilEvent(Event):
    """A fact about the council, not about a case."""

    number: int
    """Number of the version it was found in."""


class CouncilPublished(CouncilEvent, type="casework.council.published.v1"):
    """Sent when a version has been published; it comes into force at `activates`."""

    version: Code
    activates: Moment
    rolled_back_to: int | None = None


class CouncilActivated(CouncilEvent, type="casework.council.activated.v1"):
    """Sent when a version has come into force in place of another."""

    version: Code
    former: int | None = None


class CouncilTermBegan(CouncilEvent, type="casework.council.term_began.v1"):
    """Sent when a councillor sits for a ward from now on."""

    councillor: Code
    ward: Code
    on: date


class CouncilTermEnded(CouncilEvent, type="casework.council.term_ended.v1"):
    """Sent when a councillor sits for a ward no more. Open cases are offered to others, never handed over unasked."""

    councillor: Code
    ward: Code
    on: date
    """First day without the seat."""
    reason: Code | None = None
    left_office: bool
    """True: the councillor sits for no other ward."""


class CouncilSeatVacated(CouncilEvent, type="casework.council.seat_vacated.v1"):
    """Sent when a ward has more empty seats than before; a new ward had none."""

    ward: Code
    on: date
    seats: int
    filled: int


class CouncilWardBegan(CouncilEvent, type="casework.council.ward_began.v1"):
    """Sent when a ward exists from now on."""

    ward: Code
    on: date


class CouncilWardEnded(CouncilEvent, type="casework.council.ward_ended.v1"):
    """Sent when boundaries were redrawn and a ward exists no more."""

    ward: Code
    on: date
    successors: tuple[Code, ...] = ()


class CouncilPortfolioMoved(CouncilEvent, type="casework.council.portfolio_moved.v1"):
    """Sent when a portfolio has another holder, or none."""

    portfolio: Code
    on: date
    holder: Code | None = None
    former: Code | None = None


class CouncilRoleGranted(CouncilEvent, type="casework.council.role_granted.v1"):
    """Sent when a grant has come into force."""

    grant: Code
    person: Code
    role: Code
    team: Code | None = None
    on: date


class CouncilRoleEnded(CouncilEvent, type="casework.council.role_ended.v1"):
    """Sent when a grant has run out or was taken away."""

    grant: Code
    person: Code
    role: Code
    team: Code | None = None
    on: date


class CouncilSeen(Event, type="casework.council.seen.v1", said=False):
    """Kept by the scheduler: how far the council has been looked through. Never published."""

    number: int
    on: date
    former: Code | None = None
    """What was seen before it; None: nothing."""
