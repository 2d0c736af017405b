"""The story in which a service dies at a named point again and again, at work on cases nobody has seen before."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from shared.commands import AddCc, RaiseCase, RemoveCc, reference_for
from shared.plumbing.relay import MARK_EVERY, SWEEP_EVERY
from tests.faults.crashing import ARMED, HIT, POINT
from tests.faults.factories import FAULTY
from tests.faults.lives import a_life, program
from tests.faults.repeating import case_raised
from tests.faults.stage import Post, Stage, as_its_history, case_of, settled
from tests.faults.verdicts import Evidence, Kept, Violation, judge, owed_by, repeated
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


def news(stage: Stage, number: int) -> list[Post]:
    """Say of some new cases that they have been raised."""
    return case_raised(stage, CASES, f"news-{number}")


class Victim(NamedTuple):
    """A service that is killed."""

    service: str
    """Its name, and that of its factory."""
    collection: str
    noun: str
    """What its facts begin with."""
    wave: Callable[[Stage, int], list[Post]]
    """What it is sent before each death; every message has one effect."""
    hits: int
    """How often one wave comes to be read, and to be written, at least."""
    document: Callable[[Post], str]
    """Gives the id of the document a message changes."""
    agrees: Callable[[Kept], bool]
    """Says whether a document's state is what its history makes."""


VICTIMS = {
    "intake": Victim("intake", "cases", "case", wave, len(ORDERS), case_of, as_its_history),
    "routing": Victim("routing", "decisions", "routing", news, 1, lambda post: post.id, lambda _: True),
}


class Story:
    """What was sent so far, and what is known of the deaths."""

    def __init__(self, stage: Stage, victim: Victim) -> None:
        self.stage, self.victim = stage, victim
        self.sent: dict[str, str] = {}
        self.owed: dict[str, int] = {}
        self.points: dict[str, str] = {}
        """Per case the point at which the process died that was to work on it first."""

    async def evidence(self) -> Evidence:
        """Gather what is there now."""
        told = self.stage.told(self.victim.noun)
        return Evidence(self.sent, await self._documents(), await self.stage.refused(), told, self.owed)

    async def violations(self) -> list[Violation]:
        """Judge what is there now."""
        return judge(await self.evidence(), self.victim.agrees)

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
        self.sent |= {post.id: self.victim.document(post) for post in posts}
        self.points |= dict.fromkeys(map(case_of, posts), point)
        await self.stage.send(posts)

    async def note_death(self) -> None:
        """Note what stood unmarked when the process died."""
        for case, position in owed_by(await self._documents()).items():
            self.owed[case] = min(position, self.owed.get(case, position))

    async def outcome(self) -> Outcome:
        """Judge the end."""
        return Outcome(
            await self.violations(), {self.points[case] for case in repeated(self.stage.told(self.victim.noun))}
        )

    async def _documents(self) -> list[Kept]:
        return list(await self.stage.documents(self.victim.service, self.victim.collection))


async def kill(stage: Stage, parts: str, points: Sequence[str], victim: Victim = VICTIMS["intake"]) -> Outcome:
    """Kill a service at one point after the other, each time at new work; then let it finish, and judge.

    Args:
        stage: where.
        parts: what the service is made of, by its name in `factories`.
        points: where it dies.
        victim: the service.
    """
    what = program(victim.service, victim.service, {**stage.environment, FAULTY: parts})
    log = stage.logs / f"{victim.service}.log"
    dice, story = random.Random(f"{parts} {points}"), Story(stage, victim)  # noqa: S311  repeatable, not secret
    for number, point in enumerate(points):
        armed = stage.logs / f"armed-{number}"
        hit = dice.randint(1, victim.hits) if point in _MANY_HITS else 1
        async with a_life(what, log, **{POINT: point, HIT: str(hit), ARMED: str(armed)}) as life:
            await settled(story.violations, 1.0, story.is_worked_off)
            armed.touch()
            await story.order(victim.wave(stage, number), point)
            await life.killed()
        await story.note_death()
    async with a_life(what, log):
        await settled(story.violations, 1.0, story.is_worked_off)
        await stage.let_time_pass(victim.service, victim.collection)
        await settled(story.violations, _LONGER_THAN_A_SWEEP, story.is_right)
        await asyncio.sleep(_ONE_MORE_MARK)
    return await story.outcome()
