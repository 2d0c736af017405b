"""`casework council` as somebody types it, against a real database."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
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

ROOT = Path(__file__).parents[3]
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


def last_line(result: Result) -> str:
    return result.output.splitlines()[-1]


def in_days(days: float) -> str:
    return f"{real_now().astimezone(LONDON) + timedelta(days=days):%Y-%m-%dT%H:%M}"


def test_what_is_published_says_its_number_and_stands_in_the_history(run: Run, folder: Path, versions: Any) -> None:
    first = run("publish", *WHO, str(folder))
    again = run("publish", *WHO, str(folder))
    rename(folder, "2")
    later = run("publish", "--author", "Ben Oak", "--reason", "new [rules]", "--activate", in_days(3), str(folder))

    assert first.output == (
        "the first version: Smallham Council: 2 councillors, 5 services, 4 rules\nin force: version 1\n"
    )
    assert again.output == "in force: version 1; it has the same content, so there is nothing to publish\n"
    assert later.output.splitlines()[:-1] == [
        "compared with version 1:",
        "council: 1 changed",
        "    version: 1 -> 2",
        "1 changed",
    ]
    assert re.fullmatch(
        r"scheduled: version 2, in force from \d+ \w+ \d{4} \d\d:\d\d \(council time\)", last_line(later)
    )
    listed = json.loads(run("history", "--json").stdout)
    assert [(each["number"], each["state"], each["version"], each["author"]) for each in listed] == [
        (1, "active", "1", "Ada Elm"),
        (2, "scheduled", "2", "Ben Oak"),
    ]
    assert versions.count_documents({}) == 2
    table = run("history").stdout
    assert re.search(r"^ *2 +scheduled +2 .* Ben Oak +new \[rules\]", table, re.MULTILINE)


def test_the_last_of_democratic_services_cannot_be_removed_for_a_time(run: Run, folder: Path, versions: Any) -> None:
    run("publish", *WHO, str(folder))
    begins = f"{real_now().astimezone(LONDON) + timedelta(days=30):%Y-%m-%d}"
    grants = folder / "grants.csv"
    grants.write_text(re.sub(r"(,democratic-services,.*),,$", rf"\1,{begins},", grants.read_text(), flags=re.MULTILINE))

    now = run("publish", *WHO, str(folder))
    later = run("publish", *WHO, "--activate", in_days(31), str(folder))

    assert now.exit_code == NEEDS_A_PERSON
    assert "nobody would have the role democratic-services" in now.output
    assert later.exit_code == 0
    assert versions.count_documents({}) == 2


def test_a_rollback_is_a_new_version_with_the_old_content(run: Run, folder: Path, versions: Any) -> None:
    run("publish", *WHO, str(folder))
    rename(folder, "2")
    run("publish", *WHO, str(folder))

    back = run("rollback", "1", *WHO)
    again = run("rollback", "1", *WHO)

    assert last_line(back) == "in force: version 3"
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

    assert last_line(result).startswith("scheduled: version 3, in force from ")


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
    assert last_line(on_purpose) == "in force: version 3"
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


def test_what_is_scheduled_is_compared_with_what_it_will_replace(run: Run, folder: Path) -> None:
    run("publish", *WHO, str(folder))
    rename(folder, "2")
    run("publish", *WHO, "--activate", in_days(2), str(folder))
    rename(folder, "3")

    result = run("publish", *WHO, "--activate", in_days(4), str(folder))

    assert result.output.splitlines()[:3] == ["compared with version 2:", "council: 1 changed", "    version: 2 -> 3"]


def test_what_another_casework_published_is_replaced_without_a_comparison(
    run: Run, folder: Path, versions: Any
) -> None:
    run("publish", *WHO, str(folder))
    versions.update_one({"_id": 1}, {"$set": {"bundle": '{"moods": []}'}})
    rename(folder, "2")

    result = run("publish", *WHO, str(folder))

    assert result.output == (
        "version 1 was published by another Casework: what changes cannot be shown\nin force: version 2\n"
    )


def test_files_are_compared_with_the_version_in_force_with_any_other_and_with_files(
    run: Run, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = write(tmp_path_factory.mktemp("other"))
    run("publish", *WHO, str(folder))
    rename(folder, "2")
    run("publish", *WHO, str(folder))
    rename(folder, "3")

    assert "    version: 2 -> 3" in run("diff", str(folder)).output.splitlines()
    assert "    version: 1 -> 3" in run("diff", str(folder), "--against", "1").output.splitlines()
    assert "    version: 1 -> 3" in run("diff", str(folder), "--against", str(other)).output.splitlines()


def test_a_comparison_ends_with_1_only_where_it_is_to_and_there_is_a_difference(run: Run, folder: Path) -> None:
    run("publish", *WHO, str(folder))
    same = run("diff", str(folder), "--exit-code")
    rename(folder, "2")
    other, told = run("diff", str(folder)), run("diff", str(folder), "--exit-code", "--json")

    assert (same.exit_code, same.output) == (0, "no difference\n")
    assert (other.exit_code, told.exit_code) == (0, NEEDS_A_PERSON)
    assert json.loads(told.stdout) == {
        "entries": [
            {
                "kind": "council",
                "id": "",
                "what": "changed",
                "changes": [{"field": "version", "old": "1", "new": "2"}],
            }
        ]
    }


@pytest.mark.parametrize(
    ("against", "code", "why"),
    [
        (
            "active",
            NEEDS_A_PERSON,
            "no version is in force: `casework council history` lists them; nothing was compared",
        ),
        ("7", NEEDS_A_PERSON, "there is no version 7: `casework council history` lists them; nothing was compared"),
        ("nowhere", COULD_NOT, "there is no folder nowhere"),
    ],
)
def test_what_is_not_there_cannot_be_compared_with(run: Run, folder: Path, against: str, code: int, why: str) -> None:
    result = run("diff", str(folder), "--against", against)

    assert result.exit_code == code
    assert why in result.stderr


def test_a_version_is_exported_as_files_it_can_be_published_from(run: Run, folder: Path, tmp_path: Path) -> None:
    run("publish", *WHO, str(folder))
    rename(folder, "2")
    run("publish", *WHO, str(folder))

    first, active = run("export", "1", str(tmp_path / "one")), run("export", "active", str(tmp_path / "now"))

    assert first.output == f"{tmp_path / 'one'}: 12 files of version 1 (1)\n"
    assert active.output.endswith("of version 2 (2)\n")
    assert run("diff", str(tmp_path / "one"), "--against", "1").output == "no difference\n"
    assert run("diff", str(tmp_path / "now"), "--exit-code").exit_code == 0
    assert (tmp_path / "now" / "rules.csv").read_text().startswith("id,service,ward,town,flags,capacity,team,")
    assert "# Smallham Council, exported from version 2.\n" in (tmp_path / "now" / "council.yaml").read_text()


def test_an_export_overwrites_nothing(run: Run, folder: Path) -> None:
    run("publish", *WHO, str(folder))
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    result = run("export", "1", str(folder))

    assert result.exit_code == NEEDS_A_PERSON
    assert "name a folder that is empty or does not exist" in result.stderr
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_an_export_says_where_the_files_are_not_the_version(
    run: Run, folder: Path, tmp_path: Path, versions: Any
) -> None:
    """Bank holidays come with the release: a version of another one may know others."""
    run("publish", *WHO, str(folder))
    bundle = json.loads(versions.find_one({"_id": 1})["bundle"])
    bundle["calendar"]["holidays"].remove("2026-12-25")
    versions.update_one({"_id": 1}, {"$set": {"bundle": json.dumps(bundle)}})

    result = run("export", "1", str(tmp_path / "one"))

    assert result.exit_code == NEEDS_A_PERSON
    assert "    holidays: +2026-12-25" in result.stdout.splitlines()
    assert "the files differ from the version as shown" in result.stderr


@pytest.mark.parametrize(("answer", "published"), [("n", 1), ("y", 2)])
def test_at_a_terminal_somebody_is_asked_first(
    folder: Path, run: Run, versions: Any, answer: str, published: int
) -> None:
    run("publish", *WHO, str(folder))
    rename(folder, "2")

    code, shown = at_a_terminal(answer, "council", "publish", *WHO, str(folder))

    assert "version: 1 -> 2" in shown
    assert "Publish it, in force at once? [y/N]: " in shown
    assert code == (0 if published > 1 else NEEDS_A_PERSON)
    assert ("nothing was published" in shown) == (published == 1)
    assert versions.count_documents({}) == published


@pytest.mark.parametrize("more", [("--yes",), ()], ids=["told not to", "nothing to publish"])
def test_at_a_terminal_nobody_is_asked_in_vain(folder: Path, run: Run, versions: Any, more: tuple[str, ...]) -> None:
    run("publish", *WHO, str(folder))
    if more:
        rename(folder, "2")

    code, shown = at_a_terminal("", "council", "publish", *WHO, *more, str(folder))

    assert code == 0
    assert "[y/N]" not in shown
    assert versions.count_documents({}) == 1 + len(more)


def at_a_terminal(answer: str, *arguments: str) -> tuple[int, str]:
    """Type a command and one answer at a terminal of its own; gives how it ended and what stood there."""
    mine, its = pty.openpty()
    command = [sys.executable, "-P", "-m", "ops", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(  # noqa: S603  our own command
        command, stdin=its, stdout=its, stderr=its, cwd=ROOT, env=environment
    ) as process:
        os.close(its)
        os.write(mine, f"{answer}\n".encode())
        shown = b""
        with contextlib.suppress(OSError):  # its end is gone: the command has ended
            while more := os.read(mine, 4096):
                shown += more
        code = process.wait(timeout=60)
    os.close(mine)
    return code, shown.decode().replace("\r\n", "\n")


def test_without_a_version_the_history_says_so(run: Run) -> None:
    assert run("history").output == "nothing has been published yet\n"
    assert json.loads(run("history", "--json").stdout) == []
