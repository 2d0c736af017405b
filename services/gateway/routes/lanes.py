"""By which lane each case travels, as far as this process has seen it.

Only a matter of speed: a command that goes by the other lane is decided all the same.
"""

from collections import OrderedDict
from typing import Final

from shared.events import Lane

MOST: Final = 10_000
"""Cases remembered; a few megabytes."""


class Lanes:
    """Remembers the lanes of the cases that were shown last."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[str, Lane] = OrderedDict()

    def note(self, reference: str, lane: Lane) -> None:
        """Remember the lane of a case; of too many the one that was not asked about for longest is forgotten."""
        self._known[reference] = lane
        self._known.move_to_end(reference)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def is_urgent(self, reference: str) -> bool:
        """Say whether a case is known to go by the urgent lane."""
        lane = self._known.get(reference, "normal")
        if reference in self._known:
            self._known.move_to_end(reference)
        return lane == "urgent"
