"""Replies to commands and answers to questions: sealed, transient, non-mandatory.

A lost one is counted, never retried.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from pydantic import BaseModel
from structlog.typing import FilteringBoundLogger

from shared.commands import QUERIES, Command, CommandReply, Query, Refusal
from shared.plumbing.envelope import Envelope
from shared.plumbing.history import Document, technical_now
from shared.plumbing.lane import Decided, Done, Failed, Verdict
from shared.plumbing.metrics import Metrics
from shared.plumbing.sealed import REPLY, Forged, Malformed, SealBox
from shared.plumbing.store import OUTAGE, Store
from shared.plumbing.topology import REPLIES
from shared.plumbing.wire import Parcel, Wire


class Replies(Protocol):
    """What a service says back to whoever gave a command."""

    async def reply(
        self, command: Command, command_id: str, document: Document | None, refusal: Refusal | None, *, repeated: bool
    ) -> CommandReply:
        """Compose the reply; `document` is as it stands after the command."""
        ...


class Answers(Protocol):
    """What a service answers to questions."""

    async def answer(self, query: Query) -> BaseModel:
        """Answer one question, with what this person may know."""
        ...


class Answering:
    """Sends replies and answers."""

    def __init__(self, wire: Wire, seal: SealBox, metrics: Metrics, log: FilteringBoundLogger) -> None:
        self._wire, self._seal, self._metrics, self._log = wire, seal, metrics, log

    async def send(self, replies: Sequence[tuple[Envelope, BaseModel]]) -> None:
        """Send all; whoever waits no longer is no error."""
        parcels = [
            Parcel(
                exchange=REPLIES,
                routing_key=envelope.reply_to,
                body=self._seal.seal_reply(reply, envelope.id),
                type=REPLY,
                correlation=envelope.id,
                persistent=False,
                timestamp=technical_now(),
            )
            for envelope, reply in replies
        ]
        if not parcels:
            return
        try:
            async with asyncio.timeout(2):
                await self._wire.publish(parcels)
        except Exception as error:  # noqa: BLE001  the effect is durable; who asked will ask again
            self._metrics.replies.labels("lost").inc(len(parcels))
            self._log.warning("replies lost", count=len(parcels), error=type(error).__name__)
        else:
            self._metrics.replies.labels("sent").inc(len(parcels))


class CommandReplier:
    """Replies to decided commands, with one read for all of them."""

    def __init__(self, replies: Replies, answering: Answering, store: Store, log: FilteringBoundLogger) -> None:
        self._replies, self._answering, self._store, self._log = replies, answering, store, log

    async def reply(self, decided: Sequence[Decided]) -> None:
        """Reply to all of them."""
        composed: list[tuple[Envelope, BaseModel]] = []
        try:
            documents = await self._store.read({one.key for one in decided})
            for one in decided:
                reply = await self._replies.reply(
                    one.command, one.envelope.id, documents.get(one.key), one.refusal, repeated=one.repeated
                )
                composed.append((one.envelope, reply))
        except Exception as error:  # noqa: BLE001  the effect is durable: a reply must not undo or repeat it
            self._log.error("replies not composed", count=len(decided) - len(composed), error=type(error).__name__)
        await self._answering.send(composed)


class Questions:
    """Works on a queue of questions: no effect, so whoever gets no answer asks again."""

    def __init__(self, answers: Answers, answering: Answering, seal: SealBox, log: FilteringBoundLogger) -> None:
        self._answers, self._answering, self._seal, self._log = answers, answering, seal, log

    def label(self, kind: str) -> str:
        """Name a type for metrics."""
        return kind if kind in QUERIES else "unknown"

    async def work(self, batch: Sequence[Envelope]) -> list[Verdict]:
        """Answer a batch, all at the same time."""
        results = await asyncio.gather(*(self._one(envelope) for envelope in batch))
        await self._answering.send(
            [
                (envelope, answer)
                for envelope, (_, answer) in zip(batch, results, strict=True)
                if answer is not None and envelope.reply_to
            ]
        )
        return [verdict for verdict, _ in results]

    async def _one(self, envelope: Envelope) -> tuple[Verdict, BaseModel | None]:
        kind = QUERIES.get(envelope.type)
        if kind is None:
            return Failed("unknown-type", "no answer to this type", retry=False), None
        try:
            query = self._seal.open_message(kind, envelope.body, envelope.id)
        except Malformed as error:
            return Failed("malformed", str(error), retry=False), None
        except Forged as error:
            return Failed("forged", str(error), retry=False), None
        try:
            return Done(), await self._answers.answer(query)
        except OUTAGE:
            return Done("unanswered"), None
        except Exception as error:  # noqa: BLE001  nothing is lost with a question; the log and the metric say it
            self._log.error("question not answered", type=envelope.type, error=type(error).__name__)
            return Done("unanswered"), None
