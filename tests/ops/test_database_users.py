"""Each user of the databases can do its work and nothing else, on a server that asks who one is."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import AsyncMongoClient, MongoClient
from pymongo.errors import OperationFailure
from typer.testing import CliRunner, Result

from ops import backup, cli, database_users
from ops.commands import terminal
from ops.connections import Databases
from ops.stack.mongo import _initiate, find_mongod
from ops.stack.ports import LOOPBACK, free_port, is_listening
from ops.stack.processes import child
from services.gateway.adapters.database import COMMANDS, SESSIONS
from shared.council import load_bundle
from shared.plumbing.clients import open_database
from shared.plumbing.clock import RealClock
from shared.plumbing.council import LiveCouncil, publish
from shared.plumbing.history import Document, technical_now
from shared.plumbing.metrics import Metrics
from shared.plumbing.store import Store
from shared.plumbing.topology import SAYS
from tests.shared.plumbing import toys

pytestmark = pytest.mark.mongo

ROOT = Path(__file__).parents[2]
PREFIX = "town"
UNAUTHORISED = 13
OTHERS = {service: [other for other in SAYS if other != service] for service in SAYS}


@pytest.fixture(scope="module")
def administrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a replica set with authentication, and an administrator's login."""
    if (binary := find_mongod()) is None:
        pytest.skip("servers come from Docker or the environment here: mongod is not installed")
    home = tmp_path_factory.mktemp("mongo")
    key, port = home / "key", free_port()
    key.write_text("onlyForThisTest")
    key.chmod(0o600)
    argv = [binary, "--dbpath", str(home), "--bind_ip", LOOPBACK, "--port", str(port), "--replSet", "rs0", "--auth"]
    argv += ["--keyFile", str(key), "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"]
    with child("mongod", argv, log=home / "mongod.log", cwd=home) as server:
        server.wait_until(lambda: is_listening(port), 60)
        bare = f"{LOOPBACK}:{port}/?directConnection=true"
        _initiate(f"mongodb://{bare}", f"{LOOPBACK}:{port}")
        with MongoClient[Document](f"mongodb://{bare}") as client:  # the first user may be made from the machine itself
            client.admin.command("createUser", "root", pwd="root-secret", roles=["root"])
        yield f"mongodb://root:root-secret@{bare}"


@pytest.fixture(scope="module")
def passwords(administrator: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the passwords; the users are there."""
    folder = tmp_path_factory.mktemp("users") / "passwords"
    result = run("--apply", "--passwords", str(folder), CASEWORK_MONGO_URL=administrator)
    assert result.exit_code == 0, result.output
    assert f"may log in: {PREFIX}_intake, " in result.stdout
    return folder


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(
        cli.app, ["database", "users", *arguments], env={"CASEWORK_MONGO_PREFIX": PREFIX, **environ}
    )


def address(administrator: str, passwords: Path, name: str) -> str:
    return administrator.replace("root:root-secret", f"{PREFIX}_{name}:{(passwords / name).read_text().strip()}")


def refused(client: MongoClient[Document], database: str, *, writing: bool) -> bool:
    try:
        if writing:
            client[database].anything.insert_one({"created": technical_now()})
        else:
            client[database].anything.find_one({})
    except OperationFailure as error:
        return error.code == UNAUTHORISED
    return False


@pytest.mark.parametrize("service", SAYS)
async def test_a_service_can_keep_its_documents_and_read_the_council(
    administrator: str, passwords: Path, service: str
) -> None:
    async with AsyncMongoClient[Document](address(administrator, passwords, service), tz_aware=True) as client:
        store = Store(open_database(client, f"{PREFIX}_{service}"), (SESSIONS, COMMANDS))
        await store.prepare()
        await store.prepare()
        await store.durable["commands"].insert_one({"_id": "1", "created": technical_now()})
        await store.durable["commands"].update_one({"_id": "1"}, {"$set": {"relayed": 1}})
        await store.durable["commands"].delete_one({"_id": "1"})
        council = LiveCouncil(open_database(client, f"{PREFIX}_council"), RealClock(), toys.LOG, Metrics(service))

        assert not await council.refresh() or council.number
        assert (await client.admin.command("hello"))["isWritablePrimary"]


@pytest.mark.parametrize("service", SAYS)
def test_a_service_can_do_nothing_else(administrator: str, passwords: Path, service: str) -> None:
    with MongoClient[Document](address(administrator, passwords, service)) as client:
        for other in OTHERS[service]:
            assert refused(client, f"{PREFIX}_{other}", writing=False), other
            assert refused(client, f"{PREFIX}_{other}", writing=True), other
        assert refused(client, f"{PREFIX}_council", writing=True)
        assert refused(client, "city_intake", writing=False)
        assert refused(client, "admin", writing=False)
        with pytest.raises(OperationFailure, match="not authorized"):
            client.admin.command("createUser", "more", pwd="x", roles=["root"])
        with pytest.raises(OperationFailure, match="not authorized"):
            client.drop_database(f"{PREFIX}_{service}_")


async def test_the_operator_publishes_and_keeps_and_changes_no_case(
    administrator: str, passwords: Path, tmp_path: Path
) -> None:
    url = address(administrator, passwords, "operator")
    async with AsyncMongoClient[Document](url, tz_aware=True) as client:
        council = open_database(client, f"{PREFIX}_council")
        assert await publish(council, load_bundle(ROOT / "council"), author="Invented", reason="a test") == 1

    manifest = backup.create(Databases(url, PREFIX), tmp_path / "kept.zip")

    assert "versions" in {kept.name for kept in manifest.collections}
    with MongoClient[Document](url) as client:
        assert all(refused(client, f"{PREFIX}_{service}", writing=True) for service in SAYS)
        assert refused(client, "admin", writing=False)


def test_who_restores_needs_to_write_and_administer_the_six_databases_and_no_more(
    administrator: str, passwords: Path, tmp_path: Path
) -> None:
    with MongoClient[Document](administrator) as client:
        client.other_intake.cases.insert_one({"_id": "1", "history": []})
        rights = [
            {"role": role, "db": f"{prefix}_{owner}"}
            for role in ("readWrite", "dbAdmin")
            for prefix in ("other", "fresh")
            for owner in (*SAYS, "council")
        ]
        client.admin.command("createUser", "restorer", pwd="restorer-secret", roles=rights)
    url = administrator.replace("root:root-secret", "restorer:restorer-secret")
    backup.create(Databases(url, "other"), tmp_path / "kept.zip")

    fresh = backup.restore(Databases(url, "fresh"), tmp_path / "kept.zip")
    replaced = backup.restore(Databases(url, "other"), tmp_path / "kept.zip", replace=True)

    assert fresh.whole
    assert replaced.whole


def test_passwords_are_made_once_for_their_owner_only_and_shown_to_nobody(administrator: str, passwords: Path) -> None:
    kept = {file.name: file.read_text().strip() for file in passwords.iterdir()}

    again = run("--apply", "--passwords", str(passwords), CASEWORK_MONGO_URL=administrator)
    printed = run("--passwords", str(passwords))

    assert set(kept) == {*SAYS, "operator"}
    assert len(set(kept.values())) == 6
    assert min(map(len, kept.values())) >= 40
    assert {file.name: file.read_text().strip() for file in passwords.iterdir()} == kept
    assert {stat.S_IMODE(file.stat().st_mode) for file in passwords.iterdir()} == {0o600}
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o700
    assert not [password for password in kept.values() if password in again.output + printed.output]


def test_a_password_that_was_changed_holds_after_the_next_run(administrator: str, passwords: Path) -> None:
    (passwords / "routing").write_text("made-elsewhere\n")

    assert run("--apply", "--passwords", str(passwords), CASEWORK_MONGO_URL=administrator).exit_code == 0

    with MongoClient[Document](address(administrator, passwords, "routing")) as client:
        assert client[f"{PREFIX}_routing"].anything.find_one({}) is None


def test_the_script_says_the_same_and_needs_no_server(tmp_path: Path) -> None:
    result = run("--passwords", str(tmp_path))

    users = json.loads(result.stdout.partition("const users = ")[2].partition(";\n")[0])
    assert {user["file"]: user["roles"] for user in users} == database_users.users_of(PREFIX)
    assert {user["user"] for user in users} == {f"{PREFIX}_{name}" for name in (*SAYS, "operator")}
    assert json.dumps(str(tmp_path)) in result.stdout


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"\xff\xfe"])
def test_a_file_that_holds_no_password_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "scheduler").write_bytes(content)

    result = run("--passwords", str(tmp_path))

    assert result.exit_code == terminal.COULD_NOT
    assert result.stderr.startswith(f"casework: {tmp_path / 'scheduler'}: a password is one line of text")


def test_a_login_that_may_not_do_this_is_one_sentence(administrator: str, passwords: Path) -> None:
    url = address(administrator, passwords, "notifier")

    result = run("--apply", "--passwords", str(passwords), CASEWORK_MONGO_URL=url)

    assert result.exit_code == terminal.COULD_NOT
    assert "the database does not answer, or not this login (OperationFailure)" in result.stderr
    assert "Traceback" not in result.output
