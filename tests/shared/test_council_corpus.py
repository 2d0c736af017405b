"""What a council must never contain, one bundle each: refused with file, line, rule and fix, and never half taken."""

from pathlib import Path

import pytest

from shared.council import load_bundle
from tests.shared.small_council import FILES, refusal_of, write

_DUTY = "id,covers,team,officer,days,start,end,valid_from,valid_to\n"
_SPAN = "valid_from,valid_to"

# file, what is appended (or the whole text where the council has no such file), and the problem:
# line, rule, part of the message, part of the fix
ADDED: dict[str, tuple[tuple[str, str], tuple[int, str, str, str]]] = {
    "overlap in time of two grants": (
        ("grants.csv", "g-9,off-1,officer,cleansing,2026-01-01,\n"),
        (6, "grant-twice", "by 'g-1' in line 2 at that time", "End the first"),
    ),
    "grant of a team role without a team": (
        ("grants.csv", "g-9,off-3,officer,,,\n"),
        (6, "field", "name it", "Change the fields named"),
    ),
    "grant of a council role in a team": (
        ("grants.csv", "g-9,off-3,auditor,cleansing,,\n"),
        (6, "field", "every other role has no team", "Change"),
    ),
    "grant to nobody": (
        ("grants.csv", "g-9,off-77,auditor,,,\n"),
        (6, "unknown-reference", "no officer 'off-77'", "Correct person"),
    ),
    "grant to a councillor": (
        ("grants.csv", "g-9,cllr-1,auditor,,,\n"),
        (6, "field", "person", "which is now 'cllr-1'"),
    ),
    "grant of a role that follows from a seat": (
        ("grants.csv", "g-9,off-1,councillor,,,\n"),
        (6, "field", "role: ", "which is now 'councillor'"),
    ),
    "subscriber that is a person": (
        ("grants.csv", "g-9,off-1,subscriber,,,\n"),
        (6, "field", "role of a system", "Change the fields named"),
    ),
    "grant twice by id": (
        ("grants.csv", "g-1,off-3,auditor,,,\n"),
        (6, "duplicate-id", "'g-1' stands already", "Give it another id"),
    ),
    "wrong date": (
        ("grants.csv", "g-9,off-3,auditor,,31/12/2026,\n"),
        (6, "field", "valid_from", "which is now '31/12/2026'"),
    ),
    "day that no year has": (
        ("grants.csv", "g-9,off-3,auditor,,2026-02-30,\n"),
        (6, "field", "valid_from", "which is now '2026-02-30'"),
    ),
    "CSV formula": (
        ("councillors.csv", 'cllr-3,,"=HYPERLINK(""//x"")",a@b.example\n'),
        (4, "csv-formula", "name: a cell that begins with '='", "plain value"),
    ),
    "CSV formula by a plus": (
        ("councillors.csv", "cllr-3,,+1+1,a@b.example\n"),
        (4, "csv-formula", "begins with '+'", "plain value"),
    ),
    "CSV formula behind a blank": (
        ("councillors.csv", "cllr-3,, =1+1,a@b.example\n"),
        (4, "csv-formula", "name: a cell that begins with '='", "plain value"),
    ),
    "CSV formula by an at sign": (
        ("councillors.csv", "cllr-3,,@SUM(A1),a@b.example\n"),
        (4, "csv-formula", "begins with '@'", "plain value"),
    ),
    "overlap in time of two seats of a ward": (
        ("seats.csv", "cllr-1,west,2024-05-06,2023-01-01\n"),
        (4, "field", "valid_to 2023-01-01 lies before", "Change"),
    ),
    "end of a term for no known reason": (
        ("seats.csv", "cllr-1,west,2025-05-06,,\n"),
        (4, "csv-width", "5 cells, the header has 4", "commas"),
    ),
    "rule beyond a council's place": (
        ("rules.csv", "far,litter,north,,,cleansing,,\n"),
        (6, "unknown-reference", "no ward 'north'", "Correct ward"),
    ),
    "rule by the name of what is no rule": (
        ("rules.csv", "suggested,litter,west,,,cleansing,,\n"),
        (6, "field", "the id suggested is taken", "Change the fields named"),
    ),
    "tie of two rules by flags": (
        ("rules.csv", "hot,litter,,,hot,cleansing,,\ndanger,litter,,,danger,response,,\n"),
        (7, "rules-tie", "tie for a case with the flags danger hot", "Add a rule that names both flags"),
    ),
    "overlap in time of two rules": (
        ("rules.csv", "again,trees,,,,response,2027-01-01,\n"),
        (6, "rules-ambiguous", "same condition as 'trees' in line 5", "End one before"),
    ),
    "danger ticked by the councillor and sent to a team without duty": (
        ("rules.csv", "d,trees,,,danger,cleansing,,\n"),
        (6, "danger-without-duty", "which has no duty inbox", "Add `duty_inbox`"),
    ),
    "duty turn of a stranger to the team": (
        ("duty.csv", f"{_DUTY}n,response,response,off-2,,,,,\n"),
        (2, "duty-officer", "'off-2' has no role in team 'response'", "Grant a role"),
    ),
    "duty turn of a team that cannot be reached": (
        ("duty.csv", f"{_DUTY}n,response,cleansing,off-1,,,,,\n"),
        (2, "danger-without-duty", "'cleansing' is on duty without", "Add `duty_inbox`"),
    ),
    "two duty turns at once": (
        (
            "duty.csv",
            f"{_DUTY}n,response,response,off-1,sun,20:00,06:00,,\nm,response,response,off-1,mon,05:00,09:00,,\n",
        ),
        (3, "duty-twice", "same time as 'n' in line 2", "one turn is on at a time"),
    ),
    "duty turn on a day that no week has": (
        ("duty.csv", f"{_DUTY}n,response,response,off-1,mon someday,,,,\n"),
        (2, "field", "days.1", "which is now 'someday'"),
    ),
    "duty turn at an hour that no day has": (
        ("duty.csv", f"{_DUTY}n,response,response,off-1,,25:00,26:00,,\n"),
        (2, "field", "end: ", "which is now '26:00'"),
    ),
    "duty turn of no length": (
        ("duty.csv", f"{_DUTY}n,response,response,off-1,,08:00,08:00,,\n"),
        (2, "field", "start and end are the same", "Change the fields named"),
    ),
    "duty for a team that is none": (
        ("duty.csv", f"{_DUTY}n,rescue,response,off-1,,,,,\n"),
        (2, "unknown-reference", "no team 'rescue'", "Correct covers"),
    ),
    "reason of a list nobody reads": (
        ("reasons.csv", f"id,list,label,{_SPAN}\nx,refund,Money back,,\n"),
        (2, "field", "list", "which is now 'refund'"),
    ),
    "feature of a command that cannot be switched": (
        ("features.yaml", "features:\n  - {code: f, name: F, commands: [answer]}\n"),
        (2, "unknown-reference", "'answer' cannot be switched", "Use some of"),
    ),
    "feature for a member who is none": (
        ("features.yaml", "features:\n  - {code: f, name: F, commands: [add-cc], members: [cllr-9]}\n"),
        (2, "unknown-reference", "no councillor 'cllr-9'", "did you mean 'cllr-2'"),
    ),
    "feature for a ward that is none": (
        ("features.yaml", "features:\n  - {code: f, name: F, commands: [add-cc], wards: [north]}\n"),
        (2, "unknown-reference", "no ward 'north'", "Correct wards"),
    ),
    "command switched twice": (
        (
            "features.yaml",
            "features:\n  - {code: f, name: F, commands: [add-cc]}\n  - {code: g, name: G, commands: [add-cc]}\n",
        ),
        (3, "command-twice", "switched by 'f' in line 2", "one feature only"),
    ),
    "signpost to a page that is not https": (
        (
            "signposts.yaml",
            "signposts:\n  - {id: s, title: S, summary: S, category: faq, url: 'javascript:alert(1)'}\n",
        ),
        (2, "field", "url", "Change 'url'"),
    ),
    "signpost of no category": (
        ("signposts.yaml", "signposts:\n  - {id: s, title: S, summary: S, category: fun, url: https://s.example}\n"),
        (2, "field", "category", "which is now 'fun'"),
    ),
    "LGSL id that is no number": (
        ("lgsl.csv", "id,label,description\nfive,Street cleansing,\n"),
        (2, "field", "id", "which is now 'five'"),
    ),
    "system that is a person by its id": (
        ("systems.csv", f"id,name,{_SPAN}\noff-9,Portal,,\n"),
        (2, "field", "id", "which is now 'off-9'"),
    ),
    "optional file that is no CSV": (
        ("reasons.csv", f'id,list,label,{_SPAN}\nx,return,"open,,\n'),
        (2, "csv-syntax", "is not CSV", "double quotes"),
    ),
    "optional file that is no YAML": (
        ("features.yaml", "features: [\n"),
        (2, "yaml-syntax", "is not YAML", "Correct the line"),
    ),
    "YAML bomb": (
        ("features.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nfeatures: [*c, *c]\n"),
        (1, "yaml-syntax", "anchors (&) and aliases (*) are not read", "Correct the line"),
    ),
    "YAML that makes an object": (
        ("features.yaml", "features: !!python/object/apply:os.system ['true']\n"),
        (1, "yaml-syntax", "could not determine a constructor", "Correct the line"),
    ),
    "YAML number without a digit": (
        ("features.yaml", "features:\n  - {code: f, name: 0x_, commands: [add-cc]}\n"),
        (2, "yaml-syntax", "a value is no int: put it in quotes", "Correct the line"),
    ),
    "YAML number of five thousand digits": (
        ("features.yaml", f"features: {'9' * 5000}\n"),
        (1, "yaml-syntax", "a value is no int: put it in quotes", "Correct the line"),
    ),
    "YAML that calls a word yes or no": (
        ("features.yaml", "features:\n  - {code: f, name: F, everybody: !!bool perhaps, commands: [add-cc]}\n"),
        (2, "yaml-syntax", "a value is no bool: put it in quotes", "Correct the line"),
    ),
    "YAML nested without end": (
        ("features.yaml", f"features: {'[' * 3000}{']' * 3000}\n"),
        (1, "yaml-syntax", "is not YAML", "Correct"),
    ),
    "byte order mark inside a file": (
        ("reasons.csv", f"id,list,label,{_SPAN}\n\ufeffx,return,Other,,\n"),
        (2, "byte-order-mark", "a byte order mark inside", "Delete the invisible character"),
    ),
    "control character in a name": (
        ("councillors.csv", "cllr-3,,A\x07B,a@b.example\n"),
        (4, "field", "name", "Change 'name'"),
    ),
    "line break in a name": (
        ("councillors.csv", 'cllr-3,,"A\nBcc: x",a@b.example\n'),
        (4, "field", "name", "Change 'name'"),
    ),
    "id with a wildcard of a routing key": (
        ("wards.csv", "no.#,North,smallham,,\n"),
        (4, "field", "code", "which is now 'no.#'"),
    ),
    "name of two thousand characters": (("towns.csv", f"big,{'x' * 2000}\n"), (3, "field", "name", "Change 'name'")),
}


@pytest.mark.parametrize(("added", "expected"), ADDED.values(), ids=ADDED.keys())
def test_a_bundle_of_the_corpus_is_refused_at_its_line(
    tmp_path: Path, added: tuple[str, str], expected: tuple[int, str, str, str]
) -> None:
    (file, text), (line, rule, message, fix) = added, expected
    path = write(tmp_path) / file
    path.write_text(FILES.get(file, "") + text, encoding="utf-8", newline="")

    problems = refusal_of(tmp_path)

    found = [problem for problem in problems if (problem.file, problem.line, problem.rule) == (file, line, rule)]
    assert found, problems
    assert message in found[0].message
    assert fix in found[0].fix


CHANGED = {
    "part of a case with no time to do it in": (
        {
            "rules.csv": FILES["rules.csv"]
            .replace(",valid_from", ",also,valid_from")
            .replace(",cleansing,,", ",cleansing,response:0wd,,")
            .replace(",response,,", ",response,,,")
        },
        ("rules.csv", 2, "field", "also.0: '0wd' is not a target", "which is now 'response:0wd'"),
    ),
    "ward that becomes itself": (
        {
            "wards.csv": ("code,name,town,valid_from,valid_to\neast,East,smallham,,\nwest,West,smallham,,\n")
            .replace("code,name,town,", "code,name,town,successors,")
            .replace("east,East,smallham,,", "east,East,smallham,west,,2030-01-01")
            .replace("west,West,smallham,,", "west,West,smallham,east,,2031-01-01")
        },
        ("wards.csv", 2, "cycle", "successors of ward 'east' lead back", "closes the circle"),
    ),
    "ward with a successor and no end": (
        {"wards.csv": "code,name,town,successors\neast,East,smallham,west\nwest,West,smallham,\n"},
        ("wards.csv", 2, "ward-succeeded", "has successors and no end", "Set valid_to"),
    ),
    "more members than seats": (
        {
            "wards.csv": "code,name,town,seats\neast,East,smallham,1\nwest,West,smallham,1\n",
            "seats.csv": FILES["seats.csv"] + "cllr-2,east,2025-01-01,\n",
        },
        ("seats.csv", 4, "ward-overfull", "elects 1, and 2 sit for it on 2025-01-01", "End the seat"),
    ),
    "seat that outlives its ward": (
        {"wards.csv": "code,name,town,valid_to\neast,East,smallham,2026-05-10\nwest,West,smallham,\n"},
        ("seats.csv", 2, "reference-not-valid", "holds from ever to 2026-05-10", "within"),
    ),
    "team that ends before its rule": (
        {
            "departments.yaml": FILES["departments.yaml"].replace(
                "        inbox: cleansing@smallham.example\n",
                "        inbox: cleansing@smallham.example\n        valid_to: 2026-12-31\n",
            )
        },
        ("rules.csv", 2, "reference-not-valid", "team 'cleansing' holds from ever to 2026-12-31", "within"),
    ),
    "nobody left to place cases": (
        {"grants.csv": FILES["grants.csv"].replace("g-3,off-2,democratic-services,,,\n", "")},
        ("grants.csv", 1, "last-democratic-services", "nobody has the role democratic-services", "cannot be removed"),
    ),
    "nobody to place cases after a day": (
        {"grants.csv": FILES["grants.csv"].replace("democratic-services,,,", "democratic-services,,,2026-12-31")},
        ("grants.csv", 1, "last-democratic-services", "from 2027-01-01", "valid_to is empty"),
    ),
    "a day without anybody to place cases": (
        {
            "grants.csv": FILES["grants.csv"].replace(
                "democratic-services,,,", "democratic-services,,,2026-12-31\ng-8,off-3,democratic-services,,2027-01-02,"
            )
        },
        ("grants.csv", 1, "last-democratic-services", "from 2027-01-01", "Grant it to somebody"),
    ),
    "the last one to place cases leaves the council": (
        {
            "officers.csv": "id,name,email,valid_to\noff-1,Cy Ash,c@s.example,\noff-2,Di Fir,d@s.example,2026-12-31\n"
            "off-3,Ed Yew,e@s.example,\n"
        },
        ("grants.csv", 1, "last-democratic-services", "from 2027-01-01", "valid_to is empty"),
    ),
    "portfolio held by two": (
        {
            "cabinet.yaml": FILES["cabinet.yaml"].replace(
                "delegations:",
                "  - {id: l-2, portfolio: leader, councillor: cllr-2}\ndelegations:",
            )
        },
        ("cabinet.yaml", 8, "post-twice", "held by 'cllr-1' in line 5", "End the first post"),
    ),
    "office that opens after it closes": (
        {"council.yaml": FILES["council.yaml"] + '  office_opens: "18:00"\n'},
        ("council.yaml", 5, "field", "office_opens must lie before office_closes", "Change 'policies'"),
    ),
    "impact that is none": (
        {"council.yaml": FILES["council.yaml"] + "impacts:\n  - {code: huge, label: H, definition: D}\n"},
        ("council.yaml", 8, "field", "impacts.0.code", "which is now 'huge'"),
    ),
    "two teams and one of them twice": (
        {
            "rules.csv": "id,service,team,also\nlitter,litter,cleansing,cleansing\nwaste,waste,response,\n"
            "trees,trees,cleansing,\n"
        },
        ("rules.csv", 2, "field", "a team stands twice", "Change the fields named"),
    ),
    "part for a team that is none": (
        {
            "rules.csv": "id,service,team,also\nlitter,litter,cleansing,parks:5wd\nwaste,waste,response,\n"
            "trees,trees,cleansing,\n"
        },
        ("rules.csv", 2, "unknown-reference", "also: there is no team 'parks'", "Correct also"),
    ),
    "escalation to nobody": (
        {
            "departments.yaml": FILES["departments.yaml"].replace(
                "        duty_inbox: response-duty@smallham.example\n",
                "        duty_inbox: response-duty@smallham.example\n        escalation: [off-9]\n",
            )
        },
        ("departments.yaml", 12, "unknown-reference", "escalation: there is no officer 'off-9'", "Correct escalation"),
    ),
    "service that refers to a list without it": (
        {
            "services.yaml": FILES["services.yaml"].replace("    name: Litter\n", "    name: Litter\n    lgsl: 999\n"),
            "lgsl.csv": "id,label,description\n580,Street cleansing,\n",
        },
        ("services.yaml", 4, "unknown-reference", "there is no LGSL entry 999", "add the line to lgsl.csv"),
    ),
}


@pytest.mark.parametrize(("files", "expected"), CHANGED.values(), ids=CHANGED.keys())
def test_a_council_with_changed_files_is_refused_at_its_line(
    tmp_path: Path, files: dict[str, str], expected: tuple[str, int, str, str, str]
) -> None:
    write(tmp_path)
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    file, line, rule, message, fix = expected

    problems = refusal_of(tmp_path)

    found = [problem for problem in problems if (problem.file, problem.line, problem.rule) == (file, line, rule)]
    assert found, problems
    assert message in found[0].message
    assert fix in found[0].fix


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-be", "cp1252"])
def test_a_file_in_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path = write(tmp_path) / "towns.csv"
    path.write_bytes((mark + FILES["towns.csv"] + "cafe,Café\n").encode(encoding))

    problems = refusal_of(tmp_path)

    assert {(problem.file, problem.rule) for problem in problems} == {("towns.csv", "not-utf8")}


@pytest.mark.parametrize("file", ["services.yaml", "rules.csv", "features.yaml"])
def test_ten_megabytes_are_refused(tmp_path: Path, file: str) -> None:
    (write(tmp_path) / file).write_bytes(b"# x\n" * 2_500_000)

    assert [(problem.file, problem.line, problem.rule) for problem in refusal_of(tmp_path)] == [
        (file, 0, "file-too-big")
    ]


def test_a_bundle_may_have_the_list_of_services_and_no_service_in_it(tmp_path: Path) -> None:
    (write(tmp_path) / "lgsl.csv").write_text("id,label,description\n580,Street cleansing,\n", encoding="utf-8")

    assert [entry.id for entry in load_bundle(tmp_path).lgsl] == [580]
