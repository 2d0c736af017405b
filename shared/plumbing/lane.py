"""A lane works on all that has arrived, so that handlers stay plain functions of one message.

One read, one bulk write, one burst of publishes a batch; one message that fails does not concern its neighbours; a
database that is away moves nothing to `.dead`: the batch waits. No waiting timers: an idle system writes at once.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from pydantic import ValidationError
from structlog.typing import FilteringBoundLogger

from shared.commands import Command, Refusal, case_id_for
from shared.council import Directory
from shared.events import Event, Fact
from shared.plumbing.envelope import Envelope
from shared.plumbing.handling import Aggregate, Entry, GiveUp, Handler, Handlers, Message, Provider
from shared.plumbing.history import Cause, Document, Key, Say, Write, change, create, enter
from shared.plumbing.metrics import Metrics
from shared.plumbing.refusals import KEY_REUSED, REFUSALS, refused_before, remember
from shared.plumbing.sealed import Forged, Malformed, SealBox, places
from shared.plumbing.store import OUTAGE, Store
from shared.plumbing.vault import Vault

TRIES = 3
"""In-process tries of a message before it climbs the ladder."""
ROUNDS = 12
"""How often a batch reads again because somebody else wrote in between, or two messages concern one document."""


class Done(NamedTuple):
    """The message has its effect, or needs none."""

    outcome: str = "done"


class Failed(NamedTuple):
    """The message could not be handled."""

    reason: str
    """A code: `malformed`, `unknown-type`, `forged`, `gave-up:…`, `failed`."""
    error: str
    """Type of the error and, where it cannot quote the message, its text."""
    retry: bool
    """True: the ladder may help."""


Verdict: TypeAlias = Done | Failed


class Speaker(Protocol):
    """Says facts as soon as possible."""

    def say(self, says: Sequence[Say]) -> None:
        """Say these facts."""
        ...

    async def room(self) -> None:
        """Wait while too much is unsaid."""
        ...


class Decided(NamedTuple):
    """What became of a command, for whoever asked."""

    command: Command
    envelope: Envelope
    key: Key
    refusal: Refusal | None
    repeated: bool


class Replier(Protocol):
    """Answers those who gave commands."""

    async def reply(self, decided: Sequence[Decided]) -> None:
        """Answer all of them; a lost answer is counted, never retried."""
        ...


class Job(NamedTuple):
    """One message on its way through a batch."""

    place: int
    envelope: Envelope
    handler: Handler
    message: Message
    key: Key
    tries: int = 0


class Lane:
    """The handlers of one queue at work."""

    def __init__(  # noqa: PLR0913  what a lane is made of
        self,
        queue: str,
        handlers: Handlers,
        *,
        store: Store,
        speaker: Speaker,
        ports: Mapping[Any, Provider],
        log: FilteringBoundLogger,
        metrics: Metrics,
        seal: SealBox | None = None,
        vault: Vault | None = None,
        replier: Replier | None = None,
        pause: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self.queue, self.handlers = queue, handlers
        self._by_type = {handler.message.type: handler for handler in handlers}
        self._calls = {kind: handler.bind(ports) for kind, handler in self._by_type.items()}
        self._store, self._speaker, self._seal, self._vault, self._replier = store, speaker, seal, vault, replier
        self._log, self._metrics, self._pause = log, metrics, pause
        self._directory: Provider | None = ports.get(Directory)
        self._commands = any(issubclass(handler.message, Command) for handler in handlers)

    def _council(self) -> int:
        """Give the version in use: no other can come between asking the handler and this, for neither waits."""
        directory: Directory | None = self._directory() if self._directory else None
        return directory.number if directory else 0

    def label(self, kind: str) -> str:
        """Name a type for metrics: what nobody knows shares one name."""
        return kind if kind in self._by_type else "unknown"

    async def work(self, batch: Sequence[Envelope]) -> list[Verdict]:
        """Handle a batch; per message what became of it. Returns only when all of it is durable."""
        wait = 0.1
        while True:
            await self._speaker.room()
            try:
                return await self._work(batch)
            except OUTAGE as error:
                self._metrics.outages.labels(self.queue).inc()
                self._log.warning("lane waits for the database", queue=self.queue, error=type(error).__name__)
                await self._pause(wait)
                wait = min(wait * 2, 5.0)
            except Exception as error:  # noqa: BLE001  one of them breaks the batch: alone, each answers for itself
                if len(batch) == 1:
                    return [Failed("failed", type(error).__name__, retry=True)]
                return [verdict for envelope in batch for verdict in await self.work([envelope])]

    async def _work(self, batch: Sequence[Envelope]) -> list[Verdict]:
        verdicts: list[Verdict] = [Done() for _ in batch]
        jobs: list[Job] = []
        for index, envelope in enumerate(batch):
            read = self._read(index, envelope)
            if isinstance(read, Job):
                jobs.append(read)
            else:
                verdicts[index] = read
        answers: list[Decided] = []
        for _ in range(ROUNDS + len(jobs)):  # a round does one message of each document
            if not jobs:
                break
            jobs = await self._round(jobs, verdicts, answers)
        for job in jobs:
            verdicts[job.place] = Failed("contended", "the document kept changing", retry=True)
        if answers and self._replier:
            await self._replier.reply(answers)
        return verdicts

    def _read(self, index: int, envelope: Envelope) -> Job | Failed:
        handler = self._by_type.get(envelope.type)
        if handler is None:
            return Failed("unknown-type", "no handler for this type on this queue", retry=False)
        if not envelope.id or not envelope.subject:
            return Failed("malformed", "message_id and cloudEvents_subject are needed", retry=False)
        try:
            message = self._open(handler, envelope)
        except ValidationError as error:
            return Failed("malformed", places(error), retry=False)
        except Malformed as error:
            return Failed("malformed", str(error), retry=False)
        except Forged as error:
            return Failed("forged", str(error), retry=False)
        document = envelope.subject if handler.aggregate else envelope.id
        return Job(index, envelope, handler, message, (handler.collection, document))

    def _open(self, handler: Handler, envelope: Envelope) -> Message:
        if issubclass(handler.message, Command):
            if self._seal is None:
                raise Forged("this service opens no commands")
            command = self._seal.open_message(handler.message, envelope.body, envelope.id)
            if case_id_for(command.reference) != envelope.subject:
                raise Forged("the subject is not the case of this reference")
            return command
        event: Event = handler.message.model_validate_json(envelope.body)
        return event

    async def _round(self, jobs: list[Job], verdicts: list[Verdict], answers: list[Decided]) -> list[Job]:
        """Do one message per document, in order of arrival; give back what is left to do."""
        first: dict[Key, Job] = {}
        later = [job for job in jobs if first.setdefault(job.key, job) is not job]
        documents, refused = await self._look_up(first)
        again: list[Job] = []
        pending: list[tuple[Job, list[Write], Refusal | None]] = []
        for job in first.values():
            try:
                writes, refusal, repeated = self._decide(job, documents.get(job.key), refused.get(job.envelope.id))
            except GiveUp as error:
                verdicts[job.place] = Failed(f"gave-up:{error}", "GiveUp", retry=False)
            except Exception as error:  # noqa: BLE001  a surprise: tried again, then the ladder, then dead letters
                if job.tries + 1 < TRIES:
                    again.append(job._replace(tries=job.tries + 1))
                else:
                    verdicts[job.place] = Failed("failed", type(error).__name__, retry=True)
            else:
                if writes:
                    pending.append((job, writes, refusal))
                else:
                    verdicts[job.place] = Done("repeated" if repeated else "nothing-to-do")
                    self._note(job, refusal, repeated=repeated, answers=answers)
        again += await self._write(pending, verdicts, answers)
        return again + later

    async def _look_up(self, first: Mapping[Key, Job]) -> tuple[dict[Key, Document], dict[str, Document]]:
        wanted = [key for key, job in first.items() if job.handler.aggregate]
        if not self._commands:
            return await self._store.read(wanted), {}
        ids = [(REFUSALS, job.envelope.id) for job in first.values()]
        found = await self._store.read([*wanted, *ids])
        refused = {key[1]: document for key, document in found.items() if key[0] == REFUSALS}
        return {key: document for key, document in found.items() if key[0] != REFUSALS}, refused

    def _decide(
        self, job: Job, document: Document | None, refused: Document | None
    ) -> tuple[list[Write], Refusal | None, bool]:
        """Ask the handler, unless the message finds its effect.

        Returns:
            What to write, what was refused, and whether the message was known.
        """
        envelope, handler, message = job.envelope, job.handler, job.message
        known = _known(message, envelope.id, document, refused)
        if known is not None:
            return [], known.refusal, True
        state = handler.aggregate.state.model_validate(document["state"]) if handler.aggregate and document else None
        said = self._calls[envelope.type](message, state, envelope)
        if isinstance(said, Refusal):
            if not isinstance(message, Command):
                raise TypeError("only a command can be refused")
            return [remember(message, envelope, said)], said, False
        if not said:
            return [], None, False
        cause = _cause(message, envelope)._replace(council=self._council())
        if handler.entries:
            return [enter(handler.collection, entry, envelope.subject) for entry in _entries(said)], None, False
        if handler.aggregate is None:
            return [create(handler.collection, envelope.id, envelope.subject, said, cause)], None, False
        aggregate: Aggregate[Any] = handler.aggregate
        facts = [said] if isinstance(said, Event | Fact) else list(said)
        write = change(aggregate, job.key[1], envelope.subject, document, facts, cause, self._vault, state)
        return [write], None, False

    async def _write(
        self,
        pending: Sequence[tuple[Job, list[Write], Refusal | None]],
        verdicts: list[Verdict],
        answers: list[Decided],
    ) -> list[Job]:
        if not pending:
            return []
        flat = [write for _, writes, _ in pending for write in writes]
        results = iter(await self._store.write(flat))
        again: list[Job] = []
        for job, writes, refusal in pending:
            outcomes = [next(results) for _ in writes]
            for write, outcome in zip(writes, outcomes, strict=True):
                if outcome is True:
                    self._speaker.say(write.says)
            failed = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
            if failed:
                verdicts[job.place] = Failed("failed", f"{type(failed[0]).__name__}: {failed[0]}", retry=True)
            elif outcomes[0] is False and (job.handler.aggregate or refusal):
                again.append(job)  # read and decide again; a creation that was refused is done already
            else:
                verdicts[job.place] = Done("refused" if refusal else "done" if any(outcomes) else "repeated")
                self._note(job, refusal, repeated=False, answers=answers)
        return again

    def _note(self, job: Job, refusal: Refusal | None, *, repeated: bool, answers: list[Decided]) -> None:
        if isinstance(job.message, Command) and job.envelope.reply_to:
            answers.append(Decided(job.message, job.envelope, job.key, refusal, repeated))


class _Known(NamedTuple):
    refusal: Refusal | None


def _known(message: Message, message_id: str, document: Document | None, refused: Document | None) -> _Known | None:
    """Find the effect of a message that was handled before; the same key with another body is a refusal."""
    if refused is not None:
        return _Known(refused_before(refused, message))
    for entry in document["history"] if document else ():
        if entry["cause"] == message_id:
            if isinstance(message, Command) and entry["hash"] != message.body_hash:
                return _Known(KEY_REUSED)
            return _Known(None)
    return None


def _cause(message: Message, envelope: Envelope) -> Cause:
    if isinstance(message, Command):
        return Cause(
            id=envelope.id,
            correlation=envelope.correlation or envelope.id,
            actor=message.actor,
            on_behalf_of=message.on_behalf_of or "",
            traceparent=envelope.traceparent,
            hash=message.body_hash,
        )
    return Cause.of(envelope)


def _entries(said: Any) -> list[Entry]:
    return list(said)
