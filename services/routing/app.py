"""Puts routing together.

The only file that knows every other; nothing happens when it is imported.
"""

from faststream.asgi import AsgiFastStream

from services.routing.adapters import LEDGER, MongoLedger, PrometheusBoard
from services.routing.handlers import handlers
from services.routing.ticker import Ticker
from shared.council import Directory
from shared.plumbing.service import PARTS, Listens, Parts, Runtime, compose_service
from shared.plumbing.settings import Settings
from shared.plumbing.topology import ROUTING, ROUTING_URGENT


def create_app(settings: Settings | None = None, parts: Parts = PARTS) -> AsgiFastStream:
    """Make the program; without settings they come from the environment."""

    async def ticker(runtime: Runtime) -> None:
        board = PrometheusBoard(runtime.metrics.registry)
        await Ticker(MongoLedger(runtime.store), board, runtime.clock, runtime.log).run()

    return compose_service(
        settings or Settings(),
        "routing",
        listens=[Listens(ROUTING, handlers), Listens(ROUTING_URGENT, handlers)],
        collections=[LEDGER],
        ports=lambda runtime: {Directory: lambda: runtime.council.directory},
        loops=[ticker],
        parts=parts,
    )
