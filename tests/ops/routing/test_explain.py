"""`casework routing explain`: the sentence, the rules that lost, and the decisions about a case that was raised."""

import asyncio
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient

from ops.commands import routing as command
from ops.commands.terminal import COULD_NOT, NEEDS_A_PERSON
from ops.connections import Databases, NoSystem
from services.routing.domain import reroute, route
from shared.commands import reference_for
from shared.council import Directory, load_bundle
from shared.events import CaseReturned
from shared.plumbing.council import publish
from tests.ops.routing.systems import SAMPLE, Kept, Run, case, keep
from tests.shared.small_council import write

IN_FILES = ("--folder", str(SAMPLE))
ON = ("--on", "2026-11-25")


def test_a_case_that_might_be_raised_is_explained_with_every_rule_of_its_service(run: Run) -> None:
    found = run("explain", "pothole", "oldbury", "--flag", "dangerous", *ON, "--at", "22:15", *IN_FILES)

    assert found.exit_code == 0
    lines = found.output.splitlines()
    assert lines[0] == "pothole in oldbury, raised on 25 November 2026, at 22:15, with dangerous, urgent"
    assert lines[4] == "off-023 is Xanthe Primrowe"
    assert lines[3] == (
        'Rule pothole-dangerous, the narrowest of 3 that fit: Pothole anywhere, with "Dangerous to traffic or people", '
        "goes to Highways Response; outside office hours off-023 is on duty there."
    )
    losers = {line.split()[0]: line for line in lines[7:]}
    assert set(losers) == {
        "pothole-dangerous",
        "pothole-oldbury",
        "pothole-rowley-regis",
        "pothole-smethwick",
        "pothole-north",
    }
    assert losers["pothole-dangerous"].split()[-1] == "decides"
    assert "is for the town Smethwick alone, where the ward Oldbury is not" in losers["pothole-smethwick"]
    assert "fits, but is wider than pothole-dangerous" in losers["pothole-north"]


def test_programs_get_the_same_as_json(run: Run) -> None:
    found = json.loads(
        run("explain", "pothole", "oldbury", "--flag", "dangerous", *ON, "--at", "22:15", *IN_FILES, "--json").stdout
    )

    assert found["sentence"].startswith("Rule pothole-dangerous")
    assert (found["team"], found["rule"], found["reason"], found["duty"]) == (
        "highways-response",
        "pothole-dangerous",
        "flag-rule",
        "off-023",
    )
    assert (found["town"], found["urgent"], found["council_version"], found["rules_version"]) == (
        "oldbury",
        True,
        0,
        "2026.1",
    )
    assert (found["at"], found["on_duty"]) == ("2026-11-25T22:15:00Z", "Xanthe Primrowe")
    assert [rule["decides"] for rule in found["rules"]] == [True, False, False, False, False]


def test_the_moment_and_the_impact_reach_the_rules(run: Run) -> None:
    def ask(service: str, *more: str) -> tuple[str, str | None, str | None]:
        found = json.loads(run("explain", service, "abbey", *more, *IN_FILES, "--json").stdout)
        return found["team"], found["duty"], found["at"]

    assert ask("danger-building", *ON) == ("building-control", None, "2026-11-25T12:00:00Z")
    assert ask("danger-building", *ON, "--at", "03:00") == ("highways-response", "off-023", "2026-11-25T03:00:00Z")
    assert ask("noise", *ON, "--at", "03:00") == ("environmental-protection", None, None)
    assert ask("noise", *ON, "--at", "03:00", "--impact", "safeguarding") == (
        "environmental-protection",
        None,
        "2026-11-25T03:00:00Z",
    )


def test_the_capacity_decides_where_a_rule_asks_for_it(run: Run, tmp_path: Path) -> None:
    folder = write(
        tmp_path, {"rules.csv": ("id,service,ward,town,flags,team", "id,service,ward,town,flags,capacity,team")}
    )
    rules = folder / "rules.csv"
    head, *rows = rules.read_text().splitlines()
    rows = [
        row.replace(",,,,", ",,,,,", 1) if row.count(",,,,") else row.replace(",east,,,", ",east,,,,") for row in rows
    ]
    rules.write_text("\n".join([head, *rows, "trees-cabinet,trees,,,,cabinet,response,,"]) + "\n")

    as_cabinet = run("explain", "trees", "east", "--capacity", "cabinet", "--folder", str(folder))
    as_member = run("explain", "trees", "east", "--folder", str(folder))

    assert (
        "Rule trees-cabinet, the narrowest of 2 that fit: Trees anywhere, as cabinet business, goes to Response."
        in (as_cabinet.output)
    )
    assert "is for cabinet business alone" in as_member.output


def test_what_goes_to_people_says_so(run: Run) -> None:
    found = run("explain", "not-sure", "abbey", *ON, *IN_FILES)

    assert found.exit_code == 0
    assert "Cases of I am not sure are placed by hand: the people of Democratic Services decide." in found.output


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        (("pothle", "abbey"), ["there is no service 'pothle': did you mean 'pothole'"]),
        (
            ("pothle", "oldbry"),
            [
                "there is no service 'pothle': did you mean 'pothole'",
                "there is no ward 'oldbry': did you mean 'oldbury'",
            ],
        ),
        (("zzzzzz", "abbey"), ["there is no service 'zzzzzz': services.yaml lists all 53"]),
        (("pothole", "abbey", "--flag", "dangerus"), ["service 'pothole' has no flag 'dangerus': it has dangerous"]),
        (("pothole", "abbey", "--flag", "danger"), ["'danger' is an impact: say --impact danger"]),
        (("noise", "abbey", "--flag", "loud"), ["service 'noise' has no flags"]),
        (("crime", "abbey"), ["there is no service 'crime': did you mean 'police-matter'"]),
        (
            ("police-matter", "abbey"),
            ["the council does not answer for Crime: Crime is for the police: 999 in an emergency, 101 otherwise."],
        ),
    ],
)
def test_a_word_the_council_does_not_know_is_refused_with_the_one_that_was_meant(
    run: Run, arguments: tuple[str, ...], sentences: list[str]
) -> None:
    found = run("explain", *arguments, *IN_FILES)

    assert found.exit_code == NEEDS_A_PERSON
    assert found.stderr.splitlines() == [f"casework: {sentence}" for sentence in sentences]
    assert found.stdout == ""


def test_a_broken_folder_is_refused_with_every_problem(run: Run, tmp_path: Path) -> None:
    folder = write(tmp_path, {"rules.csv": ("trees,trees,,,,cleansing,,", "trees,trees,,,,clensing,,")})

    found = run("explain", "trees", "east", "--folder", str(folder))

    assert found.exit_code == NEEDS_A_PERSON
    assert "rules.csv:5: unknown-reference" in found.stderr
    assert "1 to mend; nothing was asked" in found.stderr


@pytest.mark.parametrize("arguments", [("pothole",), ("CW-1",), ("CW-00000-00001",)])
def test_a_service_without_a_ward_or_a_mistyped_reference_says_what_is_missing(
    run: Run, arguments: tuple[str, ...]
) -> None:
    found = run("explain", *arguments)

    assert found.exit_code == NEEDS_A_PERSON
    assert found.stderr.startswith(f"casework: name a ward after the service {arguments[0]!r}; or a reference: ")


def test_without_a_system_the_files_are_asked_and_the_answer_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def nothing_runs() -> Databases:
        raise NoSystem("no system is running here")

    monkeypatch.setattr(command, "find_databases", nothing_runs)
    monkeypatch.chdir(SAMPLE.parent)
    here = run("explain", "noise", "abbey")
    numbered = run("explain", "noise", "abbey", "--number", "3")
    monkeypatch.chdir(tmp_path)
    nowhere = run("explain", "noise", "abbey")

    assert here.exit_code == 0
    assert "under the files in council, rules 2026.1" in here.output
    assert (numbered.exit_code, numbered.stderr) == (COULD_NOT, "casework: no system is running here\n")
    assert nowhere.stderr == "casework: no system is running here; or name files with --folder\n"


@pytest.mark.mongo
def test_the_version_in_force_is_asked_or_the_one_that_is_named(databases: Databases, run: Run, tmp_path: Path) -> None:
    def rules_at(version: str, team: str) -> Path:
        folder = tmp_path / version
        folder.mkdir()
        write(folder, {"rules.csv": ("trees,trees,,,,cleansing,,", f"trees,trees,,,,{team},,")})
        council = folder / "council.yaml"
        council.write_text(council.read_text().replace('version: "1"', f'version: "{version}"'))
        return folder

    async def published() -> None:
        async with AsyncMongoClient[dict[str, Any]](databases.url, tz_aware=True) as client:
            for version, team in (("1", "cleansing"), ("2", "response"), ("3", "cleansing")):
                await publish(
                    client[databases.name("council")], load_bundle(rules_at(version, team)), author="t", reason="t"
                )

    asyncio.run(published())
    with MongoClient[dict[str, Any]](databases.url) as client:  # the third is to come into force tomorrow
        tomorrow = {"$set": {"activates": datetime.now(UTC) + timedelta(days=1)}}  # noqa: TID251  a moment to come
        client[databases.name("council")]["versions"].update_one({"_id": 3}, tomorrow)

    now, first, third = (run("explain", "trees", "east", *more) for more in ((), ("--number", "1"), ("--number", "3")))
    missing = run("explain", "trees", "east", "--number", "7")

    assert "under version 2 of the running system, rules 2\n" in now.output
    assert "goes to Response." in now.output
    assert "under version 1 of the running system, rules 1\n" in first.output
    assert "goes to Cleansing." in first.output
    assert "under version 3 of the running system, rules 3\n" in third.output
    assert (missing.exit_code, missing.stderr) == (
        NEEDS_A_PERSON,
        "casework: there is no version 7: `casework council history` lists them\n",
    )


@pytest.mark.mongo
def test_a_system_without_a_council_or_with_one_nobody_can_read_is_one_sentence(databases: Databases, run: Run) -> None:
    nothing = run("explain", "trees", "east")
    number = asyncio.run(published_once(databases))
    with MongoClient[dict[str, Any]](databases.url) as client:
        versions = client[databases.name("council")]["versions"]
        versions.update_one({"_id": number}, {"$set": {"bundle": '{"people": ["Ada Elm"]}'}})
        unreadable = run("explain", "trees", "east")
        versions.update_one({"_id": number}, {"$unset": {"digest": ""}})
        broken = run("explain", "trees", "east")

    assert nothing.stderr == "casework: no council is in force: publish one, or name files with --folder\n"
    assert unreadable.stderr == "casework: version 1 was published by another Casework, which this one cannot read\n"
    assert broken.stderr.endswith("somebody has changed the record of versions by hand\n")
    assert {each.exit_code for each in (nothing, unreadable, broken)} == {NEEDS_A_PERSON}


async def published_once(databases: Databases) -> int:
    async with AsyncMongoClient[dict[str, Any]](databases.url, tz_aware=True) as client:
        return await publish(client[databases.name("council")], load_bundle(SAMPLE), author="t", reason="t")


@pytest.mark.parametrize("arguments", [("explain", "noise", "abbey"), ("accuracy",)])
def test_a_database_that_is_away_is_one_sentence(arguments: tuple[str, ...]) -> None:
    away = {"CASEWORK_MONGO_URL": "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100"}

    found = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "ops", "routing", *arguments],
        cwd=SAMPLE.parent,
        env=os.environ | away,
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == COULD_NOT
    assert re.fullmatch(r"casework: the database does not answer, or not this login \(\w+\): .*\n", found.stderr)


DIRECTORY = Directory(load_bundle(SAMPLE), 4)
UNDER = "(council version 4, rules 2026.1)"
REFERENCE = reference_for("exampleton", "cllr-001", "1")


@pytest.mark.mongo
def test_a_case_that_was_raised_shows_its_decision_and_every_return(databases: Databases, run: Run) -> None:
    raised = case(DIRECTORY, 1, flags=("dangerous",), at=datetime(2026, 11, 2, 21, 0, tzinfo=UTC))
    back, again = (
        CaseReturned(
            at=raised.at + timedelta(hours=12 * times),
            case=raised.case,
            team="highways-response",
            reason="other-team",
            suggestion="drainage",
            times=times,
            rule="pothole-dangerous",
            rules_version="2026.1",
        )
        for times in (1, 2)
    )
    told = [route(raised, DIRECTORY), reroute(back, DIRECTORY), reroute(again, DIRECTORY)]
    other = Kept("CW-00000-00000", route(case(DIRECTORY, 2), DIRECTORY))
    asyncio.run(keep(databases, [*(Kept(REFERENCE, decision) for decision in told), other]))

    found, as_json = run("explain", REFERENCE.lower()), json.loads(run("explain", REFERENCE, "--json").stdout)

    assert found.output.splitlines() == [
        REFERENCE,
        "",
        f"2026-11-02 21:00: to highways-response by pothole-dangerous, flag-rule, on duty off-023 {UNDER}",
        (
            "  from on 2026-11-02, raised_at 2026-11-02 21:00, town oldbury, flags dangerous, capacity ward, "
            f"impact {raised.case.impact}"
        ),
        f"  {told[0].notes['sentence']}",
        "",
        f"2026-11-03 09:00: to drainage by suggested, suggested {UNDER}",
        '  Highways Response gave it back ("Another team answers for this") and named Drainage: Drainage gets it.',
        "",
        f"2026-11-03 21:00: people decide, returned-twice {UNDER}",
        f"  {told[2].notes['sentence']}",
    ]
    assert [(each["team"], each["rule"], each["council_version"]) for each in as_json] == [
        ("highways-response", "pothole-dangerous", 4),
        ("drainage", "suggested", 4),
        (None, None, 4),
    ]
    assert as_json[0]["inputs"]["flags"] == ["dangerous"]
    assert [each["returned"] and each["returned"]["times"] for each in as_json] == [None, 1, 2]


@pytest.mark.mongo
def test_a_decision_of_before_is_shown_as_far_as_it_was_kept(databases: Databases, run: Run) -> None:
    event, _ = route(case(DIRECTORY, 1), DIRECTORY)
    older = event.model_copy(update={"inputs": None, "council_version": 0})
    asyncio.run(keep(databases, [Kept(REFERENCE, (older, {}))]))  # type: ignore[arg-type]  # as before there were notes

    found = run("explain", REFERENCE)

    assert found.output.splitlines()[2:] == [
        "2026-11-02 10:00: to highways-inspections-south by pothole-oldbury, town-rule (rules 2026.1)",
        "  No sentence: decided before decisions kept one.",
    ]


@pytest.mark.mongo
def test_a_case_routing_knows_nothing_of_is_one_sentence(databases: Databases, run: Run) -> None:
    found = run("explain", REFERENCE)

    assert found.exit_code == NEEDS_A_PERSON
    assert found.stderr == (
        f"casework: routing has decided nothing about {REFERENCE}: is it a reference of this system?\n"
    )
