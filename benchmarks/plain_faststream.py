"""The pipeline's job as one writes it from FastStream's documentation: one message, one handler, one acknowledgement.

`python -m benchmarks.plain_faststream SERVICE` is one worker process. It reads the same quorum queues as the service it
stands for, writes the same documents by majority and journaled, and publishes the same facts, persistent and confirmed.
"""

import asyncio
import sys
from collections.abc import Callable

import uvloop
from faststream import FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage
from pymongo import InsertOne
from pymongo.errors import DuplicateKeyError

from benchmarks import job
from services.intake.handlers import CASES
from services.scheduler.ports import DIARY
from shared.events import CaseRaised, CaseRouted, RoutingDecided
from shared.plumbing.clients import make_broker, make_client, open_database
from shared.plumbing.envelope import HEADER
from shared.plumbing.history import Cause, Write
from shared.plumbing.sealed import SealBox
from shared.plumbing.settings import Settings
from shared.plumbing.topology import EVENTS, INTAKE, INTAKE_COMMANDS, NOTIFIER, ROUTING, SCHEDULER, WorkQueue
from shared.plumbing.vault import Vault
from shared.plumbing.wire import parcel_of

PREFETCH = 10
"""Messages handled side by side: with 50 it was slower, 87 against 106 cases a second."""


class Worker:
    """One worker process."""

    def __init__(self, service: str, settings: Settings) -> None:
        self.service, self.settings = service, settings
        self.broker: RabbitBroker = make_broker(settings, service)
        self.database = open_database(make_client(settings, service), settings.database_of(service))
        self.directory = job.load_directory()
        self.seal, self.vault = SealBox(settings.seal_keys), Vault(settings.vault_keys)

    def listen(self) -> None:
        """Subscribe what this service does."""
        {"intake": self._intake, "routing": self._routing, "scheduler": self._scheduler, "notifier": self._notifier}[
            self.service
        ]()

    def _intake(self) -> None:
        @self._subscriber(INTAKE_COMMANDS)
        async def raise_case(message: RabbitMessage) -> None:
            write = job.raise_case(message.body, message.message_id, self.seal, self.vault, self.directory)
            if await self._store(write):
                await self._say(write)

        @self._subscriber(INTAKE)
        async def give_to_team(event: RoutingDecided, message: RabbitMessage) -> None:
            before = await self.database[CASES.collection].find_one({"_id": _subject(message)})
            if before is None:
                raise LookupError("no such case")
            write = job.give_to_team(event, before, _cause(message), self.directory)
            if await self._store(write):
                await self._say(write)

    def _routing(self) -> None:
        @self._subscriber(ROUTING)
        async def route(event: CaseRaised, message: RabbitMessage) -> None:
            write = job.route(event, _subject(message), _cause(message), self.directory)
            if await self._store(write):
                await self._say(write)

    def _scheduler(self) -> None:
        scheduler = self._queue(SCHEDULER)

        @scheduler(filter=_is(CaseRaised))
        async def note_raised(event: CaseRaised, message: RabbitMessage) -> None:
            await self._note(event, message)

        @scheduler(filter=_is(CaseRouted))
        async def note_routed(event: CaseRouted, message: RabbitMessage) -> None:
            await self._note(event, message)

    async def _note(self, event: CaseRaised | CaseRouted, message: RabbitMessage) -> None:
        case, diaries = _subject(message), self.database[DIARY.collection]
        stored = False
        while not stored:  # read again if the other event of this case was faster
            before = await diaries.find_one({"_id": case})
            write = job.note(event, _caseseq(message), case, before, _cause(message))
            stored = write is None or await self._store(write)

    def _notifier(self) -> None:
        notifier = self._queue(NOTIFIER)

        @notifier(filter=_is(CaseRaised))
        async def send_receipt(event: CaseRaised, message: RabbitMessage) -> None:
            await self._tell(event, message)

        @notifier(filter=_is(CaseRouted))
        async def tell_the_team(event: CaseRouted, message: RabbitMessage) -> None:
            await self._tell(event, message)

    async def _tell(self, event: CaseRaised | CaseRouted, message: RabbitMessage) -> None:
        for write in job.tell(event, _caseseq(message), _subject(message), _cause(message), self.directory):
            await self._store(write)

    def _queue(self, queue: WorkQueue) -> Callable[..., Callable[..., object]]:
        return self.broker.subscriber(
            RabbitQueue(queue.name, declare=False), channel=Channel(prefetch_count=PREFETCH), no_reply=True
        )

    def _subscriber(self, queue: WorkQueue) -> Callable[..., object]:
        return self._queue(queue)

    async def _store(self, write: Write) -> bool:
        """Write one document; False if it is there already, or not as it was read."""
        documents = self.database[write.key[0]]
        try:
            if isinstance(write.operation, InsertOne):
                await documents.insert_one(job.inserted(write.operation))
            else:
                await documents.update_one(*job.compared_and_set(write.operation), upsert=True)
        except DuplicateKeyError:
            return False
        return True

    async def _say(self, write: Write) -> None:
        for say in write.says:
            parcel = parcel_of(say, self.settings.council_code, self.service)
            await self.broker.publish(
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


def _is(kind: type[CaseRaised | CaseRouted]) -> Callable[[RabbitMessage], bool]:
    return lambda message: message.raw_message.type == kind.type


def _subject(message: RabbitMessage) -> str:
    return str(message.headers[f"{HEADER}subject"])


def _caseseq(message: RabbitMessage) -> int:
    return int(message.headers[f"{HEADER}caseseq"])


def _cause(message: RabbitMessage) -> Cause:
    return Cause(message.message_id, message.correlation_id)


async def main(service: str) -> None:
    """Work until told to stop."""
    worker = Worker(service, Settings())
    worker.listen()
    await FastStream(worker.broker, logger=None).run()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the services run
        runner.run(main(sys.argv[1]))
