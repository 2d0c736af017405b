"""A CSV file of the council, changed cell by cell.

The one rule: a row in which nothing changes keeps its bytes, so that the difference a person reads is the difference
that was made.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_MARK = "\ufeff"


class Row:
    """One row: its cells by column, how it stands in the file, and what it was before."""

    def __init__(self, cells: list[str], raw: str | None) -> None:
        """Take the cells in the order of the header; `raw` is its own text with its line end, None for a new row."""
        self.cells = cells
        self.raw = raw
        self.before = None if raw is None else list(cells)


class CsvFile:
    """The rows of one file in their order. A column that is not there reads as empty."""

    def __init__(self, name: str, text: str, named_by: tuple[str, ...] = ()) -> None:
        """Read the text of a file that is sound: `load_bundle` has read it before. `named_by` tells rows apart."""
        self.name = name
        self.original: str | None = text
        self._named_by = named_by
        self._mark = _MARK if text.startswith(_MARK) else ""
        lines = list(io.StringIO(text.removeprefix(_MARK), newline=""))
        self._end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
        reader = csv.reader(iter(lines))
        self.header: list[str] = []
        self.rows: list[Row] = []
        self._records: list[Row] = []
        before = 0
        for cells in reader:
            record = Row([cell.strip() for cell in cells], "".join(lines[before : reader.line_num]))
            before = reader.line_num
            self._records.append(record)
            if not self.header:
                self.header = record.cells
            elif any(record.cells):
                self.rows.append(record)

    @classmethod
    def read(cls, folder: Path, name: str, columns: Iterable[str]) -> "CsvFile":
        """Read a file of a folder and see to it that it has the columns, the first two of which name a row.

        A file that is not there has the columns and no row.
        """
        path = folder / name
        wanted = list(columns)
        if not path.exists():
            made = cls(name, ",".join(wanted) + "\n", tuple(wanted[:2]))
            made.original = None
            return made
        found = cls(name, path.read_bytes().decode("utf-8"), tuple(wanted[:2]))
        for column in wanted:
            if column not in found.header:
                found._add_column(column)
        return found

    def _add_column(self, column: str) -> None:
        """Add a column at the end, empty in every row."""
        self.header.append(column)
        for record in self._records:
            if record is self._records[0]:
                record.raw = None
            elif any(record.cells):
                record.cells.append("")
                if record.before is not None:
                    record.before.append("")
                if record.raw is not None:
                    body = record.raw.rstrip("\r\n")
                    record.raw = f"{body},{record.raw[len(body) :]}"

    def get(self, row: Row, column: str) -> str:
        """Give a cell."""
        return row.cells[self.header.index(column)] if column in self.header else ""

    def put(self, row: Row, column: str, value: str) -> None:
        """Change a cell; the same value changes nothing."""
        if self.get(row, column) != value:
            row.cells[self.header.index(column)] = value
            row.raw = None

    def append(self, values: Mapping[str, str]) -> Row:
        """Add a row at the end."""
        row = Row([values.get(column, "") for column in self.header], None)
        self.rows.append(row)
        self._records.append(row)
        return row

    def find(self, column: str, value: str) -> Row | None:
        """Find the first row with a value in a column."""
        return next((row for row in self.rows if self.get(row, column) == value), None)

    def written(self) -> Iterator[tuple[str, str, str]]:
        """Give every cell that was written: the row's name, the column and the text."""
        for row in self.rows:
            name = " ".join(self.get(row, column) for column in self._named_by)
            before = row.before or [""] * len(row.cells)
            for column, was, now in zip(self.header, before, row.cells, strict=True):
                if was != now:
                    yield name, column, now

    def text(self) -> str:
        """Write the file."""
        written = io.StringIO(newline="")
        writer = csv.writer(written, lineterminator=self._end)
        for record in self._records:
            if record.raw is None:
                writer.writerow(record.cells)
            else:
                written.write(record.raw)
                if record is not self._records[-1] and not record.raw.endswith(("\n", "\r")):
                    written.write(self._end)
        return self._mark + written.getvalue()
