"""What the notifier needs from the outside world.

Between `hand_over` and the end of a notice lies the only moment in which a crash leaves a doubt: nothing else may
happen there but giving the mail to the server.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeAlias

from services.notifier.domain import Notice, Status


class Letter(NamedTuple):
    """A mail as it goes to the server: one sender, one recipient, the bytes."""

    sender: str
    recipient: str
    content: bytes


class CannotBeWritten(Exception):
    """There can be no mail for this notice; `reason` is a code."""

    def __init__(self, reason: str) -> None:
        """Hold the code."""
        super().__init__(reason)
        self.reason = reason


class LetterWriter(Protocol):
    """Turns a notice into a mail with the council's names and texts of now."""

    def write(self, notice: Notice) -> Letter:
        """Write the mail.

        Raises:
            CannotBeWritten: the recipient has no address, or a text of the council may not stand in a header.
        """
        ...


class Taken(NamedTuple):
    """The mail server has the mail."""


class Refused(NamedTuple):
    """The mail server does not want this mail for this recipient, ever."""

    reason: str


class Delayed(NamedTuple):
    """The mail server does not take this mail now."""

    reason: str


class Doubtful(NamedTuple):
    """The connection was lost while the server had the mail in its hands and had not said yes or no."""

    reason: str


class Kept(NamedTuple):
    """The notice was no longer ours when it was to be handed over: nothing was sent."""


Outcome: TypeAlias = Taken | Refused | Delayed | Doubtful | Kept


class PostboxAway(Exception):
    """The mail server cannot be reached: nothing is wrong with any notice. The text is a code."""


class PostboxLocked(Exception):
    """The mail server does not let us in (password, sender, TLS): somebody must act. The text is a code."""


class Postbox(Protocol):
    """One connection to a mail server, opened when needed and used again."""

    async def open(self) -> None:
        """Make sure that the server can be reached and lets us in.

        Raises:
            PostboxAway: it cannot be reached.
            PostboxLocked: it does not let us in.
        """
        ...

    async def post(self, letter: Letter, hand_over: Callable[[], Awaitable[bool]]) -> Outcome:
        """Offer a letter; when the server accepts the recipient, ask `hand_over`, and only on True give it the mail.

        Raises:
            PostboxAway: the server cannot be reached.
            PostboxLocked: the server does not let us in.
        """
        ...

    async def close(self) -> None:
        """Say goodbye, if connected."""
        ...


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

    async def claim(self, limit: int) -> Sequence[Claim]:
        """Take over at most `limit` notices that are due, urgent ones first, then the oldest."""
        ...

    async def hand_over(self, claim: Claim) -> Claim | None:
        """Note durably that the mail goes to the server now; None where the notice is no longer ours."""
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
