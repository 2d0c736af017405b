"""A council of 24 wards and 72 members, imported, and imported again after an eventful year."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ops.importing.flow import write
from ops.importing.proposal import Asked
from shared.council import Directory, load_bundle
from tests.ops.importing.councils import imported, shown
from tests.ops.importing.towns import SAMPLE, Listed, answer, sample_members

TODAY = Asked(date(2026, 11, 25))
NEXT_YEAR = Asked(date(2027, 6, 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(SAMPLE, tmp_path / "council")


@pytest.fixture
def known(folder: Path) -> Path:
    """The sample council once it has been imported."""
    _, rehearsed = imported(folder, answer(sample_members()), TODAY)
    write(rehearsed)
    return folder


def eventful_year() -> bytes:
    """One is gone, one is succeeded, one moves, one marries, one changes party, one post changes, one is new."""
    members = {member.id: member for member in sample_members()}
    del members[5000]
    del members[5003]
    members[5010] = replace(members[5010], ward="Abbey", begins="10/05/2027")
    members[5020] = replace(members[5020], name="Councillor Sabah Newname", party="Green Party")
    members[5030] = replace(members[5030], posts="Cabinet Member for Housing")
    successor = Listed(6001, "Cllr Tilly Newcombe", "Blackheath", "tilly.newcombe@exampleton.example", "Green Party")
    members[6001] = replace(successor, begins="10/05/2027")
    vacant = {"Charlemont with Grove Vale": 1}
    return answer(list(members.values()), vacant)


def test_the_first_import_finds_everybody_and_learns_ids_and_parties(folder: Path) -> None:
    proposal, rehearsed = imported(folder, answer(sample_members()), TODAY)

    assert list(rehearsed.texts) == ["councillors.csv"]
    assert rehearsed.differences.count("changed") == len(rehearsed.differences.entries) == 72
    assert shown(rehearsed.differences).startswith("changed: councillor cllr-001: party Labour; external_id 5000\n")
    parties = {councillor.party for councillor in rehearsed.council.councillors}
    assert parties == {"Labour", "Conservative", "Liberal Democrat"}
    assert (proposal.told, proposal.suggested, proposal.left_out) == ([], [], [])


def test_importing_twice_changes_nothing(known: Path) -> None:
    before = {path.name: path.read_bytes() for path in known.iterdir()}

    _, rehearsed = imported(known, answer(sample_members()), TODAY)
    write(rehearsed)

    assert not rehearsed.differences
    assert {path.name: path.read_bytes() for path in known.iterdir()} == before


def test_an_eventful_year_is_imported_to_the_expected_difference(known: Path) -> None:
    proposal, rehearsed = imported(known, eventful_year(), NEXT_YEAR)

    assert shown(rehearsed.differences).splitlines() == [
        "changed: councillor cllr-021: name Manjit Yarrowgate -> Sabah Newname; party Labour -> Green",
        (
            "added: councillor cllr-073: title Councillor; name Tilly Newcombe; "
            "email tilly.newcombe@exampleton.example; party Green; external_id 6001"
        ),
        "changed: seat cllr-001 abbey 2023-05-08: valid_to 2027-05-09",
        "changed: seat cllr-004 blackheath 2023-05-08: valid_to 2027-05-09",
        "changed: seat cllr-011 charlemont-with-grove-vale 2024-05-06: valid_to 2027-05-09",
        "added: seat cllr-011 abbey 2027-05-10: valid_from 2027-05-10; ward abbey",
        "added: seat cllr-073 blackheath 2027-05-10: valid_from 2027-05-10; ward blackheath",
    ]
    assert proposal.told == [
        "Charlemont with Grove Vale: 1 vacant",
        "Lakshmi Dunnockby (cllr-001) sits no longer: write why under end_reason in seats.csv",
        "Percy Elderfold (cllr-004) sits no longer: write why under end_reason in seats.csv",
    ]
    assert len(proposal.suggested) == 1
    assert "'Cabinet Member for Housing': portfolio 'housing'? If so, write it in cabinet.yaml" in proposal.suggested[0]
    assert proposal.left_out == []


def test_after_an_eventful_year_everybody_sits_where_the_source_says(known: Path) -> None:
    _, rehearsed = imported(known, eventful_year(), NEXT_YEAR)

    directory = Directory(rehearsed.council)
    assert directory.wards_of("cllr-001", NEXT_YEAR.on) == frozenset()
    assert directory.wards_of("cllr-001", date(2027, 5, 9)) == {"abbey"}
    assert directory.wards_of("cllr-011", NEXT_YEAR.on) == {"abbey"}
    assert directory.wards_of("cllr-011", date(2027, 5, 9)) == {"charlemont-with-grove-vale"}
    assert directory.wards_of("cllr-073", NEXT_YEAR.on) == {"blackheath"}


def test_an_eventful_year_imported_twice_changes_nothing(known: Path) -> None:
    _, rehearsed = imported(known, eventful_year(), NEXT_YEAR)
    write(rehearsed)

    _, again = imported(known, eventful_year(), NEXT_YEAR)
    _, later = imported(known, eventful_year(), Asked(date(2027, 6, 2)))

    assert not again.differences
    assert not later.differences


def test_only_the_changed_lines_of_a_file_change(known: Path) -> None:
    before = (known / "seats.csv").read_bytes().splitlines()

    _, rehearsed = imported(known, eventful_year(), NEXT_YEAR)

    after = rehearsed.texts["seats.csv"].encode().splitlines()
    assert sum(old != new for old, new in zip(before, after, strict=False)) == 3
    assert len(after) == len(before) + 2
    assert load_bundle(known).councillors[0].external_id == "5000"
