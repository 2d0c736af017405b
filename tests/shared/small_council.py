"""The smallest council there can be, to be broken in one place at a time."""

from pathlib import Path

import pytest

from shared.council import BundleRefused, Problem, load_bundle

FILES = {
    "council.yaml": """\
code: smallham
name: Smallham Council
version: "1"
mail_domain: smallham.example
policies:
  autoclose_case_days: 7
""",
    "calendar.yaml": """\
extra_holidays: []
closures:
  - date: 2026-12-29
    reason: Christmas week
""",
    "towns.csv": "code,name\nsmallham,Smallham\n",
    "wards.csv": "code,name,town,valid_from,valid_to\neast,East,smallham,,\nwest,West,smallham,,\n",
    "councillors.csv": """\
id,title,name,email
cllr-1,Councillor,Ada Elm,ada.elm@smallham.example
cllr-2,Councillor,Ben Oak,ben.oak@smallham.example
""",
    "seats.csv": "councillor,ward,valid_from,valid_to\ncllr-1,east,2024-05-06,\ncllr-2,west,2024-05-06,\n",
    "departments.yaml": """\
departments:
  - id: streets
    name: Streets
    teams:
      - id: cleansing
        name: Cleansing
        inbox: cleansing@smallham.example
      - id: response
        name: Response
        inbox: response@smallham.example
        duty_inbox: response-duty@smallham.example
  - id: law
    name: Law
    teams:
      - id: democratic
        name: Democratic Services
        inbox: democratic@smallham.example
        triage: true
""",
    "officers.csv": """\
id,name,email
off-1,Cy Ash,cy.ash@smallham.example
off-2,Di Fir,di.fir@smallham.example
off-3,Ed Yew,ed.yew@smallham.example
""",
    "grants.csv": """\
id,person,role,team,valid_from,valid_to
g-1,off-1,officer,cleansing,,
g-2,off-1,manager,response,,
g-3,off-2,democratic-services,,,
g-4,off-3,cabinet-secretary,,,
""",
    "cabinet.yaml": """\
portfolios:
  - code: leader
    name: Leader
posts:
  - id: leader-1
    portfolio: leader
    councillor: cllr-1
delegations:
  - id: leader-secretary
    principal: cllr-1
    delegate: off-3
    portfolios: [leader]
""",
    "services.yaml": """\
services:
  - code: litter
    name: Litter
    kind: report
    answer: 3wd
    flags:
      - code: hot
        label: Still burning
  - code: waste
    name: Dangerous waste
    kind: report
    danger: true
    acknowledge: 1h
    answer: 1wd
    autoclose_days: never
  - code: trees
    name: Trees
    kind: case
    answer: 10wd
  - code: not-sure
    name: I am not sure
    kind: case
    answer: 10wd
    triage: true
  - code: crime
    name: Crime
    kind: signpost
    signpost: Call the police.
""",
    "rules.csv": """\
id,service,ward,town,flags,team,valid_from,valid_to
litter,litter,,,,cleansing,,
litter-east,litter,east,,,response,,
waste,waste,,,,response,,
trees,trees,,,,cleansing,,
""",
}


def write(folder: Path, changes: dict[str, tuple[str, str]] | None = None) -> Path:
    """Write the small council, with one text of a file replaced by another."""
    for name, text in FILES.items():
        old, new = (changes or {}).get(name, ("", ""))
        assert text.count(old) == 1 or not old, f"{old!r} must stand once in {name}"
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    return folder


def refusal_of(folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(BundleRefused) as refused:
        load_bundle(folder)
    for problem in refused.value.problems:
        assert str(problem) in str(refused.value)
        assert f"{problem.file}:{problem.line}: {problem.rule}: " in str(problem)
        assert str(problem).endswith(f"{problem.fix}.")
    return refused.value.problems
