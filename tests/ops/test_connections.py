"""A command finds the system that the environment names, else the one that runs here; and keeps its passwords."""

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from ops.connections import Databases, NoSystem, System, as_user, find_databases, find_system, forget, write

GIVEN = {
    "CASEWORK_RABBIT_URL": "amqp://operator:rabbit-secret@broker:5672/",
    "CASEWORK_RABBIT_MANAGEMENT_URL": "http://operator:rabbit-secret@broker:15672",
    "CASEWORK_MONGO_URL": "mongodb://operator:mongo-secret@database/",
}
RUNNING = System(
    rabbit_url="amqp://operator:rabbit-secret@127.0.0.1:20001/",
    management_url="http://operator:rabbit-secret@127.0.0.1:20002",
    mongo_url="mongodb://127.0.0.1:20003/",
    gateway_url="http://127.0.0.1:8080",
    services={"intake": "http://127.0.0.1:20004"},
)


def test_what_was_written_down_is_found(tmp_path: Path) -> None:
    write(RUNNING, tmp_path)

    assert find_system({}, tmp_path) == RUNNING


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    write(RUNNING, tmp_path)
    write(RUNNING, tmp_path)

    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_has_ended_is_not_found(tmp_path: Path) -> None:
    write(RUNNING, tmp_path)
    forget(tmp_path)
    forget(tmp_path)

    with pytest.raises(
        NoSystem, match="start one with `make run`, or name one in CASEWORK_RABBIT_URL, CASEWORK_RABBIT_M"
    ):
        find_system({}, tmp_path)


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    write(RUNNING, tmp_path)
    [file] = tmp_path.iterdir()
    file.write_text(json.dumps({"rabbit": "amqp://operator:rabbit-secret@old"}))

    with pytest.raises(NoSystem, match="was written by another version: start the system again") as refused:
        find_system({}, tmp_path)

    assert "rabbit-secret" not in str(refused.value)


def test_the_environment_comes_first(tmp_path: Path) -> None:
    write(RUNNING, tmp_path)
    more = {
        "CASEWORK_MONGO_PREFIX": "exampleton",
        "CASEWORK_SERVICES": "intake=http://intake:8080 routing=https://routing:8443/?a=b",
    }

    found = find_system(GIVEN | more, tmp_path)

    assert (found.rabbit_url, found.mongo_prefix) == (GIVEN["CASEWORK_RABBIT_URL"], "exampleton")
    assert found.services == {"intake": "http://intake:8080", "routing": "https://routing:8443/?a=b"}


@pytest.mark.parametrize("left_out", GIVEN)
def test_half_an_environment_is_refused(left_out: str, tmp_path: Path) -> None:
    with pytest.raises(NoSystem, match=f"set {left_out}, too"):
        find_system({name: value for name, value in GIVEN.items() if name != left_out}, tmp_path)


@pytest.mark.parametrize("wrong", ["intake", "intake=intake:8080", "http://intake:8080"])
def test_services_that_are_not_name_and_address_are_refused(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(NoSystem, match="CASEWORK_SERVICES: write name=http://"):
        find_system(GIVEN | {"CASEWORK_SERVICES": wrong}, tmp_path)


def test_passwords_are_not_printed() -> None:
    assert "secret" not in repr(RUNNING) + str(find_system(GIVEN))


@pytest.mark.parametrize(
    ("path", "vhost"), [("", "/"), ("/", "/"), ("/%2F", "/"), ("/test-1", "test-1"), ("/a%2Fb", "a/b")]
)
def test_the_vhost_stands_in_the_brokers_address(path: str, vhost: str) -> None:
    url = f"amqp://operator:rabbit-secret@broker:5672{path}"

    assert RUNNING.model_copy(update={"rabbit_url": url}).vhost == vhost


def test_another_users_address_leads_to_the_same_place() -> None:
    url = as_user("amqps://operator:rabbit-secret@broker:5671/casework?heartbeat=10", "subscriber.a", "p@ss/word")

    parts = urlsplit(url)
    assert (parts.scheme, parts.hostname, parts.port) == ("amqps", "broker", 5671)
    assert (parts.path, parts.query) == ("/casework", "heartbeat=10")
    assert (parts.username, unquote(parts.password or "")) == ("subscriber.a", "p@ss/word")


def test_who_needs_only_the_databases_names_only_them(tmp_path: Path) -> None:
    given = {"CASEWORK_MONGO_URL": "mongodb://operator:mongo-secret@database/", "CASEWORK_MONGO_PREFIX": "town"}

    found = find_databases(given, tmp_path)

    assert found == Databases("mongodb://operator:mongo-secret@database/", "town")
    assert found.name("intake") == "town_intake"
    assert "mongo-secret" not in repr(found)


def test_without_a_name_the_databases_are_those_of_the_system_that_runs_here(tmp_path: Path) -> None:
    write(RUNNING, tmp_path)

    assert find_databases({}, tmp_path) == Databases(RUNNING.mongo_url, "casework")
