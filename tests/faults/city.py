"""A whole system of processes on servers of its own, which a test may kill, silence and cut off.

Broker, database and services are started as `make run` starts them, each service with its own broker user and rights.
Whatever dies is started again by the supervisor. Broker and mail server are reached through a network of ours.
"""

import asyncio
import dataclasses
import json
import secrets
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import aio_pika
import httpx2
from aio_pika.abc import AbstractIncomingMessage
from pymongo import AsyncMongoClient

from ops.connections import System
from ops.development import ROOT, SERVICES, choose_ports, programs_of
from ops.stack.rabbit import Login
from ops.stack.supervisor import Patience, Program, Supervisor
from shared.council import Directory, load_bundle
from shared.plumbing.clients import open_database
from shared.plumbing.clock import MovableClock
from shared.plumbing.council import publish
from shared.plumbing.envelope import HEADER
from shared.plumbing.topology import CONSUMERS, EVENTS, LADDER, SAYS, WORK_QUEUES, dead_queue, definitions, retry_queue
from tests.faults import servers
from tests.faults.proxy import Proxy
from tests.faults.servers import BROKER, DATABASE

KILLABLE = (*SERVICES, BROKER, DATABASE)
"""All that is killed: the five services and their two servers."""
FIREHOSE = "faults.firehose"
"""Hears every event, durably; read once everything is over."""
ENDED = ("sent", "failed", "in_doubt")
WITHIN = 180.0
"""Seconds until everything must have come to rest."""
QUIET = 2.0
"""Seconds without a message after which no more is expected of a queue that counts none."""

Seen = TypeVar("Seen")


async def until(look: Callable[[], Awaitable[Seen | None]], what: Callable[[], str] | str, within: float) -> Seen:
    """Look again and again until there is something to see.

    Raises:
        AssertionError: there was nothing to see in time.
    """
    try:
        async with asyncio.timeout(within):
            while not (seen := await look()):  # noqa: ASYNC110  what is waited for happens in other processes
                await asyncio.sleep(0.25)
            return seen
    except TimeoutError:
        raise AssertionError(f"{what() if callable(what) else what}: not within {within:g} s") from None


@dataclass(frozen=True)
class Heard:
    """An event as a subscriber got it."""

    id: str
    type: str
    subject: str
    seq: int


@dataclass
class City:
    """What a test of faults works with."""

    directory: Directory
    system: System
    supervisor: Supervisor
    broker_network: Proxy
    mail_network: Proxy
    mongo: AsyncMongoClient[dict[str, Any]]
    ports: servers.Ports
    folder: Path
    said: list[str]
    """What the supervisor had to say: deaths and restarts."""
    heard: list[Heard] = field(default_factory=list)

    @property
    def operator_url(self) -> str:
        """The broker itself, not through the network."""
        login = self.system.management_url.split("://", 1)[1].rpartition("@")[0]
        return f"amqp://{login}@127.0.0.1:{self.ports.amqp}/"

    def collection(self, service: str, name: str) -> Any:
        """Give a collection of a service's database."""
        return open_database(self.mongo, f"{self.system.mongo_prefix}_{service}")[name]

    def log_of(self, service: str) -> list[dict[str, Any]]:
        """Read what a service has written, over all its lives."""
        lines = (self.folder / "logs" / f"{service}.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    async def kill(self, name: str) -> None:
        """End a process at once; its supervisor starts it again."""
        if (pid := self.supervisor.pid(name)) is not None:
            servers.kill(pid)

    async def deploy(self, name: str, pause: float) -> tuple[float, int]:
        """Stop a process as a deployment does, and start it again; give the seconds it took to end, and its code.

        Args:
            name: of the program.
            pause: seconds it is held still before, so that the broker brings it messages it has not looked at.
        """
        process = self.supervisor._running[name].process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(pause)
        process.send_signal(signal.SIGCONT)
        began = asyncio.get_running_loop().time()

        async def ended() -> tuple[float, int]:
            code = await process.wait()
            return asyncio.get_running_loop().time() - began, code

        ending = asyncio.create_task(ended())
        await self.supervisor.restart(name)
        return await ending

    async def stands(self) -> None:
        """Wait until every part is up and every service ready."""
        await servers.broker_is_up(self.ports)
        await servers.database_takes_writes(self.ports.mongo)
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
            missing: list[str] = []

            async def look() -> bool:
                missing.clear()
                for name, url in self.system.services.items():
                    try:
                        answer = await client.get(f"{url}/readyz")
                    except httpx2.HTTPError as error:
                        missing.append(f"{name}: {type(error).__name__}")
                    else:
                        if not answer.is_success:
                            missing.append(f"{name}: {answer.text}")
                return not missing

            await until(look, lambda: f"every service ready; missing: {missing}", WITHIN)

    async def rests(self) -> float:
        """Wait until nothing is to come any more, looked at twice; give the seconds it took.

        Raises:
            AssertionError: something is still to come; the message says what.
        """
        loop = asyncio.get_running_loop()
        began, left = loop.time(), [""]

        async def look() -> bool:
            left[:] = await self.unfinished()
            return not left

        for _ in range(2):
            await until(look, lambda: f"the end of everything; still to come: {left}", WITHIN)
            await asyncio.sleep(0.5)
        return loop.time() - began

    async def unfinished(self) -> list[str]:
        """List what is still to come: facts not said, timers not fired, notices without an end, messages in queues."""
        now = await MovableClock(open_database(self.mongo, f"{self.system.mongo_prefix}_council")).now()
        unsaid: dict[str, Any] = {"unsaid_since": {"$exists": True}}
        open_ends: dict[tuple[str, str], list[dict[str, Any]]] = {
            ("intake", "cases"): [unsaid],
            ("routing", "decisions"): [unsaid],
            ("scheduler", "diaries"): [unsaid, {"state.next_due": {"$type": "date", "$lte": now}}],
            ("notifier", "notices"): [unsaid, {"state.status": {"$nin": ENDED}}],
            ("gateway", "commands"): [unsaid],
        }
        left = []
        for (service, name), wanted in open_ends.items():
            if count := await self.collection(service, name).count_documents({"$or": wanted}):
                left.append(f"{count} {name} of {service}")
        names = [*(queue.name for queue in WORK_QUEUES), *map(retry_queue, LADDER)]
        async with await aio_pika.connect(self.operator_url) as connection:
            channel = await connection.channel()
            for name in names:
                found = await channel.declare_queue(name, passive=True)
                if count := found.declaration_result.message_count:
                    left.append(f"{count} messages in {name}")
        # What was taken and not acknowledged is not counted above: the broker's own page knows.
        async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
            answer = await client.get(f"{self.system.management_url}/api/queues/%2F")
            left += [
                f"{each['messages_unacknowledged']} messages taken from {each['name']}"
                for each in answer.json()
                if each.get("messages_unacknowledged") and each["name"] in names
            ]
        return left

    async def unbind(self, queue: str, pattern: str) -> None:
        """Take a queue's binding to the events away."""
        async with await aio_pika.connect(self.operator_url) as connection:
            channel = await connection.channel()
            await (await channel.get_queue(queue, ensure=False)).unbind(EVENTS, pattern)

    async def bind(self, queue: str, pattern: str) -> None:
        """Bind a queue to the events again."""
        async with await aio_pika.connect(self.operator_url) as connection:
            channel = await connection.channel()
            await (await channel.get_queue(queue, ensure=False)).bind(EVENTS, pattern)

    async def dead(self) -> Counter[str]:
        """Count the dead letters by service."""
        async with await aio_pika.connect(self.operator_url) as connection:
            channel = await connection.channel()
            counts = {}
            for service in CONSUMERS:
                found = await channel.declare_queue(dead_queue(service), passive=True)
                counts[service] = found.declaration_result.message_count or 0
        return Counter({service: count for service, count in counts.items() if count})

    async def take_all(self, queue: str) -> set[str]:
        """Take everything out of a queue that has something; gives the ids.

        A broker that has just started counts none in a queue it has not recovered yet: only when nothing more comes for
        a while, and the queue counts none either, all has been taken.
        """
        taken: set[str] = set()
        last = time.monotonic()
        async with await aio_pika.connect(self.operator_url) as connection:
            channel = await connection.channel()
            found = await channel.get_queue(queue, ensure=True)

            async def take(message: AbstractIncomingMessage) -> None:
                nonlocal last
                taken.add(message.message_id or "")
                last = time.monotonic()

            async def all_taken() -> bool:
                counted = (await channel.declare_queue(queue, passive=True)).declaration_result.message_count
                return bool(taken) and not counted and time.monotonic() - last > QUIET

            await found.consume(take, no_ack=True)
            await until(all_taken, f"all messages of {queue}", 60)
        return taken

    async def listen(self) -> Sequence[Heard]:
        """Take everything the firehose has; gives all that was ever heard."""
        async with await aio_pika.connect(self.operator_url) as connection:
            queue = await (await connection.channel()).get_queue(FIREHOSE, ensure=False)
            while (message := await queue.get(fail=False)) is not None:
                headers = message.headers
                self.heard.append(
                    Heard(
                        id=message.message_id or "",
                        type=message.type or "",
                        subject=str(headers.get(f"{HEADER}subject", "")),
                        seq=int(str(headers.get(f"{HEADER}caseseq", "0"))),
                    )
                )
                await message.ack()
        return self.heard

    async def mails(self) -> Counter[str]:
        """Count the mails that have arrived by their notice's id."""
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as client:
            found = (await client.get(f"{self.system.inbox_url}/api/messages")).json()
        return Counter(str(mail["headers"]["Message-ID"]).strip("<>").partition("@")[0] for mail in found)

    async def calls(self) -> Counter[str]:
        """Count the calls that were made by their notice's id."""
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as client:
            found = (await client.get(f"{self.system.inbox_url}/api/calls")).json()
        return Counter(str(call["told"]["id"]) for call in found)


@asynccontextmanager
async def a_city(folder: Path) -> AsyncIterator[City]:
    """Run a whole system for as long as the block lasts."""
    servers.need_binaries()
    council, said = load_bundle(ROOT / "council"), list[str]()
    places, ports = servers.choose_ports(), choose_ports(0)
    operator = Login("operator", secrets.token_urlsafe(12))
    passwords = {service: secrets.token_urlsafe(24) for service in SAYS}
    topology = definitions(passwords, operator=(operator.user, operator.password))
    async with AsyncExitStack() as stack:
        patience = Patience(ready=60.0, backoff=(0.2,))
        supervisor = await stack.enter_async_context(Supervisor(folder / "logs", said.append, patience))
        broker = servers.broker_programs(folder / "broker", places, topology, operator)
        await supervisor.start([*broker, servers.database_program(folder / "database", places.mongo)])
        await asyncio.gather(servers.broker_is_up(places), servers.database_takes_writes(places.mongo))
        broker_network, mail_network = Proxy(places.amqp), Proxy(ports.smtp)
        for network in (broker_network, mail_network):
            await network.open()
            stack.push_async_callback(network.close)
        login = f"{quote(operator.user)}:{quote(operator.password, safe='')}"
        system = System(
            rabbit_url=f"amqp://{login}@127.0.0.1:{broker_network.port}/",
            management_url=f"http://{login}@127.0.0.1:{places.management}",
            mongo_url=f"mongodb://127.0.0.1:{places.mongo}/?directConnection=true",
            gateway_url=f"http://127.0.0.1:{ports.gateway}",
            issuer_url=f"http://127.0.0.1:{ports.issuer}",
            inbox_url=f"http://127.0.0.1:{ports.inbox}",
            council_code=council.code,
            services={name: f"http://127.0.0.1:{getattr(ports, name)}" for name in SERVICES},
        )
        mongo = await stack.enter_async_context(AsyncMongoClient[dict[str, Any]](system.mongo_url, tz_aware=True))
        await publish(open_database(mongo, f"{system.mongo_prefix}_council"), council, author="test", reason="test")
        city = City(Directory(council), system, supervisor, broker_network, mail_network, mongo, places, folder, said)
        await _put_up_a_firehose(city)
        programs = programs_of(system, ports, council, passwords, folder)
        await supervisor.start([_for_tests(program, mail_network.port) for program in programs])
        yield city


async def _put_up_a_firehose(city: City) -> None:
    async with await aio_pika.connect(city.operator_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(FIREHOSE, durable=True, arguments={"x-queue-type": "quorum"})
        await queue.bind(EVENTS, "#")


def _for_tests(program: Program, smtp_port: int) -> Program:
    """Let mails go over our network, and be taken over from a dead notifier soon."""
    if program.name != "notifier":
        return program
    argv = tuple(
        part.replace("services.notifier.app:create_app", "tests.faults.notifier:create_app") for part in program.argv
    )
    environment = {**program.env, "CASEWORK_SMTP_PORT": str(smtp_port), "CASEWORK_MAIL_RATE": "500"}
    return dataclasses.replace(program, argv=argv, env=environment)
