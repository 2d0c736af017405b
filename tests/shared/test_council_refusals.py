"""A broken council is refused whole: every refusal names the file, the line, the rule and the fix."""

from pathlib import Path

import pytest

from shared.council import load_bundle
from tests.shared.small_council import FILES, refusal_of, write


def test_the_small_council_these_tests_break_is_sound(tmp_path: Path) -> None:
    council = load_bundle(write(tmp_path))

    assert council.code == "smallham"
    assert council.councillors[0].seats[0].ward == "east"


def test_a_service_that_does_not_say_when_it_closes_gets_the_councils_default(tmp_path: Path) -> None:
    council = load_bundle(write(tmp_path))

    closes = {service.code: service.autoclose_days for service in council.services}
    assert closes == {"litter": 5, "waste": None, "trees": 7, "not-sure": 7, "crime": None}


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    write(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())

    assert load_bundle(tmp_path).code == "smallham"


# file, text, what it is changed to, and the one problem: line, rule, part of the message, part of the fix
_LATER_POST = "  - {id: l, portfolio: leader, councillor: cllr-7, valid_from: 2030-01-01}\n"

BROKEN = {
    "unknown ward in a seat": (
        ("seats.csv", "west,2024-05-06,\n", "west,2024-05-06,\ncllr-2,wets,,\n"),
        ("seats.csv", 4, "unknown-reference", "there is no ward 'wets'", "did you mean 'west'"),
    ),
    "unknown councillor in a seat": (
        ("seats.csv", "west,2024-05-06,\n", "west,2024-05-06,\ncllr-9,west,,\n"),
        ("seats.csv", 4, "unknown-reference", "there is no councillor 'cllr-9'", "did you mean 'cllr-2'"),
    ),
    "unknown town of a ward": (
        ("wards.csv", "West,smallham", "West,bigham"),
        ("wards.csv", 3, "unknown-reference", "there is no town 'bigham'", "town"),
    ),
    "unknown team of a grant": (
        ("grants.csv", "g-4,", "g-5,off-1,officer,parks,,\ng-4,"),
        ("grants.csv", 5, "unknown-reference", "there is no team 'parks'", "use one that exists"),
    ),
    "unknown holder of a portfolio": (
        (
            "cabinet.yaml",
            "councillor: cllr-1\n",
            "councillor: cllr-1\n    valid_to: 2024-01-01\n" + _LATER_POST,
        ),
        ("cabinet.yaml", 9, "unknown-reference", "there is no councillor 'cllr-7'", "Correct councillor"),
    ),
    "unknown portfolio of a delegation": (
        ("cabinet.yaml", "portfolios: [leader]", "portfolios: [leader, housing]"),
        ("cabinet.yaml", 12, "unknown-reference", "there is no portfolio 'housing'", "Correct portfolios"),
    ),
    "unknown delegate": (
        ("cabinet.yaml", "delegate: off-3", "delegate: off-7"),
        ("cabinet.yaml", 11, "unknown-reference", "there is no officer 'off-7'", "Correct delegate"),
    ),
    "unknown service of a rule": (
        ("rules.csv", "\ntrees,trees,,,,cleansing,,", "\ntrees,trees,,,,cleansing,,\nbins,bins,,,,cleansing,,"),
        ("rules.csv", 6, "unknown-reference", "there is no service 'bins'", "Correct service"),
    ),
    "unknown team of a rule": (
        ("rules.csv", "\ntrees,trees,,,,cleansing,,", "\ntrees,trees,,,,cleaning,,"),
        ("rules.csv", 5, "unknown-reference", "there is no team 'cleaning'", "did you mean 'cleansing'"),
    ),
    "unknown ward of a rule": (
        ("rules.csv", "litter-east,litter,east", "litter-east,litter,north"),
        ("rules.csv", 3, "unknown-reference", "there is no ward 'north'", "Correct ward"),
    ),
    "unknown town of a rule": (
        ("rules.csv", "litter-east,litter,east,,", "litter-east,litter,,smalham,"),
        ("rules.csv", 3, "unknown-reference", "there is no town 'smalham'", "did you mean 'smallham'"),
    ),
    "unknown flag of a rule": (
        ("rules.csv", "litter-east,litter,east,,,", "litter-east,litter,east,,cold,"),
        ("rules.csv", 3, "unknown-reference", "has no flag 'cold'", "Use one of ['danger', 'hot', 'safeguarding']"),
    ),
    "id twice in a CSV file": (
        (
            "councillors.csv",
            "cllr-2,Councillor,Ben Oak",
            "cllr-2,Councillor,Al Bay,al@smallham.example\ncllr-2,,Ben Oak",
        ),
        (
            "councillors.csv",
            4,
            "duplicate-id",
            "'cllr-2' stands already in councillors.csv line 3",
            "Give it another id",
        ),
    ),
    "id twice in a YAML file": (
        ("services.yaml", "  - code: crime", "  - code: trees"),
        ("services.yaml", 25, "duplicate-id", "'trees' stands already in services.yaml line 16", "another code"),
    ),
    "team twice in two departments": (
        (
            "departments.yaml",
            "      - id: democratic\n",
            "      - {id: response, name: R, inbox: r@s.example}\n      - id: democratic\n",
        ),
        ("departments.yaml", 15, "duplicate-id", "'response' stands already", "Give it another id"),
    ),
    "one e-mail address for two people": (
        ("officers.csv", "cy.ash@smallham.example", "Ada.Elm@smallham.example"),
        (
            "officers.csv",
            2,
            "duplicate-email",
            "already the address of 'cllr-1' in councillors.csv line 2",
            "of their own",
        ),
    ),
    "ward without a seat": (
        ("wards.csv", "west,West", "north,North,smallham,,\nwest,West"),
        ("wards.csv", 3, "ward-without-seat", "for ward 'north'", "Add a row to seats.csv"),
    ),
    "councillor without a seat": (
        ("councillors.csv", "cllr-2,", "cllr-3,,Flo Bay,flo@smallham.example\ncllr-2,"),
        ("councillors.csv", 3, "councillor-without-seat", "'cllr-3' holds and held no seat", "Add a row to seats.csv"),
    ),
    "one seat held twice at once": (
        ("seats.csv", "cllr-2,west", "cllr-1,east,2025-01-01,\ncllr-2,west"),
        ("seats.csv", 3, "seat-twice", "already in line 2", "End the first seat"),
    ),
    "no triage team": (
        ("departments.yaml", "        triage: true\n", ""),
        ("departments.yaml", 1, "triage-team", "no team does triage", "Write `triage: true`"),
    ),
    "two triage teams": (
        ("departments.yaml", "        inbox: cleansing@", "        triage: true\n        inbox: cleansing@"),
        ("departments.yaml", 19, "triage-team", "'democratic' does triage, and 'cleansing'", "at one team only"),
    ),
    "team without an officer": (
        ("grants.csv", "g-2,off-1,manager,response,,\n", ""),
        ("departments.yaml", 8, "team-without-officer", "team 'response' has no officer", "in grants.csv"),
    ),
    "rule that sends cases to work on to those who place them": (
        ("rules.csv", "trees,trees,,,,cleansing", "trees,trees,,,,democratic"),
        ("departments.yaml", 15, "team-without-officer", "team 'democratic' has no officer", "officer or manager"),
    ),
    "delegate who is no secretary": (
        ("cabinet.yaml", "delegate: off-3", "delegate: off-2"),
        ("cabinet.yaml", 11, "delegation", "'off-2' does not have the role cabinet-secretary", "Grant 'off-2'"),
    ),
    "delegation of somebody else's portfolio": (
        ("cabinet.yaml", "principal: cllr-1", "principal: cllr-2"),
        ("cabinet.yaml", 12, "delegation", "held by 'cllr-1' at that time, not by 'cllr-2'", "Name the holder"),
    ),
    "service without a rule": (
        ("rules.csv", "trees,trees,,,,cleansing,,\n", ""),
        ("services.yaml", 16, "service-without-rule", "who answers for service 'trees'", "Add a row to rules.csv"),
    ),
    "rule for a triage service": (
        ("rules.csv", "\ntrees,", "\nunsure,not-sure,,,,cleansing,,\ntrees,"),
        ("rules.csv", 5, "rule-not-wanted", "'not-sure' goes to triage", "Remove the rule"),
    ),
    "rule for a signpost": (
        ("rules.csv", "\ntrees,", "\ncrime,crime,,,,cleansing,,\ntrees,"),
        ("rules.csv", 5, "rule-not-wanted", "'crime' is a signpost", "Remove the rule"),
    ),
    "two rules for one condition and date": (
        ("rules.csv", "\nwaste,", "\nlitter-too,litter,east,,,cleansing,2026-01-01,\nwaste,"),
        ("rules.csv", 4, "rules-ambiguous", "same condition as 'litter-east' in line 3", "End one before"),
    ),
    "danger sent to a team without a duty inbox": (
        ("rules.csv", "waste,waste,,,,response", "waste,waste,,,,cleansing"),
        ("rules.csv", 4, "danger-without-duty", "team 'cleansing', which has no duty inbox", "Add `duty_inbox`"),
    ),
    "dangerous flag that no rule sends to a duty team": (
        ("services.yaml", "Still burning", "Still burning\n        danger: true"),
        ("rules.csv", 2, "danger-without-duty", "'litter' sends danger to team 'cleansing'", "duty team"),
    ),
    "closure day in a year nobody knows": (
        ("calendar.yaml", "2026-12-29", "2206-12-29"),
        ("calendar.yaml", 3, "date-unknown", "2206-12-29 is outside the known calendar", "Correct the year"),
    ),
    "date that no calendar has": (
        ("calendar.yaml", "2026-12-29", "2026-02-30"),
        ("calendar.yaml", 3, "field", "closures.0.date", "Change 'date', which is now '2026-02-30'"),
    ),
    "missing field in YAML": (
        ("services.yaml", "    name: Trees\n", ""),
        ("services.yaml", 16, "field", "name: Field required", "Add 'name'"),
    ),
    "misspelt field in YAML": (
        ("services.yaml", "    danger: true", "    dangr: true"),
        ("services.yaml", 12, "field", "dangr: Extra inputs", "did you mean 'danger'"),
    ),
    "misspelt target": (
        ("services.yaml", "answer: 3wd", "answer: 3 days"),
        ("services.yaml", 5, "field", "answer: '3 days' is not a target", "Change 'answer'"),
    ),
    "misspelt field of a flag": (
        ("services.yaml", "        label: Still", "        dangr: true\n        label: Still"),
        ("services.yaml", 8, "field", "flags.0.dangr", "Remove 'dangr'"),
    ),
    "number where a text is meant": (
        ("council.yaml", 'version: "1"', "version: 1"),
        ("council.yaml", 3, "field", "version: Input should be a valid string", "Write 1 in quotes"),
    ),
    "policy out of range": (
        ("council.yaml", "autoclose_case_days: 7", "autoclose_case_days: 0"),
        ("council.yaml", 6, "field", "policies.autoclose_case_days", "Change 'autoclose_case_days'"),
    ),
    "signpost without a text": (
        ("services.yaml", "    signpost: Call the police.\n", ""),
        ("services.yaml", 25, "field", "whom to contact", "Change the fields named"),
    ),
    "bad e-mail address in CSV": (
        ("councillors.csv", "ben.oak@smallham.example", "ben.oak"),
        ("councillors.csv", 3, "field", "email: ", "Change 'email', which is now 'ben.oak'"),
    ),
    "unknown role": (
        ("grants.csv", "g-2,off-1,manager", "g-2,off-1,boss"),
        ("grants.csv", 3, "field", "role: ", "which is now 'boss'"),
    ),
    "empty required cell": (
        ("wards.csv", "west,West,", "west,,"),
        ("wards.csv", 3, "field", "name: Field required", "Add 'name'"),
    ),
    "period that ends before it begins": (
        ("seats.csv", "cllr-2,west,2024-05-06,", "cllr-2,west,2024-05-06,2023-05-06"),
        ("seats.csv", 3, "field", "valid_to 2023-05-06 lies before", "Change the fields named"),
    ),
    "rule with a ward and a town": (
        ("rules.csv", "litter-east,litter,east,,", "litter-east,litter,east,smallham,"),
        ("rules.csv", 3, "field", "a ward or a town, not both", "Change the fields named"),
    ),
    "row with a comma too many": (
        ("councillors.csv", "Ben Oak,", "Oak, Ben,"),
        ("councillors.csv", 3, "csv-width", "5 cells, the header has 4", "double quotes"),
    ),
    "missing column": (
        ("officers.csv", "id,name,email", "id,name"),
        ("officers.csv", 1, "csv-header", "column 'email' is missing", "Add 'email'"),
    ),
    "unclosed quote in CSV": (
        ("towns.csv", "smallham,Smallham", 'smallham,"Smallham'),
        ("towns.csv", 2, "csv-syntax", "is not CSV", "Check the double quotes"),
    ),
    "YAML that is none": (
        ("services.yaml", "    name: Litter", "    name: [Litter"),
        ("services.yaml", 4, "yaml-syntax", "is not YAML", "Correct the line"),
    ),
    "name twice in a YAML mapping": (
        ("services.yaml", "    name: Trees\n", "    name: Trees\n    name: Woods\n"),
        ("services.yaml", 18, "yaml-twice", "'name' stands twice", "Keep one"),
    ),
    "YAML list under another name": (
        ("cabinet.yaml", "delegations:", "delegation:"),
        ("cabinet.yaml", 8, "field", "delegation is unknown here", "did you mean 'delegations'"),
    ),
    "list that is none": (
        ("cabinet.yaml", "portfolios:\n  - code: leader", "portfolios:\n    code: leader"),
        ("cabinet.yaml", 1, "shape", "portfolios is not a list", "- "),
    ),
}


@pytest.mark.parametrize(("change", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_refused_with_its_line_and_the_fix(
    tmp_path: Path, change: tuple[str, str, str], expected: tuple[str, int, str, str, str]
) -> None:
    name, old, new = change
    file, line, rule, message, fix = expected

    problems = refusal_of(write(tmp_path, {name: (old, new)}))

    assert [(problem.file, problem.line, problem.rule) for problem in problems] == [(file, line, rule)]
    assert message in problems[0].message
    assert fix in problems[0].fix


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named_and_is_the_only_problem_of_its_kind(tmp_path: Path, name: str) -> None:
    (write(tmp_path) / name).unlink()

    problems = refusal_of(tmp_path)

    assert [(p.file, p.line, p.rule, p.fix) for p in problems] == [
        (name, 0, "file-missing", f"Add {name} to the folder")
    ]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_utf8_is_refused_at_the_line(tmp_path: Path, name: str) -> None:
    path = write(tmp_path) / name
    path.write_bytes(path.read_bytes().replace(b"\n", b"\xff\n", 1))

    problems = refusal_of(tmp_path)

    assert [(p.file, p.line, p.rule, p.fix) for p in problems] == [(name, 1, "not-utf8", "Save the file as UTF-8")]


def test_all_problems_of_all_files_are_said_at_once_in_order_of_place(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "services.yaml": ("answer: 3wd", "answer: soon"),
            "rules.csv": ("\ntrees,trees,,,,cleansing", "\ntrees,trees,,,,cleaning"),
            "councillors.csv": ("ben.oak@smallham.example", "ben.oak"),
        },
    )

    problems = refusal_of(tmp_path)

    assert [(p.file, p.line, p.rule) for p in problems] == [
        ("councillors.csv", 3, "field"),
        ("rules.csv", 5, "unknown-reference"),
        ("services.yaml", 5, "field"),
    ]


def test_two_rules_for_one_condition_may_follow_each_other(tmp_path: Path) -> None:
    first_ends = "litter-east,litter,east,,,response,,2026-12-31\nlitter-new,litter,east,,,cleansing,2027-01-01,"
    folder = write(tmp_path, {"rules.csv": ("litter-east,litter,east,,,response,,", first_ends)})

    assert len(load_bundle(folder).rules) == 5


def test_a_file_of_absurd_size_is_refused_unread(tmp_path: Path) -> None:
    (write(tmp_path) / "towns.csv").write_bytes(b"x" * 5_000_001)

    assert [(p.file, p.rule) for p in refusal_of(tmp_path)] == [("towns.csv", "file-too-big")]


@pytest.mark.parametrize("text", ["- a\n- b\n", "7\n", "1: x\n"])
def test_a_yaml_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (write(tmp_path) / "services.yaml").write_text(text, encoding="utf-8")

    assert ("services.yaml", 1, "shape") in [(p.file, p.line, p.rule) for p in refusal_of(tmp_path)]


def test_an_item_that_is_no_mapping_is_refused_at_its_line(tmp_path: Path) -> None:
    folder = write(tmp_path, {"services.yaml": ("services:\n", "services:\n  - litter\n")})

    assert [(p.line, p.rule, p.message) for p in refusal_of(folder)] == [
        (2, "shape", "an item of services is no mapping")
    ]
