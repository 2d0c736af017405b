"""Where the pipeline plays: servers for all, a place of its own for each turn, who does the job and who gives it.

Everything goes with the block that made it.
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import urllib.parse
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from cryptography.fernet import Fernet
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from benchmarks.job import SERVICES, Results
from benchmarks.processes import servers
from benchmarks.report import Stopped
from ops.development import ROOT
from ops.stack.management import Management
from ops.stack.mongo import mongo
from ops.stack.ports import free_port
from ops.stack.processes import launched
from ops.stack.rabbit import rabbit
from ops.stack.supervisor import Patience, Program, Supervisor
from shared.council import load_bundle
from shared.plumbing.clients import make_broker, make_client, open_database
from shared.plumbing.council import publish
from shared.plumbing.history import Document
from shared.plumbing.settings import Settings
from shared.plumbing.topology import CONSUMERS, LADDER, WORK_QUEUES, dead_queue, declare, retry_queue

THREADS = 8
"""Tasks a Celery worker does side by side."""


# --- variants ---------------------------------------------------------------------------------------------------------


class Variant(NamedTuple):
    """Somebody who does the job."""

    name: str
    does: str
    """What it writes and publishes for one case, beside the 7 durable writes all have in common."""
    programs: Callable[[Mapping[str, str]], list[Program]]
    relays: bool
    """True: it marks what was said, so nothing may be left unsaid."""


def casework(environment: Mapping[str, str]) -> list[Program]:
    """Start the four services as `make run` starts them."""
    programs = []
    for service in SERVICES:
        port = free_port()
        argv = (sys.executable, "-m", "uvicorn", f"services.{service}.app:create_app", "--factory", "--host=127.0.0.1")
        flags = (f"--port={port}", "--loop=uvloop", "--log-level=warning", "--no-access-log")
        programs.append(Program(service, argv + flags, environment, f"http://127.0.0.1:{port}/readyz"))
    return programs


def plain_faststream(environment: Mapping[str, str]) -> list[Program]:
    """Start a plain FastStream worker for each service."""
    argv = (sys.executable, "-m", "benchmarks.plain_faststream")
    return [Program(service, (*argv, service), environment) for service in SERVICES]


def plain_celery(environment: Mapping[str, str]) -> list[Program]:
    """Start a plain Celery worker for each service."""
    argv = (sys.executable, "-m", "celery", "-A", "benchmarks.plain_celery", "--quiet", "worker", "--pool=threads")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=warning")
    return [
        Program(service, (*argv, *quiet, f"--concurrency={THREADS}", f"-Qplain.{service}", f"-n{service}"), environment)
        for service in SERVICES
    ]


VARIANTS = (
    Variant("Casework", "3 publishes, 7 deliveries; marks in bulk; reads refusals, too", casework, relays=True),
    Variant("FastStream", "3 publishes, 7 deliveries", plain_faststream, relays=False),
    Variant("Celery", "6 publishes, 7 deliveries", plain_celery, relays=False),
)


# --- places -----------------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """A vhost and databases of its own for one turn, and who works there."""

    results: Results
    environment: Mapping[str, str]
    supervisor: Supervisor
    pids: Callable[[], dict[str, int]]
    leftovers: Callable[[], Any]
    client: AsyncMongoClient[Document]


class Servers(NamedTuple):
    """Broker and database, shared by all turns."""

    rabbit_url: str
    mongo_url: str
    management_url: str
    management: Management
    pids: Mapping[str, int]


@contextlib.contextmanager
def running_servers(say: Callable[[str], None]) -> Iterator[Servers]:
    """Start them; their processes must be ours, because their processor time is counted.

    Raises:
        Stopped: they are somebody else's.
    """
    say("starting MongoDB and RabbitMQ")
    with mongo(say=say) as database, rabbit(say=say) as broker:
        pids = servers()
        if len(pids) != len(("broker", "database")) or broker.management_url is None:
            raise Stopped("the servers' processor time is counted, so they must be child processes: TEST_INFRA=local")
        with Management(broker.management_url) as management:
            yield Servers(broker.url, database.url, broker.management_url, management, pids)


@asynccontextmanager
async def place(servers_: Servers, variant: Variant) -> AsyncIterator[Place]:
    """Make a place with the topology and the council of a real system; it goes with everything in it.

    The services run in the production profile, on real time. They share one broker user that may do everything: the
    broker checks rights alike for all variants, and caches what it found.
    """
    name = f"bench_{uuid4().hex[:12]}"
    url = urllib.parse.urlsplit(servers_.rabbit_url)._replace(path=f"/{name}").geturl()
    environment = _environment() | {
        "CASEWORK_PROFILE": "production",
        "CASEWORK_RABBIT_URL": url,
        "CASEWORK_MONGO_URL": servers_.mongo_url,
        "CASEWORK_MONGO_PREFIX": name,
        "CASEWORK_SEAL_KEYS": Fernet.generate_key().decode(),
        "CASEWORK_VAULT_KEYS": Fernet.generate_key().decode(),
        "CASEWORK_PUBLIC_URL": "http://127.0.0.1",
        "CASEWORK_SMTP_HOST": "127.0.0.1",
        "CASEWORK_SMTP_PORT": str(free_port()),  # nobody listens: no mail is sent
    }
    settings = Settings(rabbit_url=SecretStr(url), mongo_url=SecretStr(servers_.mongo_url), mongo_prefix=name)
    servers_.management.create_vhost(name)
    broker, client = make_broker(settings, "routing"), make_client(settings, "routing")
    council, results = open_database(client, settings.database_of("council")), Results.of(client, settings)
    try:
        await publish(council, load_bundle(ROOT / "council"), author="benchmark", reason="a turn")
        await results.prepare()
        connection = await broker.connect()
        async with connection.channel() as declaring:
            await declare(declaring)
        looking = await connection.channel()
        with tempfile.TemporaryDirectory(prefix="casework-bench-") as logs:
            async with Supervisor(Path(logs), _unexpected, Patience(ready=90)) as supervisor:
                await supervisor.start(variant.programs(environment))

                def pids() -> dict[str, int]:
                    return {service: supervisor.pid(service) or 0 for service in SERVICES} | dict(servers_.pids)

                yield Place(results, environment, supervisor, pids, partial(_leftovers, looking), client)
    finally:
        await broker.stop()
        await results.drop()
        await client.drop_database(council.name)
        await client.close()
        servers_.management.delete_vhost(name)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CASEWORK_")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def _unexpected(line: str) -> None:
    sys.stderr.write(f"{line}\n")


async def _leftovers(channel: Any) -> dict[str, int]:
    """Count what lies in any queue: work not done, retries, dead letters."""
    names = [queue.name for queue in WORK_QUEUES] + [retry_queue(step) for step in LADDER]
    counts = {}
    for name in [*names, *(dead_queue(service) for service in CONSUMERS)]:
        # a robust channel answers from memory about a queue that it has declared itself, unless told to keep none
        found = await channel.declare_queue(name, passive=True, robust=False)
        counts[name] = found.declaration_result.message_count or 0
    return {name: count for name, count in counts.items() if count}


# --- loads ------------------------------------------------------------------------------------------------------------


class Loader:
    """The process that gives commands; what it costs is not counted."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ready(self) -> None:
        """Wait until it is connected."""
        await self._hear()

    async def seal(self, number: int, rate: float = 0) -> None:
        """Let it write so many commands, to be given so many a second; 0: as fast as it can."""
        await self._tell(f"{number} {rate}")
        await self._hear()

    async def go(self) -> None:
        """Let it give them."""
        await self._tell("go")

    async def given(self) -> dict[str, float]:
        """Hear when each case's command was given."""
        times: dict[str, float] = json.loads(await self._hear())
        return times

    async def _tell(self, line: str) -> None:
        if self._process.stdin is None:
            raise Stopped("the loader hears nothing")
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def _hear(self) -> str:
        if self._process.stdout is None:
            raise Stopped("the loader says nothing")
        line = (await self._process.stdout.readline()).decode()
        if not line:
            raise Stopped("the loader has died: its last words stand above")
        return line.strip()


@asynccontextmanager
async def loader(environment: Mapping[str, str], variant: str) -> AsyncIterator[Loader]:
    """Start the loader of a variant, told by an environment where the broker is and which keys seal."""
    process = await asyncio.create_subprocess_exec(
        *launched((sys.executable, "-m", "benchmarks.loader", variant.lower())),
        env=dict(environment),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    try:
        made = Loader(process)
        await made.ready()
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
