"""What holds for whatever a source says: twice is once, nobody is deleted, no seat is forgotten, the rest stays."""

import tempfile
from datetime import date
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ops.council.diff import Differences
from ops.importing.flow import Rehearsed, rehearse
from ops.importing.flow import write as write_files
from ops.importing.merging import merge_members
from ops.importing.proposal import Asked
from ops.importing.records import Member, Roll, Term, WardRoll
from ops.importing.rows import CsvFile
from shared.council import BundleRefused, Council, load_bundle
from tests.counts import count
from tests.ops.importing.councils import TODAY, write

EVERYBODY = Asked(TODAY, max_ended=100)
WARDS = ("East", "West Ward", "St. Pauls & Lea")
IDS = ("", "101", "102", "103", "104", "105", "106", "107", "108")
NAMES = ("Ada Elm", "Ben Oak", "Cat Rowan", "Dov Hazel", "Eve Alder", "Fay Birch", "Gus Maple", "Dr Ada Elm MBE")
ADDRESSES = ("ada.elm@smallham.example", "ben.oak@smallham.example", "new@smallham.example", "x@y.example")

days = st.none() | st.dates(date(2018, 1, 1), date(2030, 12, 31))
terms = st.lists(st.builds(Term, days, days), max_size=3).map(tuple)
members = st.builds(
    Member,
    external_id=st.sampled_from(IDS),
    name=st.sampled_from(NAMES),
    ward=st.sampled_from(WARDS),
    party=st.sampled_from(("", "Labour", "Green")),
    emails=st.lists(st.sampled_from(ADDRESSES), max_size=2, unique=True).map(tuple),
    terms=terms,
)


def roll_of(listed: list[Member]) -> Roll:
    wards = {title: WardRoll(title) for title in WARDS}
    for member in listed:
        wards[member.ward].members.append(member)
    return Roll(tuple(wards.values()))


def bring_in(folder: Path, roll: Roll) -> Rehearsed:
    rehearsed = rehearse(folder, merge_members(load_bundle(folder), folder, roll, EVERYBODY))
    write_files(rehearsed)
    return rehearsed


rolls = st.lists(members, min_size=1, max_size=8).map(roll_of)


@settings(max_examples=count(60, 600))
@given(roll=rolls)
def test_importing_twice_changes_nothing(roll: Roll) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = write(Path(place))
        try:
            bring_in(folder, roll)
        except BundleRefused:  # the source lists more members than a ward elects
            return

        again = bring_in(folder, roll)

        assert again.texts == {}
        assert again.differences == Differences()


@settings(max_examples=count(60, 600))
@given(roll=rolls)
def test_nobody_is_deleted_and_no_seat_is_forgotten(roll: Roll) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = write(Path(place))
        before = load_bundle(folder)
        try:
            bring_in(folder, roll)
        except BundleRefused:
            return
        after = load_bundle(folder)

    assert {each.id for each in before.councillors} <= {each.id for each in after.councillors}
    assert beginnings(before) <= beginnings(after)
    assert past(before) <= past(after)


def beginnings(council: Council) -> set[tuple[str, str, date | None]]:
    return {(each.id, seat.ward, seat.valid_from) for each in council.councillors for seat in each.seats}


def past(council: Council) -> set[tuple[str, str, date | None, date]]:
    return {
        (each.id, seat.ward, seat.valid_from, seat.valid_to)
        for each in council.councillors
        for seat in each.seats
        if seat.valid_to
    }


cells = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs", "Cc"]), max_size=12)


@given(rows=st.lists(st.tuples(cells, cells, cells), max_size=6), end=st.sampled_from(["\n", "\r\n"]))
def test_a_file_in_which_nothing_changes_keeps_its_bytes(rows: list[tuple[str, str, str]], end: str) -> None:
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    text = end.join(["a,b,c", *quoted])

    file = CsvFile("x.csv", text, ("a", "b"))

    assert file.text() == text
    assert list(file.written()) == []


def test_one_cell_changes_and_the_other_rows_keep_their_bytes() -> None:
    file = CsvFile("x.csv", '\ufeffid,name , note\r\n1,"A, b", old \r\n\r\n"2",C,\r\n', ("id", "name"))

    file.put(file.rows[1], "note", "new, and longer")
    file.append({"id": "3"})

    assert file.text() == '\ufeffid,name , note\r\n1,"A, b", old \r\n\r\n2,C,"new, and longer"\r\n3,,\r\n'
    assert list(file.written()) == [("2 C", "note", "new, and longer"), ("3 ", "id", "3")]


def test_a_missing_column_is_added_to_every_row(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"id,name\n1,A\n2,B")

    file = CsvFile.read(tmp_path, "x.csv", ("id", "name", "party"))
    file.put(file.rows[0], "party", "Green")

    assert file.text() == "id,name,party\n1,A,Green\n2,B,"
