"""A process that gives commands to a variant, so that what giving costs is not counted.

`python -m benchmarks.loader VARIANT` writes `ready`, reads lines `NUMBER RATE` (RATE 0: as fast as it can), seals the
commands, writes `sealed`, reads `go`, gives them, and answers with a JSON line: when each case's was given (monotonic).
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import uvloop

from benchmarks.job import Order, orders
from shared.plumbing.aiormq_wire import AiormqWire
from shared.plumbing.clients import make_broker
from shared.plumbing.clock import real_now
from shared.plumbing.envelope import HEADER
from shared.plumbing.sealed import SealBox
from shared.plumbing.settings import Settings
from shared.plumbing.topology import COMMANDS, INTAKE_COMMANDS
from shared.plumbing.wire import Parcel

BURST = 250
_RAISE = "casework.command.raise.v1"
_THREADS = 8


def parcel_of(order: Order, council: str) -> Parcel:
    """Write a command for the wire, as the gateway does. Nobody waits for a reply."""
    headers = {
        "specversion": "1.0",
        "id": order.id,
        "source": f"/councils/{council}/casework/gateway",
        "type": _RAISE,
        "time": order.at.isoformat(),
        "correlationid": order.id,
        "actor": order.actor,
        "subject": order.case,
    }
    return Parcel(
        exchange=COMMANDS,
        routing_key=INTAKE_COMMANDS.bindings[0],
        body=order.body,
        type=_RAISE,
        id=order.id,
        correlation=order.id,
        headers={HEADER + name: value for name, value in headers.items()},
        mandatory=True,
        timestamp=real_now(),
    )


class Queue:
    """Puts commands on intake's queue, for Casework and plain FastStream."""

    def __init__(self, settings: Settings) -> None:
        self._council = settings.council_code
        self._broker = make_broker(settings, "routing")
        self._wire = AiormqWire(self._broker)

    async def open(self) -> None:
        """Connect."""
        await self._wire.open()

    async def give(self, some: Sequence[Order]) -> None:
        """Give them at once and wait until all are confirmed."""
        outcomes = await self._wire.publish([parcel_of(order, self._council) for order in some])
        if failed := [outcome for outcome in outcomes if outcome]:
            raise failed[0]


class Tasks:
    """Starts the first task of each command, for plain Celery."""

    def __init__(self) -> None:
        from benchmarks.plain_celery import raise_case  # noqa: PLC0415  it makes an app, which only its loader needs

        self._raise, self._threads = raise_case, ThreadPoolExecutor(_THREADS)

    async def open(self) -> None:
        """Nothing to do: the app connects by itself."""

    async def give(self, some: Sequence[Order]) -> None:
        """Give them side by side and wait until all are confirmed."""
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            *(loop.run_in_executor(self._threads, self._raise.delay, order.id, order.body.decode()) for order in some)
        )


async def give(way: Queue | Tasks, some: Sequence[Order], rate: float) -> dict[str, float]:
    """Give all of them, so many a second if a rate is named; when each was given."""
    began = time.monotonic()
    given: dict[str, float] = {}
    if not rate:
        for first in range(0, len(some), BURST):
            burst = some[first : first + BURST]
            given |= dict.fromkeys((order.case for order in burst), time.monotonic())
            await way.give(burst)
        return given
    for place, order in enumerate(some):
        await asyncio.sleep(max(0.0, began + place / rate - time.monotonic()))
        given[order.case] = time.monotonic()
        await way.give([order])
    return given


async def main(variant: str) -> None:
    """Give what is asked for until the input ends."""
    settings = Settings()
    seal = SealBox(settings.seal_keys)
    way: Queue | Tasks = Tasks() if variant == "celery" else Queue(settings)
    await way.open()
    _answer("ready")
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        number, rate = line.split()
        sealed = orders(int(number), settings, seal, real_now())
        _answer("sealed")
        await loop.run_in_executor(None, sys.stdin.readline)
        _answer(json.dumps(await give(way, sealed, float(rate))))


def _answer(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1]))
