"""A service dies at every point between reading a message and acknowledging it: nothing lost, nothing done twice."""

from collections.abc import Sequence

import pytest

from tests.counts import FULL
from tests.faults.crashing import POINTS
from tests.faults.killing import VICTIMS, kill
from tests.faults.stage import Stage

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]

SAID_AGAIN = {"published", "confirmed"}
"""Where the broker has facts that nobody could note as said: they are said again, with the same id."""
ROUNDS = [("intake", (point,) * 10) for point in POINTS] + [("routing", POINTS * 2)] if FULL else [("intake", POINTS)]


@pytest.mark.parametrize(
    ("victim", "points"), ROUNDS, ids=[f"{victim}-{'-'.join(dict.fromkeys(points))}" for victim, points in ROUNDS]
)
async def test_a_process_killed_at_any_point_loses_nothing_and_does_nothing_twice(
    stage: Stage, victim: str, points: Sequence[str]
) -> None:
    outcome = await kill(stage, "crashing", points, VICTIMS[victim])

    assert outcome.violations == []
    # Some were; with several points in one story, a case may be worked on by another life than it was meant for.
    assert not SAID_AGAIN & set(points) or outcome.repeated_at & SAID_AGAIN
