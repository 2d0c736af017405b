"""The stack's servers start, answer, listen on loopback only and leave nothing, however their starter ends."""

import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, Never

import pika
import pymongo
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from ops.stack.ladder import NoServerError, climb
from ops.stack.management import Management, password_hash
from ops.stack.mongo import Mongo, find_mongod, mongo
from ops.stack.ports import free_port, is_listening
from ops.stack.processes import ServerFailedError, child
from ops.stack.rabbit import Login, Rabbit, find_epmd, find_server, rabbit

ROOT = pathlib.Path(__file__).parents[2]
PROC = pathlib.Path("/proc")

linux_only = pytest.mark.skipif(not PROC.is_dir(), reason="reads /proc")

STARTER = """
import signal
from ops.stack.mongo import mongo
from ops.stack.rabbit import rabbit

with rabbit() as broker, mongo() as database:
    print(broker.management_url, database.url, flush=True)
    signal.pause()
"""


def eventually(holds: Callable[[], bool], within: float = 15) -> bool:
    """Look again and again until it holds or the time is over."""
    end = time.monotonic() + within
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def descendants(ancestor: int) -> dict[int, str]:
    """Return the start time of every living process below one, by pid (proc(5), stat fields 4 and 22)."""
    parents: dict[int, int] = {}
    started: dict[int, str] = {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        parents[pid], started[pid] = int(fields[1]), fields[19]
    found: set[int] = set()
    waiting = {ancestor}
    while waiting:
        waiting = {pid for pid, parent in parents.items() if parent in waiting} - found
        found |= waiting
    return {pid: started[pid] for pid in found}


def alive(processes: dict[int, str]) -> list[str]:
    """Return those that still run; a zombie waiting for its new parent runs no more."""
    left = []
    for pid, started in processes.items():
        try:
            fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[19] == started and fields[0] != "Z":
            left.append(f"{pid} {(PROC / str(pid) / 'cmdline').read_text()[:80]}")
    return left


def listeners(processes: dict[int, str]) -> dict[int, set[str]]:
    """Return the local addresses (hexadecimal, as /proc/net/tcp writes them) each port is listened on by processes."""
    inodes = set()
    for pid in processes:
        for descriptor in (PROC / str(pid) / "fd").glob("*"):
            try:
                inodes.add(str(descriptor.readlink()))
            except OSError:
                continue
    found: dict[int, set[str]] = {}
    for table in ("tcp", "tcp6"):
        for line in (PROC / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                address, _, port = fields[1].partition(":")
                found.setdefault(int(port, 16), set()).add(address)
    return found


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only local binaries; skip where they are missing because the servers of this run come from elsewhere.

    Where they should have come from here, every other test that needs a server fails.
    """
    if not (find_server() and find_epmd() and find_mongod()):
        pytest.skip(
            "servers come from Docker or the environment here: rabbitmq-server, epmd or mongod is not installed"
        )
    monkeypatch.setenv("TEST_INFRA", "local")


@pytest.fixture
def starter(local: None, tmp_path: pathlib.Path) -> Iterator[tuple["subprocess.Popen[str]", dict[int, str]]]:
    """A process that has started both servers, and everything below it."""
    with subprocess.Popen(  # noqa: S603  our own code
        [sys.executable, "-c", STARTER],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("http://operator:")
            yield process, descendants(process.pid)
        finally:
            process.kill()


@pytest.mark.rabbit
@pytest.mark.mongo
@linux_only
def test_every_listener_is_on_loopback_and_a_killed_starter_leaves_no_process_and_no_listener(
    starter: tuple["subprocess.Popen[str]", dict[int, str]],
) -> None:
    process, below = starter
    listening = listeners(below)
    assert len(listening) >= 5  # AMQP, management, distribution, epmd, mongod
    loopback = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
    assert set().union(*listening.values()) <= loopback

    process.kill()

    assert eventually(lambda: not alive(below)), alive(below)
    assert not [port for port in listening if is_listening(port)]


@pytest.mark.rabbit
@pytest.mark.mongo
@linux_only
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_signalled_starter_leaves_no_process_and_no_listener(
    starter: tuple["subprocess.Popen[str]", dict[int, str]], sig: signal.Signals
) -> None:
    process, below = starter
    listening = listeners(below)

    process.send_signal(sig)
    process.wait(30)

    assert eventually(lambda: not alive(below)), alive(below)
    assert not [port for port in listening if is_listening(port)]


@pytest.mark.rabbit
def test_definitions_are_there_after_boot_and_kept_data_survives_a_restart_with_a_new_password(
    local: None, tmp_path: pathlib.Path
) -> None:
    definitions = {
        "users": [{"name": "intake", "password_hash": password_hash("only-here"), "tags": ""}],
        "permissions": [{"user": "intake", "vhost": "/", "configure": "", "write": ".*", "read": ".*"}],
        "exchanges": [{"name": "casework.events", "vhost": "/", "type": "topic", "durable": True}],
    }
    with rabbit(definitions=definitions, folder=tmp_path / "rabbit", keep=True) as first:
        intake = urllib.parse.urlsplit(first.url)._replace(
            netloc=f"intake:only-here@{first.url.rpartition('@')[2][:-1]}"
        )
        with pika.BlockingConnection(pika.URLParameters(intake.geturl())) as connection:
            connection.channel().exchange_declare("casework.events", passive=True)
        with Management(first.management_url or "") as management:
            management.put("queues/%2F/stays", {"durable": True, "arguments": {"x-queue-type": "quorum"}})

    with (
        rabbit(definitions=definitions, folder=tmp_path / "rabbit", keep=True) as second,
        Management(second.management_url or "") as management,
    ):
        names = [queue["name"] for queue in management.queues()]

    assert names == ["stays"]
    assert urllib.parse.urlsplit(first.url).password != urllib.parse.urlsplit(second.url).password


@pytest.mark.mongo
def test_kept_data_of_the_database_survives_a_restart(local: None, tmp_path: pathlib.Path) -> None:
    with (
        mongo(folder=tmp_path / "mongo", keep=True) as server,
        pymongo.MongoClient[dict[str, str]](server.url) as client,
    ):
        client.casework.cases.insert_one({"_id": "CW-1"})

    with (
        mongo(folder=tmp_path / "mongo", keep=True) as server,
        pymongo.MongoClient[dict[str, str]](server.url) as client,
    ):
        found = client.casework.cases.find_one({})

    assert found == {"_id": "CW-1"}


@pytest.mark.rabbit
def test_a_vhost_of_the_tests_own_takes_a_message(vhost_url: str, management: Management) -> None:
    with pika.BlockingConnection(pika.URLParameters(vhost_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("letters", durable=True, arguments={"x-queue-type": "quorum"})
        channel.basic_publish("", "letters", b"hello", mandatory=True)
        _, _, body = channel.basic_get("letters", auto_ack=True)

    assert body == b"hello"
    assert [queue["name"] for queue in management.queues(vhost_url.rpartition("/")[2])] == ["letters"]


@pytest.mark.mongo
async def test_the_database_is_a_replica_set_that_takes_transactions(database: AsyncDatabase[dict[str, Any]]) -> None:
    client = database.client

    async with client.start_session() as session, await session.start_transaction():
        await database.cases.insert_one({"_id": 1}, session=session)

    assert await database.cases.count_documents({}) == 1


def test_the_repr_of_a_server_shows_no_password() -> None:
    server = Rabbit("amqp://operator:hush@127.0.0.1:1/", "http://operator:hush@127.0.0.1:2", "local")

    assert "hush" not in repr(server)
    assert "hush" not in repr(Login("operator", "hush"))


def test_definitions_with_our_own_user_need_its_password(local: None) -> None:
    with (
        pytest.raises(ValueError, match="hand in its password as login"),
        rabbit(definitions={"users": [{"name": "operator"}]}),
    ):
        pass


def test_a_given_address_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_INFRA", raising=False)
    monkeypatch.setenv("CASEWORK_MONGO_URL", "mongodb://db.example:27017/")

    with mongo() as server:
        assert server == Mongo("mongodb://db.example:27017/", "env")


def test_an_unknown_step_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_INFRA", "podman")

    with pytest.raises(NoServerError, match="TEST_INFRA=podman is unknown; use one of env, docker, local"), mongo():
        pass


def test_a_forced_env_without_an_address_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_INFRA", "env")
    monkeypatch.delenv("CASEWORK_MONGO_URL", raising=False)

    with pytest.raises(NoServerError, match=r"no MongoDB\. env: no address given"), mongo():
        pass


def broken_docker() -> Never:
    raise OSError("no such image")


def missing_binary() -> Never:
    raise NoServerError("not installed")


def test_a_docker_that_fails_is_said_and_the_next_step_taken() -> None:
    said: list[str] = []

    with climb(
        "broker", given=None, docker=broken_docker, local=lambda: nullcontext("local"), say=said.append
    ) as server:
        assert server == "local"

    assert said == ["broker is not taken from Docker: no such image"]


def test_a_forced_docker_that_fails_is_an_error_that_names_the_cause() -> None:
    with (
        pytest.raises(NoServerError, match=r"no broker\. docker: OSError: no such image"),
        climb("broker", given=None, docker=broken_docker, local=lambda: nullcontext("local"), only="docker"),
    ):
        pass


def test_without_any_step_every_reason_is_named() -> None:
    with (
        pytest.raises(NoServerError, match="no address given; docker: OSError: no such image; local: not installed"),
        climb("broker", given=None, docker=broken_docker, local=missing_binary),
    ):
        pass


def test_a_server_that_ends_while_starting_is_reported_with_its_log(tmp_path: pathlib.Path) -> None:
    argv = [sys.executable, "-c", "print('no disk left'); raise SystemExit(3)"]

    with (
        pytest.raises(ServerFailedError, match=r"toy ended with code 3 while starting.\nno disk left"),
        child("toy", argv, log=tmp_path / "toy.log") as toy,
    ):
        toy.wait_until(lambda: False, 30)


def test_a_program_that_does_not_exist_is_reported(tmp_path: pathlib.Path) -> None:
    with (
        pytest.raises(ServerFailedError, match="cannot start /no/such/program: No such file"),
        child("toy", ["/no/such/program"], log=tmp_path / "toy.log") as toy,
    ):
        toy.wait_until(lambda: False, 30)


def test_a_child_is_ended_with_what_it_started(tmp_path: pathlib.Path) -> None:
    inner = "import time; time.sleep(600)"
    argv = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"]
    with child("toy", argv, log=tmp_path / "toy.log") as toy:
        toy.wait_until(lambda: len(descendants(toy.pid)) == 1, 30)
        below = descendants(toy.pid)

    assert eventually(lambda: not alive(below))


def test_a_child_of_a_worker_thread_is_refused(tmp_path: pathlib.Path) -> None:
    def start() -> None:
        with child("toy", ["true"], log=tmp_path / "toy.log"):
            pass

    with ThreadPoolExecutor(1) as threads, pytest.raises(RuntimeError, match="from the main thread"):
        threads.submit(start).result()


def test_a_free_port_is_below_the_range_the_kernel_hands_out() -> None:
    ports = {free_port() for _ in range(50)}

    assert all(20_000 <= port < 32_000 for port in ports)
    assert len(ports) > 25
