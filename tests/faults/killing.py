"""The story in which intake dies at a named point again and again, under orders on cases nobody has seen before."""

import asyncio
import random
from collections.abc import Sequence
from typing import NamedTuple

from shared.commands import AddCc, RaiseCase, RemoveCc, reference_for
from shared.plumbing.relay import MARK_EVERY, SWEEP_EVERY
from tests.faults.crashing import ARMED, HIT, POINT
from tests.faults.factories import FAULTY
from tests.faults.lives import a_life, program
from tests.faults.stage import Post, Stage, as_its_history, settled
from tests.faults.verdicts import Evidence, Violation, judge, owed_by, repeated
from tests.intake.stories import COLLEAGUE, MONDAY, OWNER, THIRD, order, raising

CASES = 5
"""New cases a kill: few enough for one batch."""
_LONGER_THAN_A_SWEEP = SWEEP_EVERY + MARK_EVERY
_ONE_MORE_MARK = MARK_EVERY
_MANY_HITS = ("read", "written")
"""Points every batch comes to once for each order on a case."""
ORDERS: tuple[tuple[type[RaiseCase | AddCc | RemoveCc], str], ...] = (
    (RaiseCase, ""),
    (AddCc, COLLEAGUE),
    (AddCc, THIRD),
    (RemoveCc, COLLEAGUE),
)


class Outcome(NamedTuple):
    """What the kills have left."""

    violations: list[Violation]
    repeated_at: set[str]
    """The points after which facts were heard more than once."""


def wave(stage: Stage, number: int) -> list[Post]:
    """Order something of some new cases, all orders on a case in their order."""
    references = [reference_for("testham", OWNER, f"{number}-{place}") for place in range(CASES)]
    posts: list[Post] = []
    for step, (kind, person) in enumerate(ORDERS):
        for reference in references:
            command = (
                raising(reference=reference)
                if kind is RaiseCase
                else order(kind, OWNER, MONDAY, reference=reference, person=person)
            )
            posts.append(stage.command(f"{reference}-{step}", command))
    return posts


class Story:
    """What was ordered so far, and what is known of the deaths."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.sent: dict[str, str] = {}
        self.owed: dict[str, int] = {}
        self.points: dict[str, str] = {}
        """Per case the point at which the process died that was to work on it first."""

    async def evidence(self) -> Evidence:
        """Gather what is there now."""
        cases, refused = await self.stage.documents("intake", "cases"), await self.stage.refused()
        return Evidence(self.sent, cases, refused, self.stage.told("case"), self.owed)

    async def violations(self) -> list[Violation]:
        """Judge what is there now."""
        return judge(await self.evidence(), as_its_history)

    async def is_right(self) -> bool:
        """Say whether nothing is violated, not yet or not any more."""
        return not await self.violations()

    async def is_worked_off(self) -> bool:
        """Say whether every order has an effect, and all is marked but what a death keeps from being."""
        found = await self.evidence()
        effects = sum(len(case["history"]) for case in found.cases) + len(found.refused)
        return effects >= len(self.sent) and owed_by(found.cases).keys() <= self.owed.keys()

    async def order(self, posts: Sequence[Post], point: str) -> None:
        """Send orders."""
        cases = {post.id: str(post.message.headers["cloudEvents_subject"]) for post in posts}
        self.sent |= cases
        self.points |= dict.fromkeys(cases.values(), point)
        await self.stage.send(posts)

    async def note_death(self) -> None:
        """Note what stood unmarked when the process died."""
        for case, position in owed_by(await self.stage.documents("intake", "cases")).items():
            self.owed[case] = min(position, self.owed.get(case, position))

    async def outcome(self) -> Outcome:
        """Judge the end."""
        return Outcome(await self.violations(), {self.points[case] for case in repeated(self.stage.told("case"))})


async def kill(stage: Stage, parts: str, points: Sequence[str]) -> Outcome:
    """Kill intake at one point after the other, each time under new orders; then let it finish, and judge.

    Args:
        stage: where.
        parts: what intake is made of, by its name in `factories`.
        points: where it dies.
    """
    intake = program("intake", "intake", {**stage.environment, FAULTY: parts})
    dice, story = random.Random(f"{parts} {points}"), Story(stage)  # noqa: S311  repeatable, not secret
    for number, point in enumerate(points):
        armed = stage.logs / f"armed-{number}"
        hit = dice.randint(1, len(ORDERS)) if point in _MANY_HITS else 1
        async with a_life(
            intake, stage.logs / "intake.log", **{POINT: point, HIT: str(hit), ARMED: str(armed)}
        ) as life:
            await settled(story.violations, 1.0, story.is_worked_off)
            armed.touch()
            await story.order(wave(stage, number), point)
            await life.killed()
        await story.note_death()
    async with a_life(intake, stage.logs / "intake.log"):
        await settled(story.violations, 1.0, story.is_worked_off)
        await stage.let_time_pass("intake", "cases")
        await settled(story.violations, _LONGER_THAN_A_SWEEP, story.is_right)
        await asyncio.sleep(_ONE_MORE_MARK)
    return await story.outcome()
