"""A production broker is loaded with users that can do their work and nothing else, and with no password."""

import json
import stat
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker, ProbableAuthenticationError
from typer.testing import CliRunner, Result

from ops import cli
from ops.commands import terminal
from ops.stack.management import Management
from ops.stack.rabbit import Rabbit
from shared.plumbing.topology import COMMANDS, EVENTS, SAYS, WORK_QUEUES, definitions

USERS = {*SAYS, "operator", "monitor"}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["broker", "definitions", *map(str, arguments)])


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    return tmp_path / "passwords"


@pytest.fixture
def file(tmp_path: Path, passwords: Path) -> Path:
    file = tmp_path / "definitions.json"
    result = run(file, "--passwords", passwords)
    assert result.exit_code == 0, result.output
    return file


def test_the_file_and_the_passwords_are_their_owners_alone_and_none_is_in_it(file: Path, passwords: Path) -> None:
    made = {each.name: each.read_text().strip() for each in passwords.iterdir()}

    assert set(made) == USERS
    assert len(set(made.values())) == len(USERS)
    assert {stat.S_IMODE(each.stat().st_mode) for each in (file, *passwords.iterdir())} == {0o600}
    assert not [password for password in made.values() if password in file.read_text()]
    assert {path.name for path in file.parent.iterdir()} == {"definitions.json", "passwords"}


def test_written_again_it_has_the_same_passwords(file: Path, passwords: Path) -> None:
    before = {each.name: each.read_text() for each in passwords.iterdir()}
    (passwords / "routing").unlink()

    result = run(file, "--passwords", passwords)

    after = {each.name: each.read_text() for each in passwords.iterdir()}
    assert result.exit_code == 0
    assert {name for name in USERS if after[name] != before[name]} == {"routing"}
    assert not [password for password in after.values() if password.strip() in result.output]


def test_all_but_the_users_is_as_in_development(file: Path) -> None:
    made: dict[str, Any] = json.loads(file.read_text())
    plain = definitions(dict.fromkeys(SAYS, "x"), operator=("operator", "x"), monitor=("monitor", "x"))

    assert {name: part for name, part in made.items() if name != "users"} == {
        name: part for name, part in plain.items() if name != "users"
    }
    assert {user["name"]: user["tags"] for user in made["users"]} == dict.fromkeys(SAYS, "") | {
        "operator": "administrator",
        "monitor": "monitoring",
    }


def test_where_no_file_can_be_written_that_is_one_sentence(tmp_path: Path, passwords: Path) -> None:
    result = run(tmp_path / "nowhere" / "definitions.json", "--passwords", passwords)

    assert result.exit_code == terminal.COULD_NOT
    assert result.stderr == f"casework: {tmp_path / 'nowhere' / 'definitions.json'}: No such file or directory\n"


@pytest.fixture
def imported(file: Path, management: Management) -> Iterator[str]:
    """The name of a vhost into which they are loaded; users are named after it, for the broker is shared."""
    name = f"test-{uuid4().hex[:12]}"
    found: dict[str, Any] = json.loads(file.read_text())
    for user in found["users"]:
        user["name"] = f"{name}.{user['name']}"
    for part in ("permissions", "topic_permissions", "exchanges", "queues", "bindings"):
        for each in found[part]:
            each["vhost"] = name
            if "user" in each:
                each["user"] = f"{name}.{each['user']}"
    found["vhosts"] = [{"name": name}]
    management.import_definitions(found)
    yield name
    management.delete_vhost(name)
    for user in found["users"]:
        management.delete(f"users/{user['name']}")


def connected(server: Rabbit, vhost: str, user: str, password: str) -> pika.BlockingConnection:
    place = urllib.parse.urlsplit(server.url)
    return pika.BlockingConnection(
        pika.ConnectionParameters(
            place.hostname, place.port, vhost, pika.PlainCredentials(f"{vhost}.{user}", password), connection_attempts=1
        )
    )


@pytest.mark.rabbit
def test_a_broker_that_has_loaded_them_lets_a_service_do_its_work_alone(
    rabbit_server: Rabbit, imported: str, passwords: Path
) -> None:
    def try_as_routing(exchange: str, key: str) -> None:
        with connected(rabbit_server, imported, "routing", (passwords / "routing").read_text().strip()) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish(exchange, key, b"{}")

    for user in USERS:
        with connected(rabbit_server, imported, user, (passwords / user).read_text().strip()) as connection:
            for queue in (queue for queue in WORK_QUEUES if queue.service == user):
                connection.channel().queue_declare(queue.name, passive=True)
                connection.channel().basic_get(queue.name)

    try_as_routing(EVENTS, "routing.decided.v1.normal.noise.abbey")
    for exchange, key in ((EVENTS, "case.raised.v1.normal.noise.abbey"), (COMMANDS, "intake.commands")):
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
            try_as_routing(exchange, key)
    with pytest.raises(ProbableAuthenticationError):
        connected(rabbit_server, imported, "routing", (passwords / "intake").read_text().strip())
