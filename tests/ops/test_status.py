"""Status tells the truth: each trouble shows, and what it reads is what the services' own adapters write."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from pymongo.asynchronous.database import AsyncDatabase
from rich.console import Console

from ops.connections import System
from ops.council.record import record_of
from ops.council.standing import Running, Standing
from ops.stack.mongo import Mongo
from ops.stack.ports import LOOPBACK, free_port
from ops.stack.rabbit import Rabbit
from ops.status import Notices, Queue, Service, Status, Timers, Unsaid, collect, render
from ops.subscribers import add, remove
from services.gateway.adapters.database import COMMANDS, MongoOutbasket
from services.gateway.ports import Letter
from services.notifier.adapters import NOTICES, MongoNoticeBook
from services.scheduler.adapters import DIARIES
from services.scheduler.ports import DIARY
from shared.calendar import WorkingCalendar
from shared.events import CaseRaised, Clock, TimerDue, TimersSet
from shared.plumbing.clock import real_now
from shared.plumbing.health import Health, holds
from shared.plumbing.history import Cause, change, enter
from shared.plumbing.metrics import Metrics
from shared.plumbing.store import Collection
from shared.plumbing.topology import CONSUMERS, EVENTS, ROUTING, WORK_QUEUES, declare
from shared.plumbing.versions import Published
from tests.notifier.fakes import notice
from tests.ops.watched import OLD, Database, Quiet, a_service
from tests.shared.plumbing import toys

CALENDAR = WorkingCalendar(holidays=frozenset(), known_until=toys.AT.date(), version="test")


@pytest.fixture
async def databases(database: AsyncDatabase[dict[str, Any]]) -> AsyncIterator[Database]:
    prefix = database.name.replace("-", "_")
    yield Database(prefix, database.client)
    for name in await database.client.list_database_names():
        if name.startswith(prefix):
            await database.client.drop_database(name)


@pytest.fixture
async def channel(vhost_url: str) -> AsyncIterator[AbstractChannel]:
    """A channel on a broker with the topology."""
    async with await aio_pika.connect(vhost_url) as connection:
        channel = await connection.channel()
        await declare(channel)
        yield channel


@pytest.fixture
def system(vhost_url: str, rabbit_server: Rabbit, mongo_server: Mongo, databases: Database) -> System:
    return System(
        rabbit_url=vhost_url,
        management_url=rabbit_server.management_url or "",
        mongo_url=mongo_server.url,
        mongo_prefix=databases.prefix,
    )


async def consume(channel: AbstractChannel, but: str = "") -> None:
    """Consume every work queue, as the services do."""
    for work in WORK_QUEUES:
        if work.name != but:
            await (await channel.get_queue(work.name)).consume(_ignore)


async def _ignore(_: object) -> None:
    """Leave it unacknowledged."""


def queue(status: Status, name: str) -> Queue:
    return next(queue for queue in status.queues if queue.name == name)


def timers_set(*clocks: Clock) -> TimersSet:
    return TimersSet(at=toys.AT, caseseq=1, lane="normal", service="noise", ward="abbey", clocks=clocks)


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_a_system_that_works_is_healthy(system: System, channel: AbstractChannel, databases: Database) -> None:
    health, metrics = Health(), Metrics("intake")
    health.add("relay", holds(lambda: True, "not running"))
    metrics.queue_age.labels("intake").set(3.5)
    metrics.council_version.set(1)
    await databases.publish("a")
    await databases.publish("b", activates=await databases.clock.now() + timedelta(days=3))
    await consume(channel)

    async with a_service(health, metrics) as url:
        status = await collect(system.model_copy(update={"services": {"intake": url}}))

    assert status.problems == ()
    assert status.healthy
    assert status.services == (Service(name="intake", ready=True, council=Running(number=1)),)
    assert status.council is not None
    assert [(each.number, each.state) for each in (status.council.active, *status.council.scheduled) if each] == [
        (1, "active"),
        (2, "scheduled"),
    ]
    assert (status.unsaid, status.unreachable) == ((), ())
    assert status.timers == Timers(overdue=0, late_by=0)
    assert status.notices == Notices(waiting=0, failed=0, in_doubt=0)
    assert queue(status, "intake") == Queue(name="intake", kind="work", consumers=1, age=3.5)
    assert queue(status, "routing").age is None


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_a_service_that_stays_behind_needs_a_person_once_it_had_time(
    system: System, channel: AbstractChannel, databases: Database
) -> None:
    await consume(channel)
    await databases.publish("a")
    await databases.publish("b")
    health, behind, ahead = Health(), Metrics("intake"), Metrics("routing")
    behind.council_version.set(1)
    behind.council_unreadable.set(1)
    ahead.council_version.set(2)

    async with a_service(health, behind) as intake, a_service(health, ahead) as routing:
        named = system.model_copy(update={"services": {"intake": intake, "routing": routing}})
        at_once = await collect(named)
        await databases.grow_older(2, timedelta(seconds=11))
        later = await collect(named)

    assert at_once.problems == ("intake cannot read 1 later council version: see its log",)
    assert later.problems == ("intake runs council version 1, in force is 2", *at_once.problems)


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_a_service_that_is_not_ready_says_why(system: System, channel: AbstractChannel) -> None:
    health = Health()
    health.add("database", holds(lambda: False, "no writable primary"))
    health.add("relay", holds(lambda: True, "not running"))
    await consume(channel)

    async with a_service(health, Metrics("intake")) as url:
        services = {"intake": url, "routing": f"http://{LOOPBACK}:{free_port()}"}
        status = await collect(system.model_copy(update={"services": services}))

    assert status.services[0].wrong == ("database: no writable primary",)
    assert status.problems == (
        "intake is not ready: database: no writable primary",
        "routing is not ready: no answer (ConnectError)",
    )
    assert not status.healthy


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_a_work_queue_nobody_consumes_needs_a_person(system: System, channel: AbstractChannel) -> None:
    await consume(channel, but="intake.commands.urgent")
    exchange = await channel.get_exchange("casework.commands")
    for _ in range(3):
        await exchange.publish(aio_pika.Message(b"x"), "intake.commands.urgent")

    status = await collect(system)

    assert status.problems == ("intake.commands.urgent: nobody consumes it, 3 waiting",)
    assert queue(status, "intake.commands.urgent").waiting == 3


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_a_dead_letter_needs_a_person(system: System, channel: AbstractChannel) -> None:
    await consume(channel)
    await (await channel.get_exchange("casework.dead")).publish(aio_pika.Message(b"x"), "routing")

    status = await collect(system)

    assert status.problems == ("routing.dead: 1 dead letters; casework dead list",)


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_a_queue_or_binding_that_is_missing_is_named(system: System, channel: AbstractChannel) -> None:
    await consume(channel, but="notifier")
    await channel.queue_delete("notifier")
    await (await channel.get_queue(ROUTING.name)).unbind(EVENTS, ROUTING.bindings[0])

    status = await collect(system)

    assert set(status.problems) == {
        "notifier: the queue is missing; import the broker's definitions",
        "routing: not bound to case.raised.*.normal.#; import the broker's definitions",
    }
    assert len(status.queues) == len(WORK_QUEUES) + len(CONSUMERS) + 3


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_a_subscribers_queue_is_shown_and_is_not_our_trouble(system: System, channel: AbstractChannel) -> None:
    await consume(channel)
    name = f"test-{system.vhost}"
    add(system, name, ["case.#"])
    await (await channel.get_exchange("casework.events")).publish(aio_pika.Message(b"x"), "case.rated.v1.normal.a.b")

    status = await collect(system)
    remove(system, name)

    assert queue(status, f"subscriber.{name}") == Queue(name=f"subscriber.{name}", kind="subscriber", waiting=1)
    assert status.healthy


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_what_was_not_said_for_half_a_minute_needs_a_person(
    system: System, channel: AbstractChannel, databases: Database
) -> None:
    await consume(channel)
    things = await databases.store("intake", Collection("things"))
    fact = CaseRaised(at=toys.AT, case=toys.STATE, raised_on=toys.AT.date())
    await things.write([change(toys.THINGS, "old", "old", None, [fact], Cause("m1", "corr"))])
    await databases.grow_old(things, "things")
    await things.write([change(toys.THINGS, "fresh", "fresh", None, [fact], Cause("m2", "corr"))])
    commands = await databases.store("gateway", COMMANDS)
    await MongoOutbasket(commands.durable[COMMANDS.name], Quiet(), now=lambda: real_now() - OLD).keep(
        LETTER, taken=False
    )

    status = await collect(system)

    found = [(each.service, each.collection, each.documents) for each in status.unsaid]
    assert found == [("intake", "things", 1), ("gateway", "commands", 1)]
    assert all(30 < each.oldest < 60 for each in status.unsaid)
    assert len(status.problems) == 2


LETTER = Letter(
    id="c1",
    type="casework.command.accept.v1",
    command="accept",
    reference=toys.REFERENCE,
    case_id=toys.CASE,
    actor="cllr-001",
    on_behalf_of="",
    at=toys.AT,
    routing_key="intake.commands",
    body=b"sealed",
    body_hash="0" * 64,
)


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_an_old_private_fact_does_not_make_a_new_one_late(
    system: System, channel: AbstractChannel, databases: Database
) -> None:
    """A diary notes clocks for itself, days before it says anything."""
    await consume(channel)
    store = await databases.store("scheduler", DIARIES)
    key = (DIARIES.name, toys.CASE)
    await store.write([change(DIARY, key[1], key[1], None, [timers_set()], Cause("m1", "corr"))])
    document = (await store.read([key]))[key]
    said = TimerDue(at=toys.AT, kind="answer", rev=1, due=toys.AT, lane="normal", service="noise", ward="abbey")
    await store.write([change(DIARY, key[1], key[1], document, [said], Cause("m2", "corr"))])

    await databases.grow_old(store, DIARIES.name, entry=0)
    private_is_old = await collect(system)
    await databases.grow_old(store, DIARIES.name, entry=1)
    both_are_old = await collect(system)

    assert private_is_old.unsaid == ()
    assert [(each.collection, each.documents) for each in both_are_old.unsaid] == [("diaries", 1)]


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_a_timer_is_overdue_by_business_time(
    system: System, channel: AbstractChannel, databases: Database
) -> None:
    await consume(channel)
    store = await databases.store("scheduler", DIARIES)
    due = Clock(kind="answer", due=await databases.clock.now() + timedelta(hours=1), rule="10wd", rev=1)
    await store.write([change(DIARY, toys.CASE, toys.CASE, None, [timers_set(due)], Cause("m1", "corr"))])
    before = await collect(system)
    await databases.clock.advance("3h", CALENDAR)

    status = await collect(system)

    assert before.timers == Timers(overdue=0, late_by=0)
    assert status.timers is not None
    assert (status.timers.overdue, round(status.timers.late_by / 3600)) == (1, 2)
    assert status.problems == ("scheduler: 1 timers overdue by 2 h",)


@pytest.mark.rabbit
@pytest.mark.mongo
async def test_notices_are_counted_and_a_failed_one_is_no_alarm(
    system: System, channel: AbstractChannel, databases: Database
) -> None:
    await consume(channel)
    store = await databases.store("notifier", NOTICES)
    book = MongoNoticeBook(store, Quiet(), databases.clock.now)
    await store.write([enter(NOTICES.name, notice(number), toys.CASE) for number in (1, 2, 3)])
    failed, doubtful = await book.claim(2)
    await book.failed(failed, "refused")
    await book.in_doubt(doubtful, "connection-lost")

    status = await collect(system)

    assert status.notices == Notices(waiting=1, failed=1, in_doubt=1)
    assert status.healthy


async def test_what_does_not_answer_is_named_and_nothing_is_raised(tmp_path: Path) -> None:
    nowhere = f"{LOOPBACK}:{free_port()}"
    system = System(
        rabbit_url=f"amqp://somebody:secret@{nowhere}/",
        management_url=f"http://somebody:secret@{nowhere}",
        # A port would do, but PyMongo leaks the socket of a try that its own end interrupts.
        mongo_url=f"mongodb://{quote(str(tmp_path / 'nobody.sock'), safe='')}",
        services={"intake": f"http://{nowhere}"},
    )

    status = await collect(system)

    assert status.problems == (
        "broker (AMQPConnectionError) does not answer",
        "database (ServerSelectionTimeoutError) does not answer",
        "management API (ManagementError) does not answer",
        "intake is not ready: no answer (ConnectError)",
    )
    assert "secret" not in status.model_dump_json() + shown(status)


def shown(status: Status) -> str:
    console = Console(width=120, file=StringIO(), record=True)
    console.print(render(status))
    return console.export_text()


def test_a_person_reads_what_needs_a_person() -> None:
    moments = ((7, toys.AT), (8, toys.AT + timedelta(days=60)))
    published = [Published(number, "2026.2", "", "Ada Elm", "a test", toys.AT, moment) for number, moment in moments]
    active, scheduled = record_of(published, toys.AT)
    status = Status(
        services=(
            Service(name="intake", ready=False, wrong=("database: [no] writable primary",), council=Running(number=6)),
        ),
        queues=(
            Queue(name="intake", kind="work", waiting=7, taken=200, consumers=1, age=150),
            Queue(name="routing", kind="work", exists=False),
        ),
        unsaid=(Unsaid(service="routing", collection="decisions", documents=2, oldest=40),),
        timers=Timers(overdue=3, late_by=90),
        notices=Notices(waiting=1, failed=2, in_doubt=3),
        council=Standing(active=active, in_force_for=60, scheduled=(scheduled,)),
        unreachable=(),
    )

    page = shown(status)

    for line in (
        "intake is not ready: database: [no] writable primary",
        "routing: 2 decisions unsaid for 40 s",
        "scheduler: 3 timers overdue by 90 s",
        "1 waiting, 2 failed, 3 in doubt",
        "version 7 (2026.2) since 2 March 2026 09:30",
        "version 8 (2026.2) from 1 May 2026 10:30",
        "intake runs council version 6, in force is 7",
        "needs a person (docs/operate.md):",
    ):
        assert line in page
    assert re.search(r"│ intake +│ +7 │ +200 │ +1 │ +2 min │", page)
    assert re.search(r"│ routing +│ missing │", page)
    assert '"healthy":false' in status.model_dump_json()


def test_a_person_reads_that_all_is_well() -> None:
    status = Status(services=(), queues=(), unsaid=(), timers=None, notices=None, unreachable=())

    assert shown(status).rstrip().endswith("healthy")
    assert "set CASEWORK_SERVICES" in shown(status)
