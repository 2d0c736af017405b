"""Each check is shown to see what it looks for: the same story, with one promise broken, must be found out."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import NamedTuple

import pytest

from tests.faults import verdicts
from tests.faults.killing import kill
from tests.faults.poisoning import slay
from tests.faults.stage import Stage

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]


async def killed(parts: str, point: str, stage: Stage) -> set[str]:
    return verdicts.names((await kill(stage, parts, [point])).violations)


async def slain(stage: Stage) -> set[str]:
    violations, _ = await slay(stage, "kills, deliveries hidden")
    return verdicts.names(violations)


class Control(NamedTuple):
    """A story with a promise broken, and what must be found."""

    play: Callable[[Stage], Awaitable[set[str]]]
    finds: str


CONTROLS: Mapping[str, Control] = {
    "acknowledged before it is written": Control(partial(killed, "ack before write", "read"), verdicts.LOST),
    "another id when said again": Control(partial(killed, "new id each time", "confirmed"), verdicts.FOREIGN_ID),
    "counted as said when written": Control(partial(killed, "said when written", "written"), verdicts.NEVER_SAID),
    "deliveries not counted": Control(slain, verdicts.NOT_SET_ASIDE),
}


@pytest.mark.parametrize("control", CONTROLS)
async def test_the_control_is_found_out(stage: Stage, control: str) -> None:
    found = await CONTROLS[control].play(stage)

    assert CONTROLS[control].finds in found
