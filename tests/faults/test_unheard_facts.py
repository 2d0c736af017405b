"""A fact that must be heard does not count as said while nobody is bound to hear it."""

import pytest

from tests.faults.stage import Stage
from tests.faults.unheard import unheard

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]


async def test_what_must_be_heard_and_is_not_stays_unsaid(stage: Stage) -> None:
    assert await unheard(stage) == []
