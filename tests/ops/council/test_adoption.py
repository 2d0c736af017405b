"""How far features are used, counted over cases that intake's own plumbing wrote, against a real database."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from typer.testing import CliRunner

from ops import cli
from ops.commands.terminal import NEEDS_A_PERSON
from ops.connections import Databases
from ops.council.adoption import TRACES, Adoption, adoption
from ops.stack.mongo import Mongo
from services.intake.adapters import COLLECTIONS
from services.intake.handlers import CASES
from shared.commands import AddCc, ExtendAutoClose, Refusal, reference_for
from shared.council import Council, Directory, Feature
from shared.council.rule_checks import SWITCHABLE
from shared.events import CATALOGUE
from shared.plumbing.council import publish
from shared.plumbing.history import Cause, change
from shared.plumbing.store import Store
from tests.intake.fakes import VAULT
from tests.intake.stories import (
    COLLEAGUE,
    FORMER,
    MONDAY,
    OFFICER,
    OWNER,
    THIRD,
    Story,
    make_council,
    order,
    raising,
    routed,
    tell,
    well_formed,
)

pytestmark = pytest.mark.mongo

COPYING = Feature(code="copying", name="Copy in", commands=("add-cc", "remove-cc"), wards=("abbey",))
KEEPING = Feature(code="keeping", name="Keep open", commands=("accept", "extend-auto-close"), members=(OWNER,))
ENDED = Feature(code="ended", name="Ended", commands=("take-over",), everybody=True, valid_to=date(2025, 1, 1))


class Casework:
    """The databases of the council and of intake, written as the services write them."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]], where: Databases) -> None:
        self._client, self.where = client, where
        self._store = Store(client[where.name("intake")], COLLECTIONS)

    async def publish(self, council: Council) -> None:
        await publish(self._client[self.where.name("council")], council, author="test", reason="test")

    async def put(self, story: Story) -> None:
        case_id = story.case.public.id
        for fact, (cause, actor) in zip(story.facts, story.causes, strict=True):
            before = (await self._store.read([("cases", case_id)])).get(("cases", case_id))
            write = change(CASES, case_id, case_id, before, [fact], Cause(cause, cause, actor), VAULT)
            assert await self._store.write([write]) == [True]


@pytest.fixture
async def casework(mongo_server: Mongo) -> AsyncIterator[Casework]:
    where = Databases(mongo_server.url, f"t{uuid.uuid4().hex[:12]}")
    async with AsyncMongoClient[dict[str, Any]](mongo_server.url, tz_aware=True) as client:
        yield Casework(client, where)
        for owner in ("council", "intake"):
            await client.drop_database(where.name(owner))


def piloting(*features: Feature) -> Council:
    return make_council(features=features)


def raised(council: Council, key: str, actor: str = OWNER) -> Story:
    story = Story(Directory(council))
    story.give(raising(reference=reference_for("testham", actor, key), actor=actor))
    return story


def accepted(story: Story, command: Any) -> None:
    result = story.give(command.model_copy(update={"reference": story.case.public.reference}))
    assert not isinstance(result, Refusal), result


def answered(council: Council, key: str) -> Story:
    story = raised(council, key)
    story.hear(routed())
    for name in ("acknowledge", "answer"):
        accepted(story, well_formed(name, story.case, OFFICER, MONDAY))
    return story


async def by_code(casework: Casework) -> dict[str, Adoption]:
    return {each.feature: each for each in await adoption(casework.where)}


async def test_members_users_cases_and_commands_are_counted_for_each_feature(casework: Casework) -> None:
    council = piloting(COPYING, KEEPING, ENDED)
    await casework.publish(council)
    first, second, other = answered(council, "a"), answered(council, "b"), raised(council, "c", THIRD)
    for person in (COLLEAGUE, THIRD):
        accepted(first, order(AddCc, OWNER, MONDAY, person=person))
    accepted(first, order(ExtendAutoClose, OWNER, MONDAY, until=date(2027, 3, 1), reason="Wait."))
    accepted(second, well_formed("accept", second.case, OWNER, MONDAY))
    accepted(other, order(AddCc, THIRD, MONDAY, person=COLLEAGUE))
    for story in (first, second, other):
        await casework.put(story)

    found = await by_code(casework)

    assert found == {
        "copying": Adoption(
            feature="copying", name="Copy in", members=3, using=2, cases=3, commands={"add-cc": 3, "remove-cc": 0}
        ),
        "keeping": Adoption(
            feature="keeping",
            name="Keep open",
            members=1,
            using=1,
            cases=2,
            commands={"accept": 1, "extend-auto-close": 1},
        ),
        "ended": Adoption(feature="ended", name="Ended", members=0, using=0, cases=0, commands={"take-over": 0}),
    }


async def test_a_close_that_nobody_gave_is_no_command(casework: Casework) -> None:
    council = piloting(KEEPING)
    await casework.publish(council)
    story = answered(council, "a")
    story.fire("autoclose")
    await casework.put(story)

    assert (await by_code(casework))["keeping"].commands == {"accept": 0, "extend-auto-close": 0}


async def test_who_has_left_is_no_member_and_no_user_but_the_cases_count(casework: Casework) -> None:
    council = piloting(COPYING)
    await casework.publish(council)
    story = Story(Directory(council))
    story.give(raising(actor=FORMER, at=datetime.fromisoformat("2025-04-01T10:00:00+00:00")))
    await casework.put(story)

    copying = (await by_code(casework))["copying"]

    assert (copying.members, copying.using, copying.cases) == (3, 0, 1)


async def test_cases_without_a_feature_count_nowhere_and_a_feature_that_is_gone_is_still_named(
    casework: Casework,
) -> None:
    await casework.publish(piloting(COPYING))
    await casework.put(tell("raised"))
    await casework.put(raised(piloting(KEEPING), "b"))

    found = await by_code(casework)

    assert (found["copying"].cases, found["copying"].using) == (0, 0)
    assert (found["keeping"].name, found["keeping"].members, found["keeping"].cases) == ("keeping", 0, 1)


def test_every_command_that_can_be_switched_leaves_a_trace_that_is_known() -> None:
    assert TRACES.keys() == SWITCHABLE
    assert {trace.type for trace in TRACES.values()} <= CATALOGUE.keys()


async def test_the_command_says_it_to_people_and_to_programs(
    casework: Casework, monkeypatch: pytest.MonkeyPatch
) -> None:
    council = piloting(COPYING)
    await casework.publish(council)
    await casework.put(raised(council, "a"))

    told, listed = await invoke(casework, monkeypatch), await invoke(casework, monkeypatch, "--json")

    assert "Copy in (copying)" in told
    assert "add-cc 0, remove-cc 0" in told
    assert json.loads(listed)[0] == {
        "feature": "copying",
        "name": "Copy in",
        "members": 3,
        "using": 1,
        "cases": 1,
        "commands": {"add-cc": 0, "remove-cc": 0},
    }


async def test_without_a_feature_or_a_council_the_command_says_so(
    casework: Casework, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await invoke(casework, monkeypatch, code=NEEDS_A_PERSON)
    await casework.publish(piloting())
    after = await invoke(casework, monkeypatch)

    assert "publish one first" in before
    assert after == "the council switches nothing by feature, and no case was raised under one\n"


async def invoke(casework: Casework, monkeypatch: pytest.MonkeyPatch, *arguments: str, code: int = 0) -> str:
    monkeypatch.setenv("CASEWORK_MONGO_URL", casework.where.url)
    monkeypatch.setenv("CASEWORK_MONGO_PREFIX", casework.where.prefix)
    monkeypatch.setenv("COLUMNS", "160")
    # In a thread: the command runs an event loop of its own.
    result = await asyncio.to_thread(CliRunner().invoke, cli.app, ("council", "adoption", *arguments))
    assert result.exit_code == code, result.output
    return result.output
