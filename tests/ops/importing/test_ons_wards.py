"""Lists of wards of the Office for National Statistics: codes are brought in, boundaries are not."""

from pathlib import Path

import pytest

from ops.importing.flow import rehearse
from ops.importing.flow import write as write_files
from ops.importing.ons_wards import merge_wards, read_ons
from ops.importing.proposal import Proposal
from ops.importing.refusals import ImportRefused
from ops.importing.source import Fetched
from tests.ops.importing.councils import TODAY, shown, write

WARDS = """\
FID,WD24CD,WD24NM,LAD24CD,LAD24NM
1,E05000001,East,E08000001,Smallham
2,E05000002,West Ward,E08000001,Smallham
3,E05000003,St Pauls & Lea,E08000001,Smallham
4,E05000009,East,E08000002,Bigham
"""
DIVISIONS = """\
WD19CD,WD19NM,LAD19CD,LAD19NM,CTY19CD,CTY19NM,CED19CD,CED19NM
E05000011,East Green,E07000001,Lower Hundred,E10000001,Smallshire,E58000001,East
E05000012,East Hill,E07000001,Lower Hundred,E10000001,Smallshire,E58000001,East
E05000013,West,E07000002,Upper Hundred,E10000001,Smallshire,E58000002,West
E05000014,Lea,E08000001,Smallham,,,,
"""


def fetched(text: str) -> Fetched:
    return Fetched(text.encode("utf-8-sig"), "wards.csv")


def proposed(folder: Path, text: str = WARDS, authority: str = "Smallham") -> Proposal:
    return merge_wards(folder, read_ons(fetched(text), authority), TODAY)


def test_wards_get_their_codes_however_they_are_spelt(tmp_path: Path) -> None:
    folder = write(tmp_path)

    proposal = proposed(folder)

    assert shown(rehearse(folder, proposal).differences).splitlines() == [
        "changed: ward west: gss E05000002",
        "changed: ward st-pauls-and-lea: gss E05000003",
    ]
    assert proposal.told == ["Smallham: 3 wards of 2024"]
    assert proposal.suggested == []


def test_importing_codes_twice_changes_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path)
    write_files(rehearse(folder, proposed(folder)))

    assert not rehearse(folder, proposed(folder)).texts


@pytest.mark.parametrize("authority", ["smallham", "E08000001", " e08000001 "])
def test_an_authority_is_found_by_name_or_code(authority: str) -> None:
    assert read_ons(fetched(WARDS), authority).authority == "Smallham"


def test_an_authority_that_is_alone_need_not_be_named() -> None:
    alone = "\n".join(WARDS.splitlines()[:4])

    assert len(read_ons(fetched(alone), None).units) == 3


def test_the_year_is_read_from_the_header() -> None:
    assert [read_ons(fetched(WARDS.replace("24", year)), "Smallham").year for year in ("15", "31")] == [2015, 2031]
    assert read_ons(fetched(WARDS.lower().replace("e0", "E0")), "Smallham").year == 2024


def test_a_county_elects_by_divisions_and_a_district_of_the_same_list_by_wards() -> None:
    county = read_ons(fetched(DIVISIONS), "Smallshire")
    district = read_ons(fetched(DIVISIONS), "Lower Hundred")

    assert [(unit.code, unit.name) for unit in county.units] == [("E58000001", "East"), ("E58000002", "West")]
    assert (county.kind, district.kind) == ("division", "ward")
    assert [unit.name for unit in district.units] == ["East Green", "East Hill"]


def test_new_wards_and_wards_that_vanished_are_printed_and_not_written(tmp_path: Path) -> None:
    folder = write(tmp_path)
    changed = WARDS.replace("West Ward", "Westerham")

    proposal = proposed(folder, changed)

    assert [change for change in rehearse(folder, proposal).texts["wards.csv"].splitlines() if "west" in change] == [
        "west,West,smallham,,2,,2004-06-10,"
    ]
    assert proposal.suggested == [
        (
            "new ward Westerham: in wards.csv write code westerham, name Westerham, its town, gss E05000002 and "
            "valid_from"
        ),
        (
            "west is not in the list of 2024: if it has ended, write valid_to and successors in wards.csv, and "
            "valid_to with end_reason boundary in seats.csv"
        ),
    ]


def test_a_new_code_of_a_ward_means_new_boundaries_and_is_not_written(tmp_path: Path) -> None:
    folder = write(tmp_path)

    proposal = proposed(folder, WARDS.replace("E05000001", "E05009999"))

    assert len(proposal.suggested) == 1
    assert proposal.suggested[0].startswith(
        "east has E05000001, the list says E05009999: a new code means new boundaries"
    )
    assert "E05009999" not in rehearse(folder, proposal).texts["wards.csv"]


def test_a_ward_that_has_ended_gets_no_code(tmp_path: Path) -> None:
    folder = write(tmp_path)

    proposal = proposed(folder, WARDS + "5,E05000005,North,E08000001,Smallham\n")

    assert [line for line in proposal.suggested if line.startswith("new ward North")]
    assert "E05000005" not in rehearse(folder, proposal).texts["wards.csv"]


@pytest.mark.parametrize(
    ("text", "authority", "why"),
    [
        (WARDS, "Smalham", "there is no authority 'Smalham': did you mean 'Smallham'"),
        (WARDS, None, "lists 2 authorities: say which with --authority NAME"),
        ("a,b\n1,2\n", None, "columns such as WD24CD"),
        (WARDS.replace("LAD24CD", "LAD23CD"), "Smallham", "LAD has several years: 2023, 2024"),
        (WARDS.replace("E05", "X05"), "Smallham", "it has no ward of Smallham with a code"),
        (DIVISIONS.replace("CED19", "CAD19"), "Smallshire", "a county elects by divisions"),
        ("<html>", None, "this is a web page or XML"),
        ('WD24CD,WD24NM,LAD24CD,LAD24NM\n"', None, "is not CSV"),
    ],
)
def test_what_is_no_list_of_wards_is_refused(text: str, authority: str | None, why: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        read_ons(fetched(text), authority)

    assert why in str(refused.value)
