"""`casework council import` as somebody types it: what is shown, asked, written and published."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from typer.testing import CliRunner, Result

from ops import cli
from ops.commands.terminal import COULD_NOT, NEEDS_A_PERSON
from ops.connections import NoSystem
from ops.importing.flow import write as write_files
from ops.importing.refusals import ImportRefused
from ops.stack.mongo import Mongo
from shared.council import load_bundle
from shared.plumbing.versions import VERSIONS
from tests.ops.importing.councils import CORPUS, imported, write
from tests.ops.importing.test_ons_wards import WARDS
from tests.ops.importing.web import says, serving

Run = Callable[..., Result]
PREFIX = "t_imports"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "council")


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Import into the folder where no system runs, on the day of the corpus."""

    def find() -> None:
        raise NoSystem("no system is running here")

    monkeypatch.setattr("ops.commands.importing.find_databases", find)
    return runner(folder, monkeypatch)


def runner(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "160")

    def run(what: str, source: str, *options: str, answers: str = "") -> Result:
        arguments = ["council", "import", what, source, "--folder", str(folder), *options]
        if what in {"modern-gov", "lgsf"}:
            arguments += ["--on", "2026-11-25"]
        return CliRunner().invoke(cli.app, arguments, input=answers)

    return run


@pytest.fixture
def versions(mongo_server: Mongo, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The versions of a database of the test's own, which the command finds in the environment."""
    monkeypatch.setenv("CASEWORK_MONGO_URL", mongo_server.url)
    monkeypatch.setenv("CASEWORK_MONGO_PREFIX", PREFIX)
    with MongoClient[dict[str, Any]](mongo_server.url, tz_aware=True) as client:
        yield client[f"{PREFIX}_council"][VERSIONS]
        client.drop_database(f"{PREFIX}_council")


def case(name: str) -> str:
    return str(CORPUS / f"{name}.xml")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_import_shows_what_it_would_change_and_writes_once_somebody_says_yes(run: Run, folder: Path) -> None:
    result = run("modern-gov", case("gone-and-succeeded"), answers="y\n")

    assert result.exit_code == 0, result.output
    assert "the source lists 5 members in 3 wards" in result.output
    assert "+ cllr-007 west 2026-05-11" in result.output
    assert "valid to: (none) -> 2026-05-10" in result.output
    assert "  Cat Rowan (cllr-003) sits no longer: write why under end_reason in seats.csv" in result.output
    assert f"Write councillors.csv, seats.csv in {folder} and publish?" in result.output
    assert f"no system is running here: publish later with `casework council publish {folder}`" in result.output
    assert {"cllr-007"} <= {councillor.id for councillor in load_bundle(folder).councillors}


@pytest.mark.parametrize("answers", ["n\n", ""])
def test_without_a_yes_nothing_is_written(run: Run, folder: Path, answers: str) -> None:
    before = contents(folder)

    result = run("modern-gov", case("gone"), answers=answers)

    assert result.exit_code == NEEDS_A_PERSON
    assert "nothing was written, nothing was published" in result.output
    assert contents(folder) == before


def test_a_script_says_yes_beforehand_and_importing_twice_changes_nothing(run: Run, folder: Path) -> None:
    first = run("modern-gov", case("plain"), "--yes", "--no-publish")
    after = contents(folder)
    again = run("modern-gov", case("plain"), "--yes", "--no-publish")

    assert first.exit_code == again.exit_code == 0
    assert "publish" not in first.output
    assert again.output.splitlines()[-1] == "nothing to change"
    assert contents(folder) == after


def test_what_was_left_out_needs_a_person_and_an_address_said_with_the_command_brings_it_in(
    run: Run, folder: Path
) -> None:
    left = run("modern-gov", case("no-address"), "--yes")
    brought = run("modern-gov", case("no-address"), "--yes", "--email", "107=gus.maple@smallham.example")
    again = run("modern-gov", case("no-address"), "--yes")

    assert left.exit_code == NEEDS_A_PERSON
    assert "1 left out: see above what to do, and import again" in left.output
    assert brought.exit_code == again.exit_code == 0, brought.output
    assert "gus.maple@smallham.example" in (folder / "councillors.csv").read_text()


def test_a_ward_of_another_name_is_said_with_the_command_or_left_out(run: Run) -> None:
    refused = run("modern-gov", case("unknown-ward"), "--yes")
    wrong = run("modern-gov", case("unknown-ward"), "--yes", "--ward", "Elected Mayor=nowhere")
    out = run("modern-gov", case("unknown-ward"), "--yes", "--ward", "Elected Mayor=")
    named = run("modern-gov", case("unknown-ward"), "--yes", "--ward", "elected mayor=st-pauls-and-lea")

    assert refused.exit_code == wrong.exit_code == NEEDS_A_PERSON
    assert "say which ward it is with --ward 'Elected Mayor=CODE'" in refused.output
    assert "--ward: on 2026-11-25 the council has no ward 'nowhere'" in wrong.output
    assert "left out as asked: Elected Mayor" in out.output
    assert "+ cllr-007 st-pauls-and-lea 2026-05-11" in named.output


def test_an_import_that_would_end_too_many_is_refused_until_it_is_said(run: Run, folder: Path) -> None:
    before = contents(folder)
    refused = run("modern-gov", case("too-many-gone"), "--yes")
    unchanged = contents(folder)
    said = run("modern-gov", case("too-many-gone"), "--yes", "--max-ended", "40")

    assert refused.exit_code == NEEDS_A_PERSON
    assert "would end the seats of 2 of 5 sitting members (40 %), more than --max-ended 20" in refused.output
    assert unchanged == before
    assert said.exit_code == 0


def test_a_result_that_the_council_would_be_refused_with_changes_nothing(run: Run, folder: Path) -> None:
    before = contents(folder)

    result = run("modern-gov", case("long-name"), "--yes")

    assert result.exit_code == NEEDS_A_PERSON
    assert "councillors.csv:8: field: name: String should have at most 120 characters" in result.output
    assert "1 to mend; the import would break the council's files; nothing was changed" in result.output
    assert contents(folder) == before


def test_files_that_are_broken_already_are_to_be_mended_first(run: Run, folder: Path) -> None:
    (folder / "towns.csv").write_text("code\n", encoding="utf-8")

    result = run("modern-gov", case("plain"), "--yes")

    assert result.exit_code == NEEDS_A_PERSON
    assert "towns.csv:1: csv-header" in result.output
    assert "mend them first: nothing was imported" in result.output


def test_an_address_is_downloaded(run: Run) -> None:
    answer = says(Path(case("plain")).read_bytes())
    with serving({"/mgWebService.asmx/GetCouncillorsByWard": answer, "/other": says(b"<html/>")}) as address:
        found = run("modern-gov", address, "--yes")
        page = run("modern-gov", f"{address}/other", "--yes")

    assert found.exit_code == 0, found.output
    assert page.exit_code == NEEDS_A_PERSON
    assert "this is a web page or another list: its root is <html>" in page.output


def test_codes_of_wards_and_lines_of_the_service_list_are_imported_alike(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "wards.csv").write_text(WARDS, encoding="utf-8")
    (tmp_path / "lgsl.csv").write_text("Identifier,Label,Status\n587,Flytipping,Live\n", encoding="utf-8")
    (tmp_path / "members.json").write_text(
        '{"raw_name": "Ada Elm", "raw_division": "East", "raw_identifier": "101"}', encoding="utf-8"
    )

    wards = run("ons-wards", str(tmp_path / "wards.csv"), "--authority", "Smallham", "--yes")
    services = run("lgsl", str(tmp_path / "lgsl.csv"), "--whole", "--yes")
    members = run("lgsf", str(tmp_path / "members.json"), "--yes")

    assert wards.exit_code == services.exit_code == members.exit_code == 0, members.output
    council = load_bundle(folder)
    assert [ward.gss for ward in council.wards][:3] == ["E05000001", "E05000002", "E05000003"]
    assert [entry.label for entry in council.lgsl] == ["Flytipping"]
    assert "the source says nothing of west, st-pauls-and-lea: who sits there stays" in members.output


@pytest.mark.parametrize("option", [("--ward", "East"), ("--email", "=x@y.example")])
def test_an_option_without_its_two_halves_is_refused(run: Run, option: tuple[str, str]) -> None:
    result = run("modern-gov", case("plain"), *option)

    assert result.exit_code == COULD_NOT
    assert f"{option[0]} '{option[1]}': write " in result.output


def test_nothing_is_written_over_a_change_that_somebody_else_made_meanwhile(folder: Path) -> None:
    _, rehearsed = imported(folder, Path(case("gone")).read_bytes())
    with (folder / "seats.csv").open("a") as file:
        file.write("cllr-006,st-pauls-and-lea,,2026-11-01,\n")
    before = contents(folder)

    with pytest.raises(
        ImportRefused, match=r"seats\.csv has changed in the meantime: nothing was written; import again"
    ):
        write_files(rehearsed)

    assert contents(folder) == before


def test_a_file_keeps_its_mode_and_none_is_left_beside_it(run: Run, folder: Path) -> None:
    (folder / "seats.csv").chmod(0o640)

    run("modern-gov", case("gone"), "--yes")

    assert stat.S_IMODE((folder / "seats.csv").stat().st_mode) == 0o640
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.mongo
def test_what_was_imported_is_published_with_who_and_why(
    versions: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runner(folder, monkeypatch)

    first = run("modern-gov", case("plain"), "--author", "Di Fir", "--yes")
    second = run("modern-gov", case("gone"), "--author", "Di Fir", "--reason", "Cat has left", answers="y\n")
    third = run("modern-gov", case("gone"), "--author", "Di Fir", "--yes")

    assert first.output.splitlines()[-1] == "in force: version 1"
    assert second.output.splitlines()[-1] == "in force: version 2", second.output
    assert third.output.splitlines()[-1] == "nothing to change"
    kept = [(version["author"], version["reason"]) for version in versions.find(sort=[("_id", 1)])]
    assert kept == [("Di Fir", "Members from ModernGov, 2026-11-25"), ("Di Fir", "Cat has left")]


@pytest.mark.mongo
def test_what_else_stands_in_the_files_and_was_not_published_is_shown_before_it_is(
    versions: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runner(folder, monkeypatch)
    run("modern-gov", case("plain"), "--author", "Di Fir", "--yes")
    towns = folder / "towns.csv"
    towns.write_text(towns.read_text().replace("Smallham", "Great Smallham"))

    result = run("modern-gov", case("gone"), "--author", "Di Fir", answers="y\n")

    published = result.output.partition("written: ")[2]
    assert "Smallham -> Great Smallham" in published
    assert "Smallham -> Great Smallham" not in result.output.partition("written: ")[0]
    assert published.splitlines()[-1] == "in force: version 2"


def test_a_database_that_does_not_answer_leaves_the_files_written(folder: Path) -> None:
    command = [sys.executable, "-m", "ops", "council", "import", "modern-gov", case("gone")]
    nowhere = {**os.environ, "CASEWORK_MONGO_URL": "mongodb://127.0.0.1:9/"}

    done = subprocess.run(  # noqa: S603  our own program
        [*command, "--folder", str(folder), "--on", "2026-11-25", "--yes"],
        cwd=ROOT,
        env=nowhere,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == COULD_NOT, done.stderr
    assert "the database does not answer" in done.stderr
    assert "2026-11-24" in (folder / "seats.csv").read_text()
