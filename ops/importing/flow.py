"""From a proposal to files: rehearsed on a copy, written whole, never over somebody else's change.

The one rule: a folder is written only if `load_bundle` takes what it would be.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ops.council.diff import Differences, differences
from ops.importing.proposal import Proposal
from ops.importing.refusals import ImportRefused
from ops.importing.rows import CsvFile
from shared.council import Council, load_bundle

_FORMULA = ("=", "+", "-", "@", "\t")


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A proposal that would make a sound council: the texts it would write, and what would be different."""

    folder: Path
    council: Council
    before: dict[str, str | None]
    texts: dict[str, str]
    differences: Differences


def rehearse(folder: Path, proposal: Proposal) -> Rehearsed:
    """Try a proposal on a copy of the folder.

    Raises:
        BundleRefused: the council it makes would be broken; nothing was changed.
        ImportRefused: a cell would be a formula to a spreadsheet.
    """
    before, texts = {}, {}
    for file in proposal.files:
        if any(file.written()):
            _refuse_formulas(file)
            before[file.name], texts[file.name] = file.original, file.text()
    with tempfile.TemporaryDirectory(prefix="casework-import-") as place:
        copy = Path(place)
        for path in folder.iterdir():
            if path.is_file():
                shutil.copyfile(path, copy / path.name)
        now = load_bundle(copy)
        for name, text in texts.items():
            _write(copy / name, text)
        council = load_bundle(copy)
    return Rehearsed(folder, council, before, texts, differences(now, council))


def _refuse_formulas(file: CsvFile) -> None:
    """Refuse a text that a spreadsheet would run when somebody opens the file.

    Raises:
        ImportRefused: there is one.
    """
    for name, column, text in file.written():
        if text.startswith(_FORMULA):
            raise ImportRefused(
                f"{file.name}: {column} of {name[:80]!r} begins with {text[0]!r}, and a spreadsheet would take it for "
                "a formula: have the source corrected, or correct a saved copy"
            )


def write(rehearsed: Rehearsed) -> None:
    """Write the files, each whole.

    Raises:
        ImportRefused: somebody has changed one since it was read, or the folder cannot be written.
    """
    for name, was in rehearsed.before.items():
        path = rehearsed.folder / name
        now = path.read_bytes().decode("utf-8", "replace") if path.exists() else None
        if now != was:
            raise ImportRefused(f"{path} has changed in the meantime: nothing was written; import again")
    try:
        for name, text in rehearsed.texts.items():
            path = rehearsed.folder / name
            unfinished = path.with_name(f".{name}.new")
            _write(unfinished, text)
            if path.exists():
                shutil.copymode(path, unfinished)
            os.replace(unfinished, path)  # noqa: PTH105  its name says that it is atomic
    except OSError as error:
        raise ImportRefused(f"{rehearsed.folder} cannot be written ({error.strerror})") from None


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))
