"""The story in which nobody is bound to hear a fact that must be heard."""

import asyncio

from services.routing.app import create_app
from shared.plumbing.relay import MARK_EVERY
from shared.plumbing.service import PARTS, Parts
from shared.plumbing.settings import Settings
from shared.plumbing.topology import EVENTS, INTAKE
from tests.faults.repeating import case_raised
from tests.faults.stage import Stage, running
from tests.faults.verdicts import Violation, judge_unheard
from tests.flows.programs import until


async def unheard(stage: Stage, parts: Parts = PARTS) -> list[Violation]:
    """Let routing decide while intake's queue is not bound; judge what it counts as said."""
    for binding in INTAKE.bindings:
        await (await stage.channel.get_queue(INTAKE.name)).unbind(EVENTS, binding)
    await stage.tap._queue.unbind(EVENTS, "#")
    async with running(create_app(stage.config(Settings), parts)):
        await stage.send(case_raised(stage, 3))

        async def decided() -> bool:
            return len(await stage.documents("routing", "decisions")) == 3

        await until(decided, "three decisions")
        await asyncio.sleep(3 * MARK_EVERY)
        decisions = await stage.documents("routing", "decisions")
    return judge_unheard(decisions)
