"""Reads YAML and CSV into plain values that remember the line they came from.

A file that cannot be read becomes a problem, never an exception: the reader goes on to the next file, so that one run
shows everything that is wrong.
"""

import codecs
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from shared.council.problems import Problem, nearest

_MAX_BYTES = 5_000_000
_OTHER_MARKS: Mapping[bytes, str] = MappingProxyType(
    {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16"}
    | {codecs.BOM_UTF16_BE: "UTF-16"}
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula (OWASP: CSV injection)."""


class _Loader(yaml.SafeLoader):
    """YAML that leaves dates as texts, so that a date no calendar has is refused with its line, as any other field.

    Anchors and aliases are refused: what a person reads is all there is, and a few lines cannot stand for millions.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Build the next node.

        Raises:
            yaml.composer.ComposerError: it stands for another one.
        """
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.composer.ComposerError(None, None, "anchors (&) and aliases (*) are not read", event.start_mark)
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002  its
        """Make the value of a node.

        Raises:
            yaml.constructor.ConstructorError: it is none of its kind, such as 0x_ of a number.
        """
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError) as error:
            kind = node.tag.rpartition(":")[2]
            what = f"a value is no {kind}: put it in quotes if it is meant as a text"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark) from error


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One mapping of a YAML list or one row of a CSV file, before it is a model."""

    file: str
    line: int
    values: dict[str, Any]
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)

    def line_of(self, path: tuple[str | int, ...] = ()) -> int:
        """Give the line of a field, or of the nearest thing around it; steps the file does not have are passed over."""
        known: tuple[str | int, ...] = ()
        for step in path:  # where there are several kinds of a thing, pydantic's path names the kind, too
            if (*known, step) in self.lines:
                known = (*known, step)
        return self.lines.get(known, self.line)

    def problem(self, rule: str, message: str, fix: str, *path: str | int) -> Problem:
        """Describe a problem at one of this entry's fields."""
        return Problem(self.file, self.line_of(path), rule, message, fix)


class Source:
    """The folder of a council's files; collects the problems met while reading."""

    def __init__(self, folder: Path) -> None:
        """Start with no problem."""
        self.folder = folder
        self.problems: list[Problem] = []
        self.unreadable: set[str] = set()

    def refuse(self, file: str, line: int, rule: str, message: str, fix: str) -> None:
        """Note that a file cannot be used as a whole."""
        self.problems.append(Problem(file, line, rule, message, fix))
        self.unreadable.add(file)

    def text(self, file: str, *, optional: bool = False) -> str | None:
        """Read a file as UTF-8, with or without a byte order mark; an optional one may be missing."""
        path = self.folder / file
        try:
            raw = path.read_bytes()
        except OSError as error:
            if optional and isinstance(error, FileNotFoundError):
                return None
            self.refuse(file, 0, "file-missing", f"cannot be read ({error.strerror})", f"Add {file} to the folder")
            return None
        if len(raw) > _MAX_BYTES:
            self.refuse(file, 0, "file-too-big", f"has {len(raw)} bytes", f"Keep it under {_MAX_BYTES} bytes")
            return None
        return self._decoded(file, raw)

    def _decoded(self, file: str, raw: bytes) -> str | None:
        for mark, name in _OTHER_MARKS.items():
            if raw.startswith(mark):
                self.refuse(file, 1, "not-utf8", f"is {name}", "Save the file as UTF-8")
                return None
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            self.refuse(file, line, "not-utf8", f"byte {error.start} is not UTF-8", "Save the file as UTF-8")
            return None
        if "\ufeff" in text:
            line = text.count("\n", 0, text.index("\ufeff")) + 1
            self.refuse(file, line, "byte-order-mark", "has a byte order mark inside", "Delete the invisible character")
            return None
        return text

    def mapping(self, file: str, *, optional: bool = False) -> Entry | None:
        """Read a YAML file whose top is a mapping."""
        text = self.text(file, optional=optional)
        if text is None:
            return None
        try:
            loader = _Loader(text)
            node = loader.get_single_node()
            lines = _lines(node, self, file)
            values = loader.construct_document(node) if node is not None else {}
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            self.refuse(
                file, line, "yaml-syntax", f"is not YAML ({error.problem})", "Correct the line or the one before"
            )
            return None
        except (yaml.YAMLError, RecursionError) as error:
            self.refuse(file, 1, "yaml-syntax", f"is not YAML ({error})", "Correct the value")
            return None
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
            self.refuse(file, 1, "shape", "is not a mapping of names to values", "Begin with `name: value`")
            return None
        return Entry(file, 1, values, lines)

    def entries(self, document: Entry | None, key: str) -> list[Entry]:
        """Take a list of mappings out of a YAML document."""
        if document is None:
            return []
        listed = document.values.get(key, [])
        if not isinstance(listed, list):
            self.unreadable.add(document.file)
            self.problems.append(
                document.problem("shape", f"{key} is not a list", f"Write `{key}:` and `- ` items", key)
            )
            return []
        found = []
        for index, values in enumerate(listed):
            if isinstance(values, dict) and all(isinstance(name, str) for name in values):
                own = {path[2:]: line for path, line in document.lines.items() if path[:2] == (key, index)}
                found.append(Entry(document.file, own.get((), document.line), values, own))
            else:
                fix = "Write `name: value` lines under the dash"
                self.unreadable.add(document.file)
                self.problems.append(document.problem("shape", f"an item of {key} is no mapping", fix, key, index))
        return found

    def rows(self, file: str, columns: Mapping[str, bool], *, optional: bool = False) -> list[Entry]:
        """Read a CSV file: `columns` says for each known column whether it must be there; empty cells are left out."""
        text = self.text(file, optional=optional)
        if text is None:
            return []
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        found: list[Entry] = []
        try:
            header = [name.strip() for name in next(reader, [])]
            if not self._header_is_sound(file, header, columns):
                return []
            after = reader.line_num
            for cells in reader:
                line, after = after + 1, reader.line_num
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    message = f"the row has {len(cells)} cells, the header has {len(header)}"
                    fix = "Add or remove commas; put a text that has a comma in double quotes"
                    self.refuse(file, line, "csv-width", message, fix)
                    continue
                for name, cell in zip(header, cells, strict=True):
                    # Blanks before it are not kept: without them it is a formula wherever it is written again.
                    begun = next((each for each in (cell, cell.strip()) if each.startswith(_FORMULA)), "")
                    if begun:
                        message = f"{name}: a cell that begins with {begun[0]!r} is a formula to a spreadsheet"
                        self.refuse(file, line, "csv-formula", message, "Write the plain value")
                values = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
                found.append(Entry(file, line, values))
        except csv.Error as error:
            self.refuse(file, reader.line_num, "csv-syntax", f"is not CSV ({error})", "Check the double quotes")
        return found

    def _header_is_sound(self, file: str, header: list[str], columns: Mapping[str, bool]) -> bool:
        """Refuse a header with a missing, unknown or repeated column."""
        before = len(self.problems)
        for name in columns:
            if columns[name] and name not in header:
                self.refuse(file, 1, "csv-header", f"column {name!r} is missing", f"Add {name!r} to the first line")
        for name in sorted(set(header)):
            if name not in columns:
                fix = f"Remove it, or {nearest(name, columns)}"
                self.refuse(file, 1, "csv-header", f"column {name!r} is unknown", fix)
            elif header.count(name) > 1:
                self.refuse(file, 1, "csv-header", f"column {name!r} stands twice", "Keep one of them")
        return len(self.problems) == before


def _lines(node: yaml.Node | None, source: Source, file: str) -> dict[tuple[str | int, ...], int]:
    """Map every path in a YAML document to its line, and refuse a name that stands twice in one mapping."""
    lines: dict[tuple[str | int, ...], int] = {}

    def walk(at: yaml.Node, path: tuple[str | int, ...]) -> None:
        lines.setdefault(path, at.start_mark.line + 1)
        if isinstance(at, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in at.value:
                name, line = str(key.value), key.start_mark.line + 1
                if name in seen:
                    source.refuse(file, line, "yaml-twice", f"{name!r} stands twice", "Keep one of them")
                seen.add(name)
                lines[(*path, name)] = line
                walk(value, (*path, name))
        elif isinstance(at, yaml.SequenceNode):
            for index, value in enumerate(at.value):
                walk(value, (*path, index))

    if node is not None:
        walk(node, ())
    return lines
