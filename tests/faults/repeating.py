"""The story in which every message comes many times, at once, late and in any order, to several instances."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from faststream.asgi import AsgiFastStream

from services.intake.app import create_app as create_intake
from services.intake.config import Config as IntakeConfig
from services.notifier.app import create_app as create_notifier
from services.notifier.config import Config as NotifierConfig
from services.routing.app import create_app as create_routing
from services.scheduler.app import create_app as create_scheduler
from services.scheduler.config import Config as SchedulerConfig
from shared.commands import Acknowledge, AddProgress, case_id_for, reference_for
from shared.events import CaseProgressed, CaseRaised, CaseState, Clock
from shared.plumbing.service import PARTS, Parts
from shared.plumbing.settings import Settings
from tests.faults.stage import Post, Stage, as_its_history, case_of, running, settled
from tests.faults.verdicts import OUT_OF_ORDER, Evidence, Kept, Violation, judge, judge_notices
from tests.intake.stories import COLLEAGUE, MONDAY, OFFICER, OWNER, order, raising, routed, timer
from tests.notifier.mail_server import mail_server

INSTANCES, TIMES = 3, 10
LATE, LATE_BY = 0.3, 0.5
"""Which part of the messages comes late, and by up to how many seconds."""
LATER = datetime(2099, 3, 2, 9, 0, tzinfo=MONDAY.tzinfo)
"""No timer set to then fires while the tests run."""


class Consumer(NamedTuple):
    """A service under repetition: what it is sent, what it keeps, and what must be true of that."""

    service: str
    collection: str
    create: Callable[[Stage, Parts, int], AsgiFastStream]
    """(stage, parts, port of the mail server) -> program."""
    acts: Callable[[Stage, int], list[list[Post]]]
    """What is sent about so many cases. Of one act all may come in any order; the next begins when one is over."""
    judge: Callable[[Stage, list[list[Post]]], Any]
    """Gives what violates a promise."""
    essence: Callable[[Kept], Any]
    """What of a document does not depend on the order or the moment of arrival."""


def _references(count: int, name: str = "again") -> list[str]:
    return [reference_for("testham", OWNER, f"{name}-{number}") for number in range(count)]


def _to_intake(stage: Stage, count: int) -> list[list[Post]]:
    """Raise, route and acknowledge; then news from the team, a missed deadline and what comes too late, all at once."""
    given, due = _references(count), MONDAY + timedelta(days=60)

    def news(reference: str, text: str) -> AddProgress:
        told: AddProgress = order(AddProgress, OFFICER, due, reference=reference, text=text)
        return told

    return [
        [stage.command(f"{each}-raise", raising(reference=each)) for each in given],
        [stage.event(f"{each}-routed", routed(), case_id_for(each)) for each in given],
        [stage.command(f"{each}-ack", order(Acknowledge, OFFICER, MONDAY, reference=each)) for each in given],
        [
            post
            for each in given
            for post in (
                stage.command(f"{each}-news-1", news(each, "We have been there.")),
                stage.command(f"{each}-news-2", news(each, "Parts are ordered.")),
                stage.event(f"{each}-overdue", timer("answer", 2, due), case_id_for(each)),
                stage.event(f"{each}-stale", timer("answer", 1, due), case_id_for(each)),
                stage.event(f"{each}-stopped", timer("acknowledge", 2, due), case_id_for(each)),
            )
        ],
    ]


_WITHOUT_EFFECT = ("-stale", "-stopped")


async def _judge_intake(stage: Stage, acts: list[list[Post]]) -> list[Violation]:
    sent = {post.id: case_of(post) for act in acts for post in act if not post.id.endswith(_WITHOUT_EFFECT)}
    cases = await stage.documents("intake", "cases")
    evidence = Evidence(sent, cases, await stage.refused(), stage.told("case"))
    # Several instances: two facts of one case may arrive the other way round, and `caseseq` settles it.
    return [violation for violation in judge(evidence, as_its_history) if violation.name != OUT_OF_ORDER]


def _case_in_essence(case: Kept) -> Any:
    facts = sorted((entry["cause"], entry["type"]) for entry in case["history"])
    return case["_id"], case["version"], case["state"], facts, len(case["texts"])


def _public(each: str, **more: Any) -> CaseState:
    given = {
        "id": case_id_for(each),
        "reference": each,
        "kind": "case",
        "state": "in_progress",
        "owner": OWNER,
        "cc": (COLLEAGUE,),
        "team": "housing",
        "service": "repairs",
        "ward": "abbey",
    }
    return CaseState.model_validate(given | more)


def case_raised(stage: Stage, count: int, name: str = "again") -> list[Post]:
    """Say of so many cases that they have been raised."""
    return [
        stage.event(
            f"{each}-1",
            CaseRaised(at=MONDAY, case=_public(each, state="raised", team=None), raised_on=date(2026, 11, 23)),
            case_id_for(each),
            1,
        )
        for each in _references(count, name)
    ]


async def _judge_routing(stage: Stage, acts: list[list[Post]]) -> list[Violation]:
    sent = {post.id: post.id for act in acts for post in act}
    evidence = Evidence(sent, await stage.documents("routing", "decisions"), (), stage.told("routing"))
    return judge(evidence, lambda _: True)


def _decision_in_essence(decision: Kept) -> Any:
    facts = [(entry["id"], entry["cause"], entry["type"], entry["data"]) for entry in decision["history"]]
    return decision["_id"], decision["subject"], decision["version"], decision["state"], facts


def _with_clocks(stage: Stage, count: int) -> list[list[Post]]:
    """Move a clock of each case again and again."""
    return [
        [
            stage.event(f"{each}-{seq}", CaseProgressed(at=MONDAY, case=_public(each, clocks=_clocks(seq))), case, seq)
            for seq in range(1, 6)
            for each in _references(count)
            for case in [case_id_for(each)]
        ]
    ]


def _clocks(seq: int) -> tuple[Clock, ...]:
    return (Clock(kind="answer", due=LATER + timedelta(days=seq * (-1) ** seq), rule="10wd", rev=seq),)


async def _judge_scheduler(stage: Stage, acts: list[list[Post]]) -> list[Violation]:
    newest = max(int(str(post.message.headers["cloudEvents_caseseq"])) for act in acts for post in act)
    return [
        Violation("not the newest", diary["_id"])
        for diary in await stage.documents("scheduler", "diaries")
        if (diary["state"]["caseseq"], [each["rev"] for each in diary["state"]["timers"]]) != (newest, [newest])
    ]


def _to_notifier(stage: Stage, count: int) -> list[list[Post]]:
    return [
        [
            stage.event(f"{each}-2", CaseProgressed(at=MONDAY, case=_public(each)), case_id_for(each), 2)
            for each in _references(count)
        ]
    ]


async def _judge_notifier(stage: Stage, acts: list[list[Post]]) -> list[Violation]:
    return judge_notices([post.id for act in acts for post in act], await stage.documents("notifier", "notices"))


def _notice_in_essence(notice: Kept) -> Any:
    passing = {"claimed_by", "claimed_until", "next_at"}
    return notice["_id"], {name: value for name, value in notice["state"].items() if name not in passing}


def _notifier(stage: Stage, parts: Parts, smtp_port: int) -> AsgiFastStream:
    mail = {"public_url": "http://casework.example", "smtp_host": "127.0.0.1", "smtp_port": smtp_port}
    return create_notifier(stage.config(NotifierConfig, **mail, smtp_starttls="never", mail_rate=1000), parts)


CONSUMERS = (
    Consumer(
        "intake",
        "cases",
        lambda stage, parts, _: create_intake(stage.config(IntakeConfig), parts),
        _to_intake,
        _judge_intake,
        _case_in_essence,
    ),
    Consumer(
        "routing",
        "decisions",
        lambda stage, parts, _: create_routing(stage.config(Settings), parts),
        lambda stage, count: [case_raised(stage, count)],
        _judge_routing,
        _decision_in_essence,
    ),
    Consumer(
        "scheduler",
        "diaries",
        lambda stage, parts, _: create_scheduler(stage.config(SchedulerConfig), parts),
        _with_clocks,
        _judge_scheduler,
        lambda diary: (diary["_id"], diary["state"]),
    ),
    Consumer("notifier", "notices", _notifier, _to_notifier, _judge_notifier, _notice_in_essence),
)


class Left(NamedTuple):
    """What a run has left."""

    violations: list[Violation]
    essence: list[Any]
    mails: int


@asynccontextmanager
async def _at_work(stage: Stage, consumer: Consumer, parts: Parts, instances: int) -> AsyncIterator[list[Any]]:
    async with mail_server() as mails:
        apps = [consumer.create(stage, parts, mails.port) for _ in range(instances)]
        async with running(*apps):
            yield mails.mails


async def calm(stage: Stage, consumer: Consumer, count: int) -> Left:
    """Send every message once, in order, to one instance; take away what it has left."""
    async with _at_work(stage, consumer, PARTS, 1) as mails:
        for act in consumer.acts(stage, count):
            await stage.send(act)
            await _over(stage, consumer, act)
        left = await _left(stage, consumer, consumer.acts(stage, count), len(mails))
    await stage.forget(consumer.service)
    return left


async def storm(stage: Stage, consumer: Consumer, count: int, parts: Parts = PARTS, *, shuffled: bool = True) -> Left:
    """Send every message ten times to three instances at once; if shuffled, in any order and many of them late."""
    dice = random.Random(count)  # noqa: S311  repeatable, not secret
    async with _at_work(stage, consumer, parts, INSTANCES) as mails:
        for act in consumer.acts(stage, count):
            posts = [post for post in act for _ in range(TIMES)]
            if shuffled:
                dice.shuffle(posts)
            late = round(len(posts) * LATE) if shuffled else 0
            waves = [posts[late:], *(posts[place:late:3] for place in range(3))]
            for wave in waves:
                await stage.send(wave)
                await asyncio.sleep(LATE_BY / 3 if wave and late else 0)
            await _over(stage, consumer, act)
        return await _left(stage, consumer, consumer.acts(stage, count), len(mails))


async def _over(stage: Stage, consumer: Consumer, act: Sequence[Post]) -> None:
    """Wait until nothing moves any more; an act that another follows, until all of it has had its effect."""
    wanted = {post.id for post in act}

    async def look() -> object:
        documents = await stage.documents(consumer.service, consumer.collection)
        waiting = [await stage.waiting(queue) for queue in stage.queues_of(consumer.service)]
        seen = [(document["version"], document["relayed"]) for document in documents]
        return seen, waiting

    async def has_had_its_effect() -> bool:
        cases = await stage.documents(consumer.service, consumer.collection)
        return wanted <= {entry["cause"] for case in cases for entry in case["history"]}

    followed = consumer.service == "intake" and not any(name.endswith(_WITHOUT_EFFECT) for name in wanted)
    await settled(look, 0.8, has_had_its_effect if followed else None)


async def _left(stage: Stage, consumer: Consumer, acts: Sequence[list[Post]], mails: int) -> Left:
    documents = await stage.documents(consumer.service, consumer.collection)
    return Left(await consumer.judge(stage, list(acts)), [consumer.essence(one) for one in documents], mails)
