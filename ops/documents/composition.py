"""What each service hears, says and is told, asked of the services themselves: composed, but never connected.

The one place where the command looks at the services, and by name only: an installation that runs the command without
them lacks nothing but these documents.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeAlias

from cryptography.fernet import Fernet
from faststream.asgi import AsgiFastStream

from shared.commands import QUERIES, Command, Query
from shared.events import CATALOGUE, Event
from shared.events.base import PREFIX
from shared.plumbing.lane import Lane
from shared.plumbing.service import lanes
from shared.plumbing.settings import Settings
from shared.plumbing.topology import CONSUMERS, SAYS, WORK_QUEUES, WorkQueue

Message: TypeAlias = Event | Command | Query
SERVICES = tuple(SAYS)
_KEY = Fernet.generate_key().decode()
_ENOUGH_TO_COMPOSE = {
    "rabbit_url": "amqp://broker.invalid/",
    "mongo_url": "mongodb://database.invalid/",
    "seal_keys": _KEY,
    "vault_keys": _KEY,
    "otlp_endpoint": None,
    "public_url": "https://casework.invalid",
    "smtp_host": "mail.invalid",
}


class Service(NamedTuple):
    """One service, as it is put together."""

    name: str
    hears: Mapping[WorkQueue, Mapping[type[Message], str]]
    """Per queue: what it has a handler for, and what that handler does, in a sentence."""
    says: tuple[type[Event], ...]


def settings_of(service: str) -> type[Settings]:
    """Find the settings of a service; one with none of its own has those of every service."""
    name = f"services.{service}.config"
    found: type[Settings] = import_module(name).Config if find_spec(name) else Settings
    return found


def composed() -> Iterator[Service]:
    """Compose the services that work from queues. The gateway is none of them: it has a reply queue of its own."""
    for name in CONSUMERS:
        create_app: Callable[[Settings], AsgiFastStream] = import_module(f"services.{name}.app").create_app
        broker: Any = create_app(settings_of(name).model_validate(_ENOUGH_TO_COMPOSE)).broker
        works = {lane.work_queue: lane.worker for lane in lanes(broker)}
        says = {PREFIX + publisher.routing_key.removesuffix(".#") for publisher in broker.publishers}
        # FastStream keeps both in sets: the order is ours.
        yield Service(
            name=name,
            hears={queue: _handled(works[queue]) for queue in WORK_QUEUES if queue in works},
            says=tuple(event for kind, event in CATALOGUE.items() if kind in says),
        )


def _handled(worker: object) -> Mapping[type[Message], str]:
    if isinstance(worker, Lane):
        return {handler.message: sentence(handler.function) for handler in worker.handlers}
    return {query: sentence(query) for query in QUERIES.values()}


def sentence(documented: object) -> str:
    """Give the first paragraph of a docstring."""
    return " ".join((documented.__doc__ or "").strip().split("\n\n")[0].split())
