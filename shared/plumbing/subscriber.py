"""FastStream declares, documents and tests the lanes; the wire carries them in production.

`LaneRouter.lane()` is `subscriber()` with two methods replaced (FastStream has no hook for a subscriber's class), and
each handler becomes a FastStream call. Under TestRabbitBroker that call feeds the lane message by message; `start()`
hands the queue to the wire instead. The minor version is pinned; tests hold this file to it.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from faststream.rabbit import Channel, ExchangeType, QueueType, RabbitExchange, RabbitMessage, RabbitQueue, RabbitRouter
from faststream.rabbit.subscriber import RabbitSubscriber
from structlog.typing import FilteringBoundLogger

from shared.plumbing.aiormq_wire import die
from shared.plumbing.ending import end
from shared.plumbing.envelope import Envelope, read_envelope
from shared.plumbing.history import technical_now
from shared.plumbing.lane import Done, Failed, Verdict
from shared.plumbing.logs import LINES, place_of
from shared.plumbing.metrics import Metrics
from shared.plumbing.setting_aside import CRASHED_AFTER, REASON, bare, set_aside
from shared.plumbing.topology import EXCHANGES, STEP, WORK_QUEUES, WorkQueue
from shared.plumbing.tracing import Tracing
from shared.plumbing.wire import Parcel, Reading, Wire

Arrival: TypeAlias = tuple[Any, Envelope]
OUTLIVED_AT_MOST = 10_000
"""Messages remembered as outlived: what another instance got instead is never asked for."""
AT_ONCE = 40
"""Messages of an ordinary batch at most while there is danger about: as long as a lane decides, no other of its process
does, the urgent one included. Without danger a batch is all that has arrived: that costs least."""
IS_ABOUT = 10.0
"""Seconds for which danger is about after a message of it: more of the same case follow."""
GOES_FIRST = 0.5
"""Seconds an ordinary lane lets an urgent one of its process go first, at most, before each batch."""
RETURNED_WAITS = 0.2
"""Seconds before what came back unanswered is worked on: by then all that came back with it has arrived."""
LANES_TURN = 1.0
"""Seconds a lane works on what came back before the next lane of the process does: enough for a whole prefetch."""
_TURNS_TO_WRITE = 10
"""Turns of the event loop after which an acknowledgement has left the process."""


class Worker(Protocol):
    """What works on a batch: a lane, or the answering of questions."""

    def label(self, kind: str) -> str:
        """Name a type for metrics."""
        ...

    async def work(self, batch: Sequence[Envelope]) -> list[Verdict]:
        """Handle a batch; per message what became of it."""
        ...


class LaneSubscriber(RabbitSubscriber):
    """A FastStream subscriber whose messages the wire brings, in batches of whatever has arrived."""

    work_queue: WorkQueue
    worker: Worker
    wire: Wire
    metrics: Metrics
    tracing: Tracing
    log: FilteringBoundLogger
    reading: Reading | None = None  # none under TestRabbitBroker
    ahead: Sequence["LaneSubscriber"] = ()
    """Lanes of the same process that go first."""
    _last_came: float = -IS_ABOUT
    """When the last message came, on the clock of `time.monotonic`."""

    async def start(self) -> None:
        """Declare and bind as FastStream does; consume by the wire."""
        calls, self.calls = self.calls, type(self.calls)()  # without calls FastStream leaves consuming to others
        await super().start()
        self.calls = calls
        self._waiting: list[Arrival] = []
        self._in_hand: set[str] = set()
        self._outlived: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self.reading = await self.wire.read(self._queue_obj, self._offer, self._lost)
        self._task = asyncio.create_task(self._run(), name=self.work_queue.name)
        self._task.add_done_callback(_never_silent)

    @property
    def alive(self) -> bool:
        """Whether messages are taken and worked on."""
        return self.reading is not None and self.reading.alive and not self._task.done()

    @property
    def busy(self) -> bool:
        """Whether something waits or is worked on."""
        return self.reading is not None and bool(self._waiting or self._in_hand)

    @property
    def is_about(self) -> bool:
        """Whether a message has come lately."""
        return time.monotonic() - self._last_came < IS_ABOUT

    def _offer(self, tag: Any, envelope: Envelope) -> None:
        self._last_came = time.monotonic()
        if envelope.deliveries and (outlived := self._outlived[envelope.id]):
            envelope = envelope._replace(deliveries=max(0, envelope.deliveries - outlived))
        self._waiting.append((tag, envelope))
        self._wake.set()

    def _lost(self) -> None:
        """Forget what came over a channel that is gone: it comes again, and this process has outlived its delivery.

        The broker counts such a delivery like one that killed us. During a long outage of the database, held messages
        may come so often that they would be taken for killers; what we hold and live on with kills nobody.
        """
        if len(self._outlived) > OUTLIVED_AT_MOST:
            self._outlived.clear()
        self._outlived.update(self._in_hand | {envelope.id for _, envelope in self._waiting})
        self._waiting.clear()

    async def _run(self) -> None:
        while self.running or self._waiting:
            await self._wake.wait()
            self._wake.clear()
            await self._let_others_go_first()
            if returns := max((envelope.deliveries for _, envelope in self._waiting), default=0):
                await asyncio.sleep(pause_before(self.work_queue, returns))
            batch = next_batch(self._waiting, small=any(lane.is_about for lane in self.ahead))
            del self._waiting[: len(batch)]
            if self._waiting:
                self._wake.set()
            self._in_hand = {envelope.id for _, envelope in batch}
            for some in in_order(batch):
                for _ in range(_TURNS_TO_WRITE if returns else 0):  # the next one may end the process
                    await asyncio.sleep(0)
                await self._handle(some, all_before=len(some) == len(batch))
                for _, envelope in some:
                    self._in_hand.discard(envelope.id)
                    self._outlived.pop(envelope.id, None)

    async def _let_others_go_first(self) -> None:
        deadline = time.monotonic() + GOES_FIRST
        while any(lane.busy for lane in self.ahead) and time.monotonic() < deadline:  # noqa: ASYNC110  several lanes, for a moment
            await asyncio.sleep(0.005)

    async def _handle(self, arrivals: Sequence[Arrival], *, all_before: bool) -> None:
        started = time.perf_counter()
        envelopes = [envelope for _, envelope in arrivals]
        crashed = [envelope.deliveries >= CRASHED_AFTER for envelope in envelopes]
        verdicts: list[Verdict]
        if any(crashed):
            verdicts = [Failed("crashed", f"{envelopes[0].deliveries} deliveries without an answer", retry=False)]
        else:
            with self.tracing.batch(self.work_queue.name, envelopes):
                verdicts = await self.worker.work(envelopes)
        await self._set_aside(envelopes, verdicts)
        if self.reading is not None:
            await self.reading.done([tag for tag, _ in arrivals], all_before=all_before)
        with LINES.together():
            self._record(envelopes, verdicts, time.perf_counter() - started)

    async def _set_aside(self, envelopes: Sequence[Envelope], verdicts: Sequence[Verdict]) -> None:
        """Move what failed, confirmed, before anything is acknowledged; tried until the broker takes it."""
        parcels: list[Parcel] = []
        for envelope, verdict in zip(envelopes, verdicts, strict=True):
            if isinstance(verdict, Failed):
                parcels.append(parcel := set_aside(envelope, verdict, self.work_queue))
                if STEP in parcel.headers:
                    self.metrics.retries.labels(self.work_queue.name, parcel.headers[STEP]).inc()
                else:
                    self.metrics.dead.labels(self.work_queue.name, str(parcel.headers[REASON]).split(":")[0]).inc()
        while parcels:
            try:
                async with asyncio.timeout(5):
                    outcomes = await self.wire.publish(parcels)
            except (TypeError, ValueError) as error:  # one of them cannot be written: without what came with it
                self.log.warning("set aside without its own headers", queue=self.work_queue.name, error=place_of(error))
                parcels = [bare(parcel) for parcel in parcels]
                continue
            except Exception as error:  # noqa: BLE001  not confirmed: again, nothing has been acknowledged
                self.log.warning("cannot set messages aside", queue=self.work_queue.name, error=type(error).__name__)
            else:
                parcels = [parcel for parcel, outcome in zip(parcels, outcomes, strict=True) if outcome is not None]
                if not parcels:
                    return
                self.log.error("no queue takes what was set aside: check the topology", queue=self.work_queue.name)
            await asyncio.sleep(1)

    def _record(self, envelopes: Sequence[Envelope], verdicts: Sequence[Verdict], seconds: float) -> None:
        """Write one canonical line a message, and the metrics; never a body, never an error's text from outside."""
        queue, now = self.work_queue.name, technical_now()
        counts = Counter[tuple[str, str]]()
        ages: defaultdict[str, list[float]] = defaultdict(list)
        age: float | None = None
        for envelope, verdict in zip(envelopes, verdicts, strict=True):
            label = self.worker.label(envelope.type)
            age = (now - envelope.published).total_seconds() if envelope.published else None
            if age is not None:
                ages[label].append(age)
            outcome = verdict.outcome if isinstance(verdict, Done) else verdict.reason.split(":")[0]
            counts[label, outcome] += 1
            extra = {"error": verdict.error, "reason": verdict.reason} if isinstance(verdict, Failed) else {}
            (self.log.error if isinstance(verdict, Failed) else self.log.info)(
                "message",
                queue=queue,
                type=envelope.type[:100],
                message_id=envelope.id[:100],
                case_id=envelope.subject[:100],
                correlation_id=envelope.correlation[:100],
                caseseq=envelope.caseseq or None,
                attempt=envelope.attempt,
                outcome=outcome,
                batch=len(envelopes),
                ms=round(seconds * 1000, 1),
                age_ms=round(age * 1000) if age is not None else None,
                **extra,
            )
        self._count(len(envelopes), counts, ages, age, seconds)

    def _count(
        self,
        batch: int,
        counts: Mapping[tuple[str, str], int],
        ages: Mapping[str, Sequence[float]],
        last: float | None,
        seconds: float,
    ) -> None:
        """Move the metrics on, each found once a batch: finding one by its labels costs more than moving it."""
        queue = self.work_queue.name
        self.metrics.batch_size.labels(queue).observe(batch)
        self.metrics.batch_seconds.labels(queue).observe(seconds)
        for (label, outcome), count in counts.items():
            self.metrics.messages.labels(queue, label, outcome).inc(count)
        for label, some in ages.items():
            critical_time = self.metrics.critical_time.labels(label)
            for age in some:
                critical_time.observe(max(age, 0.0))
        if last is not None:
            self.metrics.queue_age.labels(queue).set(last)

    async def stop(self, within: float = 10.0) -> None:
        """Take nothing new first of all; finish what came; then let FastStream close.

        Args:
            within: seconds to finish. What a dependency that is away holds up stays with the broker, unacknowledged.
        """
        if self.running and self.reading is not None:
            await self.reading.cancel()
            self.running = False
            self._wake.set()
            _, unfinished = await asyncio.wait({self._task}, timeout=within)
            if unfinished:
                self.log.warning("stopped early: the broker brings the rest again", queue=self.work_queue.name)
                await end(unfinished)
        await super().stop()


def next_batch(waiting: Sequence[Arrival], *, small: bool) -> Sequence[Arrival]:
    """Take what is worked on next: all of it, or a part; never a part where something came back unanswered.

    Who among many is the killer is found by looking at all that came back together: `in_order`.
    """
    came_back = any(envelope.deliveries for _, envelope in waiting)
    return waiting[:AT_ONCE] if small and not came_back else waiting[:]


def in_order(batch: Sequence[Arrival]) -> Iterator[Sequence[Arrival]]:
    """Divide a batch into what is handled together: first what came for the first time.

    What came back unanswered is handled alone, the most suspicious last: a message that kills its process takes no
    neighbour with it. Its neighbours come back with it, and as often as it does: each return begins elsewhere, so that
    none waits behind it until it is taken for the killer itself. What arrived behind such a message of the same case
    waits for it: a command is decided against the state the person saw.
    """
    worst: defaultdict[str, int] = defaultdict(int)
    for _, envelope in batch:
        worst[envelope.subject] = max(worst[envelope.subject], envelope.deliveries)
    fresh = [arrival for arrival in batch if not worst[arrival[1].subject]]
    if fresh:
        yield fresh
    returned: defaultdict[int, defaultdict[str, list[Arrival]]] = defaultdict(lambda: defaultdict(list))
    for arrival in batch:
        if returns := worst[arrival[1].subject]:
            returned[returns][arrival[1].subject].append(arrival)
    for returns in sorted(returned):
        for case in _elsewhere(list(returned[returns].values()), returns):
            yield from ([arrival] for arrival in case)


def pause_before(queue: WorkQueue, returns: int) -> float:
    """Give the seconds before a lane works on what came back.

    At the second return, and backwards at the third, the lanes of a process take turns: a message that ends the process
    ends the turns of those behind it, never of those before.
    """
    lanes = [each for each in WORK_QUEUES if each.service == queue.service and each.durable]
    place = lanes.index(queue) if queue in lanes else 0
    turn = {2: place, 3: len(lanes) - 1 - place}.get(returns, 0)
    return RETURNED_WAITS + LANES_TURN * turn


def _elsewhere(cases: list[list[Arrival]], returns: int) -> list[list[Arrival]]:
    """Begin at another place with each return: one message that kills, and even two, then keep nobody from being done.

    The first two times leave what lies between the first and the last that kills; the next two begin there.
    """
    half = len(cases) // 2
    match returns:
        case 1:
            return cases
        case 2:
            return cases[::-1]
        case 3:
            return cases[half:] + cases[:half]
        case _:
            return cases[:-1][::-1] + cases[-1:]


def _never_silent(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        die(f"lane {task.get_name()} died of {type(error).__name__}")


class HandlingFailed(Exception):
    """Under TestRabbitBroker: what would have been set aside."""


class LaneRouter(RabbitRouter):
    """Registers lanes beside ordinary FastStream subscribers."""

    def lane(  # noqa: PLR0913  what a lane needs
        self,
        queue: WorkQueue,
        worker: Worker,
        calls: Sequence[tuple[str, type[Any], Callable[..., Any]]],
        *,
        wire: Wire,
        metrics: Metrics,
        tracing: Tracing,
        log: FilteringBoundLogger,
        declare: bool,
    ) -> None:
        """Consume a queue; `calls` are (message type, model for the document, function for name and description)."""
        subscriber = self.subscriber(
            _queue(queue, declare=declare),
            RabbitExchange(queue.exchange, type=_kind(queue.exchange), durable=True, declare=declare),
            channel=Channel(prefetch_count=queue.prefetch),
            no_reply=True,
            title=queue.name,
        )
        subscriber.__class__ = LaneSubscriber
        lane: LaneSubscriber = subscriber  # type: ignore[assignment]  # the line above made it one
        lane.work_queue, lane.worker, lane.wire = queue, worker, wire
        lane.metrics, lane.tracing, lane.log = metrics, tracing, log
        for kind, model, function in calls:
            lane(_call(kind, model, function, worker), filter=_of_type(kind))


def _queue(queue: WorkQueue, *, declare: bool) -> RabbitQueue:
    arguments: Any = {name: value for name, value in queue.arguments.items() if name != "x-queue-type"}
    kind: Any = QueueType(queue.arguments["x-queue-type"])
    return RabbitQueue(
        queue.name, queue_type=kind, routing_key=queue.bindings[0], arguments=arguments, durable=True, declare=declare
    )


def _kind(exchange: str) -> Any:
    return ExchangeType(EXCHANGES[exchange].value)


def _of_type(kind: str) -> Callable[[Any], Awaitable[bool]]:
    async def matches(message: Any) -> bool:
        return bool(message.raw_message.type == kind)

    return matches


def _call(kind: str, model: type[Any], function: Callable[..., Any], worker: Worker) -> Callable[..., Awaitable[None]]:
    """Make the call FastStream shows in the document and makes under TestRabbitBroker."""

    async def call(event: Any, message: Any) -> None:  # noqa: ARG001  FastStream validates the body into it
        raw = message.raw_message
        envelope = read_envelope(
            kind=raw.type,
            message_id=raw.message_id,
            correlation=raw.correlation_id,
            reply_to=raw.reply_to,
            timestamp=raw.timestamp,
            headers=raw.headers,
            body=raw.body,
        )
        verdict = (await worker.work([envelope]))[0]
        if isinstance(verdict, Failed):
            raise HandlingFailed(f"{kind}: {verdict.reason}: {verdict.error}")

    call.__name__, call.__doc__ = function.__name__, function.__doc__
    call.__annotations__ = {"event": model, "message": RabbitMessage, "return": None}
    return call
