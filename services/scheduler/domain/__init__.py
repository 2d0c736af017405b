"""What the scheduler decides: what is due in a case, and what changed in the council; told the time, no I/O."""

from services.scheduler.domain.changes import Change, changes, granted, posts, sitting, standing
from services.scheduler.domain.diary import Diary, Timer, due, evolve, note, review
from services.scheduler.domain.transition import Moved, Transition, announce, begin, move
from services.scheduler.domain.transition import evolve as evolve_transition
from services.scheduler.domain.world import Seen, Version, World, dates_of, first_seen, next_seen

__all__ = [
    "Change",
    "Diary",
    "Moved",
    "Seen",
    "Timer",
    "Transition",
    "Version",
    "World",
    "announce",
    "begin",
    "changes",
    "dates_of",
    "due",
    "evolve",
    "evolve_transition",
    "first_seen",
    "granted",
    "move",
    "next_seen",
    "note",
    "posts",
    "review",
    "sitting",
    "standing",
]
