"""A backup is of one instant and comes back as it went out."""

import stat
import threading
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops import backup, cli
from ops.backup import BackupRefused
from ops.backup.archive import DATABASES
from ops.commands import terminal
from ops.connections import Databases
from shared.plumbing.history import technical_now
from tests.ops.backup.systems import OWNERS, SECRET, Client, contents, documents
from tests.shared.plumbing import toys

pytestmark = pytest.mark.mongo


def test_a_system_comes_back_identical_under_another_prefix(
    client: Client, ours: Databases, other: Databases, file: Path
) -> None:
    manifest = backup.create(ours, file)

    restored = backup.restore(other, file)

    before, after = contents(client, ours), contents(client, other)
    assert after == before
    assert set(before) == {f"{owner}.things" for owner in OWNERS} | {"council.versions"}
    assert restored.whole
    assert (manifest.documents, manifest.prefix) == (2 * 3 + 1, ours.prefix)
    assert abs(manifest.instant - manifest.created) < timedelta(seconds=30)


def test_a_system_comes_back_where_it_was_once_that_is_dropped(client: Client, changing: Databases, file: Path) -> None:
    before = contents(client, changing)
    backup.create(changing, file)
    client[changing.name("intake")].things.delete_many({})
    client[changing.name("routing")].something_else.insert_one({})

    backup.restore(changing, file, replace=True)

    assert contents(client, changing) == before


def test_what_is_encrypted_stays_so_and_opens_with_the_keys_of_the_vault(
    client: Client, ours: Databases, other: Databases, file: Path
) -> None:
    backup.create(ours, file)
    with zipfile.ZipFile(file) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    backup.restore(other, file)

    found = client[other.name("intake")].things.find_one({"_id": "thing-1"})

    assert b"Canary" not in everything
    assert toys.KEY.get_secret_value().encode() not in everything
    assert found is not None
    assert [toys.VAULT.open(found["key"], text) for text in found["texts"].values()] == [{"text": SECRET}]


def test_a_change_while_a_backup_is_taken_is_not_in_it(client: Client, changing: Databases, file: Path) -> None:
    """The change is made once the first documents are read, in every database."""
    told: list[int] = []

    def once_begun(more: int) -> None:
        if not told:
            for each in (*OWNERS, "council"):
                database = client[changing.name(each)]
                name = "versions" if each == "council" else "things"
                database[name].insert_one({"_id": "late", "created": technical_now()})
                database[name].update_many({}, {"$set": {"late": True}})
                database[name].delete_one({"_id": "thing-2"})
        told.append(more)

    manifest = backup.create(changing, file, once_begun)

    assert sum(told) == manifest.documents == 7
    for kept in manifest.collections:
        assert all(not document.get("late") for document in documents(file, kept.data.name))


def test_a_change_across_databases_is_wholly_in_a_backup_or_wholly_out(
    client: Client, changing: Databases, tmp_path: Path
) -> None:
    """Somebody writes the same number to all databases, in one transaction, again and again."""
    done, written = threading.Event(), threading.Semaphore(0)
    for each in DATABASES:
        client[changing.name(each)].create_collection("numbers")

    def write() -> None:
        number = 0
        while not done.is_set():
            with client.start_session() as session, session.start_transaction():
                for each in DATABASES:
                    client[changing.name(each)].numbers.insert_one({"_id": number}, session=session)
            number += 1
            written.release()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = []
        for number in range(3):
            for _ in range(5):
                assert written.acquire(timeout=20)
            file = tmp_path / f"{number}.zip"
            backup.create(changing, file)
            seen.append([[found["_id"] for found in documents(file, f"{each}/numbers.bson")] for each in DATABASES])
    finally:
        done.set()
        writer.join()

    for numbers in seen:
        assert numbers == [list(range(len(numbers[0])))] * len(DATABASES)
    assert 5 <= len(seen[0][0]) < len(seen[1][0]) < len(seen[2][0])


def test_databases_that_are_not_empty_are_named_and_left_alone(client: Client, kept: Path, other: Databases) -> None:
    client[other.name("routing")].decisions.insert_one({"_id": "there"})
    before = contents(client, other)

    with pytest.raises(BackupRefused, match=f"not empty: {other.name('routing')}; nothing was written, --replace"):
        backup.restore(other, kept)

    assert contents(client, other) == before


def test_a_backup_is_its_owners_alone_and_never_overwritten(ours: Databases, file: Path) -> None:
    backup.create(ours, file)
    written = file.read_bytes()

    with pytest.raises(BackupRefused, match="is there already: name another file"):
        backup.create(ours, file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == written
    assert list(file.parent.iterdir()) == [file]


def test_a_backup_that_fails_leaves_no_file(ours: Databases, other: Databases, file: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(_: int) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        backup.create(ours, file, stop)
    with pytest.raises(BackupRefused, match="there is no database"):
        backup.create(other, file)

    assert list(file.parent.iterdir()) == []


def test_a_collection_that_is_dropped_meanwhile_is_not_taken_for_an_empty_one(
    client: Client, changing: Databases, file: Path
) -> None:
    def drop(_: int) -> None:
        client[changing.name("gateway")].drop_collection("things")

    with pytest.raises(BackupRefused, match=r"gateway/things was dropped meanwhile|made meanwhile: try again"):
        backup.create(changing, file, drop)

    assert not list(file.parent.iterdir())


def test_a_backup_another_is_writing_is_not_disturbed(ours: Databases, file: Path) -> None:
    partial = file.with_name("backup.zip.partial")
    partial.write_bytes(b"theirs")

    with pytest.raises(BackupRefused, match="another backup is being written, or one was broken off"):
        backup.create(ours, file)

    assert partial.read_bytes() == b"theirs"


def run(databases: Databases, *arguments: str, answer: str | None = None) -> Result:
    named = {"CASEWORK_MONGO_URL": databases.url, "CASEWORK_MONGO_PREFIX": databases.prefix}
    return CliRunner().invoke(cli.app, ["backup", *arguments], env=named, input=answer)


def test_the_commands_say_what_they_did(client: Client, ours: Databases, other: Databases, file: Path) -> None:
    created = run(ours, "create", str(file))
    checked = run(other, "check", str(file))
    restored = run(other, "restore", str(file), "--say-again", "0")

    assert (created.exit_code, checked.exit_code, restored.exit_code) == (0, 0, 0), restored.output
    assert "7 documents of " in created.stdout
    assert "CASEWORK_VAULT_KEYS" in created.stdout
    assert "whole: 7 documents" in checked.stdout
    assert other.name("gateway") in restored.stdout
    assert "restored as of " in restored.stdout
    assert contents(client, other) == contents(client, ours)


def test_databases_are_dropped_only_once_somebody_has_said_so(client: Client, changing: Databases, file: Path) -> None:
    run(changing, "create", str(file))
    client[changing.name("intake")].things.insert_one({"_id": "newer", "created": technical_now()})

    refused = run(changing, "restore", str(file))
    asked = run(changing, "restore", str(file), "--replace", answer="n\n")
    kept = client[changing.name("intake")].things.count_documents({"_id": "newer"})
    agreed = run(changing, "restore", str(file), "--replace", "--yes")

    assert (refused.exit_code, asked.exit_code, agreed.exit_code) == (
        terminal.NEEDS_A_PERSON,
        terminal.NEEDS_A_PERSON,
        0,
    )
    assert refused.stderr.startswith(f"casework: not empty: {changing.name('intake')}, ")
    assert "nothing was dropped, nothing was written" in asked.stderr
    assert kept == 1
    assert client[changing.name("intake")].things.count_documents({"_id": "newer"}) == 0


def test_a_database_that_does_not_answer_is_one_sentence_without_the_password(file: Path) -> None:
    away = Databases("mongodb://operator:secret@127.0.0.1:9/?serverSelectionTimeoutMS=100", "casework")

    result = run(away, "create", str(file))

    assert result.exit_code == terminal.COULD_NOT
    assert result.stderr.startswith("casework: the database does not answer")
    assert "secret" not in result.output + repr(away)
    assert not list(file.parent.iterdir())
