"""Intake, reached over the broker: a command or a question goes out, its reply comes back to this process's own queue.

The reply queue is exclusive and gone with its connection, so it is declared again, under a new name, whenever the
channel was lost. Nothing that waits here survives the process: what must survive lies in a queue or in the out-basket.
"""

import asyncio
import secrets
from typing import Any, Final, TypeVar
from uuid import uuid4

from aio_pika.abc import AbstractChannel
from aiormq import Channel
from aiormq.abc import DeliveredMessage
from faststream.rabbit import RabbitBroker
from prometheus_client import Counter
from pydantic import BaseModel, ValidationError
from structlog.typing import FilteringBoundLogger

from services.gateway.ports import Decided, InFlight, Letter, Outbasket, Outcome, Unavailable, Undecided
from shared.commands import Command, CommandReply, Query, case_id_for
from shared.plumbing.envelope import HEADER
from shared.plumbing.history import technical_now
from shared.plumbing.refusals import KEY_REUSED
from shared.plumbing.sealed import Forged, SealBox
from shared.plumbing.topology import COMMANDS, INTAKE_COMMANDS, INTAKE_COMMANDS_URGENT, INTAKE_QUERIES, REPLIES
from shared.plumbing.wire import Parcel, Unroutable, Wire

A = TypeVar("A", bound=BaseModel)

ANSWER_WITHIN: Final = 3.0
"""Seconds from the request to the reply (architecture: commands)."""
CONFIRM_WITHIN: Final = 1.0
"""Seconds until the queue must have confirmed a command; then it is kept here instead."""
RELISTEN_AFTER: Final = 0.5
_ANOTHER_BODY: Final = CommandReply(outcome="refused", repeated=True, refusal=KEY_REUSED)


class ReplyLine:
    """This process's reply queue, and who waits for which reply."""

    def __init__(self, broker: RabbitBroker, log: FilteringBoundLogger, replies: Counter) -> None:
        self._broker, self._log, self._replies = broker, log, replies
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._channel: Channel | None = None
        self._tag = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self.queue = ""
        """Name of the queue, to be used as `reply_to`."""

    @property
    def alive(self) -> bool:
        """Whether replies can arrive now."""
        return self._channel is not None and not self._channel.is_closed and self._tag in self._channel.consumers

    async def open(self) -> None:
        """Begin to listen, and do so again whenever the channel was lost."""
        connection = await self._broker.connect()
        channel = await connection.channel(publisher_confirms=False)
        channel.reopen_callbacks.add(self._reopened)
        await self._listen(channel)

    async def close(self) -> None:
        """Listen no longer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._channel is not None and not self._channel.is_closed:
            await self._channel.close()

    def expect(self, correlation: str) -> asyncio.Future[bytes]:
        """Wait for the reply to a message; whoever waits must say when no longer (`forget`)."""
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[correlation] = waiting
        return waiting

    def forget(self, correlation: str) -> None:
        """Wait no longer; a reply that comes now is late."""
        self._waiting.pop(correlation, None)

    async def _reopened(self, channel: AbstractChannel | None, *_: object) -> None:
        if channel is None:
            return
        try:
            await self._listen(channel)
        except Exception as error:  # noqa: BLE001  aio-pika drops what is raised here
            self._log.error("no reply queue", error=type(error).__name__)
            self._listen_again(channel)

    async def _listen(self, channel: AbstractChannel) -> None:
        underlay = await channel.get_underlay_channel()
        if not isinstance(underlay, Channel):
            raise TypeError(f"aiormq gave a {type(underlay).__name__}")
        # A new name each time: the old queue stays locked until the broker has noticed that its connection is gone.
        queue = f"gateway.replies.{secrets.token_hex(8)}"
        await underlay.queue_declare(queue, exclusive=True, auto_delete=True)
        await underlay.queue_bind(queue, REPLIES, routing_key=queue)
        consumed = await underlay.basic_consume(queue, self._take, no_ack=True)
        if underlay is not self._channel:
            underlay.on_consumer_cancel_callbacks.add(lambda _: self._listen_again(channel))
        self._channel, self._tag, self.queue = underlay, str(consumed.consumer_tag), queue
        self._log.info("replies expected", queue=queue)

    def _listen_again(self, channel: AbstractChannel) -> None:
        """Somebody deleted the queue: make a new one, unless the channel went too and was opened again meanwhile."""

        async def again() -> None:
            await asyncio.sleep(RELISTEN_AFTER)
            while not self.alive:
                try:
                    await self._listen(channel)
                except Exception as error:  # noqa: BLE001  whatever it is, without replies the gateway is not ready
                    self._log.error("no reply queue", error=type(error).__name__)
                    await asyncio.sleep(RELISTEN_AFTER)

        self._log.warning("the reply queue was taken away")
        task = asyncio.create_task(again(), name="replies")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, message: DeliveredMessage) -> None:
        waiting = self._waiting.get(message.header.properties.correlation_id or "")
        if waiting is None or waiting.done():
            self._replies.labels("late").inc()
            return
        self._replies.labels("in-time").inc()
        waiting.set_result(message.body)


class RabbitIntake:
    """Intake, over the broker."""

    def __init__(  # noqa: PLR0913  what it takes to talk
        self,
        *,
        wire: Wire,
        line: ReplyLine,
        seal: SealBox,
        outbasket: Outbasket,
        source: str,
        log: FilteringBoundLogger,
        answer_within: float = ANSWER_WITHIN,
        confirm_within: float = CONFIRM_WITHIN,
    ) -> None:
        self._wire, self._line, self._seal, self._outbasket = wire, line, seal, outbasket
        self._source, self._log = source, log
        self._answer_within, self._confirm_within = answer_within, confirm_within
        self._in_flight: set[str] = set()

    async def command(self, command: Command, *, command_id: str, urgent: bool) -> Outcome:
        """Hand a command to its queue and await the decision; without a confirm, keep it to be sent later."""
        if command_id in self._in_flight:
            return InFlight()
        self._in_flight.add(command_id)
        try:
            return await self._command(command, self._letter(command, command_id, urgent=urgent))
        finally:
            self._in_flight.discard(command_id)
            self._line.forget(command_id)

    async def _command(self, command: Command, letter: Letter) -> Outcome:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._answer_within
        reply = self._line.expect(letter.id)
        try:
            async with asyncio.timeout(self._confirm_within):
                await self._publish(letter, command.at.isoformat(), mandatory=True)
        except Exception as error:  # noqa: BLE001  no confirm, for whatever reason: the promise is kept here instead
            self._log.warning("command kept", command=letter.command, id=letter.id, error=type(error).__name__)
            kept = await self._outbasket.keep(letter, taken=False)
            return Undecided() if kept else Decided(_ANOTHER_BODY)
        try:
            async with asyncio.timeout_at(deadline):
                body = await reply
            return Decided(self._seal.open_reply(CommandReply, body, letter.id))
        except TimeoutError:
            self._log.warning("no reply in time", command=letter.command, id=letter.id)
        except (Forged, ValidationError):
            self._log.error("a reply that is not ours", command=letter.command, id=letter.id)
        try:
            await self._outbasket.keep(letter, taken=True)
        except Unavailable:
            # The queue has it, so it will be decided; only `pending` cannot be told meanwhile.
            self._log.warning("pending command not noted", command=letter.command, id=letter.id)
        return Undecided()

    async def ask(self, query: Query, answer: type[A]) -> A:
        """Ask, with a deadline; a question is never kept."""
        if not self._line.alive:
            raise Unavailable
        message_id = str(uuid4())
        waiting = self._line.expect(message_id)
        question = Letter(
            id=message_id,
            type=query.type,
            command="",
            reference="",
            case_id="",
            actor=query.actor,
            on_behalf_of=query.on_behalf_of or "",
            at=query.at,
            routing_key=INTAKE_QUERIES.bindings[0],
            body=self._seal.seal_message(query, message_id),
            body_hash="",
        )
        try:
            async with asyncio.timeout(self._answer_within):
                await self._publish(question, query.at.isoformat(), mandatory=True, persistent=False)
                return self._seal.open_reply(answer, await waiting, message_id)
        except (Forged, ValidationError) as error:
            self._log.error("an answer that cannot be read", type=query.type, error=type(error).__name__)
            raise Unavailable from None
        except Exception as error:  # noqa: BLE001  a lost connection has many names
            self._log.warning("no answer", type=query.type, error=type(error).__name__)
            raise Unavailable from None
        finally:
            self._line.forget(message_id)

    def _letter(self, command: Command, command_id: str, *, urgent: bool) -> Letter:
        queue = INTAKE_COMMANDS_URGENT if urgent else INTAKE_COMMANDS
        return Letter(
            id=command_id,
            type=command.type,
            command=command.name,
            reference=command.reference,
            case_id=case_id_for(command.reference),
            actor=command.actor,
            on_behalf_of=command.on_behalf_of or "",
            at=command.at,
            routing_key=queue.bindings[0],
            body=self._seal.seal_message(command, command_id),
            body_hash=command.body_hash,
        )

    async def _publish(self, letter: Letter, time: str, *, mandatory: bool, persistent: bool = True) -> None:
        if not self._line.alive:
            raise ConnectionError("the broker is away")
        headers: dict[str, Any] = {
            "specversion": "1.0",
            "id": letter.id,
            "source": self._source,
            "type": letter.type,
            "time": time,
            "correlationid": letter.id,
            "actor": letter.actor,
        }
        headers |= {"subject": letter.case_id} if letter.case_id else {}
        headers |= {"onbehalfof": letter.on_behalf_of} if letter.on_behalf_of else {}
        parcel = Parcel(
            exchange=COMMANDS,
            routing_key=letter.routing_key,
            body=letter.body,
            type=letter.type,
            id=letter.id,
            correlation=letter.id,
            reply_to=self._line.queue,
            headers={HEADER + name: value for name, value in headers.items()},
            persistent=persistent,
            mandatory=mandatory,
            timestamp=technical_now(),
        )
        outcome = (await self._wire.publish([parcel]))[0]
        if isinstance(outcome, Unroutable):
            self._log.error("no queue for commands: check the bindings", routing_key=letter.routing_key)
        if outcome is not None:
            raise outcome


__all__ = ["RabbitIntake", "ReplyLine"]
