"""May 2026: every ward is redrawn, all seats are elected, some members leave, and a portfolio moves.

The bundle is made of the sample council's files, changed as Democratic Services would change them and read as any
other.
"""

import csv
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from shared.council import Council, load_bundle

SAMPLE = Path(__file__).parents[2] / "council"
LAST, FIRST = "2026-05-10", "2026-05-11"
"""The last day of the old wards and members, and the first of the new: the fourth day after polling."""
MOVES = "2026-05-20"
"""The day of the annual meeting, on which a portfolio gets another holder."""
OLD_BOUNDARIES: dict[str, tuple[str, str]] = {
    "abbey": ("bearwood", "Bearwood"),
    "great-barr-with-yew-tree": ("great-barr-tamebridge-and-yew-tree", "Great Barr Tamebridge and Yew Tree"),
    "wednesbury-north": ("wednesbury", "Wednesbury"),
}
"""What some wards became; the others keep their name with new boundaries."""
NEWCOMERS = {"cllr-101": ("Una Larkfield", "abbey"), "cllr-102": ("Viggo Stonemere", "blackheath")}
"""New members, each with the old ward whose successor elected them."""
LEAVERS = {"cllr-001": "stood-down", "cllr-004": "defeat", "cllr-064": "died"}
"""Of abbey, blackheath and wednesbury-north; the last one's seat stays empty."""
PORTFOLIO, HOLDER, NEXT_HOLDER = "environment", "cllr-020", "cllr-021"

Row = dict[str, str]


def successor(ward: str) -> tuple[str, str | None]:
    """Give the code of the ward that takes an old one's place, and its name if that is another."""
    return OLD_BOUNDARIES.get(ward, (f"{ward}-2026", None))


class Bundles(NamedTuple):
    """The council as it was in April 2026, and as the files of the election have it."""

    before: Council
    after: Council


def bundles(folder: Path) -> Bundles:
    """Write both into folders and read them."""
    was, then = folder / "before", folder / "after"
    shutil.copytree(SAMPLE, was)
    cabinet = was / "cabinet.yaml"
    cabinet.write_text(cabinet.read_text(encoding="utf-8").replace("2026-05-20", "2025-05-20"), encoding="utf-8")
    shutil.copytree(was, then)
    _change_rows(then / "wards.csv", _redrawn)
    _change_rows(then / "councillors.csv", lambda rows: [*rows, *map(_newcomer, NEWCOMERS)])
    _change_rows(then / "seats.csv", _elected)
    _change_rows(then / "rules.csv", _answered_for)
    _change_cabinet(then / "cabinet.yaml")
    header = then / "council.yaml"
    header.write_text(_renamed(header.read_text(encoding="utf-8")), encoding="utf-8")
    return Bundles(load_bundle(was), load_bundle(then))


def _change_rows(file: Path, change: Callable[[list[Row]], Sequence[Row]]) -> None:
    with file.open(encoding="utf-8", newline="") as source:
        reader = csv.DictReader(source)
        columns, rows = list(reader.fieldnames or ()), list(reader)
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, columns, restval="")
        writer.writeheader()
        writer.writerows(change(rows))


def _redrawn(wards: list[Row]) -> list[Row]:
    """End every ward, and begin what takes its place."""
    new = []
    for ward in wards:
        code, name = successor(ward["code"])
        new.append({"code": code, "name": name or ward["name"], "town": ward["town"], "valid_from": FIRST})
        ward |= {"valid_to": LAST, "successors": code}
    return [*wards, *new]


def _elected(seats: list[Row]) -> list[Row]:
    """End every term, and begin the terms of those who were elected."""
    new = [{"councillor": who, "ward": successor(ward)[0], "valid_from": FIRST} for who, (_, ward) in NEWCOMERS.items()]
    for seat in seats:
        if seat["valid_to"]:
            continue
        seat |= {"valid_to": LAST, "end_reason": LEAVERS.get(seat["councillor"], "boundary")}
        if seat["councillor"] not in LEAVERS:
            new.append({"councillor": seat["councillor"], "ward": successor(seat["ward"])[0], "valid_from": FIRST})
    return [*seats, *new]


def _answered_for(rules: list[Row]) -> list[Row]:
    """Let what was true of an old ward be true of what takes its place."""
    new = [
        rule | {"id": f"{rule['id']}-2026", "ward": successor(rule["ward"])[0], "valid_from": FIRST}
        for rule in rules
        if rule["ward"]
    ]
    for rule in rules:
        rule["valid_to"] = LAST if rule["ward"] else rule["valid_to"]
    return [*rules, *new]


def _newcomer(who: str) -> Row:
    name = NEWCOMERS[who][0]
    email = f"{name.lower().replace(' ', '.')}@exampleton.example"
    return {"id": who, "title": "Councillor", "name": name, "email": email}


def _change_cabinet(file: Path) -> None:
    cabinet: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    day_before = "2026-05-19"
    for post in cabinet["posts"]:
        if post["portfolio"] == PORTFOLIO:
            post["valid_to"] = day_before
    for delegation in cabinet["delegations"]:
        if delegation["portfolios"] == [PORTFOLIO]:
            delegation["valid_to"] = day_before
    cabinet["posts"].append(
        {"id": "environment-may-2026", "portfolio": PORTFOLIO, "councillor": NEXT_HOLDER, "valid_from": MOVES}
    )
    file.write_text(yaml.safe_dump(cabinet), encoding="utf-8")


def _renamed(header: str) -> str:
    """Give the bundle a version of its own."""
    return "\n".join(
        'version: "2026-election"' if line.startswith("version:") else line for line in header.splitlines()
    )
