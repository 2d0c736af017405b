"""What is written is read back to the same council, whatever stands in it, and nothing it has is left out."""

from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from ops.council.diff import differences
from ops.council.exporting import ExportRefused, export
from ops.council.writing import files_of
from shared.calendar import calendar_version
from shared.council import BundleRefused, Council, load_bundle
from shared.council.columns import CSV_TABLES, SEAT_COLUMNS, WORD_LISTS, YAML_LISTS, CsvTable
from shared.council.people import Councillor, Seat
from tests.counts import count
from tests.shared.small_council import write

ROOT = Path(__file__).parents[3]
NOTE = "a test"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Council:
    return load_bundle(write(tmp_path_factory.mktemp("small")))


def rewritten(council: Council, folder: Path) -> Council:
    """Write and read again, and find what a difference consists of, should there be one."""
    exported = export(council, folder, NOTE)
    assert exported.differing.entries == ()
    return load_bundle(folder)


def test_the_sample_council_is_read_back_as_it_was(tmp_path: Path) -> None:
    sample = load_bundle(ROOT / "council")

    assert rewritten(sample, tmp_path / "out").digest() == sample.digest()


def test_the_small_council_is_read_back_as_it_was(small: Council, tmp_path: Path) -> None:
    assert rewritten(small, tmp_path / "out").digest() == small.digest()


def test_what_is_written_twice_is_the_same(tmp_path: Path) -> None:
    sample = load_bundle(ROOT / "council")

    assert files_of(rewritten(sample, tmp_path / "out"), NOTE) == files_of(sample, NOTE)


def everything(small: Council) -> Council:
    """Give the small council something in every field a part can have."""
    values = small.model_dump(mode="json")
    period = {"valid_from": "2024-01-01", "valid_to": "2090-12-31"}
    values["policies"] |= {"autoclose_warning_days": [7, 3], "office_opens": "09:00", "realert_levels": 0}
    values["impacts"] = [
        {
            "code": "danger",
            "label": "Danger",
            "definition": "At once.\nReally.",
            "notice": "Call 999: first, then here.",
        }
    ]
    calendar = small.working_calendar()
    holidays = calendar.holidays | {date(2027, 6, 11)}
    values["calendar"] |= {
        "holidays": sorted(holidays),
        "version": calendar_version(holidays, calendar.closures, calendar.known_until),
    }
    values["wards"][0] |= {"gss": "E05000001", "seats": 1}
    values["councillors"][0] |= {"title": "Alderman", "party": "Independent", "external_id": "101"}
    values["councillors"][0]["seats"].insert(
        0, {"ward": "west", "valid_from": "2020-05-04", "valid_to": "2024-05-05", "end_reason": "stood-down"}
    )
    values["councillors"][1]["seats"][0] |= {"valid_to": "2090-05-05"}
    values["officers"].append({"id": "off-9", "name": "Flo Ivy", "email": "flo.ivy@smallham.example", **period})
    values["systems"] = [{"id": "sys-portal", "name": "Portal"}]
    values["grants"][0] |= {"granted_by": "Head of Service", **period}
    values["grants"].append({"id": "g-sys", "person": "sys-portal", "role": "subscriber"})
    values["teams"][1] |= {"escalation": ["off-1", "off-2"]}
    values["portfolios"][0] |= {"services": ["litter"], "departments": ["streets"]}
    values["delegations"][0] |= {"granted_by": "Leader"}
    values["services"][2] |= {
        "autoclose_days": None,
        "synonyms": ["yes", "12", "null", "2026-01-01", "[a]", "a: b", "# c"],
        "lgsl": 587,
        "next_steps": "We look.\n\nThen we come: soon.",
        "form": {
            "questions": [
                {
                    "id": "on",
                    "type": "choice",
                    "label": "On?",
                    "help": "Yes: or no",
                    "required": True,
                    "options": [{"code": "yes", "label": "Yes"}, {"code": "no", "label": "No"}],
                },
                {"id": "since", "type": "date", "label": "Since?", "earliest": "-2wd", "when": {"on": ["yes"]}},
                {"id": "who", "type": "person", "label": "Who?"},
                {"id": "photos", "type": "file", "label": "Photos", "max_files": 2},
            ],
            "notices": [{"text": "Care!", "kind": "emergency", "when": {"on": ["yes", "no"]}}],
            "stops": [{"when": {"on": ["no"]}, "message": "Then it is nothing."}],
        },
    }
    values["rules"][0] |= {"flags": ["hot"], "capacity": "ward", "also": ["response:5wd", "democratic"]}
    values["rules"].append({"id": "litter-rest", "service": "litter", "town": "smallham", "team": "cleansing"})
    values["duty"] = [
        {"id": "d-1", "covers": "response", "team": "response", "officer": "off-1", "days": ["sat", "sun"]},
        {"id": "d-2", "covers": "response", "team": "response", "officer": "off-1", "days": ["mon", "tue", "wed"]},
        {"id": "d-3", "covers": "response", "team": "response", "officer": "off-1", "days": ["thu", "fri"]},
    ]
    values["reasons"] = [{"id": "other", "list": "return", "label": "Another, team"}]
    values["features"] = [
        {"code": "new", "name": "New", "commands": ["add-cc"], "members": ["cllr-1"], "wards": ["east"], **period}
    ]
    values["texts"] = [{"id": "t", "template": "receipt-owner", "subject": "Case {reference}", "body": "Dear\n\n  all"}]
    values["signposts"] = [
        {"id": "s", "title": "Map", "summary": "A map.", "category": "faq", "url": "https://a.example/{ward}"}
    ]
    values["lgsl"] = [{"id": 587, "label": "Tipping, flying", "description": 'It is "dumped"'}]
    return Council.model_validate(values)


def test_every_field_a_part_can_have_is_read_back(small: Council, tmp_path: Path) -> None:
    full = everything(small)

    assert rewritten(full, tmp_path / "out").digest() == full.digest()
    assert [name for name, value in full.model_dump().items() if value in ((), None)] == []


TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t\u2028\u0085'\":#-[]{}!|>"), max_size=60
).filter(lambda text: text.strip() and "\ufeff" not in text)


@settings(max_examples=count(40, 1_000))
@given(st.lists(TEXTS, min_size=3, max_size=3))
def test_any_text_is_read_back(small: Council, tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    values = small.model_dump(mode="json")
    values["services"][0]["next_steps"], values["services"][-1]["signpost"] = texts[:2]
    body = texts[2].replace("{", "(").replace("}", ")")  # braces are for placeholders
    values["texts"] = [{"id": "t", "template": "receipt-owner", "subject": "A case", "body": body}]
    council = Council.model_validate(values)

    assert rewritten(council, tmp_path_factory.mktemp("texts") / "out").digest() == council.digest()


def fields_of(model: type[BaseModel]) -> set[str]:
    return set(model.model_fields)


@pytest.mark.parametrize("table", CSV_TABLES.values(), ids=lambda table: str(table.file))
def test_every_field_of_a_table_has_its_column(table: CsvTable) -> None:
    """A field without a column would be lost by an export, and could not be written by hand either."""
    beside = {"seats"} if table.model is Councillor else set()

    assert fields_of(table.model) - beside == set(table.columns)


@pytest.mark.parametrize("table", CSV_TABLES.values(), ids=lambda table: str(table.file))
def test_a_cell_has_one_meaning(table: CsvTable) -> None:
    """An empty one is nothing, so what may be nothing is nothing by default; several words are known to be several."""
    for name, field in table.model.model_fields.items():
        if type(None) in get_args(field.annotation):
            assert field.default is None, name
        if "tuple" in str(field.annotation) and name != "seats":
            assert name in WORD_LISTS, name


def test_every_field_of_a_seat_has_its_column() -> None:
    assert fields_of(Seat) | {"councillor"} == set(SEAT_COLUMNS)


def test_every_list_of_a_council_has_its_file() -> None:
    lists = {name for name, field in Council.model_fields.items() if "tuple" in str(field.annotation)}

    assert lists - {"impacts"} == CSV_TABLES.keys() | YAML_LISTS.keys()


def test_an_export_into_a_file_or_a_folder_in_use_is_refused(small: Council, tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "note.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")

    for place in ("used", "file"):
        with pytest.raises(ExportRefused, match="name a folder that is empty or does not exist"):
            export(small, tmp_path / place, NOTE)

    assert [path.name for path in (tmp_path / "used").iterdir()] == ["note.txt"]


def test_a_council_that_no_check_would_let_pass_is_written_and_said_to_be_so(small: Council, tmp_path: Path) -> None:
    broken = small.model_copy(update={"rules": ()})

    with pytest.raises(BundleRefused):
        export(broken, tmp_path / "out", NOTE)

    assert (tmp_path / "out" / "rules.csv").exists()


def test_the_note_stands_in_every_yaml_file_and_in_no_table(small: Council) -> None:
    for name, text in files_of(small, "from version 7").items():
        assert text.startswith("# from version 7\n") == name.endswith(".yaml"), name


def test_a_difference_after_reading_back_would_be_seen(small: Council, tmp_path: Path) -> None:
    export(small, tmp_path / "out", NOTE)
    rules = tmp_path / "out" / "rules.csv"
    rules.write_text(rules.read_text().replace("trees,trees,,,,,cleansing", "trees,trees,,,,,response"))

    found = differences(small, load_bundle(tmp_path / "out"))

    assert [(each.kind, each.id) for each in found.entries] == [("rule", "trees")]
