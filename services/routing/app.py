"""Puts routing together.

The only file that knows every other; nothing happens when it is imported.
"""

from faststream.asgi import AsgiFastStream

from services.routing.handlers import DECISIONS, handlers
from shared.council import Directory
from shared.plumbing.service import PARTS, Listens, Parts, compose_service
from shared.plumbing.settings import Settings
from shared.plumbing.store import Collection
from shared.plumbing.topology import ROUTING, ROUTING_URGENT


def create_app(settings: Settings | None = None, parts: Parts = PARTS) -> AsgiFastStream:
    """Make the program; without settings they come from the environment."""
    return compose_service(
        settings or Settings(),
        "routing",
        listens=[Listens(ROUTING, handlers), Listens(ROUTING_URGENT, handlers)],
        collections=[Collection(DECISIONS)],
        ports=lambda runtime: {Directory: lambda: runtime.council.directory},
        parts=parts,
    )
