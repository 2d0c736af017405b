"""The file of a backup: a zip whose members its manifest names, with the size and SHA-256 of each.

    manifest.json            when, by which version, from which prefix, and per collection how many documents
    intake/cases.json        options (validator) and indexes of the collection, as MongoDB Extended JSON
    intake/cases.bson        its documents as BSON, one after the other, byte for byte as the server keeps them

A zip, because its members can be looked at one by one with common tools. A checksum tells damage, not a forger: whoever
can write the file can write its manifest. Databases are named by service, so a backup fits any prefix.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Literal, Self

from bson import json_util
from bson.errors import InvalidBSON
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from shared.plumbing.history import Document
from shared.plumbing.topology import SAYS

DATABASES = (*SAYS, "council")
"""What follows the prefix in the names of the databases: each service, and the council."""
MANIFEST = "manifest.json"
CHUNK = 1 << 20
_LONGEST_MANIFEST = 16 << 20
_LOCKED = 0x1  # bit of a zip's member that is encrypted by the zip itself
_EXTENDED_JSON = json_util.CANONICAL_JSON_OPTIONS.with_options(tz_aware=True)

Tell = Callable[[int], None]
"""Hears how many bytes or documents more are done."""


class BackupRefused(RuntimeError):
    """The file, or the database, is not as it has to be; one sentence that says what to do."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Member(_Frozen):
    """A member of the zip."""

    name: str
    size: int = Field(ge=0, description="Bytes, unpacked.")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Kept(_Frozen):
    """A collection."""

    database: str
    """Without the prefix."""
    name: str = Field(min_length=1)
    documents: int = Field(ge=0)
    data: Member
    form: Member

    @field_validator("database")
    @classmethod
    def _is_ours(cls, name: str) -> str:
        if name not in DATABASES:
            raise ValueError("no database of this system")
        return name


class Manifest(_Frozen):
    """What a backup says of itself."""

    format: Literal[1] = 1
    instant: datetime = Field(description="The database's time of which everything in here is.")
    created: datetime = Field(description="When the file was begun, by the clock of the machine that wrote it.")
    casework: str = Field(description="The version of Casework that wrote it.")
    mongodb: str = Field(description="The version of the server it was read from.")
    prefix: str = Field(description="What the names of the databases began with.")
    collections: tuple[Kept, ...]

    @property
    def documents(self) -> int:
        """How many documents it holds."""
        return sum(kept.documents for kept in self.collections)

    @property
    def size(self) -> int:
        """How many bytes of BSON it holds, unpacked."""
        return sum(kept.data.size for kept in self.collections)

    def members(self) -> Iterator[Member]:
        """List every member but the manifest."""
        for kept in self.collections:
            yield kept.form
            yield kept.data


class Form(BaseModel):
    """What a collection is but its documents."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    options: Document
    indexes: list[Document]

    def as_json(self) -> bytes:
        """Write it down without a loss of BSON's types."""
        return json_util.dumps(dict(self), json_options=_EXTENDED_JSON, indent=1).encode()

    @classmethod
    def of_json(cls, text: bytes) -> "Form":
        """Read what `as_json` wrote."""
        return cls.model_validate(json_util.loads(text, json_options=_EXTENDED_JSON))


class Writer:
    """Writes members one after the other and notes size and checksum of each; the manifest is the last."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def member(self, name: str, chunks: Iterator[bytes]) -> Member:
        """Write one member."""
        digest, size = hashlib.sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as member:
            for chunk in chunks:
                member.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        return Member(name=name, size=size, sha256=digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest."""
        self._zip.writestr(MANIFEST, manifest.model_dump_json(indent=1))


@contextmanager
def opened(file: Path) -> Iterator[zipfile.ZipFile]:
    """Open a backup for as long as the block lasts.

    Raises:
        BackupRefused: it is none, or it cannot be read to its end.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if any(info.flag_bits & _LOCKED for info in archive.infolist()):
                raise BackupRefused(f"{file} is no backup, or it is damaged (encrypted): take another")
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, InvalidBSON, NotImplementedError) as error:
        raise BackupRefused(f"{file} is no backup, or it is damaged ({type(error).__name__}): take another") from error
    except OSError as error:
        raise BackupRefused(f"{file} cannot be read ({error.strerror or type(error).__name__})") from error


def check(archive: zipfile.ZipFile, tell: Tell = lambda _: None) -> Manifest:
    """Read a backup from its first byte to its last and compare it with its manifest.

    Args:
        archive: from `opened`.
        tell: hears of unpacked bytes.

    Raises:
        BackupRefused: something is missing, more, or other than the manifest says.
    """
    manifest = manifest_of(archive)
    named = [MANIFEST, *(member.name for member in manifest.members())]
    if sorted(named) != sorted(archive.namelist()):
        raise BackupRefused(f"{archive.filename}: its members are not those its manifest names: take another backup")
    for member in manifest.members():
        digest, size = hashlib.sha256(), 0
        with archive.open(member.name) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                tell(len(chunk))
        if (size, digest.hexdigest()) != (member.size, member.sha256):
            raise BackupRefused(f"{archive.filename}: {member.name} is not what was written: take another backup")
    return manifest


def manifest_of(archive: zipfile.ZipFile) -> Manifest:
    """Read what a backup says of itself; nothing of it is checked.

    Raises:
        BackupRefused: there is no manifest, or this version cannot read it.
    """
    try:
        with archive.open(MANIFEST) as stream:
            return Manifest.model_validate_json(stream.read(_LONGEST_MANIFEST))
    except KeyError:
        raise BackupRefused(f"{archive.filename} is no backup: it has no {MANIFEST}") from None
    except ValidationError:
        raise BackupRefused(
            f"{archive.filename}: its manifest is damaged or of a newer Casework: use the version that wrote it"
        ) from None
