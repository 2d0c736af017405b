"""The scheduler's loops: one finds what is due, one what changed in the council, one whose cases that concerns.

Any number of instances may run them: none owns anything, a compare-and-set or an id decides who says it.
"""

from services.scheduler.ticker.reviews import Reviewer
from services.scheduler.ticker.timers import LIMIT, Ticker
from services.scheduler.ticker.turning import OUTAGE_PAUSE
from services.scheduler.ticker.watcher import Watcher

__all__ = ["LIMIT", "OUTAGE_PAUSE", "Reviewer", "Ticker", "Watcher"]
