"""Brings the Local Government Service List into lgsl.csv: the words by which other councils know a service.

The list: http://standards.esd.org.uk/csv?uri=list/englishAndWelshServices (Open Government Licence, attribute the LG
Inform Plus programme).
"""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ops.importing.proposal import Proposal
from ops.importing.refusals import ImportRefused
from ops.importing.rows import CsvFile
from ops.importing.source import Fetched, refuse_a_page
from ops.importing.words import decoded, listed
from shared.council import Council

FILE = "lgsl.csv"
_LIVE = "live"
_NEEDED = ("Identifier", "Label")
_LONGEST_ID = 9999
_LONGEST_LABEL = 120
_LONGEST_DESCRIPTION = 200


class Entry(NamedTuple):
    """One service of the list."""

    id: int
    label: str
    description: str
    live: bool


def read_lgsl(fetched: Fetched) -> dict[int, Entry]:
    """Read the list.

    Raises:
        ImportRefused: it is something else.
    """
    text = fetched.text()
    refuse_a_page(fetched, text, "the list as CSV")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found: dict[int, Entry] = {}
    try:
        if missing := [name for name in _NEEDED if name not in (reader.fieldnames or ())]:
            raise ImportRefused(
                f"{fetched.name}: column {listed(missing)} is missing: this is not the Local Government Service List"
            )
        for row in reader:
            entry = _entry(fetched, reader.line_num, row)
            found[entry.id] = entry
    except csv.Error as error:
        raise ImportRefused(f"{fetched.name} line {reader.line_num}: is not CSV ({error})") from None
    if not found:
        raise ImportRefused(f"{fetched.name}: it lists no service")
    return found


def _entry(fetched: Fetched, line: int, row: dict[str, str | None]) -> Entry:
    number, label = (row["Identifier"] or "").strip(), decoded(row["Label"] or "")
    if not number.isdecimal() or not 1 <= int(number) <= _LONGEST_ID or not label:
        raise ImportRefused(f"{fetched.name} line {line}: no Identifier (a number) and Label")
    status = (row.get("Status") or _LIVE).strip().casefold()
    description = shortened(decoded(row.get("Description") or ""))
    return Entry(int(number), label[:_LONGEST_LABEL], description, status == _LIVE)


def shortened(text: str, longest: int = _LONGEST_DESCRIPTION) -> str:
    """Shorten a text to its first sentences, or where the first is too long to its first words."""
    if len(text) <= longest:
        return text
    end = text.rfind(". ", 0, longest)
    if end >= longest // 3:
        return text[: end + 1]
    return text[: longest - 1].rpartition(" ")[0].rstrip(",;:- ") + "\u2026"


def merge_lgsl(
    council: Council,
    folder: Path,
    entries: dict[int, Entry],
    *,
    whole: bool = False,
    step: Callable[[], None] = lambda: None,
) -> Proposal:
    """Propose lgsl.csv with what the list says of the services the catalogue and the file name, or with all of it."""
    file = CsvFile.read(folder, FILE, ("id", "label", "description"))
    named = {service.lgsl for service in council.services if service.lgsl is not None}
    held = {int(file.get(row, "id")): row for row in file.rows}
    wanted = set(held) | named | ({each.id for each in entries.values() if each.live} if whole else set())
    for number in sorted(wanted & set(entries)):
        entry = entries[number]
        step()
        if number in held:
            file.put(held[number], "label", entry.label)
            if entry.description:
                file.put(held[number], "description", entry.description)
        else:
            file.append({"id": str(number), "label": entry.label, "description": entry.description})
    proposal = Proposal([file])
    for service in council.services:
        if service.lgsl is None:
            continue
        known = entries.get(service.lgsl)
        if known is None or not known.live:
            state = "is no longer live in the list" if known else "is not in the list"
            rest = "" if service.lgsl in held or known else ", nor in lgsl.csv"
            proposal.told.append(f"service {service.code!r}: lgsl {service.lgsl} {state}{rest}: see services.yaml")
    gone = sorted(set(held) - set(entries) - named)
    if gone:
        proposal.told.append(f"lgsl.csv holds what the list does not: {listed(map(str, gone))}; kept")
    return proposal
