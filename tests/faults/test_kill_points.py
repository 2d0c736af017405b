"""Intake dies at every point between reading a message and acknowledging it: nothing lost, nothing done twice."""

from collections.abc import Sequence

import pytest

from tests.counts import FULL
from tests.faults.crashing import POINTS
from tests.faults.killing import kill
from tests.faults.stage import Stage

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]

SAID_AGAIN = {"published", "confirmed"}
"""Where the broker has facts that nobody could note as said: they are said again, with the same id."""
ROUNDS = [(point,) * 20 for point in POINTS] if FULL else [POINTS]


@pytest.mark.parametrize("points", ROUNDS, ids=lambda points: "-".join(dict.fromkeys(points)))
async def test_a_process_killed_at_any_point_loses_nothing_and_does_nothing_twice(
    stage: Stage, points: Sequence[str]
) -> None:
    outcome = await kill(stage, "crashing", points)

    assert outcome.violations == []
    assert outcome.repeated_at >= SAID_AGAIN & set(points)
