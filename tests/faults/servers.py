"""A broker and a database that may be killed: programs under a supervisor, on fixed ports, with data that stays."""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from ops.stack import rabbit as broker
from ops.stack.mongo import find_mongod
from ops.stack.ports import LOOPBACK, free_port, is_listening, speaks_amqp
from ops.stack.rabbit import Login, find_epmd, find_server
from ops.stack.supervisor import Program

BROKER, DATABASE = "rabbitmq", "mongod"
_PORT_MAPPER = "epmd"
_ALREADY_INITIALISED = 23


class Ports(NamedTuple):
    """Where the servers listen."""

    amqp: int
    management: int
    mongo: int
    distribution: int
    mapper: int


def kill(pid: int) -> None:
    """End a process at once."""
    os.kill(pid, signal.SIGKILL)


def choose_ports() -> Ports:
    """Choose a free port for each."""
    chosen: set[int] = set()
    while len(chosen) < len(Ports._fields):
        chosen.add(free_port())
    return Ports(*chosen)


def need_binaries() -> None:
    """Skip where Docker or the environment provides the servers: a server of somebody else's cannot be killed."""
    if not (find_mongod() and find_server() and find_epmd()):
        pytest.skip("needs a rabbitmq-server and a mongod of this machine, to kill them; here they come from elsewhere")


def broker_programs(folder: Path, ports: Ports, definitions: Mapping[str, Any], login: Login) -> list[Program]:
    """Say how to start the broker and what it needs; its data lies in the folder and outlives a kill."""
    binary, mapper = find_server(), find_epmd()
    assert binary is not None
    assert mapper is not None
    folder.mkdir(parents=True, exist_ok=True)
    broker._write_configuration(folder, ports.amqp, ports.management, broker._definitions(definitions, login))
    environment = broker._environment(folder, ports.distribution, ports.mapper)
    return [
        Program(_PORT_MAPPER, (mapper, "-address", LOOPBACK, "-port", str(ports.mapper)), environment),
        Program(BROKER, (binary,), environment),
    ]


def database_program(folder: Path, port: int) -> Program:
    """Say how to start the database; its data lies in the folder and outlives a kill."""
    binary = find_mongod()
    assert binary is not None
    folder.mkdir(parents=True, exist_ok=True)
    argv = (binary, "--dbpath", str(folder), "--bind_ip", LOOPBACK, "--port", str(port), "--replSet", "rs0")
    small = ("--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64")
    return Program(DATABASE, argv + small, {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})


async def broker_is_up(ports: Ports, within: float = 60.0) -> None:
    """Wait until the broker speaks AMQP and has its management API.

    Raises:
        TimeoutError: it is not up in time.
    """
    async with asyncio.timeout(within):
        while not await asyncio.to_thread(_is_up, ports):  # noqa: ASYNC110  it is another process
            await asyncio.sleep(0.1)


def _is_up(ports: Ports) -> bool:
    return speaks_amqp(ports.amqp) and is_listening(ports.management)


async def database_takes_writes(port: int, within: float = 60.0) -> None:
    """Wait until the database is a primary; the first time, make it the only member of a replica set.

    Raises:
        TimeoutError: it does not take writes in time.
    """
    url = f"mongodb://{LOOPBACK}:{port}/?directConnection=true"
    async with asyncio.timeout(within), AsyncMongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=500) as client:
        member = {"_id": "rs0", "members": [{"_id": 0, "host": f"{LOOPBACK}:{port}"}]}
        while True:
            try:
                if (hello := await client.admin.command("hello")).get("isWritablePrimary"):
                    return
                if not hello.get("setName"):
                    await client.admin.command("replSetInitiate", member)
            except OperationFailure as error:
                if error.code != _ALREADY_INITIALISED:
                    raise
            except PyMongoError:
                pass  # it is still starting
            await asyncio.sleep(0.1)
