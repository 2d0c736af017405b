"""The development stack: broker, database, inbox, issuer and the five services, each a process of its own.

Everything is made anew at each start and ends with us: secrets, data, children. Real servers, never a fake.
"""

import asyncio
import fcntl
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.fernet import Fernet
from pymongo import AsyncMongoClient

from ops.connections import STACK_FOLDER, System, as_user, forget, private, write
from ops.signing import ALGORITHM
from ops.stack.ladder import NoServerError
from ops.stack.mongo import mongo
from ops.stack.ports import free_port, is_listening
from ops.stack.rabbit import Login, rabbit
from ops.stack.supervisor import Patience, Program, Supervisor
from ops.subscribers import add as add_subscriber
from ops.subscribers import known as known_subscribers
from ops.subscribers import remove as remove_subscriber
from shared.council import Council, Councillor, load_bundle
from shared.plumbing.clients import open_database
from shared.plumbing.council import publish
from shared.plumbing.topology import SAYS, definitions

ROOT = Path(__file__).parents[1]
SERVICES = ("intake", "routing", "scheduler", "notifier", "gateway")
LISTENER = "sample-listener"
_AUDIENCE = "casework-api"
_READY_WITHIN = 90.0


class PortTaken(RuntimeError):
    """Somebody else listens where the gateway should."""


class AlreadyRunning(RuntimeError):
    """Another development stack works in the same folder."""


class Ports(NamedTuple):
    """Where everything listens, on 127.0.0.1."""

    gateway: int
    issuer: int
    inbox: int
    smtp: int
    intake: int
    routing: int
    scheduler: int
    notifier: int


def choose_ports(gateway: int) -> Ports:
    """Choose a free port for everything; 0 chooses one for the gateway, too.

    Raises:
        PortTaken: the gateway's port is in use.
    """
    if gateway and is_listening(gateway):
        raise PortTaken(
            f"127.0.0.1:{gateway} is in use: stop what listens there, or choose another with PORT=… (0: any free one)"
        )
    others = {free_port() for _ in range(24)} - {gateway}
    return Ports(gateway or free_port(), *sorted(others)[:7])


class Stack(NamedTuple):
    """A running development stack."""

    system: System
    supervisor: Supervisor
    council: Council
    operator: Login
    listener_log: Path


@asynccontextmanager
async def development_stack(gateway_port: int, say: Callable[[str], None]) -> AsyncIterator[Stack]:
    """Run everything for as long as the block lasts.

    Raises:
        AlreadyRunning: another stack works in the same folder.
        BundleRefused: the council's files are broken.
        PortTaken: the gateway's port is in use.
        StartFailedError, NoServerError: a part could not be started; the message says why.
    """
    council = load_bundle(ROOT / "council")
    ports = choose_ports(gateway_port)
    with _alone(), _servers(say) as (broker_url, management_url, mongo_url, passwords, operator):
        prefix = "casework"
        await _publish(mongo_url, f"{prefix}_council", council)
        system = System(
            rabbit_url=broker_url,
            management_url=management_url,
            mongo_url=mongo_url,
            mongo_prefix=prefix,
            gateway_url=_local(ports.gateway),
            issuer_url=_local(ports.issuer),
            inbox_url=_local(ports.inbox),
            council_code=council.code,
            services={name: _local(getattr(ports, name)) for name in SERVICES},
        )
        logs = STACK_FOLDER / "logs"
        async with Supervisor(logs, say, Patience(ready=_READY_WITHIN)) as supervisor:
            write(system)
            try:
                say("starting inbox, issuer and the five services")
                await supervisor.start(programs_of(system, ports, council, passwords))
                await supervisor.start([_listener(system)])
                yield Stack(system, supervisor, council, operator, logs / f"{LISTENER}.log")
            finally:
                forget()


@contextmanager
def _alone() -> Iterator[None]:
    """Keep the folder to ourselves; the kernel gives it back however we end."""
    private(STACK_FOLDER)
    with (STACK_FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"a system is running in {STACK_FOLDER} already: stop it with Ctrl-C in its terminal, play the story "
                "against it with `make demo URL=…`, or start this one elsewhere with CASEWORK_STACK_FOLDER=…"
            ) from None
        yield


@contextmanager
def _servers(say: Callable[[str], None]) -> Iterator[tuple[str, str, str, dict[str, str], Login]]:
    """Bring broker and database; the broker with topology, users and rights as in production."""
    operator = Login("operator", secrets.token_urlsafe(12))
    passwords = {service: secrets.token_urlsafe(24) for service in SAYS}
    wanted = definitions(passwords, operator=(operator.user, operator.password))
    say("starting MongoDB and RabbitMQ")
    with (
        mongo(folder=STACK_FOLDER / "mongo", say=say) as database,
        rabbit(definitions=wanted, login=operator, folder=STACK_FOLDER / "rabbit", say=say) as broker,
    ):
        if broker.management_url is None:
            raise NoServerError("CASEWORK_RABBIT_URL is set: set CASEWORK_RABBIT_MANAGEMENT_URL, too")
        yield broker.url, broker.management_url, database.url, passwords, operator


async def _publish(mongo_url: str, name: str, council: Council) -> None:
    """Bring the sample council into force, whatever a database of yours has scheduled."""
    async with AsyncMongoClient[dict[str, Any]](mongo_url, tz_aware=True) as client:
        await publish(
            open_database(client, name),
            council,
            author="casework up",
            reason="sample council of the development stack",
            overtake=True,
        )


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def programs_of(
    system: System, ports: Ports, council: Council, passwords: Mapping[str, str], folder: Path = STACK_FOLDER
) -> list[Program]:
    """Say how to start inbox, issuer and the five services; each has its own secrets, and keys nobody else has.

    Args:
        system: where everything is.
        ports: where the programs are to listen.
        council: whose people may sign in.
        passwords: password of each service's broker user.
        folder: for what issuer and inbox keep.
    """
    people = folder / "people.json"
    people.write_text(json.dumps(people_of(council)), encoding="utf-8")
    seal, vault = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    python = [sys.executable, "-m"]
    bare = _environment()
    programs = [
        Program(
            "inbox",
            (*python, "ops.inbox", f"--smtp-port={ports.smtp}", f"--http-port={ports.inbox}"),
            bare,
            f"{system.inbox_url}/readyz",
        ),
        Program(
            "issuer",
            (
                *python,
                "ops.issuer",
                f"--port={ports.issuer}",
                f"--people={people}",
                f"--state={folder / 'issuer'}",
                f"--audience={_AUDIENCE}",
                f"--redirect-uri={system.gateway_url}/sign-in/callback",
            ),
            bare,
            f"{system.issuer_url}/readyz",
        ),
    ]
    own = {
        "intake": {"CASEWORK_SEAL_KEYS": seal, "CASEWORK_VAULT_KEYS": vault},
        "notifier": {
            "CASEWORK_PUBLIC_URL": system.gateway_url,
            "CASEWORK_SMTP_HOST": "127.0.0.1",
            "CASEWORK_SMTP_PORT": str(ports.smtp),
            "CASEWORK_SMTP_STARTTLS": "never",
            "CASEWORK_DUTY_WEBHOOK_URL": f"{system.inbox_url}/duty",
        },
        "gateway": {
            "CASEWORK_SEAL_KEYS": seal,
            "CASEWORK_PUBLIC_URL": system.gateway_url,
            "CASEWORK_GATEWAY_ISSUER": system.issuer_url,
            "CASEWORK_GATEWAY_AUDIENCE": _AUDIENCE,
            "CASEWORK_GATEWAY_TOKEN_ALGORITHM": ALGORITHM,
            "CASEWORK_GATEWAY_INBOX_URL": system.inbox_url,
        },
    }
    for service in SERVICES:
        port = getattr(ports, service)
        shared = {
            "CASEWORK_PROFILE": "development",
            "CASEWORK_RABBIT_URL": as_user(system.rabbit_url, service, passwords[service]),
            "CASEWORK_MONGO_URL": system.mongo_url,
            "CASEWORK_MONGO_PREFIX": system.mongo_prefix,
            "CASEWORK_COUNCIL_CODE": council.code,
        }
        argv = (*python, "uvicorn", f"services.{service}.app:create_app", "--factory", "--host=127.0.0.1")
        flags = (f"--port={port}", "--loop=uvloop", "--log-level=warning", "--no-access-log")
        limits = ("--timeout-graceful-shutdown=20",)
        environment = bare | shared | own.get(service, {})
        programs.append(Program(service, argv + flags + limits, environment, f"{_local(port)}/readyz"))
    return programs


def _listener(system: System) -> Program:
    """Start the sample subscriber: another AMQP library, another broker user, only what it was bound to."""
    if LISTENER in {known.name for known in known_subscribers(system)}:  # on a broker of yours, from an earlier start
        remove_subscriber(system, LISTENER)
    granted = add_subscriber(system, LISTENER, ["case.#"])
    environment = _environment() | {"LISTEN_URL": granted.url, "LISTEN_QUEUE": granted.queue}
    return Program(LISTENER, (sys.executable, str(ROOT / "docs/examples/listen.py")), environment)


def _environment() -> dict[str, str]:
    """Pass on what a program needs of ours, and nothing that names another system."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CASEWORK_")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def people_of(council: Council) -> list[dict[str, str]]:
    """List whom the development issuer can sign in."""
    councillors = [
        {"id": person.id, "name": person.full_name, "about": f"Councillor, {', '.join(_wards(person))}"}
        for person in council.councillors
    ]
    officers = [
        {"id": person.id, "name": person.full_name, "about": f"Officer, {', '.join(_roles(person.id, council))}"}
        for person in council.officers
    ]
    systems = [{"id": system.id, "name": system.full_name, "about": "System"} for system in council.systems]
    return councillors + officers + systems


def _roles(person: str, council: Council) -> list[str]:
    """Say what an officer was granted: the team of a role in a team, else the role."""
    return sorted({grant.team or grant.role for grant in council.grants if grant.person == person})


def _wards(councillor: Councillor) -> list[str]:
    return sorted({seat.ward for seat in councillor.seats})


async def follow(log: Path, hears: Callable[[str], None]) -> None:
    """Pass on every line that is added to a log."""
    with suppress(asyncio.CancelledError), log.open(encoding="utf-8", errors="replace") as lines:
        while True:
            line = lines.readline()
            if line.endswith("\n"):
                hears(line.rstrip())
            else:
                await asyncio.sleep(0.1)
