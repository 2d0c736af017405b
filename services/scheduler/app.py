"""Puts the scheduler together.

The only file that knows every other; nothing happens when it is imported.
"""

from faststream.asgi import AsgiFastStream

from services.scheduler.adapters import (
    DIARIES,
    PUBLICATIONS,
    TRANSITIONS,
    MongoDiaries,
    MongoTransitions,
    PublishedCouncil,
)
from services.scheduler.config import Config
from services.scheduler.handlers import handlers
from services.scheduler.ticker import Reviewer, Ticker, Watcher
from shared.events import CATALOGUE, CouncilEvent, TimerDue, TimerReview
from shared.plumbing.clients import open_database
from shared.plumbing.service import PARTS, Listens, Parts, Runtime, compose_service
from shared.plumbing.topology import SCHEDULER, SCHEDULER_URGENT


def create_app(settings: Config | None = None, parts: Parts = PARTS) -> AsgiFastStream:
    """Make the program; without settings they come from the environment."""
    config = settings or Config()

    async def ticker(runtime: Runtime) -> None:
        await Ticker(
            MongoDiaries(runtime.store, runtime.relay, runtime.log),
            runtime.clock,
            runtime.metrics.gauge(
                "timer_overdue_seconds", "By how much the oldest timer not yet said is late, in business time."
            ),
            runtime.log,
            longest_pause=config.longest_pause,
        ).run()

    async def watcher(runtime: Runtime) -> None:
        await Watcher(
            PublishedCouncil(open_database(runtime.client, config.database_of("council")), runtime.log),
            MongoTransitions(runtime.store, runtime.relay, runtime.log),
            runtime.clock,
            runtime.metrics.counter(
                "council_transitions", "Transitions of the council that this process was the first to notice."
            ),
            runtime.log,
        ).run()

    async def reviewer(runtime: Runtime) -> None:
        await Reviewer(
            MongoTransitions(runtime.store, runtime.relay, runtime.log),
            MongoDiaries(runtime.store, runtime.relay, runtime.log),
            runtime.clock,
            runtime.metrics.gauge(
                "council_reviews_waiting",
                "Open cases that a change of the council concerns, and of which that has still to be said.",
            ),
            runtime.log,
        ).run()

    return compose_service(
        config,
        "scheduler",
        listens=[Listens(SCHEDULER, handlers), Listens(SCHEDULER_URGENT, handlers)],
        collections=[DIARIES, TRANSITIONS, PUBLICATIONS],
        loops=[ticker, watcher, reviewer],
        says=[TimerDue, TimerReview, *(kind for kind in CATALOGUE.values() if issubclass(kind, CouncilEvent))],
        parts=parts,
    )
