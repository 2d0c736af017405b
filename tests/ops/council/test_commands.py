"""`casework council` as somebody types it, against a real database."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from typer.testing import CliRunner, Result

from ops import cli
from ops.commands.terminal import COULD_NOT, NEEDS_A_PERSON
from ops.stack.mongo import Mongo
from shared.calendar import LONDON
from shared.plumbing.clock import real_now
from shared.plumbing.versions import VERSIONS
from tests.shared.small_council import write

pytestmark = pytest.mark.mongo

PREFIX = "t_council"
WHO = ("--author", "Ada Elm", "--reason", "a test")
Run = Callable[..., Result]


@pytest.fixture
def versions(mongo_server: Mongo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The versions of a database of the test's own, which the commands find in the environment."""
    monkeypatch.setenv("CASEWORK_MONGO_URL", mongo_server.url)
    monkeypatch.setenv("CASEWORK_MONGO_PREFIX", PREFIX)
    monkeypatch.setenv("COLUMNS", "160")
    with MongoClient[dict[str, Any]](mongo_server.url, tz_aware=True) as client:
        yield client[f"{PREFIX}_council"][VERSIONS]
        client.drop_database(f"{PREFIX}_council")


@pytest.fixture
def run(versions: Any) -> Run:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli.app, ("council", *arguments))

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path)


def rename(folder: Path, version: str) -> None:
    """Make another council of the files."""
    file = folder / "council.yaml"
    file.write_text(re.sub(r'version: ".*"', f'version: "{version}"', file.read_text()))


def in_days(days: float) -> str:
    return f"{real_now().astimezone(LONDON) + timedelta(days=days):%Y-%m-%dT%H:%M}"


def test_what_is_published_says_its_number_and_stands_in_the_history(run: Run, folder: Path, versions: Any) -> None:
    first = run("publish", *WHO, str(folder))
    again = run("publish", *WHO, str(folder))
    rename(folder, "2")
    later = run("publish", "--author", "Ben Oak", "--reason", "new [rules]", "--activate", in_days(3), str(folder))

    assert first.output == "in force: version 1\n"
    assert again.output == "in force: version 1; it has the same content, so there is nothing to publish\n"
    assert re.fullmatch(r"scheduled: version 2, in force from \d+ \w+ \d{4} \d\d:\d\d \(council time\)\n", later.output)
    listed = json.loads(run("history", "--json").stdout)
    assert [(each["number"], each["state"], each["version"], each["author"]) for each in listed] == [
        (1, "active", "1", "Ada Elm"),
        (2, "scheduled", "2", "Ben Oak"),
    ]
    assert versions.count_documents({}) == 2
    table = run("history").stdout
    assert re.search(r"^ *2 +scheduled +2 .* Ben Oak +new \[rules\]", table, re.MULTILINE)


def test_a_rollback_is_a_new_version_with_the_old_content(run: Run, folder: Path, versions: Any) -> None:
    run("publish", *WHO, str(folder))
    rename(folder, "2")
    run("publish", *WHO, str(folder))

    back = run("rollback", "1", *WHO)
    again = run("rollback", "1", *WHO)

    assert back.output == "in force: version 3\n"
    assert again.output == "in force: version 3; it has the same content, so there is nothing to publish\n"
    listed = json.loads(run("history", "--json").stdout)
    assert [(each["state"], each["version"], each["rolled_back_to"]) for each in listed] == [
        ("past", "1", None),
        ("rolled back", "2", None),
        ("active", "1", 1),
    ]
    first, _, third = versions.find({}, sort=[("_id", 1)])
    assert first["bundle"] == third["bundle"]
    assert "a test (back to 1)" in run("history").stdout


def test_a_rollback_may_wait_for_its_day(run: Run, folder: Path) -> None:
    run("publish", *WHO, str(folder))
    rename(folder, "2")
    run("publish", *WHO, str(folder))

    result = run("rollback", "1", *WHO, "--activate", in_days(1))

    assert result.output.startswith("scheduled: version 3, in force from ")


def test_a_rollback_to_what_is_not_there_or_not_readable_is_one_sentence(run: Run, folder: Path, versions: Any) -> None:
    run("publish", *WHO, str(folder))
    rename(folder, "2")
    run("publish", *WHO, str(folder))
    versions.update_one({"_id": 1}, {"$set": {"bundle": '{"moods": []}'}})

    missing, unreadable = run("rollback", "7", *WHO), run("rollback", "1", *WHO)

    assert (missing.exit_code, unreadable.exit_code) == (NEEDS_A_PERSON, NEEDS_A_PERSON)
    assert missing.stderr == (
        "casework: there is no version 7: `casework council history` lists them; nothing was published\n"
    )
    assert "version 1 was published by another Casework" in unreadable.stderr
    assert versions.count_documents({}) == 2


def test_a_version_that_waits_is_overtaken_only_on_purpose(run: Run, folder: Path) -> None:
    run("publish", *WHO, str(folder))
    rename(folder, "2")
    run("publish", *WHO, "--activate", in_days(3), str(folder))
    rename(folder, "3")

    refused = run("publish", *WHO, str(folder))
    on_purpose = run("publish", *WHO, "--overtake", str(folder))

    assert refused.exit_code == NEEDS_A_PERSON
    assert re.search(r"version 2 of .* would never come into force, .*; nothing was published\n", refused.stderr)
    assert on_purpose.output == "in force: version 3\n"
    assert [each["state"] for each in json.loads(run("history", "--json").stdout)] == ["past", "overtaken", "active"]


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        ("2026-01-01T00:00", NEEDS_A_PERSON, "has passed"),
        ("soon", COULD_NOT, "is no time"),
        ("2090-03-26T01:30", COULD_NOT, "does not exist"),
    ],
)
def test_a_moment_that_cannot_be_is_refused(  # noqa: PLR0913, PLR0917  what it is, and what it is told
    run: Run, folder: Path, versions: Any, text: str, code: int, why: str
) -> None:
    result = run("publish", *WHO, "--activate", text, str(folder))

    assert result.exit_code == code
    assert why in result.stderr
    assert versions.count_documents({}) == 0


def test_a_broken_council_changes_nothing(run: Run, folder: Path, versions: Any) -> None:
    (folder / "rules.csv").unlink()

    result = run("publish", *WHO, str(folder))

    assert result.exit_code == NEEDS_A_PERSON
    assert "rules.csv:0: file-missing" in result.stderr
    assert result.stderr.endswith("to mend; nothing was published\n")
    assert versions.count_documents({}) == 0


def test_a_record_that_was_changed_by_hand_is_said_to_be(run: Run, folder: Path, versions: Any) -> None:
    run("publish", *WHO, str(folder))
    versions.update_one({"_id": 1}, {"$unset": {"author": 1}})

    result = run("history")

    assert result.exit_code == COULD_NOT
    assert result.stderr == (
        "casework: version 1 has no 'author': somebody has changed the record by hand; no history\n"
    )


def test_without_a_version_the_history_says_so(run: Run) -> None:
    assert run("history").output == "nothing has been published yet\n"
    assert json.loads(run("history", "--json").stdout) == []
