"""Parts that break one promise each, for the controls: a check that does not see them broken proves nothing."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from aiormq.abc import DeliveredMessage
from pamqp import commands as spec
from pymongo import InsertOne, UpdateOne

from shared.plumbing.aiormq_wire import AiormqReading, AiormqWire, Tag
from shared.plumbing.envelope import HEADER, Envelope
from shared.plumbing.history import Document, Write
from shared.plumbing.topology import EVENTS
from shared.plumbing.wire import Parcel
from tests.faults.crashing import CrashingReading, CrashingStore, CrashingWire


class AcknowledgesFirst(CrashingReading):
    """Acknowledges what has arrived before it is worked on."""

    async def _deliver(self, message: DeliveredMessage) -> None:
        await super()._deliver(message)
        assert isinstance(message.delivery, spec.Basic.Deliver)
        await message.channel.basic_ack(message.delivery.delivery_tag or 0, wait=False)

    async def done(self, tags: Sequence[Tag], *, all_before: bool) -> None:
        return


class AckBeforeWrite(CrashingWire):
    """A wire whose readings acknowledge first."""

    reading = AcknowledgesFirst


class NewIdEachTime(CrashingWire):
    """Gives a fact another id whenever it is said."""

    async def publish(self, parcels: Sequence[Parcel]) -> list[Exception | None]:
        return await super().publish([_renamed(parcel) for parcel in parcels])


def _renamed(parcel: Parcel) -> Parcel:
    if parcel.exchange != EVENTS:
        return parcel
    other = uuid4().hex
    return parcel._replace(id=other, headers={**parcel.headers, f"{HEADER}id": other})


class HidesDeliveries(AiormqWire):
    """Does not tell how often a message was delivered before."""

    async def read(self, queue: Any, offer: Callable[[Any, Envelope], None], lost: Callable[[], None]) -> AiormqReading:
        def hide(tag: Any, envelope: Envelope) -> None:
            offer(tag, envelope._replace(deliveries=0))

        return await super().read(queue, hide, lost)


class NeverMandatory(AiormqWire):
    """Publishes what must be heard as if it need not be."""

    async def publish(self, parcels: Sequence[Parcel]) -> list[Exception | None]:
        return await super().publish([parcel._replace(mandatory=False) for parcel in parcels])


class ChangesWrites(CrashingStore):
    """A store that writes something else than it was told."""

    async def write(self, writes: Sequence[Write]) -> list[bool | Exception]:
        return await super().write([write._replace(operation=self.change(write.operation)) for write in writes])

    def change(self, operation: InsertOne[Document] | UpdateOne) -> InsertOne[Document] | UpdateOne:
        raise NotImplementedError


class SaidWhenWritten(ChangesWrites):
    """Counts facts as said as soon as they are written."""

    def change(self, operation: InsertOne[Document] | UpdateOne) -> InsertOne[Document] | UpdateOne:
        changed: Any = operation._doc
        fields = changed if isinstance(operation, InsertOne) else changed["$set"]
        if "say_to" in fields:
            fields["relayed"] = fields["say_to"]
            fields.pop("unsaid_since")
        return operation


class NoVersion(ChangesWrites):
    """Writes over whatever is there."""

    def change(self, operation: InsertOne[Document] | UpdateOne) -> InsertOne[Document] | UpdateOne:
        if isinstance(operation, UpdateOne):
            return UpdateOne({"_id": operation._filter["_id"]}, operation._doc, upsert=True)
        return operation


class NoCause(ChangesWrites):
    """Does not record which message a fact came from."""

    def change(self, operation: InsertOne[Document] | UpdateOne) -> InsertOne[Document] | UpdateOne:
        changed: Any = operation._doc
        entries = changed["history"] if isinstance(operation, InsertOne) else changed["$push"]["history"]["$each"]
        for entry in entries:
            entry["cause"] = ""
        return operation


class RandomIds(ChangesWrites):
    """Keeps an entry under a new id each time."""

    def change(self, operation: InsertOne[Document] | UpdateOne) -> InsertOne[Document] | UpdateOne:
        if isinstance(operation, InsertOne):
            kept: Any = operation._doc
            return InsertOne(kept | {"_id": uuid4().hex})
        return operation
