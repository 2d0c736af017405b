"""The pipeline: from the command on intake's queue until case, decision, notices and timers are stored, all durable.

Casework's four services, as `make run` starts them, against the same job written plainly on FastStream and on Celery.
All variants take turns on the same servers, each turn in a vhost and databases of its own. A turn that did not do all
of its work is no result: the benchmark stops. No mail is sent: the notifier's mail server is away.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pymongo import AsyncMongoClient
from rich.progress import Progress, TaskID

from benchmarks.comparison import LOW_LOAD, Load, Turn, compared
from benchmarks.job import CASES, DIARY, LEDGER, NOTICES, SERVICES
from benchmarks.processes import memory, since, spent
from benchmarks.report import Measured, Stopped, look_around
from benchmarks.stage import VARIANTS, Loader, Place, Servers, Variant, loader, place, running_servers
from shared.plumbing.history import Document

NAME = "pipeline: from a command on the queue to notices and timers"
WARM_UP = 100
"""Cases before the clock runs: connections are opened, code is compiled."""
LOOK_EVERY = 0.02
PATIENCE = 180.0
"""Seconds the work of one load may take."""


async def take_turn(
    servers_: Servers, variant: Variant, loads: Sequence[int], single: int, update: Callable[[int], None]
) -> Turn:
    """Let one variant do its work.

    Args:
        servers_: where.
        variant: who.
        loads: cases of each load, one after the other, on the same processes.
        single: cases at low load.
        update: hears how many are done.

    Raises:
        Stopped: it did not do all of it, or a process died.
    """
    done: list[Load] = []
    async with place(servers_, variant) as there, loader(there.environment, variant.name) as giving:
        total = WARM_UP
        await _load(there, giving, WARM_UP, total, variant)
        pids = there.pids()
        for cases in loads:
            total += cases
            done.append(await _load(there, giving, cases, total, variant))
            update(total - WARM_UP)
        total += single
        try:
            latencies = await _one_by_one(there, giving, single)
        except TimeoutError:
            await _all_of_it(there, total, variant)
            raise Stopped(f"{variant.name}: {single} single cases were not done after {PATIENCE:g} s") from None
        update(total - WARM_UP)
        await _all_of_it(there, total, variant)
        if there.pids() != pids:
            raise Stopped(f"{variant.name}: a process died on the way, so the numbers mean nothing")
    return Turn(loads=done, latencies=latencies)


async def _load(there: Place, giving: Loader, cases: int, total: int, variant: Variant) -> Load:
    await giving.seal(cases)
    flushes, cpu = await _flushes(there.client), spent(there.pids())
    began = time.monotonic()
    await giving.go()
    try:
        async with asyncio.timeout(PATIENCE):
            while not await there.results.are_there(total):  # noqa: ASYNC110  a database has to be asked
                await asyncio.sleep(LOOK_EVERY)
            seconds = time.monotonic() - began
            await giving.given()
            while variant.relays and await there.results.unsaid():  # noqa: ASYNC110  as above
                await asyncio.sleep(0.1)
    except TimeoutError:
        await _all_of_it(there, total, variant)
        raise Stopped(f"{variant.name}: not done after {PATIENCE:g} s") from None
    pids = there.pids()
    return Load(
        cases=cases,
        seconds=seconds,
        cpu=since(cpu, spent(pids)),
        flushes=await _flushes(there.client) - flushes,
        memory=memory({service: pids[service] for service in SERVICES}),
    )


async def _flushes(client: AsyncMongoClient[Document]) -> int:
    status = await client.admin.command("serverStatus", wiredTiger=1)
    return int(status["wiredTiger"]["log"]["log sync operations"])


async def _all_of_it(there: Place, total: int, variant: Variant) -> None:
    """Compare everything that is there with what so many cases leave.

    Raises:
        Stopped: something is missing, or too much.
    """
    wrong = await there.results.missing(total)
    if variant.relays:
        deadline = time.monotonic() + 5
        while await there.results.unsaid() and time.monotonic() < deadline:  # noqa: ASYNC110  as above
            await asyncio.sleep(0.1)
        if unsaid := await there.results.unsaid():
            wrong.append(f"{unsaid} documents not marked as said")
    if left := await there.leftovers():
        wrong.append(f"left in queues: {left}")
    if wrong:
        raise Stopped(f"{variant.name} did not do all of its work: {'; '.join(wrong)}")


# --- one case at a time -----------------------------------------------------------------------------------------------

_LAST_EFFECTS = 5
"""Writes that end a case: the decision, its team, its timers, and two notices."""
_CHANGES: list[Document] = [
    {"$match": {"operationType": {"$in": ["insert", "update"]}}},
    {
        "$project": {
            "operationType": 1,
            "subject": "$fullDocument.subject",
            "seq": "$fullDocument.state.caseseq",
            "key": "$documentKey._id",
            "version": "$updateDescription.updatedFields.version",
            "ns.coll": 1,
        }
    },
]


def ends_a_case(change: Mapping[str, Any]) -> bool:
    """Say whether a change is one of a case's last effects; a mark of what was said changes no version and is none."""
    collection = change["ns"]["coll"]
    if change["operationType"] == "update":
        return "version" in change and collection in {CASES.collection, DIARY.collection}
    if collection == DIARY.collection:
        return bool(change["seq"] == len(("raised", "routed")))
    return collection in {LEDGER.name, NOTICES.name}


async def _one_by_one(there: Place, giving: Loader, cases: int) -> list[float]:
    """Give commands at an easy pace; for each the milliseconds until its last effect was on the majority."""
    if not cases:
        return []
    await giving.seal(cases, LOW_LOAD)
    names = [database.name for database in there.results.databases.values()]
    seen: dict[str, list[float]] = {}
    watching: list[Document] = [{"$match": {"ns.db": {"$in": names}}}, *_CHANGES]
    async with asyncio.timeout(PATIENCE), await there.client.watch(watching) as changes:
        await giving.go()
        complete = 0
        while complete < cases:
            change = await changes.next()
            if ends_a_case(change):
                times = seen.setdefault(change.get("subject") or change["key"], [])
                times.append(time.monotonic())
                complete += len(times) == _LAST_EFFECTS
        given = await giving.given()
    return [(max(seen[case]) - when) * 1000 for case, when in given.items()]


async def pipeline(number: int, plain_number: int, single: int, rounds: int, progress: Progress) -> Measured:
    """Start the two servers, let all variants take turns, and measure.

    Args:
        number: cases a turn for Casework, in two loads, with a look at memory after each.
        plain_number: cases a turn for the plain variants.
        single: cases a turn at low load, for each variant.
        rounds: rounds, each with one turn of each variant.
        progress: shows how far it is.

    Raises:
        Stopped: a variant did not do all of its work.
    """
    with running_servers(progress.console.print) as running:
        started, machine = look_around(running.management_url, running.mongo_url)
        turns: dict[str, list[Turn]] = {variant.name: [] for variant in VARIANTS}
        for count in range(1, rounds + 1):
            for variant in VARIANTS:
                loads = [number // 2, number // 2] if variant.relays else [plain_number]
                task = progress.add_task(f"{variant.name}, round {count} of {rounds}", total=sum(loads) + single)
                turn = await take_turn(running, variant, loads, single, partial(_advance, progress, task))
                turns[variant.name].append(turn)
                progress.remove_task(task)
    return Measured(benchmark=NAME, started=started, machine=machine, figures=compared(turns, single))


def _advance(progress: Progress, task: TaskID, done: int) -> None:
    progress.update(task, completed=done)
