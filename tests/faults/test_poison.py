"""Messages nobody can handle lie in the dead letters, exactly they, and their neighbours are handled."""

import pytest

from services.intake.app import create_app
from services.intake.config import Config
from tests.counts import FULL, count
from tests.faults.poisoning import AT_MOST, slay, spoil
from tests.faults.stage import Stage, running

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]


async def test_what_cannot_be_read_is_set_aside_with_its_reason_and_its_neighbours_are_handled(stage: Stage) -> None:
    async with running(create_app(stage.config(Config))):
        assert await spoil(stage, count(100, 2_000)) == []


@pytest.mark.parametrize("killers", [1, 2] if FULL else [1])
async def test_a_message_that_kills_its_process_is_set_aside_alone_after_few_deaths(stage: Stage, killers: int) -> None:
    violations, deaths = await slay(stage, "kills", killers=killers)

    assert violations == []
    assert 1 <= deaths <= AT_MOST
