"""What routing keeps, and what its ticker needs from the outside world."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from services.routing.domain import Tally

DECISIONS: Final = "decisions"
"""One document for each decision, under the id of the event that asked for it."""


class LedgerAway(Exception):
    """The decisions cannot be counted now; the message is the type of the error. It may pass, or need a person."""


class Ledger(Protocol):
    """The decisions of all instances, to be counted."""

    async def tallies(self, since: datetime) -> Sequence[Tally]:
        """Count all decisions and returns by service and rule version, for the versions in use since a moment.

        Raises:
            LedgerAway: they cannot be counted now.
        """


class Board(Protocol):
    """Where those who watch see the counts."""

    def show(self, tallies: Sequence[Tally]) -> None:
        """Show these counts, and no others any more."""
