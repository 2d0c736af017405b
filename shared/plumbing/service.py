"""Puts a service together: broker, database, lanes, relay, loops, health.

A service's app.py says only what is its own.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from faststream.asgi import AsgiFastStream
from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange
from faststream.specification import AsyncAPI
from pymongo import AsyncMongoClient
from structlog.typing import FilteringBoundLogger

from shared.commands import QUERIES, Query
from shared.events import Event
from shared.plumbing.aiormq_wire import AiormqWire, die
from shared.plumbing.answering import Answering, Answers, CommandReplier, Questions, Replies
from shared.plumbing.clients import make_broker, make_client, open_database
from shared.plumbing.clock import BusinessClock, MovableClock, RealClock
from shared.plumbing.council import LiveCouncil
from shared.plumbing.ending import end
from shared.plumbing.handling import Handlers, Provider
from shared.plumbing.health import Health, confirms, holds, primary_of, routes
from shared.plumbing.history import Document, Say
from shared.plumbing.lane import Lane
from shared.plumbing.logs import configure_logging
from shared.plumbing.metrics import Metrics
from shared.plumbing.relay import Relay
from shared.plumbing.sealed import SealBox
from shared.plumbing.settings import Settings
from shared.plumbing.store import Collection, Database, Store
from shared.plumbing.subscriber import LaneRouter, LaneSubscriber, Worker
from shared.plumbing.topology import EVENTS, WorkQueue, declare, probe_exchange
from shared.plumbing.tracing import Tracing
from shared.plumbing.vault import Vault
from shared.plumbing.wire import parcel_of

VERSION = "0.1.0"
COLLECT_AFTER = 20_000
"""More objects made than freed after which Python looks for reference cycles. A batch makes thousands that live as long
as it does; at the default of 700 each look walks through them in vain. What no cycle holds is freed at once as ever."""


class Listens(NamedTuple):
    """A queue and the handlers that work on it."""

    queue: WorkQueue
    handlers: Handlers


class Parts(NamedTuple):
    """What a service reaches broker and database through.

    Every program that is delivered is made of these. Tests hand in others, which end the process at a named point or
    break one promise on purpose, so that no such code lies in a service.
    """

    wire: Callable[[RabbitBroker], AiormqWire] = AiormqWire
    store: Callable[[Database, Sequence[Collection]], Store] = Store


PARTS = Parts()


@dataclass(frozen=True)
class Runtime:
    """The parts of a running service, for its own adapters and loops."""

    settings: Settings
    service: str
    log: FilteringBoundLogger
    metrics: Metrics
    health: Health
    broker: RabbitBroker
    wire: AiormqWire
    client: AsyncMongoClient[Document]
    store: Store
    relay: Relay
    council: LiveCouncil
    clock: BusinessClock
    seal: SealBox | None
    vault: Vault | None
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)


def make_runtime(settings: Settings, service: str, collections: Sequence[Collection], parts: Parts = PARTS) -> Runtime:
    """Make the parts; nothing connects yet."""
    log = configure_logging(service, settings.log_level)
    metrics, health = Metrics(service), Health()
    broker = make_broker(settings, service)
    client = make_client(settings, service)
    store = parts.store(open_database(client, settings.database_of(service)), collections)
    wire = parts.wire(broker)
    council_database: Database = open_database(client, settings.database_of("council"))
    clock = MovableClock(council_database) if settings.profile == "development" else RealClock()

    def parcel(say: Say) -> Any:
        return parcel_of(say, settings.council_code, service)

    return Runtime(
        settings=settings,
        service=service,
        log=log,
        metrics=metrics,
        health=health,
        broker=broker,
        wire=wire,
        client=client,
        store=store,
        relay=Relay(store, wire, parcel, log, metrics),
        council=LiveCouncil(council_database, clock, log, metrics),
        clock=clock,
        seal=SealBox(settings.seal_keys) if settings.seal_keys else None,
        vault=Vault(settings.vault_keys) if settings.vault_keys else None,
    )


async def open_runtime(runtime: Runtime, loops: Sequence[Callable[[Runtime], Awaitable[None]]] = ()) -> None:
    """Connect, declare if told to, read the council, start the relay and the loops; before any consumer."""
    await runtime.store.prepare()
    await runtime.council.load()
    connection = await runtime.broker.connect()
    if runtime.settings.topology == "declare":
        async with connection.channel() as channel:
            await declare(channel)
    await runtime.wire.open()
    runtime.relay.start()
    runtime.tasks.append(_keep(runtime.council.follow(), "council"))
    runtime.tasks.extend(_keep(loop(runtime), getattr(loop, "__name__", "loop")) for loop in loops)
    runtime.health.add("database", primary_of(runtime.store.database))
    runtime.health.add("broker", confirms(runtime.wire, probe_exchange(runtime.service)))
    runtime.health.add("relay", holds(lambda: runtime.relay.alive, "not running"))
    runtime.health.add("loops", holds(lambda: not any(task.done() for task in runtime.tasks), "a loop has ended"))
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    gc.freeze()  # modules and models stay: no look walks through them again


async def close_runtime(runtime: Runtime) -> None:
    """End loops, say what waits, let go of broker channel and database."""
    await end(runtime.tasks, runtime.settings.graceful_seconds)
    await runtime.relay.stop(runtime.settings.graceful_seconds / 4)
    await runtime.wire.close()
    await runtime.client.close()
    gc.unfreeze()
    runtime.log.info("stopped")  # the last line of a process that was not cut off


def compose_service(  # noqa: PLR0913  what a service is made of
    settings: Settings,
    service: str,
    *,
    listens: Sequence[Listens] = (),
    collections: Sequence[Collection] = (),
    ports: Callable[[Runtime], Mapping[Any, Provider]] = lambda _: {},
    loops: Sequence[Callable[[Runtime], Awaitable[None]]] = (),
    replies: Callable[[Runtime], Replies] | None = None,
    answers: tuple[WorkQueue, Callable[[Runtime], Answers]] | None = None,
    says: Sequence[type[Event]] = (),
    parts: Parts = PARTS,
) -> AsgiFastStream:
    """Put a service together.

    Args:
        settings: what the environment says.
        service: its name, which is also its broker user, database and metric label.
        listens: its queues and handlers.
        collections: its collections and their indexes.
        ports: what its handlers may ask for, by type; each asked anew for every message.
        loops: claim loops; one that ends takes the process with it, to be restarted.
        replies: composes replies to commands.
        answers: the queue of questions and who answers them.
        says: events that its handlers' annotations do not name: those of its loops.
        parts: what it reaches broker and database through.
    """
    runtime = make_runtime(settings, service, collections, parts)
    router = LaneRouter()
    tracing = Tracing(service, settings.otlp_endpoint)
    for queue, worker, calls in _workers(runtime, listens, ports(runtime), replies, answers):
        router.lane(
            queue,
            worker,
            calls,
            wire=runtime.wire,
            metrics=runtime.metrics,
            tracing=tracing,
            log=runtime.log,
            declare=settings.topology == "declare",
        )
    for fact in _said(listens, says):  # for the document: the relay publishes
        router.publisher(
            exchange=RabbitExchange(EVENTS, type=ExchangeType.TOPIC, declare=False),
            routing_key=f"{fact.type.removeprefix('casework.')}.#",
            schema=fact,
            title=fact.type,
        )
    runtime.broker.include_router(router)
    app = AsgiFastStream(
        runtime.broker,
        asgi_routes=routes(runtime.health, runtime.metrics),
        specification=AsyncAPI(title=f"casework {service}", version=VERSION, schema_version="3.0.0"),
        logger=None,
    )

    @app.on_startup
    async def start() -> None:
        await open_runtime(runtime, loops)
        urgent = [lane for lane in lanes(runtime.broker) if lane.work_queue.name.endswith(".urgent")]
        for lane in lanes(runtime.broker):
            lane.ahead = () if lane in urgent else urgent
            runtime.health.add(f"queue {lane.work_queue.name}", holds(partial(_is_alive, lane), "no consumer"))

    @app.on_shutdown
    async def stop() -> None:  # before FastStream stops the broker: the connection is still there
        await asyncio.gather(*(lane.stop(settings.graceful_seconds / 2) for lane in lanes(runtime.broker)))
        await close_runtime(runtime)

    return app


def _workers(
    runtime: Runtime,
    listens: Sequence[Listens],
    ports: Mapping[Any, Provider],
    replies: Callable[[Runtime], Replies] | None,
    answers: tuple[WorkQueue, Callable[[Runtime], Answers]] | None,
) -> Iterator[tuple[WorkQueue, Worker, Sequence[tuple[str, type[Any], Callable[..., Any]]]]]:
    """Per queue: who works on it, and the calls FastStream documents and tests."""
    replier = None
    if replies:
        replier = CommandReplier(replies(runtime), _answering(runtime), runtime.store, runtime.log)
    for queue, handlers in listens:
        lane = Lane(
            queue.name,
            handlers,
            store=runtime.store,
            speaker=runtime.relay,
            ports=ports,
            log=runtime.log,
            metrics=runtime.metrics,
            seal=runtime.seal,
            vault=runtime.vault,
            replier=replier,
        )
        yield queue, lane, [(handler.message.type, handler.message, handler.function) for handler in handlers]
    if answers:
        questions = Questions(answers[1](runtime), _answering(runtime), _seal(runtime), runtime.log)
        yield answers[0], questions, [(kind, model, _describe(model)) for kind, model in QUERIES.items()]


def _seal(runtime: Runtime) -> SealBox:
    if runtime.seal is None:
        raise ValueError("CASEWORK_SEAL_KEYS: needed to answer commands and questions")
    return runtime.seal


def _answering(runtime: Runtime) -> Answering:
    return Answering(runtime.wire, _seal(runtime), runtime.metrics, runtime.log)


def _is_alive(lane: LaneSubscriber) -> bool:
    return lane.alive


def lanes(broker: RabbitBroker) -> list[LaneSubscriber]:
    """Find the lanes among a broker's subscribers."""
    return [subscriber for subscriber in broker.subscribers if isinstance(subscriber, LaneSubscriber)]


def _said(listens: Sequence[Listens], says: Sequence[type[Event]]) -> list[type[Event]]:
    returned = [fact for _, handlers in listens for handler in handlers for fact in handler.says]
    return list({fact.type: fact for fact in (*returned, *says) if fact.said and fact.type}.values())


def _describe(model: type[Query]) -> Callable[..., Any]:
    def ask() -> None:
        """Stand for the question in the document."""

    ask.__name__, ask.__doc__ = model.__name__, model.__doc__
    return ask


def _keep(work: Awaitable[None], name: str) -> "asyncio.Task[None]":
    """Run for as long as the process; an end that nobody asked for ends the process, never silently."""

    async def run() -> None:
        await work

    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled():
            error = task.exception()
            die(f"loop {name} ended: {type(error).__name__ if error else 'it returned'}")

    task = asyncio.create_task(run(), name=name)
    task.add_done_callback(ended)
    return task
