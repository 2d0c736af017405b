"""A backup is not believed when it is damaged."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ops import backup
from ops.backup import BackupRefused
from ops.backup.archive import MANIFEST
from ops.connections import Databases
from tests.ops.backup.systems import Client, contents, rewritten

pytestmark = pytest.mark.mongo


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


def test_a_damaged_backup_is_refused_before_anything_is_dropped_or_written(
    client: Client, ours: Databases, other: Databases, damaged: Path
) -> None:
    before = contents(client, ours)

    for target, replace in ((other, False), (ours, True)):
        with pytest.raises(BackupRefused, match=str(damaged)):
            backup.restore(target, damaged, replace=replace)

    assert backup.occupied(other) == []
    assert contents(client, ours) == before
