"""A backup is not believed when it is damaged."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bson import encode

from ops import backup
from ops.backup import BackupRefused, Manifest
from ops.backup.archive import MANIFEST, Form, Kept, Writer
from ops.connections import Databases
from tests.ops.backup.systems import Client, contents, rewritten


def a_flipped_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 4
    file.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a flipped bit": a_flipped_bit,
    "a lost end": lambda file: file.write_bytes(file.read_bytes()[:-100]),
    "nothing": lambda file: file.write_bytes(b""),
    "another file": lambda file: file.write_bytes(b"Mrs Canary" * 100),
    "another document": lambda file: rewritten(
        file, lambda name, data: data.replace(b"thing-1", b"thing-9") if name == "intake/things.bson" else data
    ),
    "another index": lambda file: rewritten(
        file, lambda name, data: data.replace(b"by_last", b"by_lust") if name == "intake/things.json" else data
    ),
    "a member less": lambda file: rewritten(file, lambda name, data: None if name == "gateway/things.bson" else data),
    "a member more": lambda file: rewritten(file, lambda _, data: data, {"intake/more.bson": b""}),
    "no manifest": lambda file: rewritten(file, lambda name, data: None if name == MANIFEST else data),
    "a newer manifest": lambda file: rewritten(
        file, lambda name, data: data.replace(b'"format": 1', b'"format": 2') if name == MANIFEST else data
    ),
    "a database of others": lambda file: rewritten(
        file,
        lambda name, data: data.replace(b'"database": "intake"', b'"database": "admin"') if name == MANIFEST else data,
    ),
}


@pytest.fixture(params=list(DAMAGE.values()), ids=list(DAMAGE))
def damaged(request: pytest.FixtureRequest, kept: Path, file: Path) -> Path:
    shutil.copy(kept, file)
    request.param(file)
    return file


@pytest.mark.mongo
def test_a_damaged_backup_is_refused_before_anything_is_dropped_or_written(
    client: Client, ours: Databases, other: Databases, damaged: Path
) -> None:
    before = contents(client, ours)

    for target, replace in ((other, False), (ours, True)):
        with pytest.raises(BackupRefused, match=str(damaged)):
            backup.restore(target, damaged, replace=replace)

    assert backup.occupied(other) == []
    assert contents(client, ours) == before


def a_small_backup(file: Path) -> Manifest:
    """Write a backup without a database."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    with file.open("wb") as stream, Writer(stream) as writer:
        form = writer.member("intake/cases.json", iter([Form(options={}, indexes=[]).as_json()]))
        data = writer.member("intake/cases.bson", iter([encode({"_id": str(number)}) for number in range(20)]))
        kept = Kept(database="intake", name="cases", documents=20, data=data, form=form)
        manifest = Manifest(instant=now, created=now, casework="1", mongodb="6", prefix="town", collections=(kept,))
        writer.finish(manifest)
    return manifest


def test_whichever_byte_is_damaged_a_backup_is_refused_or_is_still_what_was_written(file: Path) -> None:
    """Dates and a few other fields of a zip say nothing about what is in it."""
    manifest = a_small_backup(file)
    sound = file.read_bytes()
    refused = 0
    for position in range(len(sound)):
        damaged = bytearray(sound)
        damaged[position] ^= 0xFF
        file.write_bytes(damaged)
        try:
            with backup.opened(file) as archive:
                assert backup.check(archive) == manifest
        except BackupRefused:
            refused += 1

    assert refused > len(sound) / 2


def test_wherever_a_backup_ends_too_early_it_is_refused(file: Path) -> None:
    a_small_backup(file)
    sound = file.read_bytes()
    for end in range(0, len(sound), 4):
        file.write_bytes(sound[:end])
        with pytest.raises(BackupRefused), backup.opened(file) as archive:
            backup.check(archive)
