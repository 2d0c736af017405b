"""The stories in which a message is no good, or kills whoever works on it, among many that are good."""

import json
import random
from collections.abc import Sequence

from ops.stack.supervisor import Patience, Supervisor
from services.intake.app import create_app
from services.intake.config import Config
from shared.commands import case_id_for, reference_for
from shared.plumbing.setting_aside import CRASHED_AFTER
from shared.plumbing.topology import PREFETCH
from tests.faults.factories import FAULTY
from tests.faults.lives import WITHIN, program
from tests.faults.poison import DIED_BEFORE, KILLERS
from tests.faults.stage import Post, Stage, running, settled
from tests.faults.verdicts import Violation, judge_dead
from tests.flows.programs import until
from tests.intake.stories import MONDAY, OWNER, raising, routed

TEN_MEGABYTES = 10 * 1024 * 1024
BESIDE = 60
AT_MOST = CRASHED_AFTER
"""Deaths one message may cause: each is a delivery without an answer, and after so many it is handed to nobody."""


def neighbours(stage: Stage, count: int) -> list[Post]:
    """Order that many cases be raised."""
    references = [reference_for("testham", OWNER, f"neighbour-{number}") for number in range(count)]
    return [stage.command(f"good {reference}", raising(reference=reference)) for reference in references]


def unreadable(stage: Stage) -> dict[str, tuple[Post, str]]:
    """Spoil orders and events, each in one way; per message the reason it must be set aside with."""
    order, event = stage.command("-", raising()), stage.event("-", routed(), "no-case")
    padded = json.dumps({"at": MONDAY.isoformat(), "padding": "x" * TEN_MEGABYTES}).encode()
    bad: dict[str, tuple[Post, str]] = {}
    for post in (order, event):
        spoiled = {
            "no JSON": (b'{"at": ', post.message.type, "malformed"),
            "another schema": (b'{"at": "today"}', post.message.type, "malformed"),
            "unknown type": (post.message.body, "casework.command.imagined.v1", "unknown-type"),
            "ten megabytes": (padded, post.message.type, "malformed"),
        }
        for what, (body, kind, reason) in spoiled.items():
            name = f"{what} on {post.key}"
            headers = dict(post.message.headers)
            bad[name] = (stage.message(post.exchange, post.key, name, kind or "", body, headers), reason)
    return bad


async def spoil(stage: Stage, count: int) -> list[Violation]:
    """Send good orders with every bad message in between to a running intake; judge when all is worked off."""
    good, bad = neighbours(stage, count), unreadable(stage)
    posts = [*good, *(post for post, _ in bad.values())]
    random.Random(count).shuffle(posts)  # noqa: S311  repeatable, not secret
    await stage.send(posts)
    wanted = {name: reason for name, (_, reason) in bad.items()}
    return await _worked_off(stage, wanted, good)


async def slay(stage: Stage, parts: str, *, killers: int = 1) -> tuple[list[Violation], int]:
    """Fill the prefetch of one process with good orders and some that no process survives; judge, and count deaths.

    Beside them another lane of the process has its hands full with good events.

    Args:
        stage: where.
        parts: what intake is made of, by its name in `factories`.
        killers: how many; the good ones stand before, between and behind them.
    """
    good = neighbours(stage, PREFETCH - killers)
    bad = [stage.command(f"kills {reference}", raising(reference=reference)) for reference in KILLERS[:killers]]
    posts = list(good)
    for place, post in enumerate(bad, 1):
        posts.insert(place * PREFETCH // (killers + 1), post)
    beside = await _events(stage)
    said: list[str] = []
    told = {FAULTY: parts, DIED_BEFORE: str(stage.logs / "died-before")}
    intake = program("intake", "intake", {**stage.environment, **told})

    def deaths() -> int:
        return sum("killed by SIGKILL" in line for line in said)

    async with Supervisor(stage.logs, said.append, Patience(ready=WITHIN, backoff=(0.05,))) as supervisor:
        await supervisor.start([intake])
        await stage.send([*beside, *posts])

        async def is_over() -> bool:
            return deaths() > AT_MOST or await stage.waiting("intake.dead") >= killers

        await until(is_over, "the killer is set aside, or there are too many deaths", within=10 * WITHIN)
        wanted = {post.id: "crashed" for post in bad}
        if deaths() > AT_MOST:
            await supervisor.stop()
        return await _worked_off(stage, wanted, [*good, *beside]), deaths()


async def _events(stage: Stage) -> list[Post]:
    """Raise some cases; give the events that route them."""
    references = [reference_for("testham", OWNER, f"beside-{number}") for number in range(BESIDE)]
    async with running(create_app(stage.config(Config))):
        await stage.send([stage.command(f"raise {each}", raising(reference=each)) for each in references])

        async def raised() -> bool:
            return len(await stage.documents("intake", "cases")) == BESIDE

        await until(raised, "the cases beside")
    return [stage.event(f"route {each}", routed(), case_id_for(each)) for each in references]


async def _worked_off(stage: Stage, wanted: dict[str, str], good: Sequence[Post]) -> list[Violation]:
    """Judge once everything is right, or nothing moves any more."""
    dead: list[tuple[str, str]] = []

    async def violations() -> list[Violation]:
        dead.extend(await stage.dead("intake"))
        handled = [entry["cause"] for case in await stage.documents("intake", "cases") for entry in case["history"]]
        return judge_dead(wanted, dead, handled, [post.id for post in good])

    async def is_right() -> bool:
        return not await violations()

    await settled(violations, 2.0, is_right)
    return await violations()
