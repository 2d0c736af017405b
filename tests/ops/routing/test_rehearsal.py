"""`casework routing rehearse`: exact counts, against a loop that asks the table about one decision after the other."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from itertools import islice, product
from pathlib import Path
from shutil import copytree
from typing import Any, get_args

import pytest
from pymongo import AsyncMongoClient
from rich.console import Console

from ops.commands import routing as command
from ops.commands.terminal import NEEDS_A_PERSON
from ops.connections import Databases
from ops.routing.rehearsal import BATCH, LISTED, PROJECTION, Rehearsal, Replay, rehearse
from services.routing.domain import reroute, route
from shared.calendar import LONDON
from shared.council import Capacity, Directory, Impact, load_bundle
from shared.council.table import Found, Question, decide
from shared.events import CaseReturned
from shared.plumbing.clients import open_database
from shared.plumbing.clock import real_now
from shared.plumbing.history import Document
from shared.plumbing.store import Database
from tests.counts import count
from tests.ops.routing.systems import SAMPLE, Kept, Run, case, cases, decided, keep

pytestmark = pytest.mark.mongo

BEFORE = Directory(load_bundle(SAMPLE), 4)
UNTIL = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAYS = 90
POTHOLE = "pothole-dangerous,pothole,,,dangerous,,highways-response,,,"


def bundle(folder: Path, *changes: tuple[str, str], more: Iterable[str] = ()) -> Path:
    """Write the sample's files with other rules."""
    copied = copytree(SAMPLE, folder / "next")
    rules = copied / "rules.csv"
    text = rules.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(f"\n{old}\n") == 1, old
        text = text.replace(f"\n{old}\n", f"\n{new}\n" if new else "\n")
    rules.write_text(text + "".join(f"{line}\n" for line in more), encoding="utf-8")
    council = copied / "council.yaml"
    council.write_text(council.read_text(encoding="utf-8").replace('version: "2026.1"', 'version: "2026.2"'))
    return copied


CHANGES = (
    ("noise,noise,,,,,environmental-protection,,,", "noise,noise,,,,,community-safety,,,"),
    ("tree,tree,,,,,parks-trees,,,", "tree,tree,,,,,parks-trees,drainage:5wd,,"),
    ("repairs,repairs,,,,,housing-repairs,,,", "repairs,repairs,,,,,highways-response,,,"),
    ("pests,pests,,,,,environmental-protection,,,", "pests,pests,,,,,health-protection,,,2026-09-30"),
)
MORE = (
    "noise-tipton,noise,,tipton,,,environment-response,,,2026-10-15",
    "pests-now,pests,,,,,community-safety,,2026-10-01,",
    "pcn-cabinet,pcn,,,,cabinet,cabinet-office,,,",
    "tree-danger,tree,,,danger,,highways-response,,2026-09-20,",
    "ctax-later,ctax,abbey,,,,benefits,,2027-01-01,",
)


def in_plain_words(documents: Iterable[Document], after: Directory) -> dict[str, Any]:
    """Count what would move in the plainest way: no memory, no turning points, one decision after the other."""
    moves: Counter[tuple[str | None, str | None]] = Counter()
    had: Counter[str | None] = Counter()
    would_have: Counter[str | None] = Counter()
    services: Counter[str] = Counter()
    result = Counter[str]()
    for document in documents:
        state, inputs = document["state"], document["state"].get("inputs")
        if "returned" in document.get("notes", {}):
            result["about_returns"] += 1
        elif inputs is None:
            result["without_inputs"] += 1
        else:
            question = Question(
                service=state["service"],
                ward=state["ward"],
                on=date.fromisoformat(inputs["on"]),
                flags=frozenset(inputs["flags"]),
                impact=inputs["impact"],
                capacity=inputs["capacity"],
                at=inputs["raised_at"],
            )
            outcome = decide(question, after)
            to = outcome.team if isinstance(outcome, Found) else None
            also = [part.model_dump() for part in outcome.also] if isinstance(outcome, Found) else []
            result["replayed"] += 1
            had[state.get("team")] += 1
            would_have[to] += 1
            if to != state.get("team"):
                moves[state.get("team"), to] += 1
                services[state["service"]] += 1
            elif also != state.get("also", []):
                result["other_parts"] += 1
    return {
        **result,
        "moves": dict(moves),
        "teams": {team: (had[team], would_have[team]) for team in {*had, *would_have}},
        "services": dict(services),
    }


def told(found: Rehearsal) -> dict[str, Any]:
    """Put a rehearsal in the same words."""
    counts = found.model_dump(include={"replayed", "without_inputs", "about_returns", "other_parts"})
    return {
        **{name: number for name, number in counts.items() if number},
        "moves": {(each.before, each.after): each.cases for each in found.moves},
        "teams": {each.team: (each.before, each.after) for each in found.teams},
        "services": {each.service: each.moved for each in found.services},
    }


def of_before(kept: Iterable[Kept]) -> list[Kept]:
    """Take away what decisions did not keep in earlier days."""
    return [
        Kept(each.reference, (each.decision.event.model_copy(update={"inputs": None}), {}))  # type: ignore[arg-type]  # as it was kept then
        for each in kept
    ]


def returns(kept: Iterable[Kept]) -> list[Kept]:
    """Have the team give some cases back."""
    found = []
    for number, each in enumerate(kept):
        event = each.decision.event
        back = CaseReturned(
            at=event.at + timedelta(hours=1),
            case=case(BEFORE, number).case,
            team="parking",
            reason="other-team",
            suggestion="planning",
            times=1,
            rule="pcn",
            rules_version=event.rules_version,
        )
        found.append(Kept(each.reference, reroute(back, BEFORE)))
    return found


async def read(database: Database, since: datetime) -> float:
    """Read the same decisions once, as they are read to be replayed; give the seconds."""
    began = time.perf_counter()
    wanted = {"state.at": {"$gte": since, "$lte": UNTIL}}
    cursor = database["decisions"].find(wanted, PROJECTION, sort=[("state.at", 1)], batch_size=BATCH)
    async with cursor:
        while await cursor.to_list(BATCH):
            pass
    return time.perf_counter() - began


async def test_what_would_move_is_counted_exactly_and_fast(
    databases: Databases, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    number = count(4_000, 100_000)
    after = Directory(load_bundle(bundle(tmp_path, *CHANGES, more=MORE)))
    kept = decided(BEFORE, cases(BEFORE, number, DAYS + 10, UNTIL))
    old, back = of_before(kept[: number // 100]), returns(kept[-number // 50 :])
    await keep(databases, [*old, *kept[number // 100 :], *back])
    since, heard = UNTIL - timedelta(days=DAYS), list[int]()

    async with AsyncMongoClient[Document](databases.url, tz_aware=True) as client:
        database = open_database(client, databases.name("routing"))
        found = await rehearse(database, after, since, UNTIL, tell=heard.append)
        reading, replaying = [], []
        for _ in range(3):  # others work on this machine, too: the best of three says what the work itself takes
            reading.append(await read(database, since))
            began = time.perf_counter()
            assert await rehearse(database, after, since, UNTIL) == found
            replaying.append(time.perf_counter() - began)
        documents = await database["decisions"].find({"state.at": {"$gte": since, "$lte": UNTIL}}).to_list()

    assert told(found) == in_plain_words(documents, after)
    assert found.decisions == len(documents) == sum(heard) > number * 0.8
    assert found.moved == sum(each.cases for each in found.moves) > number // 100
    assert all((found.without_inputs, found.about_returns, found.other_parts))
    documents.sort(key=lambda each: each["state"]["at"])
    moving = (each["notes"]["reference"] for each in documents if in_plain_words([each], after)["moves"])
    assert [each.reference for each in found.cases] == list(islice(moving, LISTED))
    assert found.not_asked == ("ctax-later",)
    record_property(
        "measured",
        f"{found.decisions:,} decisions replayed in {min(replaying):.2f} s, {min(replaying) / min(reading):.2f} times "
        f"as long as reading them once ({min(reading):.2f} s); {found.moved:,} would move",
    )


def test_what_is_worked_out_once_is_told_apart_by_every_input(tmp_path: Path) -> None:
    more = (
        "pothole-cabinet,pothole,,,,cabinet,cabinet-office,,,",
        "pothole-safeguarding,pothole,,,safeguarding,,building-control,,,",
        "pothole-tipton,pothole,,tipton,,,estates,,2026-11-10,",
        "pothole-abbey,pothole,abbey,,,ward,parking,drainage,2026-01-01,2026-11-09",
        "pothole-both,pothole,,,dangerous safeguarding,,environment-response,,,",
    )
    after = Directory(load_bundle(bundle(tmp_path, more=more)))
    replay = Replay(after)
    asked = list(
        product(
            ("abbey", "tipton-green"),
            ((), ("dangerous",)),
            get_args(Impact),
            get_args(Capacity),
            [datetime(2026, 11, day, hour, tzinfo=UTC) for day in (9, 10) for hour in (10, 22)],
        )
    )
    teams = set()
    for ward, flags, impact, capacity, at in asked + asked[::-1]:
        question = Question("pothole", ward, at.date(), frozenset(flags), impact, capacity, at)
        inputs = {"on": at.date().isoformat(), "raised_at": at, "flags": list(flags)}
        outcome = decide(question, after)
        assert isinstance(outcome, Found)
        state = {"service": "pothole", "ward": ward, "inputs": inputs | {"impact": impact, "capacity": capacity}}
        assert replay.answer(state) == (outcome.team, [part.model_dump() for part in outcome.also])
        teams.add(outcome.team)
    assert len(teams) > 5


async def test_under_the_same_rules_nothing_moves(databases: Databases) -> None:
    await keep(databases, decided(BEFORE, cases(BEFORE, count(1_000, 20_000), DAYS, UNTIL, seed=3)))

    async with AsyncMongoClient[Document](databases.url, tz_aware=True) as client:
        database = open_database(client, databases.name("routing"))
        found = await rehearse(database, BEFORE, UNTIL - timedelta(days=DAYS), UNTIL)

    assert found.replayed == count(1_000, 20_000)
    assert (found.moved, found.moves, found.other_parts, found.cases) == (0, (), 0, ())


def lately(number: int, **more: Any) -> Kept:
    """Decide about a case of the last days."""
    raised = case(BEFORE, number, at=real_now() - timedelta(days=number), **more)
    return Kept(raised.case.reference, route(raised, BEFORE))


def test_the_command_says_what_would_move_where_to(databases: Databases, run: Run, tmp_path: Path) -> None:
    kept = [lately(day, service="noise", ward="abbey" if day % 2 else "tipton-green") for day in range(1, 11)]
    not_sure = [lately(day, service="not-sure") for day in (11, 12)]
    asyncio.run(keep(databases, [*kept, *not_sure, lately(200, service="noise")]))
    folder = bundle(tmp_path, CHANGES[0], more=["noise-tipton,noise,,tipton,,,environmental-protection,,,"])

    found = run("rehearse", str(folder), "--since", "90d", "--references", "2")
    as_json = json.loads(run("rehearse", str(folder), "--json").stdout)

    assert found.exit_code == 0
    lines = [" ".join(line.split()) for line in found.output.splitlines()]
    assert lines[0].startswith("12 of 12 decisions from ")
    assert lines[0].endswith(f"replayed under the files in {folder}, rules 2026.2:")
    assert lines[1] == "5 would move (41.7%), 7 would not"
    assert "Environmental Protection Community Safety 5" in lines
    assert "Community Safety 0 5 +5" in lines
    assert "Environmental Protection 10 5 -5" in lines
    assert "noise 10 5" in lines
    assert [line.split()[0] for line in lines if line.startswith("CW-")] == [kept[8].reference, kept[6].reference]
    assert (as_json["decisions"], as_json["moved"], as_json["to_people"]) == (12, 5, 0)
    assert as_json["moves"] == [{"before": "environmental-protection", "after": "community-safety", "cases": 5}]
    assert as_json["teams"][-1] == {"team": None, "before": 2, "after": 2}


def test_somebody_at_a_terminal_sees_how_far_it_has_come(
    databases: Databases, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(keep(databases, [lately(day) for day in range(1, 6)]))
    shown = StringIO()
    monkeypatch.setattr(command, "errors", Console(file=shown, force_terminal=True, width=120))

    found = run("rehearse", str(SAMPLE))

    assert found.exit_code == 0
    assert re.search(r"decisions .*100%.*5/5", shown.getvalue())


def test_rules_that_begin_later_are_named_and_can_be_asked_for_a_day(
    databases: Databases, run: Run, tmp_path: Path
) -> None:
    asyncio.run(keep(databases, [lately(day, service="noise") for day in range(1, 4)]))
    later = (real_now().astimezone(LONDON).date() + timedelta(days=30)).isoformat()
    folder = bundle(tmp_path, more=[f"noise-later,noise,oldbury,,,,community-safety,,{later},"])

    now = run("rehearse", str(folder))
    then = run("rehearse", str(folder), "--on", later)

    assert "0 would move (0.0%), 3 would not" in now.output
    assert (
        "not asked, because they begin later: noise-later; --on DATE takes all cases to be raised on a day"
        in now.output
    )
    assert ", all as if raised on " in then.output
    assert "3 would move (100.0%), 0 would not" in then.output
    assert "not asked" not in then.output


def test_cases_that_go_to_people_or_leave_them_are_said(databases: Databases, run: Run, tmp_path: Path) -> None:
    asyncio.run(keep(databases, [lately(1, service="noise"), *of_before([lately(2)]), *returns([lately(3)])]))
    folder = bundle(tmp_path, CHANGES[0])
    services = folder / "services.yaml"
    text = services.read_text(encoding="utf-8")
    services.write_text(text.replace("  - code: noise\n", "  - code: noise\n    triage: true\n"), encoding="utf-8")
    rules = folder / "rules.csv"
    rules.write_text(rules.read_text(encoding="utf-8").replace("noise,noise,,,,,community-safety,,,\n", ""))

    found, back_again = (
        run("rehearse", str(folder)),
        asyncio.run(from_people(databases, Directory(load_bundle(folder)))),
    )

    assert (back_again.moved, back_again.from_people, back_again.to_people) == (1, 1, 0)
    assert "1 would go to people, who decide what no rule does" in found.output
    assert "1 cannot be replayed: decided before decisions kept their inputs" in found.output
    assert "1 left out: about cases that a team had given back" in found.output
    assert "(people decide)" in found.output


async def from_people(databases: Databases, placed_by_hand: Directory) -> Rehearsal:
    """Rehearse the sample over a case that other rules had left to people."""
    raised = case(placed_by_hand, 9, service="noise")
    await keep(databases, [Kept(raised.case.reference, route(raised, placed_by_hand))], "by-hand")
    async with AsyncMongoClient[Document](databases.url, tz_aware=True) as client:
        database = open_database(client, databases.name("routing"))
        return await rehearse(database, BEFORE, raised.at, raised.at)


def test_a_system_that_has_decided_nothing_has_nothing_to_replay(databases: Databases, run: Run) -> None:
    found = run("rehearse", str(SAMPLE))

    assert found.exit_code == 0
    assert "0 would move (there is nothing to replay), 0 would not" in found.output


def test_broken_files_and_a_span_nobody_understands_are_refused(databases: Databases, run: Run, tmp_path: Path) -> None:
    broken = run("rehearse", str(bundle(tmp_path, (POTHOLE, POTHOLE.replace("response", "nobody")))))
    span = run("rehearse", str(SAMPLE), "--since", "3 months")

    assert (broken.exit_code, span.exit_code) == (NEEDS_A_PERSON, NEEDS_A_PERSON)
    assert "1 to mend; nothing was asked" in broken.stderr
    assert span.stderr == "casework: --since: '3 months' is no number of days: write it as 90d\n"
