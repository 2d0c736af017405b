"""The story in which a councillor extends a case while its auto-close falls due: two intakes, both messages at once."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from faststream.asgi import AsgiFastStream

from services.intake import domain
from services.intake.adapters import COLLECTIONS
from services.intake.app import make_desk
from services.intake.config import Config
from services.intake.domain import Case
from services.intake.handlers import CASES, commands, events
from shared.commands import Acknowledge, Answer, ExtendAutoClose, case_id_for, reference_for
from shared.council import Directory
from shared.events import TimerDue
from shared.plumbing.handling import Facts, GiveUp, Handlers
from shared.plumbing.service import Listens, compose_service
from shared.plumbing.topology import INTAKE, INTAKE_COMMANDS
from tests.faults.stage import Post, Stage, as_its_history, running, settled
from tests.faults.verdicts import LOST_UPDATE, Violation, judge_closes
from tests.flows.programs import until
from tests.intake.stories import MONDAY, OFFICER, OWNER, order, raising, routed, timer

LONGER = timedelta(days=14)
"""By how much the councillor extends."""


def credulous() -> Handlers:
    """Make intake's reactions, but for one: a timer counts whichever clock it was set for."""
    table = Handlers(handler for handler in events if handler.message is not TimerDue)

    @table.into(CASES)
    def keep_time(event: TimerDue, case: Case | None, directory: Directory) -> Facts:
        clock = case.public.clock(event.kind) if case else None
        try:
            return domain.fire(case, event.model_copy(update={"rev": clock.rev if clock else 0}), directory)
        except domain.OutOfPlace as reason:
            raise GiveUp(str(reason)) from reason

    return table


def intake(stage: Stage, reactions: Handlers) -> AsgiFastStream:
    """Put intake together as its app does, with these reactions."""
    return compose_service(
        stage.config(Config),
        "intake",
        listens=[Listens(INTAKE, reactions), Listens(INTAKE_COMMANDS, commands)],
        collections=COLLECTIONS,
        ports=lambda runtime: {Directory: lambda: runtime.council.directory},
        replies=make_desk,
    )


class Pair(NamedTuple):
    """What meets on one case."""

    extension: Post
    timer: Post
    rev: int


class Race:
    """Some answered cases, and for each an extension and the timer of its auto-close."""

    def __init__(self, stage: Stage, count: int) -> None:
        self._stage = stage
        self._references = [reference_for("testham", OWNER, f"race-{number}") for number in range(count)]
        self._dice = random.Random(count)  # noqa: S311  repeatable, not secret

    async def prepare(self) -> list[Pair]:
        """Bring all cases to the point where only the councillor is asked, step by step."""
        given, sent, cases = self._references, self._stage, self._cases
        await cases(1, [sent.command(f"{each}-1", raising(reference=each)) for each in given])
        await cases(2, [sent.event(f"{each}-2", routed(), case_id_for(each)) for each in given])
        await cases(
            3, [sent.command(f"{each}-3", order(Acknowledge, OFFICER, MONDAY, reference=each)) for each in given]
        )
        answers = [order(Answer, OFFICER, MONDAY, reference=each, text="Sealed.") for each in given]
        answered = await cases(4, [sent.command(f"{each.reference}-4", each) for each in answers])
        return [self._pair(each, answered[case_id_for(each)]) for each in given]

    def _pair(self, reference: str, case: dict[str, Any]) -> Pair:
        clock = next(clock for clock in case["state"]["public"]["clocks"] if clock["kind"] == "autoclose")
        due: datetime = clock["due"]
        extended = due + LONGER
        # A scheduler that was away says it late: so late that only `rev` tells it from the timer of the extended clock.
        said = self._dice.choice([due, extended + timedelta(days=2)])
        extension = order(
            ExtendAutoClose,
            OWNER,
            due - timedelta(days=1),
            reference=reference,
            until=extended.date(),
            reason="Not yet.",
        )
        fires = timer("autoclose", clock["rev"], said)
        return Pair(
            self._stage.command(f"{reference}-extend", extension),
            self._stage.event(f"{reference}-timer", fires, case_id_for(reference)),
            clock["rev"],
        )

    async def _cases(self, version: int, posts: Sequence[Post]) -> dict[str, dict[str, Any]]:
        await self._stage.send(posts)

        async def there() -> dict[str, dict[str, Any]] | None:
            found = await self._stage.documents("intake", "cases")
            done = sum(case["version"] == version for case in found) == len(self._references)
            return {case["_id"]: case for case in found} if done else None

        return await until(there, f"version {version} of all cases", within=60)

    async def run(self, pairs: Sequence[Pair]) -> None:
        """Send most at once, in any order; of some the extension, of others the timer, a good while before."""
        at_once = [post for pair in pairs[::2] for post in (pair.extension, pair.timer)]
        self._dice.shuffle(at_once)
        first = [pair.extension for pair in pairs[1::4]] + [pair.timer for pair in pairs[3::4]]
        second = [pair.timer for pair in pairs[1::4]] + [pair.extension for pair in pairs[3::4]]
        for posts in (first, second + at_once):
            await self._stage.send(posts)
            await settled(self._left, 0.7)

    async def _left(self) -> object:
        return [case["version"] for case in await self._stage.documents("intake", "cases")]


async def race(stage: Stage, reactions: Handlers, count: int) -> tuple[list[Violation], dict[str, int]]:
    """Let extension and timer meet on so many cases; judge, and say how many cases ended how."""
    async with running(intake(stage, reactions), intake(stage, reactions)):
        contest = Race(stage, count)
        pairs = await contest.prepare()
        await contest.run(pairs)
        cases = await stage.documents("intake", "cases")
    ends = [case["history"][-1]["type"].split(".")[2] for case in cases]
    return [
        *judge_closes(cases, {pair.timer.id: pair.rev for pair in pairs}),
        *(Violation(LOST_UPDATE, case["_id"]) for case in cases if not as_its_history(case)),
    ], {end: ends.count(end) for end in set(ends)}
