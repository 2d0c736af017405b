"""An extension and the timer of the auto-close at once: whoever comes first decides, and nothing closes wrongly."""

import pytest

from services.intake.handlers import events
from tests.counts import count
from tests.faults.closing import race
from tests.faults.stage import Stage

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]


async def test_an_extension_and_the_timer_it_takes_the_ground_from_never_close_a_case_wrongly(stage: Stage) -> None:
    violations, ends = await race(stage, events, count(60, 400))  # half of them at once

    assert violations == []
    assert ends.keys() == {"autoclose_extended", "closed"}
