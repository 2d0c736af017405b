"""The same small handler twice on the same servers: by a lane, and by a plain FastStream subscriber.

Both find their messages waiting in the same kind of queue and have the same effect: each message changes a document of
its own, by compare-and-set, majority and journaled, and the fact it makes is confirmed by the broker and lies in the
neighbours' queues. The plain side does less: it has no metrics, no retry ladder, and nothing finds what a crash has
left unsaid. Neither writes a log. FastStream handles messages side by side, as many as the prefetch lets in.
"""

import asyncio
import time
import urllib.parse
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import NamedTuple, TypeAlias
from uuid import uuid4

from aio_pika.abc import AbstractRobustChannel
from faststream.rabbit import Channel, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage
from pydantic import BaseModel, ConfigDict, SecretStr
from rich.progress import Progress

from benchmarks.report import Findings, Measured, Spread, Stopped, look_around, ratios
from ops.development import ROOT
from ops.stack.management import Management
from ops.stack.mongo import mongo
from ops.stack.rabbit import rabbit
from shared.council import load_bundle
from shared.events import CaseAcknowledged, CaseRaised, CaseState, Event, RoutingDecided
from shared.plumbing.aiormq_wire import AiormqWire
from shared.plumbing.clients import make_broker, make_client, open_database
from shared.plumbing.council import publish
from shared.plumbing.envelope import HEADER
from shared.plumbing.handling import Aggregate, Facts, Handlers
from shared.plumbing.history import Cause, causes, change, create, technical_now
from shared.plumbing.service import Listens, compose_service
from shared.plumbing.settings import Settings
from shared.plumbing.store import Collection, Store
from shared.plumbing.topology import EVENTS, INTAKE, SCHEDULER, declare
from shared.plumbing.wire import parcel_of

NAME = "lane: batches against one message at a time"
WARM_UP = 200
"""Messages each side gets before anything counts."""
LOOK_EVERY = 0.01
PATIENCE = 120.0
"""Seconds one turn may take."""


# --- the toy: one aggregate, one handler ------------------------------------------------------------------------------


class Thing(BaseModel):
    """What is known about a thing."""

    model_config = ConfigDict(frozen=True)

    case: CaseState


def evolve(thing: Thing | None, fact: Event, seq: int) -> Thing:  # noqa: ARG001  an aggregate's shape
    """Take the public state over from the fact."""
    if isinstance(fact, CaseRaised | CaseAcknowledged):
        return Thing(case=fact.case)
    raise TypeError(f"nothing is known about {fact.type}")


THINGS = Aggregate("things", Thing, evolve)
handlers = Handlers()


@handlers.into(THINGS)
def take_on(event: RoutingDecided, thing: Thing | None) -> Facts:
    """Take the thing on for the team that was found."""
    if thing is None:
        raise ValueError("every message of the benchmark is about a thing that exists")
    case = thing.case.model_copy(update={"state": "in_progress", "team": event.team})
    return [CaseAcknowledged(at=event.at, case=case, team=event.team)]


# --- the two sides ----------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """A vhost and databases of its own for one turn."""

    settings: Settings
    store: Store
    wire: AiormqWire
    channel: AbstractRobustChannel


class Stopwatch:
    """Measures one turn, in seconds."""

    began = cpu_began = seconds = cpu_seconds = 0.0

    def start(self) -> None:
        """Begin: the next step is to consume."""
        self.began, self.cpu_began = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """End: every fact has arrived."""
        self.seconds, self.cpu_seconds = time.perf_counter() - self.began, time.process_time() - self.cpu_began


@asynccontextmanager
async def by_lane(place: Place, watch: Stopwatch) -> AsyncIterator[None]:
    """Run the handler as every service runs its handlers."""
    listens = [Listens(INTAKE, handlers)]
    app = compose_service(place.settings, "intake", listens=listens, collections=place.store.collections)

    @app.on_startup
    async def start() -> None:  # after the service's own start, before it consumes
        watch.start()

    async with app.start_lifespan_context():
        yield


@asynccontextmanager
async def by_faststream(place: Place, watch: Stopwatch) -> AsyncIterator[None]:
    """Run the handler in a plain subscriber: one message, one document, one fact, one acknowledgement."""
    broker = make_broker(place.settings, "intake")
    things = place.store.durable[THINGS.collection]

    @broker.subscriber(
        RabbitQueue(INTAKE.name, declare=False), channel=Channel(prefetch_count=INTAKE.prefetch), no_reply=True
    )
    async def handle(event: RoutingDecided, message: RabbitMessage) -> None:
        subject, cause = str(message.headers[f"{HEADER}subject"]), Cause(message.message_id, message.correlation_id)
        before = await things.find_one({"_id": subject})
        if before is None or cause.id in causes(before):
            return
        facts = take_on(event, Thing.model_validate(before["state"]))
        write = change(THINGS, subject, subject, before, facts, cause)
        if await place.store.write([write]) != [True]:
            raise Stopped("two messages of the benchmark met at one document")
        for say in write.says:
            parcel = parcel_of(say, place.settings.council_code, "intake")
            await broker.publish(
                parcel.body,
                exchange=EVENTS,
                routing_key=parcel.routing_key,
                mandatory=parcel.mandatory,
                persist=parcel.persistent,
                headers=dict(parcel.headers),
                content_type=parcel.content_type,
                message_id=parcel.id,
                message_type=parcel.type,
                correlation_id=parcel.correlation,
                timestamp=parcel.timestamp,
            )

    await broker.connect()
    try:
        watch.start()
        await broker.start()
        yield
    finally:
        await broker.stop()


Side: TypeAlias = Callable[[Place, Stopwatch], AbstractAsyncContextManager[None]]
SIDES: Mapping[str, Side] = {"lane": by_lane, "FastStream": by_faststream}


# --- turns and rounds -------------------------------------------------------------------------------------------------


class Comparison(Findings):
    """Both sides, over the same rounds; processor time is that of the consuming process, without the two servers."""

    messages: int
    rounds: int
    lane_per_second: Spread
    faststream_per_second: Spread
    times_faster: Spread
    lane_cpu_ms: Spread
    faststream_cpu_ms: Spread
    times_less_cpu: Spread

    def rows(self) -> Iterator[tuple[str, str]]:
        """Write them for people."""
        yield f"{self.messages} messages a turn, rounds: {self.rounds}", "median (lowest to highest)"
        yield "lane", f"{self.lane_per_second:.0f} messages a second"
        yield "plain FastStream", f"{self.faststream_per_second:.0f} messages a second"
        yield "the lane is faster, round by round", f"{self.times_faster:.1f} times"
        yield "lane, processor time a message", f"{self.lane_cpu_ms:.2f} ms"
        yield "plain FastStream, processor time a message", f"{self.faststream_cpu_ms:.2f} ms"
        yield "the lane needs less, round by round", f"{self.times_less_cpu:.1f} times"


async def compare(number: int, rounds: int, progress: Progress) -> Measured:
    """Start the two servers, give both sides the same work in turn, and measure.

    Raises:
        Stopped: a side did not do all of its work.
    """
    say = progress.console.print
    say("starting MongoDB and RabbitMQ")
    with mongo(say=say) as database, rabbit(say=say) as broker:
        if broker.management_url is None:
            raise Stopped("CASEWORK_RABBIT_URL is set: set CASEWORK_RABBIT_MANAGEMENT_URL, too")
        started, machine = look_around(broker.management_url, database.url)
        turns: dict[str, list[Stopwatch]] = {name: [] for name in SIDES}
        with Management(broker.management_url) as management:
            for turn in range(rounds + 1):
                for name, side in SIDES.items():
                    count = number if turn else WARM_UP
                    task = progress.add_task(f"{name}, round {turn}" if turn else f"{name}, warming up", total=count)
                    async with _place(broker.url, management, database.url) as place:
                        watch = await _turn(place, side, count, partial(progress.update, task))
                    if turn:
                        turns[name].append(watch)
    return Measured(benchmark=NAME, started=started, machine=machine, figures=_compared(number, rounds, turns))


@asynccontextmanager
async def _place(rabbit_url: str, management: Management, mongo_url: str) -> AsyncIterator[Place]:
    """Make a place with the topology and the council of a real system; it goes with everything in it."""
    name = f"bench_{uuid4().hex[:12]}"
    settings = Settings(
        profile="development",
        rabbit_url=SecretStr(urllib.parse.urlsplit(rabbit_url)._replace(path=f"/{name}").geturl()),
        mongo_url=SecretStr(mongo_url),
        mongo_prefix=name,
        topology="declare",
        log_level="WARNING",
    )
    databases = [settings.database_of(owner) for owner in ("council", "intake")]
    management.create_vhost(name)
    broker, client = make_broker(settings, "routing"), make_client(settings, "routing")
    try:
        council, intake = (open_database(client, each) for each in databases)
        await publish(council, load_bundle(ROOT / "council"), author="benchmark", reason="a turn")
        connection, wire = await broker.connect(), AiormqWire(broker)
        await wire.open()
        async with connection.channel() as declaring:
            await declare(declaring)
        store = Store(intake, [Collection(THINGS.collection)])
        await store.prepare()
        yield Place(settings, store, wire, await connection.channel())
    finally:
        for each in databases:
            await client.drop_database(each)
        await client.close()
        await broker.stop()
        management.delete_vhost(name)


async def _turn(place: Place, side: Side, number: int, update: Callable[..., None]) -> Stopwatch:
    """Let one side work until every message has its effect and every fact has arrived.

    Raises:
        Stopped: it did not do all of its work, or did some of it twice.
    """
    await _fill(place, number)
    watch, done = Stopwatch(), 0
    try:
        async with asyncio.timeout(PATIENCE), side(place, watch):
            while (done := await _waiting(place, SCHEDULER.name)) < number:
                update(completed=done)
                await asyncio.sleep(LOOK_EVERY)
            watch.stop()
    except TimeoutError:
        raise Stopped(f"{done} of {number} messages had their effect after {PATIENCE:g} s") from None
    update(completed=number)
    changed = await place.store.durable[THINGS.collection].count_documents({"version": 2})
    said, left = await _waiting(place, SCHEDULER.name), await _waiting(place, INTAKE.name)
    if (changed, said, left) != (number, number, 0):
        raise Stopped(f"{number} messages: {changed} documents changed, {said} facts said, {left} messages left")
    return watch


async def _fill(place: Place, number: int) -> None:
    """Put a thing for each message into the database, and the messages, as routing says them, into the queue."""
    now = technical_now()
    state = CaseState(
        id="thing",
        reference="CW-00000-00000",
        kind="report",
        state="raised",
        owner="cllr-001",
        service="noise",
        ward="abbey",
    )
    raised = CaseRaised(at=now, case=state, raised_on=now.date())
    decided = RoutingDecided(
        at=now,
        lane="normal",
        service="noise",
        ward="abbey",
        rules_version="1",
        team="toys",
        rule="r1",
        reason="service-rule",
    )
    ids = [str(uuid4()) for _ in range(number)]
    opened = [change(THINGS, each, each, None, [raised], Cause(f"raise-{each}", each)) for each in ids]
    await place.store.write(opened)
    said = {"$set": {"relayed": 1}, "$unset": {"unsaid_since": ""}}  # nothing is left for the sweeper
    await place.store.durable[THINGS.collection].update_many({}, said)
    says = [create("decisions", each, each, decided, Cause(f"decide-{each}", each)).says[0] for each in ids]
    await place.wire.publish([parcel_of(say, place.settings.council_code, "routing") for say in says])


async def _waiting(place: Place, queue: str) -> int:
    """Count the messages that lie in a queue."""
    # a robust channel answers from memory about a queue that it has declared itself, unless told to keep none
    found = await place.channel.declare_queue(queue, passive=True, robust=False)
    return found.declaration_result.message_count or 0


def _compared(number: int, rounds: int, turns: Mapping[str, Sequence[Stopwatch]]) -> Comparison:
    rates = {name: [number / watch.seconds for watch in watches] for name, watches in turns.items()}
    cpu = {name: [watch.cpu_seconds * 1000 / number for watch in watches] for name, watches in turns.items()}
    return Comparison(
        messages=number,
        rounds=rounds,
        lane_per_second=Spread.of(rates["lane"]),
        faststream_per_second=Spread.of(rates["FastStream"]),
        times_faster=ratios(rates["lane"], rates["FastStream"]),
        lane_cpu_ms=Spread.of(cpu["lane"]),
        faststream_cpu_ms=Spread.of(cpu["FastStream"]),
        times_less_cpu=ratios(cpu["FastStream"], cpu["lane"]),
    )
