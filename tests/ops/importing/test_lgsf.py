"""The JSON of LGSF: the same members, from councils that do not use ModernGov."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops.importing.flow import rehearse
from ops.importing.flow import write as write_files
from ops.importing.lgsf import fetch_lgsf, read_lgsf
from ops.importing.merging import merge_members
from ops.importing.proposal import Asked
from ops.importing.refusals import ImportRefused
from ops.importing.source import Fetched
from shared.council import load_bundle
from tests.ops.importing.councils import TODAY, shown, write

DOMAIN = "smallham.example"


def listed(name: str, division: str, identifier: str = "", **said: Any) -> dict[str, Any]:
    return {
        "url": "https://www.smallham.example/members/1",
        "email": None,
        "photo_url": "https://www.smallham.example/photo.jpg",
        "standing_down": None,
        "raw_identifier": identifier,
        "raw_name": name,
        "raw_party": "",
        "raw_division": division,
        **said,
    }


EVERYBODY = [
    listed("Cllr Ada Elm", "East Ward", "101", email="ada.elm@smallham.example", raw_party="Labour Party"),
    listed("Ben Oak", "East Ward", "102", standing_down=True),
    listed("Councillor Cat Rowan", "West", "https://www.smallham.example/members/cat-rowan"),
    listed("Cllr Dov Hazel", "West", "104", email="dov@home.example"),
    listed("Eve Alder", "St. Pauls & Lea", "105"),
    listed("Gus Maple", "St. Pauls & Lea", "107", email="gus.maple@members.smallham.example"),
    listed("Vacancy", "St. Pauls & Lea"),
]


def fetched(document: Any) -> list[Fetched]:
    return [Fetched(json.dumps(document).encode(), "members.json")]


def refusal(content: bytes) -> str:
    with pytest.raises(ImportRefused) as refused:
        read_lgsf([Fetched(content, "members.json")], DOMAIN)
    return str(refused.value)


def test_the_members_of_lgsf_are_imported_to_the_expected_difference(tmp_path: Path) -> None:
    folder = write(tmp_path)

    proposal = merge_members(load_bundle(folder), folder, read_lgsf(fetched(EVERYBODY), DOMAIN), Asked(TODAY))
    rehearsed = rehearse(folder, proposal)

    assert shown(rehearsed.differences).splitlines() == [
        "changed: councillor cllr-003: external_id https-www-smallham-example-members-cat-rowan",
        "changed: councillor cllr-004: external_id 104",
        (
            "added: councillor cllr-007: title Councillor; name Gus Maple; email gus.maple@members.smallham.example; "
            "external_id 107"
        ),
        "added: seat cllr-007 st-pauls-and-lea 2026-11-25: valid_from 2026-11-25; ward st-pauls-and-lea",
    ]
    assert proposal.told == ["St. Pauls & Lea: 1 vacant", "standing down at the next election: Ben Oak (cllr-002)"]


def test_importing_lgsf_twice_changes_nothing(tmp_path: Path) -> None:
    folder, roll = write(tmp_path), read_lgsf(fetched(EVERYBODY), DOMAIN)
    write_files(rehearse(folder, merge_members(load_bundle(folder), folder, roll, Asked(TODAY))))

    again = rehearse(folder, merge_members(load_bundle(folder), folder, roll, Asked(TODAY)))

    assert not again.differences


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("a@smallham.example", True),
        ("a@members.SMALLHAM.example", True),
        ("a@smallham.gov.uk", True),
        ("a@notsmallham.example", False),
        ("a@home.example", False),
        ("a@gov.uk.example", False),
    ],
)
def test_only_an_address_for_work_is_taken(address: str, taken: bool) -> None:  # noqa: FBT001  a parameter of the test
    roll = read_lgsf(fetched([listed("Ada Elm", "East", email=address)]), DOMAIN)

    assert bool(roll.members[0].emails) == taken
    assert taken or address not in repr(roll)


def test_photograph_and_page_are_not_read() -> None:
    assert "photo" not in repr(read_lgsf(fetched(EVERYBODY), DOMAIN))


def test_a_folder_of_members_is_the_same_as_their_list(tmp_path: Path) -> None:
    for number, member in enumerate(EVERYBODY):
        (tmp_path / f"{number}.json").write_text(json.dumps(member), encoding="utf-8")
    (tmp_path / "README.md").write_text("no member", encoding="utf-8")

    assert read_lgsf(fetch_lgsf(str(tmp_path)), DOMAIN) == read_lgsf(fetched(EVERYBODY), DOMAIN)


def test_a_folder_without_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="no JSON files"):
        fetch_lgsf(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[", "members.json line 1: is not JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b"<html>", "this is a web page or XML"),
        (b"[]", "it names no member"),
        (b'[{"raw_name": "Ada"}]', "members.json member 1, raw_division: Field required"),
        (b'[{"raw_name": "Ada", "raw_division": " "}]', "'Ada' has no raw_division"),
        (b'["Ada"]', "members.json member 1"),
        (b'{"raw_name": ["Ada"], "raw_division": "East"}', "member 1, raw_name"),
        (b"\xff", "is not utf-8"),
    ],
)
def test_what_is_not_lgsf_is_refused(content: bytes, why: str) -> None:
    assert why in refusal(content)
