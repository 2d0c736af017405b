"""The wire: the aiormq channel beneath the FastStream broker's own connection (ADR 0003, variant V3).

aio-pika opens a lost channel again and calls back; what came over a lost channel comes again. `_deliver` must stay
free of awaits: order of arrival is what makes `ack(multiple)` right.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from aio_pika.abc import AbstractChannel as PikaChannel
from aio_pika.abc import AbstractRobustQueue
from aiormq import Channel, ChannelInvalidStateError
from aiormq.abc import AbstractChannel, ChannelFrame, DeliveredMessage
from faststream.rabbit import RabbitBroker
from pamqp import commands as spec
from pamqp.header import ContentHeader

from shared.plumbing.envelope import Envelope, read_envelope
from shared.plumbing.wire import Parcel, Unroutable

CONSUMER_GONE = 70
"""Exit status (EX_SOFTWARE) when the broker took a consumer away or a lane died: be restarted, never be silent."""
ACKNOWLEDGE_WITHIN = 2.0
"""Seconds to write one acknowledgement before looking whether the channel is still there."""


class Tag(NamedTuple):
    """A delivery on the channel it came over."""

    channel: AbstractChannel
    number: int


def die(reason: str) -> None:
    """End the process at once, saying why: a lane that stopped silently is worse than a restart."""
    os.write(2, f'{{"event": "{reason}", "level": "critical"}}\n'.encode())
    os._exit(CONSUMER_GONE)


class AiormqReading:
    """Consumes one queue beneath aio-pika's robust channel."""

    def __init__(
        self, queue: AbstractRobustQueue, offer: Callable[[Any, Envelope], None], lost: Callable[[], None]
    ) -> None:
        self._queue, self._offer, self._lost = queue, offer, lost
        self._channel: Channel | None = None
        self._tag = ""
        self._cancelled = False

    @property
    def alive(self) -> bool:
        """Whether the consumer is registered on an open channel."""
        return self._channel is not None and not self._channel.is_closed and self._tag in self._channel.consumers

    async def consume(self) -> None:
        """Start consuming."""
        self._lost()
        if self._cancelled:
            return
        self._channel = _concrete(await self._queue.channel.get_underlay_channel())
        self._channel.on_consumer_cancel_callbacks.add(lambda _: die(f"the broker took queue {self._queue.name} away"))
        consumed = await self._channel.basic_consume(self._queue.name, self._deliver)
        self._tag = str(consumed.consumer_tag)

    async def consume_again(self, *_: object) -> None:
        """Consume on a channel opened again; aio-pika drops what this raises, so a failure ends the process."""
        try:
            await self.consume()
        except Exception as error:  # noqa: BLE001  whatever it is, nobody would consume from now on
            die(f"cannot consume {self._queue.name} again: {type(error).__name__}")

    async def _deliver(self, message: DeliveredMessage) -> None:
        found = message.header.properties
        delivered = message.delivery
        if not isinstance(delivered, spec.Basic.Deliver) or delivered.delivery_tag is None:
            return
        envelope = read_envelope(
            kind=found.message_type,
            message_id=found.message_id,
            correlation=found.correlation_id,
            reply_to=found.reply_to,
            timestamp=found.timestamp,
            headers=found.headers,
            body=message.body,
            exchange=delivered.exchange or "",
            routing_key=delivered.routing_key or "",
        )
        self._offer(Tag(message.channel, delivered.delivery_tag), envelope)

    async def done(self, tags: Sequence[Tag], *, all_before: bool) -> None:
        """Acknowledge; what came over a channel lost meanwhile comes again, and finds its effect."""
        with suppress(ChannelInvalidStateError, ConnectionError):
            for channel, number in tags[-1:] if all_before else tags:
                await _acknowledge(channel, number, multiple=all_before)

    async def cancel(self) -> None:
        """Take nothing new; what was taken is still worked on."""
        self._cancelled = True
        if self._channel is not None and self._tag:
            with suppress(ChannelInvalidStateError, ConnectionError, asyncio.TimeoutError):
                async with asyncio.timeout(5):
                    await self._channel.basic_cancel(self._tag)


async def _acknowledge(channel: AbstractChannel, number: int, *, multiple: bool) -> None:
    """Write an acknowledgement for as long as the channel is open.

    aiormq's queue of frames is short, and nobody empties it once its connection is lost: a put that began before waits
    without end, although the channel has been closed meanwhile. One that was cancelled has written nothing.
    """
    while not channel.is_closed:
        with suppress(TimeoutError):
            async with asyncio.timeout(ACKNOWLEDGE_WITHIN):
                await channel.basic_ack(number, multiple=multiple, wait=False)
                return


class AiormqWire:
    """Publishes on a channel of its own, in bursts: one write for all, no task a message."""

    def __init__(self, broker: RabbitBroker) -> None:
        self._broker = broker
        self._channel: PikaChannel | None = None

    async def open(self) -> None:
        """Open the publishing channel."""
        connection = await self._broker.connect()
        self._channel = await connection.channel(publisher_confirms=True, on_return_raises=True)

    async def close(self) -> None:
        """Close it; every confirm was waited for by whoever published."""
        if self._channel is not None:
            await self._channel.close()

    async def read(self, queue: Any, offer: Callable[[Any, Envelope], None], lost: Callable[[], None]) -> AiormqReading:
        """Consume a queue that FastStream has declared (its channel carries the prefetch)."""
        reading = AiormqReading(queue, offer, lost)
        queue.channel.reopen_callbacks.add(reading.consume_again)
        await reading.consume()
        return reading

    async def publish(self, parcels: Sequence[Parcel]) -> list[Exception | None]:
        """Publish all at once and wait for every confirm."""
        if self._channel is None:
            raise ConnectionError("the wire is not open")
        return await burst(_concrete(await self._channel.get_underlay_channel()), parcels)


def _concrete(channel: AbstractChannel) -> Channel:
    """Reach for what aiormq's own class has: the minor is pinned, and a test holds it to this."""
    if not isinstance(channel, Channel):
        raise TypeError(f"aiormq gave a {type(channel).__name__}")
    return channel


async def burst(channel: Channel, parcels: Sequence[Parcel]) -> list[Exception | None]:
    """Write all parcels in one go and gather the confirms.

    Raises:
        aiormq exceptions, ConnectionError: the channel was lost or the broker refused; nothing is known about any.
    """
    if channel.is_closed:
        raise ChannelInvalidStateError("the publishing channel is closed")
    # Written out before anything is numbered: a message that cannot be must not leave our count ahead of the broker's.
    frames = ChannelFrame.marshall(channel.number, [frame for parcel in parcels for frame in _frames(channel, parcel)])
    confirms: list[asyncio.Future[Any]] = []
    async with channel.lock:
        before = channel.delivery_tag
        for parcel in parcels:
            channel.delivery_tag += 1
            confirm: asyncio.Future[Any] = channel.create_future()
            confirms.append(confirm)
            channel.confirmations[channel.delivery_tag] = confirm
            if parcel.mandatory and parcel.id:  # a return is matched to its confirm by message id
                channel.message_id_delivery_tag[parcel.id] = channel.delivery_tag
        try:
            await channel.write_queue.put(frames)
        except asyncio.CancelledError:  # nothing was written: the numbers are free again
            for number in range(before + 1, channel.delivery_tag + 1):
                channel.confirmations.pop(number, None)
            channel.delivery_tag = before
            raise
    try:
        outcomes = await asyncio.gather(*confirms, return_exceptions=True)
    finally:
        for parcel in parcels:
            channel.message_id_delivery_tag.pop(parcel.id, None)
    return [_outcome(outcome) for outcome in outcomes]


def _frames(channel: Channel, parcel: Parcel) -> list[Any]:
    return [
        spec.Basic.Publish(exchange=parcel.exchange, routing_key=parcel.routing_key, mandatory=parcel.mandatory),
        ContentHeader(body_size=len(parcel.body), properties=_properties(parcel)),
        *channel._split_body(parcel.body),  # noqa: SLF001  pinned minor; a body may exceed one frame
    ]


def _outcome(outcome: object) -> Exception | None:
    if isinstance(outcome, spec.Basic.Ack):
        return None
    returned = getattr(outcome, "frame", None)
    if isinstance(returned, spec.Basic.Return):
        return Unroutable(f"{returned.reply_text}: {returned.routing_key}")
    if isinstance(outcome, asyncio.CancelledError):
        # aiormq rejects confirms so when a connection got stuck. Raised as it is, it would end our task without a word;
        # a real cancellation is raised by gather itself.
        raise ConnectionError("the connection was lost before the confirm")
    if isinstance(outcome, BaseException):
        raise outcome
    raise ConnectionError(f"not confirmed: {type(outcome).__name__}")


def _properties(parcel: Parcel) -> spec.Basic.Properties:
    return spec.Basic.Properties(
        content_type=parcel.content_type,
        headers=dict(parcel.headers),
        delivery_mode=2 if parcel.persistent else 1,
        correlation_id=parcel.correlation or None,
        reply_to=parcel.reply_to or None,
        message_id=parcel.id or None,
        timestamp=parcel.timestamp,
        message_type=parcel.type or None,
    )
