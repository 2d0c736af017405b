"""The same message ten times, at once, to three instances, late and in any order: one effect, and the same end."""

import pytest

from tests.counts import FULL, count
from tests.faults.repeating import CONSUMERS, Consumer, calm, storm
from tests.faults.stage import Stage

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]

CASES = {"intake": count(6, 60), "routing": count(30, 300), "scheduler": count(10, 60), "notifier": count(15, 150)}


@pytest.mark.parametrize(
    "shuffled", [True, False] if FULL else [True], ids=lambda each: "shuffled" if each else "in order"
)
@pytest.mark.parametrize("consumer", CONSUMERS, ids=[consumer.service for consumer in CONSUMERS])
async def test_repeats_at_once_and_in_any_order_have_one_effect_and_the_same_end(
    stage: Stage, consumer: Consumer, *, shuffled: bool
) -> None:
    cases = CASES[consumer.service] // (1 if shuffled else 3)
    once = await calm(stage, consumer, cases)

    often = await storm(stage, consumer, cases, shuffled=shuffled)

    assert once.violations == []
    assert often.violations == []
    assert often.essence == once.essence
    assert often.mails == once.mails
