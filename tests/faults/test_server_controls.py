"""What a guarantee is worth: with it given up, the same check finds what is lost or told twice.

A check that cannot fail shows nothing. Each pair runs one story with the real part and with one that breaks a single
promise; the real one must lose nothing, the control must lose something.
"""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from faststream.rabbit import RabbitBroker
from pymongo import AsyncMongoClient, InsertOne, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from ops.stack.supervisor import Patience, Supervisor
from services.notifier.adapters import NOTICES, MongoNoticeBook, SmtpPostbox
from services.notifier.ports import Claim
from services.notifier.ticker import Sender
from shared.plumbing.aiormq_wire import AiormqWire
from shared.plumbing.history import Write, enter, technical_now
from shared.plumbing.store import Collection, Database, Store
from shared.plumbing.wire import Parcel
from tests.counts import count
from tests.faults import servers
from tests.faults.city import City, until
from tests.faults.servers import BROKER, DATABASE
from tests.notifier.fakes import CASE, PlainWriter, Tally, notice
from tests.notifier.mail_server import mail_server
from tests.notifier.test_sending import Spoken, business

KILLS = count(3, 12)
"""How often a control may be lucky; the real part must be right each time."""
WRITERS = 40
THINGS = Collection("things")


# --- the database is killed: what it has acknowledged is there --------------------------------------------------------


class CarelessStore(Store):
    """Takes a write for kept once the primary has it in memory: no majority, no journal."""

    def __init__(self, database: Database, collections: Sequence[Collection]) -> None:
        super().__init__(database, collections)
        careless = WriteConcern(1, j=False)
        self.durable = {name: database.get_collection(name, write_concern=careless) for name in self.durable}


@contextlib.asynccontextmanager
async def _a_database(folder: Path) -> AsyncIterator[tuple[Supervisor, int]]:
    servers.need_binaries()
    port = servers.choose_ports().mongo
    async with Supervisor(folder / "logs", patience=Patience(backoff=(0.1,))) as supervisor:
        await supervisor.start([servers.database_program(folder / "data", port)])
        await servers.database_takes_writes(port)
        yield supervisor, port


async def _lost_by_the_database(kind: type[Store], folder: Path, *, stop_at_a_loss: bool) -> int:
    """Write from all sides, kill the database in the middle, and count what it acknowledged and no longer has."""
    lost = 0
    async with _a_database(folder) as (supervisor, port):
        url = f"mongodb://127.0.0.1:{port}/?directConnection=true"
        async with AsyncMongoClient[dict[str, Any]](url, retryWrites=False, serverSelectionTimeoutMS=2_000) as client:
            store = kind(client["faults"], [THINGS])
            await store.prepare()
            for turn in range(KILLS):
                acknowledged, killed = set[str](), asyncio.Event()
                writing = [
                    asyncio.create_task(_write(store, f"{turn}-{one}", acknowledged, killed)) for one in range(WRITERS)
                ]
                await asyncio.sleep(0.7)
                pid = supervisor.pid(DATABASE)
                assert pid is not None
                servers.kill(pid)
                killed.set()
                await asyncio.gather(*writing)
                await asyncio.sleep(0.3)
                await servers.database_takes_writes(port)
                kept = {each["_id"] async for each in client["faults"][THINGS.name].find({}, {"_id": 1})}
                lost += len(acknowledged - kept)
                assert acknowledged
                if lost and stop_at_a_loss:
                    break
    return lost


async def _write(store: Store, prefix: str, acknowledged: set[str], killed: asyncio.Event) -> None:
    for number in itertools.count():
        if killed.is_set():
            return
        name = f"{prefix}-{number}"
        write = Write((THINGS.name, name), InsertOne({"_id": name, "created": technical_now()}))
        try:
            if await store.write([write]) == [True]:
                acknowledged.add(name)
        except PyMongoError:
            return  # it was killed


@pytest.mark.mongo
async def test_what_a_killed_database_has_acknowledged_is_there(tmp_path: Path, record_property: Any) -> None:
    assert await _lost_by_the_database(Store, tmp_path, stop_at_a_loss=False) == 0
    record_property("measured", f"database killed {KILLS} times under {WRITERS} writers: 0 acknowledged writes lost")


@pytest.mark.mongo
async def test_control_write_concern_1_loses_acknowledged_writes(tmp_path: Path) -> None:
    assert await _lost_by_the_database(CarelessStore, tmp_path, stop_at_a_loss=True) > 0


# --- the broker is killed: what it has confirmed is there -------------------------------------------------------------


class HastyWire(AiormqWire):
    """Takes a message for said once it is on its way: no confirm is awaited."""

    def __init__(self, broker: RabbitBroker) -> None:
        super().__init__(broker)
        self._on_their_way: set[asyncio.Task[Any]] = set()

    async def publish(self, parcels: Sequence[Parcel]) -> list[Exception | None]:
        task = asyncio.create_task(super().publish(parcels))
        self._on_their_way.add(task)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.sleep(0)
        return [None] * len(parcels)


async def _lost_by_the_broker(city: City, kind: type[AiormqWire]) -> int:
    """Publish burst upon burst, kill the broker in the middle, and count what was said and is not there."""
    name = f"faults.{kind.__name__}"
    broker = RabbitBroker(city.operator_url, logger=None)
    connection = await broker.connect()
    await (await connection.channel()).declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
    wire = kind(broker)
    await wire.open()
    said: set[str] = set()

    async def speak() -> None:
        for burst in range(100_000):
            ids = [f"{burst}-{number}" for number in range(100)]
            try:
                await wire.publish([Parcel("", name, b"x" * 2_000, id=one) for one in ids])
            except Exception:  # noqa: BLE001  it was killed: nothing is known about this burst
                return
            said.update(ids)
            await asyncio.sleep(0.02)

    speaking = asyncio.create_task(speak())
    await asyncio.sleep(1.0)
    await city.kill(BROKER)
    await asyncio.wait([speaking], timeout=5)
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)
    await broker.stop()
    await asyncio.sleep(0.5)
    await city.stands()
    assert said
    kept = await city.take_all(name)
    return len(said - kept)


@pytest.mark.rabbit
@pytest.mark.e2e
@pytest.mark.asyncio(loop_scope="package")
async def test_what_a_killed_broker_has_confirmed_is_there(city: City) -> None:
    assert await _lost_by_the_broker(city, AiormqWire) == 0


@pytest.mark.rabbit
@pytest.mark.e2e
@pytest.mark.asyncio(loop_scope="package")
async def test_control_no_confirm_loses_what_was_said(city: City) -> None:
    assert await _lost_by_the_broker(city, HastyWire) > 0


# --- the notifier is killed after the mail server took a mail: nobody is told twice -----------------------------------


class DyingBook(MongoNoticeBook):
    """The process dies before it can record that a mail is out."""

    async def sent(self, claim: Claim) -> bool:
        await asyncio.sleep(3_600)
        return False


class DyingCarelessBook(DyingBook):
    """As that, and the hand-over is not noted before it."""

    async def hand_over(self, claim: Claim) -> Claim | None:
        return claim


async def _told(database: AsyncDatabase[dict[str, Any]], kind: type[MongoNoticeBook]) -> tuple[int, str]:
    """Kill a sender behind a mail, and let another take over; give how many mails there are, and the notice's end."""
    store, claim_for = Store(database, [NOTICES]), timedelta(seconds=0.5)
    await store.prepare()
    told = notice(1)
    await store.write([enter("notices", told, CASE)])
    log = structlog.wrap_logger(
        structlog.ReturnLogger(), processors=[], wrapper_class=structlog.make_filtering_bound_logger("critical")
    )
    async with mail_server() as server:
        postboxes = [
            SmtpPostbox("127.0.0.1", server.port, starttls="never", timeout=5.0, local_hostname="localhost")
            for _ in range(2)
        ]
        books = [each(store, Spoken(), business, claim_for=claim_for) for each in (kind, MongoNoticeBook)]
        first, second = (
            Sender(book, PlainWriter(), [postbox], Tally(), log, recover_every=0.1)
            for book, postbox in zip(books, postboxes, strict=True)
        )
        dying = asyncio.create_task(first.turn())

        async def arrived() -> bool:
            return bool(server.mails)

        await until(arrived, "the mail", 10)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        ended: list[str] = []

        async def over() -> bool:
            await second.turn()
            found = await store.durable["notices"].find_one({"_id": told.id})
            ended[:] = [found["state"]["status"]] if found else []
            return ended in (["sent"], ["in_doubt"])

        await until(over, "the notice's end", 20)
        for postbox in postboxes:
            await postbox.close()
        mails = Counter(content.strip().decode() for _, _, content in server.mails)
    return mails[told.id], ended[0]


@pytest.mark.mongo
async def test_a_mail_that_was_out_when_the_notifier_died_is_in_doubt_and_not_sent_again(
    database: AsyncDatabase[dict[str, Any]],
) -> None:
    assert await _told(database, DyingBook) == (1, "in_doubt")


@pytest.mark.mongo
async def test_control_no_hand_over_noted_sends_the_mail_twice(database: AsyncDatabase[dict[str, Any]]) -> None:
    assert await _told(database, DyingCarelessBook) == (2, "sent")
