"""The commands as somebody types them: what they answer when there is nothing to answer, and when they are told no."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from ops import cli
from ops.commands import terminal
from ops.connections import Databases, NoSystem, System
from shared.plumbing.sealed import SealBox

ROOT = Path(__file__).parents[2]
Run = Callable[..., Result]
NOWHERE = System(
    rabbit_url="amqp://operator:secret@127.0.0.1:9/",
    management_url="http://operator:secret@127.0.0.1:9",
    mongo_url="mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100",
    gateway_url="http://127.0.0.1:9",
    issuer_url="http://127.0.0.1:9",
)


@pytest.fixture
def run() -> Run:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli.app, arguments)

    return run


@pytest.fixture
def no_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def find() -> System:
        raise NoSystem("no system is running here")

    def find_databases() -> Databases:
        raise NoSystem("no system is running here")

    monkeypatch.setattr(terminal, "find_system", find)
    monkeypatch.setattr(terminal, "find_databases", find_databases)


@pytest.fixture
def a_system_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "find_system", lambda: NOWHERE)
    # A port would do, but PyMongo leaks the socket of a try that its own end interrupts.
    monkeypatch.setattr(terminal, "find_databases", lambda: Databases("mongodb://me:secret@%2Fnobody.sock", "casework"))


WITHOUT_A_SYSTEM = [
    ("status",),
    ("dead", "list"),
    ("dead", "show", "some-id"),
    ("dead", "replay", "--all"),
    ("subscriber", "add", "housing", "case.#"),
    ("subscriber", "remove", "housing"),
    ("subscriber", "list"),
    ("token", "cllr-001"),
    ("clock", "show"),
    ("clock", "advance", "1wd"),
]


WITHOUT_DATABASES = [
    ("backup", "create", "some.zip"),
    ("backup", "restore", "some.zip"),
    ("backup", "restore", "some.zip", "--replace"),
    ("council", "publish", "--author", "Ada Elm", "--reason", "a test", str(ROOT / "council")),
    ("council", "rollback", "1", "--author", "Ada Elm", "--reason", "a test"),
    ("council", "history"),
    ("routing", "explain", "CW-DP0MP-TF3CM"),
    ("routing", "rehearse", str(ROOT / "council")),
    ("routing", "accuracy"),
]


@pytest.mark.parametrize("arguments", [*WITHOUT_A_SYSTEM, *WITHOUT_DATABASES], ids=" ".join)
@pytest.mark.usefixtures("no_system")
def test_without_a_system_every_command_says_how_to_get_one(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert result.exit_code == terminal.COULD_NOT
    assert result.stderr == "casework: no system is running here\n"


@pytest.mark.parametrize("arguments", [*WITHOUT_A_SYSTEM[1:], *WITHOUT_DATABASES[-3:]], ids=" ".join)
@pytest.mark.usefixtures("a_system_that_is_gone")
def test_a_system_that_does_not_answer_is_one_sentence_without_the_password(
    run: Run, arguments: tuple[str, ...]
) -> None:
    result = run(*arguments)

    assert result.exit_code in {terminal.NEEDS_A_PERSON, terminal.COULD_NOT}
    assert result.stderr.splitlines()[-1].startswith("casework: ")
    assert "secret" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_status_shows_what_does_not_answer_instead_of_failing() -> None:
    named = {
        "CASEWORK_RABBIT_URL": NOWHERE.rabbit_url,
        "CASEWORK_RABBIT_MANAGEMENT_URL": NOWHERE.management_url,
        "CASEWORK_MONGO_URL": NOWHERE.mongo_url,
        "CASEWORK_SERVICES": "intake=http://127.0.0.1:9",
    }

    result = subprocess.run(
        [sys.executable, "-m", "ops", "status"],
        cwd=ROOT,
        env=os.environ | named,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == terminal.NEEDS_A_PERSON
    assert "intake" in result.stdout
    assert "Traceback" not in result.stderr
    assert "secret" not in result.stdout + result.stderr


@pytest.mark.parametrize("arguments", [("dead", "replay"), ("dead", "replay", "one", "--all")], ids=" ".join)
def test_a_replay_is_of_some_or_of_all(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert result.exit_code == terminal.COULD_NOT
    assert "name the ids to replay, or say --all" in result.stderr


def test_the_sample_council_is_sound(run: Run) -> None:
    result = run("council", "check", str(ROOT / "council"))

    assert result.exit_code == 0, result.output
    assert "72 councillors" in result.stdout


def test_a_broken_council_is_refused_with_file_line_and_fix(run: Run, tmp_path: Path) -> None:
    for file in (ROOT / "council").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    seats = tmp_path / "seats.csv"
    seats.write_text(seats.read_text().replace("abbey", "abbay"))

    result = run("council", "check", str(tmp_path))

    assert result.exit_code == terminal.NEEDS_A_PERSON
    assert "seats.csv:2: unknown-reference: ward: there is no ward 'abbay'. Correct ward: did you mean 'abbey'." in (
        result.stderr
    )


def test_a_new_key_is_new_each_time_and_seals(run: Run) -> None:
    keys = {run("keys", "new").stdout.strip() for _ in range(2)}

    assert len(keys) == 2
    SealBox([SecretStr(key) for key in keys])  # refuses what is no key


def test_the_committed_documents_are_those_of_the_code(run: Run) -> None:
    assert run("documents", "--check").exit_code == 0
