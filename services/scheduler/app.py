"""Puts the scheduler together.

The only file that knows every other; nothing happens when it is imported.
"""

from faststream.asgi import AsgiFastStream

from services.scheduler.adapters import DIARIES, MongoDiaries
from services.scheduler.config import Config
from services.scheduler.handlers import handlers
from services.scheduler.ticker import Ticker
from shared.events import TimerDue
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

    return compose_service(
        config,
        "scheduler",
        listens=[Listens(SCHEDULER, handlers), Listens(SCHEDULER_URGENT, handlers)],
        collections=[DIARIES],
        loops=[ticker],
        says=[TimerDue],
        parts=parts,
    )
