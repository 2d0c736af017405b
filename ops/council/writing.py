"""Writes a council back as the files it can be read from, by the same lists of columns that the reader uses.

The one rule: what is written is read back to the same council. What its files would say of themselves, comments and the
reasons of closures, is in no version and so not in these.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from shared.calendar import gov_uk_calendar
from shared.council import Council
from shared.council.columns import CSV_TABLES, PERIOD, SEAT_COLUMNS, SEATS_FILE, YAML_LISTS

Values = dict[str, Any]
_NOTHING: tuple[Any, ...] = (None, False, "", [], {})
_RARE_BREAKS = frozenset("\r\x85\u2028\u2029")
_TEAMS_FILE = "departments.yaml"


class _Dumper(yaml.SafeDumper):
    """YAML as a person writes it: items below their name, dates bare, long texts line by line, everything in full."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  its
        """Indent lists, too."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  its
        """Write everything out: the reader takes no aliases."""
        return True


# As the reader does: a date stays a text.
_Dumper.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Write a text of several lines line by line; one with a rarer line break in quotes, where it stays what it is."""
    style = '"' if _RARE_BREAKS.intersection(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def files_of(council: Council, note: str) -> dict[str, str]:
    """Write every file of a council; an optional one only where it says something.

    Args:
        council: what to write.
        note: stands at the top of the YAML files.
    """
    whole = council.model_dump(mode="json")
    values = _said(whole, council.model_dump(mode="json", exclude_defaults=True))
    documents = {"council.yaml": _header(whole, values), "calendar.yaml": _calendar(council)}
    for field, listed in YAML_LISTS.items():
        if field != "teams" and (values.get(field) or not listed.optional):
            documents.setdefault(listed.file, {})[listed.name] = values.get(field, [])
    documents[_TEAMS_FILE]["departments"] = _with_teams(values)
    _say_never(documents["services.yaml"]["services"])
    written = {file: _yaml(document, note) for file, document in documents.items()}
    for field, table in CSV_TABLES.items():
        if whole[field] or not table.optional:
            written[table.file] = _csv(whole[field], table.columns)
    return written | {SEATS_FILE: _csv(_seats(whole["councillors"]), SEAT_COLUMNS)}


def _said(whole: Any, short: Any) -> Any:
    """Leave out what is nothing and is nothing by default; a default that says something is written out."""
    if isinstance(whole, dict) and isinstance(short, dict):
        names = [*(name for name in whole if name not in PERIOD), *(name for name in PERIOD if name in whole)]
        return {
            name: _said(whole[name], short[name]) if name in short else whole[name]
            for name in names
            if name in short or whole[name] not in _NOTHING
        }
    if isinstance(whole, list) and isinstance(short, list):
        return [_said(each, shorter) for each, shorter in zip(whole, short, strict=True)]
    return whole


def _header(whole: Values, values: Values) -> Values:
    """Give what council.yaml says: the plain values, the policies and the impacts."""
    plain = {name: value for name, value in whole.items() if not isinstance(value, list | dict)}
    return plain | {name: values[name] for name in ("policies", "impacts") if name in values}


def _calendar(council: Council) -> Values:
    """Give what the published bank holidays do not say."""
    own = set(council.calendar.holidays) - gov_uk_calendar().holidays
    return {
        "extra_holidays": [day.isoformat() for day in sorted(own)],
        "closures": [{"date": day.isoformat(), "reason": "Closed"} for day in council.calendar.closures],
    }


def _with_teams(values: Values) -> list[Values]:
    """Put each team into its department."""
    departments: list[Values] = [dict(each) for each in values["departments"]]
    for department in departments:
        teams = [each for each in values["teams"] if each["department"] == department["id"]]
        if teams:
            department["teams"] = [
                {name: value for name, value in team.items() if name != "department"} for team in teams
            ]
    return departments


def _say_never(services: Sequence[Values]) -> None:
    """Say of a service that no timer closes that it is so: what is not said is the council's default."""
    for service in services:
        if service["kind"] != "signpost" and service.get("autoclose_days") is None:
            service["autoclose_days"] = "never"


def _seats(councillors: Sequence[Values]) -> Iterator[Values]:
    for councillor in councillors:
        for seat in councillor["seats"]:
            yield {"councillor": councillor["id"], **seat}


def _yaml(document: Values, note: str) -> str:
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=118)
    return f"# {note}\n{body}"


def _csv(rows: Sequence[Values] | Iterator[Values], columns: Mapping[str, bool]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    """Write a cell as the reader takes it: several words are separated by spaces, nothing is empty."""
    if value is None:
        return ""
    return " ".join(value) if isinstance(value, list) else str(value)
