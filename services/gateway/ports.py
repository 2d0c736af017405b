"""What the gateway needs from the outside world.

A port says what is needed, never how: an adapter and its fake must keep every promise written here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel

from shared.calendar import WorkingCalendar
from shared.commands import Command, CommandReply, Query
from shared.council import Directory

A = TypeVar("A", bound=BaseModel)


class Decided(NamedTuple):
    """Intake has decided."""

    reply: CommandReply


class Undecided(NamedTuple):
    """The command is safe, in the queue or in the out-basket, and a decision will come."""


class InFlight(NamedTuple):
    """The same command is being decided this very moment."""


Outcome: TypeAlias = Decided | Undecided | InFlight


class Unavailable(Exception):
    """What was asked for cannot be had now; nothing has been promised."""


class Intake(Protocol):
    """The service that decides about cases."""

    async def command(self, command: Command, *, command_id: str, urgent: bool) -> Outcome:
        """Hand over a command and wait at most 3 s for the decision.

        Raises:
            Unavailable: neither the queue nor the out-basket has taken it.
        """
        ...

    async def ask(self, query: Query, answer: type[A]) -> A:
        """Ask and wait at most 3 s for the answer.

        Raises:
            Unavailable: the broker is away or nobody answered.
        """
        ...


class Letter(NamedTuple):
    """A sealed command, as it goes to the broker now or later."""

    id: str
    """The command's id: AMQP message id and correlation id."""
    type: str
    command: str
    """The command's name, such as `extend-auto-close`."""
    reference: str
    case_id: str
    actor: str
    on_behalf_of: str
    at: datetime
    """Business time of the command."""
    routing_key: str
    body: bytes
    body_hash: str
    """Tells whether a repeat is one: `body` is sealed anew each time."""


class PendingCommand(NamedTuple):
    """A command that was answered with 202 and is not known to be decided."""

    id: str
    command: str
    at: datetime


class Outbasket(Protocol):
    """Commands that got no answer in time: kept until they are decided, and sent later if no queue has them yet."""

    async def keep(self, letter: Letter, *, taken: bool) -> bool:
        """Keep a command; `taken` says that the queue has it, so it is not to be sent again. A repeat changes nothing.

        Returns:
            False: a command with another body is kept under this id, and this one is not.

        Raises:
            Unavailable: it could not be stored.
        """
        ...

    async def pending(self, reference: str, principal: str) -> Sequence[PendingCommand]:
        """List this person's undecided commands on a case, oldest first.

        Raises:
            Unavailable: the database is away.
        """
        ...

    async def decided(self, ids: Sequence[str]) -> None:
        """Note that these commands are decided; ids that are not here are ignored."""
        ...


class Sessions(Protocol):
    """Who is signed in with a browser. Real time; idle at most 30 minutes, 8 hours in all."""

    async def open(self, person: str) -> str:
        """Begin a session and give its id: secret, random, to be known to this browser only."""
        ...

    async def find(self, session_id: str) -> str | None:
        """Say whose session this is, and count it as used now; None if it has ended or never was."""
        ...

    async def close(self, session_id: str) -> None:
        """End a session."""
        ...


class Clock(Protocol):
    """Business time."""

    async def now(self) -> datetime:
        """Give the business time, aware and in UTC.

        Raises:
            Unavailable: in development it lies in a database that is away.
        """
        ...


class MovableClock(Clock, Protocol):
    """Business time in the development profile."""

    async def advance(self, text: str, calendar: WorkingCalendar) -> datetime:
        """Move business time on by `5wd`, `2h` or `1d` and give the new one.

        Raises:
            ValueError: the text is no step forward.
            Unavailable: the database is away.
        """
        ...


class LiveCouncil(Protocol):
    """The council as it is published now."""

    @property
    def directory(self) -> Directory:
        """The directory of the newest published council."""
        ...
