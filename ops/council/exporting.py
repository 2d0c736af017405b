"""Exports a published version as files, and makes sure that they say what the version says."""

from pathlib import Path
from typing import NamedTuple

from ops.council.diff import Differences, differences
from ops.council.writing import files_of
from shared.council import Council, load_bundle


class ExportRefused(ValueError):
    """Nothing was written; the message says why."""


class Exported(NamedTuple):
    """What was written, and in what it is not the version; a calendar of another release may be."""

    files: tuple[Path, ...]
    differing: Differences


def export(council: Council, folder: Path, note: str) -> Exported:
    """Write a council into a folder that is empty or not there, and read it back.

    Raises:
        ExportRefused: there is something in the folder.
        BundleRefused: what was written is refused today: the version was published under other rules.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportRefused(f"{folder} is there already: name a folder that is empty or does not exist")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in files_of(council, note).items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return Exported(tuple(sorted(written)), differences(council, load_bundle(folder)))
