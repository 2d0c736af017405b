"""What the notifier needs from the outside world.

Between `hand_over` and the end of a notice lies the only moment in which a crash leaves a doubt: nothing else may
happen there but giving the mail, or the call, to whoever takes it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from services.notifier.domain import Channel, Notice, Status, Why

Written_co = TypeVar("Written_co", covariant=True)
Written_contra = TypeVar("Written_contra", contravariant=True)


class Channels(Protocol):
    """The ways in which people can be told in this deployment."""

    def usable(self, notices: list[Notice]) -> list[Notice]:
        """Leave out, and count, the calls where nobody is set up who makes them."""
        ...


class Letter(NamedTuple):
    """A mail as it goes to the server: one sender, one recipient, the bytes."""

    sender: str
    recipient: str
    content: bytes


class Call(NamedTuple):
    """What whoever makes the call is told: public facts, and names at work."""

    id: str
    """The notice's: a repeated call can be told by it."""
    why: Why
    reference: str
    link: str
    service: str
    ward: str
    team: tuple[str, str]
    """Id and name."""
    officer: tuple[str, str] | None
    """Id and name of who is to be called; None: whoever is on duty in the team."""
    level: int
    round: int


class CannotBeWritten(Exception):
    """There can be nothing to send for this notice; `reason` is a code."""

    def __init__(self, reason: str) -> None:
        """Hold the code."""
        super().__init__(reason)
        self.reason = reason


class Writer(Protocol[Written_co]):
    """Turns a notice into what is sent, with the council's names and texts of now."""

    def write(self, notice: Notice) -> Written_co:
        """Write it.

        Raises:
            CannotBeWritten: the recipient has no address, or a text of the council may not stand in a header.
        """
        ...


class Taken(NamedTuple):
    """Whoever was to take it has it: the mail server, or who makes the call."""


class Refused(NamedTuple):
    """It is not wanted, ever."""

    reason: str


class Delayed(NamedTuple):
    """It is not taken now."""

    reason: str


class Doubtful(NamedTuple):
    """The connection was lost while the other side had it in its hands and had not said yes or no."""

    reason: str


class Kept(NamedTuple):
    """The notice was no longer ours when it was to be handed over: nothing was sent."""


Outcome: TypeAlias = Taken | Refused | Delayed | Doubtful | Kept


class PostboxAway(Exception):
    """The mail server cannot be reached: nothing is wrong with any notice. The text is a code."""


class PostboxLocked(Exception):
    """The mail server does not let us in (password, sender, TLS): somebody must act. The text is a code."""


class Outlet(Protocol[Written_contra]):
    """Where notices of one channel leave the house, one at a time, opened when needed and used again."""

    async def open(self) -> None:
        """Make sure that the other side can be reached and lets us in.

        Raises:
            PostboxAway: it cannot be reached.
            PostboxLocked: it does not let us in.
        """
        ...

    async def post(self, written: Written_contra, hand_over: Callable[[], Awaitable[bool]]) -> Outcome:
        """Offer it; when nothing speaks against it, ask `hand_over`, and only on True give it away.

        Raises:
            PostboxAway: the other side cannot be reached.
            PostboxLocked: it does not let us in.
        """
        ...

    async def close(self) -> None:
        """Say goodbye, if connected."""
        ...


class Postbox(Outlet[Letter], Protocol):
    """One connection to a mail server."""


class DutyCaller(Outlet[Call], Protocol):
    """The second channel to whoever is on duty. Each call stands for itself: it is never away, nor locked."""


class Claim(NamedTuple):
    """A notice that is ours until its `claimed_until`."""

    notice: Notice
    created: datetime
    """Real time at which it was stored."""
    document: Mapping[str, Any]
    """As the book keeps it; nobody else looks inside."""


class BookAway(Exception):
    """The store of notices cannot be reached."""


class NoticeBook(Protocol):
    """Every notice, and who is sending it. Each method raises BookAway when the store cannot be reached."""

    async def claim(self, limit: int, channel: Channel = "mail", *, urgent_only: bool = False) -> Sequence[Claim]:
        """Take over at most `limit` notices of a channel that are due, urgent ones first, then the oldest."""
        ...

    async def hand_over(self, claim: Claim) -> Claim | None:
        """Note durably that it is given away now; None where the notice is no longer ours."""
        ...

    async def sent(self, claim: Claim) -> bool:
        """End a notice as sent; False where it was ended by somebody else."""
        ...

    async def failed(self, claim: Claim, reason: str) -> bool:
        """End a notice as failed for good."""
        ...

    async def in_doubt(self, claim: Claim, reason: str) -> bool:
        """End a notice as perhaps sent."""
        ...

    async def delay(self, claim: Claim, reason: str) -> bool:
        """Put a notice back for a later attempt, or end it as failed when it has been tried long enough."""
        ...

    async def release(self, claims: Sequence[Claim]) -> None:
        """Give back notices that were not tried."""
        ...

    async def count(self, *statuses: Status) -> int:
        """Count the notices with one of these statuses."""
        ...

    async def recover(self) -> tuple[int, int]:
        """Look after claims that ran out: how many were put back, and how many are in doubt now."""
        ...
