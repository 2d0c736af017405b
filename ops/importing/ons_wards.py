"""Brings the codes of the Office for National Statistics to wards.csv, from any year's list of wards or divisions.

The one rule: it writes codes and nothing else. That a ward begins, ends or is redrawn is a decision, so it prints what
to write.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from ops.importing.proposal import Proposal
from ops.importing.refusals import ImportRefused
from ops.importing.rows import CsvFile, Row
from ops.importing.source import Fetched, refuse_a_page
from ops.importing.words import decoded, key_of, listed, ward_key
from shared.council.problems import nearest

_COLUMN = re.compile(r"(WD|CED|LAD|UTLA|CTY)(\d{2})(CD|NM)")
_CODE = re.compile(r"[EWSN]\d{8}")
_UNITS = ("WD", "CED")
_AUTHORITIES = ("LAD", "UTLA", "CTY")
_KIND = {"WD": "ward", "CED": "division"}


class Unit(NamedTuple):
    """A ward or an electoral division of one authority."""

    code: str
    name: str


class Units(NamedTuple):
    """The wards or divisions of one authority, in the year of the list."""

    authority: str
    kind: str
    year: int
    units: tuple[Unit, ...]


def read_ons(fetched: Fetched, authority: str | None) -> Units:
    """Read the wards of an authority, named or by code; divisions where the list has it as a county.

    Raises:
        ImportRefused: it is something else, or the authority is not in it.
    """
    text = fetched.text()
    refuse_a_page(fetched, text, "a list of the ONS as CSV")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = _columns(fetched, next(reader, []))
        rows = [cells for cells in reader if any(cells)]
    except csv.Error as error:
        raise ImportRefused(f"{fetched.name} line {reader.line_num}: is not CSV ({error})") from None
    found = dict[Unit, None]()
    level, code, name = _authority(fetched, columns, rows, authority)
    unit = _unit_of(fetched, columns, level)
    year, code_at, name_at = columns[unit]
    at = columns[level].code
    for cells in rows:
        if _cell(cells, at) == code and _CODE.fullmatch(_cell(cells, code_at)):
            found[Unit(_cell(cells, code_at), decoded(_cell(cells, name_at)))] = None
    if not found:
        raise ImportRefused(f"{fetched.name}: it has no {_KIND[unit]} of {name} with a code")
    return Units(name, _KIND[unit], year, tuple(found))


class _Columns(NamedTuple):
    year: int
    code: int
    name: int


def _columns(fetched: Fetched, header: list[str]) -> dict[str, _Columns]:
    """Find code and name of each level of the header, such as WD24CD and WD24NM, and the year they say.

    Raises:
        ImportRefused: there is no ward or no authority, or one level has several years.
    """
    places: dict[str, dict[tuple[str, int], int]] = {}
    for index, title in enumerate(header):
        match = _COLUMN.fullmatch(title.strip().upper())
        if match:
            places.setdefault(match[1], {})[match[3], 2000 + int(match[2])] = index
    found = {}
    for level, titles in places.items():
        years = {year for _, year in titles}
        if len(years) > 1:
            raise ImportRefused(f"{fetched.name}: {level} has several years: {listed(map(str, sorted(years)))}")
        (year,) = years
        if ("CD", year) in titles and ("NM", year) in titles:
            found[level] = _Columns(year, titles["CD", year], titles["NM", year])
    if not any(unit in found for unit in _UNITS) or not any(level in found for level in _AUTHORITIES):
        raise ImportRefused(
            f"{fetched.name}: columns such as WD24CD, WD24NM, LAD24CD, LAD24NM are missing: this is no list of wards"
        )
    return found


def _authority(
    fetched: Fetched, columns: dict[str, _Columns], rows: list[list[str]], wanted: str | None
) -> tuple[str, str, str]:
    """Find the authority: its level, code and name.

    Raises:
        ImportRefused: it is not there, or none is named and the list has several.
    """
    known: dict[tuple[str, str], str] = {}
    for level in _AUTHORITIES:
        if level in columns:
            for cells in rows:
                if code := _cell(cells, columns[level].code):
                    known[level, code] = decoded(_cell(cells, columns[level].name))
    if wanted is None:
        if len(known) != 1:
            raise ImportRefused(f"{fetched.name} lists {len(known)} authorities: say which with --authority NAME")
        ((level, code), name) = next(iter(known.items()))
        return level, code, name
    for (level, code), name in known.items():
        if code == wanted.strip().upper() or key_of(name) == key_of(wanted):
            return level, code, name
    raise ImportRefused(f"{fetched.name}: there is no authority {wanted!r}: {nearest(wanted, known.values())}")


def _unit_of(fetched: Fetched, columns: dict[str, _Columns], level: str) -> str:
    """Choose what an authority elects by: a county by divisions, every other by wards."""
    order = ("CED", "WD") if level == "CTY" else ("WD", "CED")
    unit = next(each for each in order if each in columns)
    if level == "CTY" and unit != "CED":
        raise ImportRefused(f"{fetched.name}: a county elects by divisions, and the list has no CED columns")
    return unit


def _cell(cells: list[str], index: int) -> str:
    return cells[index].strip() if index < len(cells) else ""


def merge_wards(folder: Path, found: Units, on: date, step: Callable[[], None] = lambda: None) -> Proposal:
    """Propose wards.csv with the codes of those wards that are the same, and say what else the list knows."""
    file = CsvFile.read(folder, "wards.csv", ("code", "name", "town", "valid_from", "valid_to", "gss", "successors"))
    proposal = Proposal([file], [f"{found.authority}: {len(found.units)} {found.kind}s of {found.year}"])
    here = {ward_key(file.get(row, "name")): row for row in file.rows if _holds(file, row, on)}
    met: set[str] = set()
    for unit in found.units:
        step()
        key = ward_key(unit.name)
        row = here.get(key)
        met.add(key)
        if row is None:
            proposal.suggested.append(
                f"new {found.kind} {unit.name}: in wards.csv write code {_slug(unit.name)}, name {unit.name}, its "
                f"town, gss {unit.code} and valid_from"
            )
        elif not (known := file.get(row, "gss")):
            file.put(row, "gss", unit.code)
        elif known != unit.code:
            code = file.get(row, "code")
            proposal.suggested.append(
                f"{code} has {known}, the list says {unit.code}: a new code means new boundaries. If they are, end "
                f"{code} with valid_to and write a new row with gss {unit.code} as its successor; if {known} was a "
                "mistake, empty it and import again"
            )
    proposal.suggested += _vanished(file, here, met, found)
    return proposal


def _vanished(file: CsvFile, here: dict[str, Row], met: set[str], found: Units) -> Iterator[str]:
    for key, row in here.items():
        if key not in met:
            code = file.get(row, "code")
            yield (
                f"{code} is not in the list of {found.year}: if it has ended, write valid_to and successors in "
                "wards.csv, and valid_to with end_reason boundary in seats.csv"
            )


def _holds(file: CsvFile, row: Row, on: date) -> bool:
    first, last = file.get(row, "valid_from"), file.get(row, "valid_to")
    return (not first or date.fromisoformat(first) <= on) and (not last or on <= date.fromisoformat(last))


def _slug(name: str) -> str:
    return ward_key(name).replace(" ", "-")
