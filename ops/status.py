"""What an operator wants to know first: is every service ready, every queue read, everything said, every timer kept?

The one rule: a part that does not answer is shown as such and is not healthy; nothing here raises. The services'
databases are read with a few small queries; a test writes with the services' own adapters what is read here.
"""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, NamedTuple, TypeVar

import aio_pika
import httpx2
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, ConfigDict, computed_field
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ops.connections import System
from ops.council.standing import Running, Standing, standing, troubles
from ops.council.standing import lines as council_lines
from ops.stack.management import Management, ManagementError, quoted
from ops.subscribers import OWN as SUBSCRIBERS
from shared.plumbing.clients import open_database
from shared.plumbing.clock import MovableClock
from shared.plumbing.history import technical_now
from shared.plumbing.store import Database
from shared.plumbing.topology import CONSUMERS, LADDER, SAYS, WORK_QUEUES, dead_queue, retry_queue

LATE = timedelta(seconds=30)
"""What has been unsaid, or a timer overdue, for longer than this needs a person; so say the alerts."""
WITHIN = 10.0
"""Seconds a part has to answer."""

UNSAID = "unsaid_since"  # shared.plumbing.store: every collection with a history has an index of this field
DIARIES, NEXT_DUE = "diaries", "state.next_due"  # services.scheduler.adapters: when the earliest timer is due
NOTICES, NOTICE_STATUS = "notices", "state.status"  # services.notifier.adapters.notice_book
WAITING, FAILED, IN_DOUBT = ("queued", "sending", "handed_over"), "failed", "in_doubt"  # services.notifier.domain
QUEUE_AGE = "casework_queue_age_seconds"  # shared.plumbing.metrics

Kind = Literal["work", "dead", "retry", "subscriber"]
T = TypeVar("T")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Service(_Frozen):
    """A service, and what it says of itself on /readyz."""

    name: str
    ready: bool
    wrong: tuple[str, ...] = ()
    """Its parts that are not well, with the reason."""
    council: Running | None = None
    """Which version of the council it runs; None where it does not say."""


class Queue(_Frozen):
    """A queue as the broker sees it at this moment."""

    name: str
    kind: Kind
    exists: bool = True
    waiting: int = 0
    """Messages nobody has taken."""
    taken: int = 0
    """Messages taken and not yet acknowledged; up to five seconds old."""
    consumers: int = 0
    unbound: tuple[str, ...] = ()
    """Bindings it should have and has not: what they would bring does not come, and nobody else notices."""
    age: float | None = None
    """Seconds between publishing and taking of the last message taken; None while none has been."""


class Unsaid(_Frozen):
    """Documents of a collection with a fact that the broker has not confirmed for more than 30 seconds."""

    service: str
    collection: str
    documents: int
    oldest: float
    """Seconds since the oldest of these facts was recorded."""


class Timers(_Frozen):
    """Diaries whose next timer is overdue by more than 30 seconds of business time."""

    overdue: int
    late_by: float
    """Seconds of business time by which the oldest is late."""


class Notices(_Frozen):
    """How far the telling has come."""

    waiting: int
    failed: int
    in_doubt: int


class Status(_Frozen):
    """The whole system at a glance."""

    services: tuple[Service, ...]
    queues: tuple[Queue, ...]
    unsaid: tuple[Unsaid, ...]
    timers: Timers | None
    notices: Notices | None
    council: Standing | None = None
    unreachable: tuple[str, ...]
    """Parts that did not answer, with the type of the error."""

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented way; mypy knows no decorated property
    @property
    def problems(self) -> tuple[str, ...]:
        """What needs a person, a sentence each; docs/operate.md says what to do."""
        return tuple(_problems(self))

    @computed_field  # type: ignore[prop-decorator]  # as above
    @property
    def healthy(self) -> bool:
        """Whether nothing needs a person."""
        return not self.problems


def _problems(status: Status) -> Iterator[str]:
    yield from (f"{part} does not answer" for part in status.unreachable)
    for service in status.services:
        if not service.ready:
            yield f"{service.name} is not ready: {', '.join(service.wrong)}"
    yield from (f"{queue.name}: {what}" for queue in status.queues if (what := _wrong_with(queue)))
    for found in status.unsaid:
        yield f"{found.service}: {found.documents} {found.collection} unsaid for {_span(found.oldest)}"
    if status.timers and status.timers.overdue:
        yield f"scheduler: {status.timers.overdue} timers overdue by {_span(status.timers.late_by)}"
    if status.council:
        yield from troubles(status.council, {service.name: service.council for service in status.services})


def _wrong_with(queue: Queue) -> str | None:
    if not queue.exists:
        return "the queue is missing; import the broker's definitions"
    if queue.kind == "work" and not queue.consumers:
        return f"nobody consumes it, {queue.waiting} waiting"
    if queue.unbound:
        return f"not bound to {', '.join(queue.unbound)}; import the broker's definitions"
    if queue.kind == "dead" and queue.waiting:
        return f"{queue.waiting} dead letters; casework dead list"
    return None


async def collect(system: System) -> Status:
    """Ask every part at once; takes as long as the slowest, at most `WITHIN` seconds for each."""
    unreachable: list[str] = []
    services, queues, records = await asyncio.gather(
        asyncio.gather(*(_service(name, url) for name, url in system.services.items())),
        _queues(system, unreachable),
        _answered("database", _records(system), _Records((), None, None, None), unreachable),
    )
    ages = {queue: age for _, each in services for queue, age in each.items()}
    return Status(
        services=tuple(service for service, _ in services),
        queues=tuple(queue.model_copy(update={"age": ages.get(queue.name)}) for queue in queues),
        unsaid=records.unsaid,
        timers=records.timers,
        notices=records.notices,
        council=records.council,
        unreachable=tuple(sorted(unreachable)),
    )


async def _answered(part: str, answer: Awaitable[T], otherwise: T, unreachable: list[str]) -> T:
    try:
        async with asyncio.timeout(WITHIN):
            return await answer
    except (AMQPError, ManagementError, PyMongoError, OSError, TimeoutError) as error:
        unreachable.append(f"{part} ({type(error).__name__})")
        return otherwise


async def _service(name: str, url: str) -> tuple[Service, Mapping[str, float]]:
    """Ask a service whether it is ready, which council it runs, and how old its queues' last messages were."""
    async with httpx2.AsyncClient(base_url=url, timeout=WITHIN, trust_env=False) as client:
        try:
            answer = await client.get("/readyz")
            parts = answer.json()["parts"]
            wrong = tuple(f"{part}: {what}" for part, what in parts.items() if what != "ok")
            exposed = (await client.get("/metrics")).text
        except httpx2.HTTPError as error:
            return Service(name=name, ready=False, wrong=(f"no answer ({type(error).__name__})",)), {}
        except (ValueError, KeyError, AttributeError, TypeError):
            return Service(name=name, ready=False, wrong=(f"{url} is no service of ours",)), {}
    samples = [sample for family in text_string_to_metric_families(exposed) for sample in family.samples]
    ages = {sample.labels["queue"]: sample.value for sample in samples if sample.name == QUEUE_AGE}
    council = Running.of({sample.name: sample.value for sample in samples if not sample.labels})
    return Service(name=name, ready=answer.is_success, wrong=wrong, council=council), ages


async def _queues(system: System, unreachable: list[str]) -> Sequence[Queue]:
    """Count by AMQP, which is exact; the management API knows subscribers' queues and bindings, and its counts lag."""
    listed, bound = await _answered("management API", asyncio.to_thread(_listed, system), ({}, None), unreachable)
    names: dict[str, Kind] = {work.name: "work" for work in WORK_QUEUES}
    names |= {dead_queue(service): "dead" for service in CONSUMERS}
    names |= {retry_queue(step): "retry" for step in LADDER}
    names |= {name: "subscriber" for name in sorted(listed) if name.startswith(SUBSCRIBERS)}

    async def count() -> Sequence[Queue]:
        async with await aio_pika.connect(system.rabbit_url, timeout=WITHIN) as connection:
            found = [await _queue(connection, name, kind, listed.get(name, 0)) for name, kind in names.items()]
        missing = {} if bound is None else _unbound(bound)
        return [queue.model_copy(update={"unbound": missing.get(queue.name, ())}) for queue in found]

    return await _answered("broker", count(), (), unreachable)


def _listed(system: System) -> tuple[dict[str, int], set[tuple[str, str]] | None]:
    """Ask the management API: what is taken from each queue, and every binding as queue and pattern."""
    with Management(system.management_url, timeout=WITHIN) as management:
        taken = {queue["name"]: queue.get("messages_unacknowledged", 0) for queue in management.queues(system.vhost)}
        bindings = management.get(f"bindings/{quoted(system.vhost)}")
        return taken, {(each["destination"], each["routing_key"]) for each in bindings}


def _unbound(bound: set[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Compare with the topology: what each work queue should hear and does not."""
    return {
        work.name: missing
        for work in WORK_QUEUES
        if (missing := tuple(pattern for pattern in work.bindings if (work.name, pattern) not in bound))
    }


async def _queue(connection: AbstractConnection, name: str, kind: Kind, taken: int) -> Queue:
    try:
        async with connection.channel() as channel:  # one each: the broker closes it where the queue is missing
            found = (await channel.declare_queue(name, passive=True)).declaration_result
    except ChannelNotFoundEntity:
        return Queue(name=name, kind=kind, exists=False)
    return Queue(
        name=name, kind=kind, waiting=found.message_count or 0, taken=taken, consumers=found.consumer_count or 0
    )


class _Records(NamedTuple):
    """What the databases say."""

    unsaid: tuple[Unsaid, ...]
    timers: Timers | None
    notices: Notices | None
    council: Standing | None


async def _records(system: System) -> _Records:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        system.mongo_url,
        tz_aware=True,
        appname="casework-status",
        serverSelectionTimeoutMS=3_000,
        serverMonitoringMode="poll",  # a client of one look needs no second connection to monitor by
    )
    async with client:
        owned = {owner: open_database(client, f"{system.mongo_prefix}_{owner}") for owner in (*SAYS, "council")}
        unsaid = [found for service in SAYS for found in await _unsaid(service, owned[service])]
        timers = await _timers(owned["scheduler"], MovableClock(owned["council"]))
        notices = await _notices(owned["notifier"])
        return _Records(tuple(unsaid), timers, notices, await standing(owned["council"]))


async def _unsaid(service: str, database: Database) -> Sequence[Unsaid]:
    """Find old facts by when they were recorded: `unsaid_since` starts again with each new fact of its document."""
    found = []
    now = technical_now()
    to_say: dict[str, Any] = {
        "$filter": {
            "input": {"$slice": ["$history", "$relayed", {"$max": [1, {"$size": "$history"}]}]},
            "cond": {"$ne": ["$$this.key", None]},
        }
    }
    for name in sorted(await database.list_collection_names()):
        collection = database[name]
        if not any(index["key"][0][0] == UNSAID for index in (await collection.index_information()).values()):
            continue
        oldest = {"$min": {"$map": {"input": to_say, "in": "$$this.recorded"}}}
        late = await collection.aggregate(
            [
                {"$match": {UNSAID: {"$exists": True}}},
                {"$project": {"recorded": oldest}},
                {"$match": {"recorded": {"$lt": now - LATE}}},
                {"$group": {"_id": None, "documents": {"$sum": 1}, "recorded": {"$min": "$recorded"}}},
            ]
        )
        found += [
            Unsaid(
                service=service,
                collection=name,
                documents=group["documents"],
                oldest=(now - group["recorded"]).total_seconds(),
            )
            async for group in late
        ]
    return found


async def _timers(database: Database, clock: MovableClock) -> Timers:
    """Ask the diaries; without an offset, as in production, business time is real time."""
    now = await clock.now()
    overdue = {NEXT_DUE: {"$type": "date", "$lt": now - LATE}}
    oldest = await database[DIARIES].find_one(overdue, sort=[(NEXT_DUE, 1)])
    if oldest is None:
        return Timers(overdue=0, late_by=0)
    late_by = now - oldest["state"]["next_due"]
    return Timers(overdue=await database[DIARIES].count_documents(overdue), late_by=late_by.total_seconds())


async def _notices(database: Database) -> Notices:
    async def count(*statuses: str) -> int:
        return await database[NOTICES].count_documents({NOTICE_STATUS: {"$in": statuses}})

    return Notices(waiting=await count(*WAITING), failed=await count(FAILED), in_doubt=await count(IN_DOUBT))


def render(status: Status) -> RenderableType:
    """Show it to a person: tables, and at the end what needs one."""
    services = Table("service", "ready", "council", "", title="Services", title_justify="left")
    for service in status.services:
        ready, council = (
            "yes" if service.ready else "[red]NO[/]",
            str(service.council.number) if service.council else "",
        )
        services.add_row(service.name, ready, council, Text(", ".join(service.wrong)))
    queues = Table("queue", title="Queues", title_justify="left")
    for column in ("waiting", "taken", "consumers", "last age"):
        queues.add_column(column, justify="right")
    for queue in status.queues:
        age = "" if queue.age is None else _span(queue.age)
        counts = (str(queue.waiting), str(queue.taken), str(queue.consumers)) if queue.exists else ("missing", "", "")
        queues.add_row(Text(queue.name), *counts, age)
    lines = [Text(f"unsaid > {LATE.seconds} s   {sum(found.documents for found in status.unsaid)} documents")]
    if status.timers:
        lines.append(Text(f"timers overdue  {status.timers.overdue}"))
    if (notices := status.notices) is not None:
        counted = f"{notices.waiting} waiting, {notices.failed} failed, {notices.in_doubt} in doubt"
        lines.append(Text(f"notices         {counted}"))
    if status.council:
        lines += council_lines(status.council)
    if status.healthy:
        verdict = [Text("healthy", style="bold green")]
    else:
        verdict = [Text("needs a person (docs/operate.md):", style="bold red")]
        verdict += [Text(f"  {problem}") for problem in status.problems]
    parts = [services] if status.services else [Text("services: none named; set CASEWORK_SERVICES")]
    return Group(*parts, queues, *lines, *verdict)


def _span(seconds: float) -> str:
    """Write a span of time as a person would: seconds, minutes or hours."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.3g} s"
