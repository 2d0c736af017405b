"""Each check is shown to see what it looks for: the same story, with one promise broken, must be found out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import NamedTuple

import pytest
import pytest_asyncio

from shared.plumbing.service import Parts
from shared.plumbing.store import Store
from tests.faults import sabotage, verdicts
from tests.faults.closing import credulous, race
from tests.faults.killing import kill
from tests.faults.poisoning import slay
from tests.faults.repeating import CONSUMERS, storm
from tests.faults.stage import Stage
from tests.faults.unheard import unheard

pytestmark = [pytest.mark.rabbit, pytest.mark.mongo]


async def killed(parts: str, point: str, stage: Stage) -> set[str]:
    return verdicts.names((await kill(stage, parts, [point])).violations)


async def slain(stage: Stage) -> set[str]:
    violations, _ = await slay(stage, "kills, deliveries hidden")
    return verdicts.names(violations)


async def repeated(service: str, broken: type[Store], stage: Stage) -> set[str]:
    consumer = next(consumer for consumer in CONSUMERS if consumer.service == service)
    return verdicts.names((await storm(stage, consumer, 2, Parts(store=broken))).violations)


async def unbound(stage: Stage) -> set[str]:
    return verdicts.names(await unheard(stage, Parts(wire=sabotage.NeverMandatory)))


async def raced(stage: Stage) -> set[str]:
    violations, _ = await race(stage, credulous(), 24)
    return verdicts.names(violations)


class Control(NamedTuple):
    """A story with a promise broken, and what must be found."""

    play: Callable[[Stage], Awaitable[set[str]]]
    finds: str


CONTROLS: Mapping[str, Control] = {
    "acknowledged before it is written": Control(partial(killed, "ack before write", "read"), verdicts.LOST),
    "another id when said again": Control(partial(killed, "new id each time", "confirmed"), verdicts.FOREIGN_ID),
    "counted as said when written": Control(partial(killed, "said when written", "written"), verdicts.NEVER_SAID),
    "the version not compared": Control(partial(repeated, "intake", sabotage.NoVersion), verdicts.LOST_UPDATE),
    "the cause not recorded": Control(partial(repeated, "intake", sabotage.NoCause), verdicts.DOUBLE),
    "notices under random ids": Control(partial(repeated, "notifier", sabotage.RandomIds), verdicts.TWO_NOTICES),
    "the rev of a timer not compared": Control(raced, verdicts.CLOSED_WRONGLY),
    "what must be heard not mandatory": Control(unbound, verdicts.UNHEARD),
    "deliveries not counted": Control(slain, verdicts.NOT_SET_ASIDE),
}


AT_ONCE = 4
"""Controls played at the same time: they spend most of their time waiting for what must not come."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def findings(
    request: pytest.FixtureRequest, stages: Callable[[], AbstractAsyncContextManager[Stage]]
) -> dict[str, set[str] | BaseException]:
    """Play the controls that were asked for, several at once; give what each found."""
    wanted = [name for name in CONTROLS if any(f"[{name}]" in item.nodeid for item in request.session.items)]
    places = asyncio.Semaphore(AT_ONCE)

    async def play(control: Control) -> set[str]:
        async with places, stages() as stage:
            return await control.play(stage)

    found = await asyncio.gather(*(play(CONTROLS[name]) for name in wanted), return_exceptions=True)
    return dict(zip(wanted, found, strict=True))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("control", CONTROLS)
async def test_the_control_is_found_out(findings: dict[str, set[str] | BaseException], control: str) -> None:
    found = findings[control]

    if isinstance(found, BaseException):
        raise found
    assert CONTROLS[control].finds in found
