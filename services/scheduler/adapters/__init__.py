"""How the scheduler's needs are met: diaries and transitions in MongoDB, council data as it was published.

Nothing here decides: what is due and what changed comes from the domain.
"""

from services.scheduler.adapters.diaries import DIARIES, MongoDiaries, Speaker
from services.scheduler.adapters.record import PublishedCouncil
from services.scheduler.adapters.transitions import PUBLICATIONS, TRANSITIONS, MongoTransitions

__all__ = [
    "DIARIES",
    "PUBLICATIONS",
    "TRANSITIONS",
    "MongoDiaries",
    "MongoTransitions",
    "PublishedCouncil",
    "Speaker",
]
