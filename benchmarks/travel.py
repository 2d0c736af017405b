"""The whole system as processes: reports travel from an HTTP request to a team and to a receipt in the inbox.

The clients, the servers and the five services share this machine, so the numbers say what one machine does in all.
Another system on the broker, the sample listener, tells when a case is routed; it is looked at ten times a second.
Afterwards a danger comes behind a queue: `danger.py`.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from uuid import uuid4

import httpx2
from rich.progress import Progress

from benchmarks.danger import Danger, danger
from benchmarks.processes import servers, since, spent
from benchmarks.report import Findings, Measured, Stopped, look_around, percentile
from ops.development import SERVICES, Stack, development_stack, follow
from ops.story import COUNCILLOR, REPORTED, WARD
from shared.events import CaseRouted

NAME = "travel: the whole system"
WARM_UP = 20
"""Reports made before the clock runs: connections are opened, code is compiled."""
PATIENCE = 120.0
"""Seconds until everything has arrived, after the last answer."""
LOOK_EVERY = 0.2


class Travel(Findings):
    """How reports travelled."""

    reports: int
    in_flight: int
    answers: dict[str, int]
    """How often each status was answered; 202 is a report that is safe and not decided yet."""
    answered_per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    routed_seconds: float
    """From the first request until another system had heard of the last case that it is routed."""
    routed_per_second: float
    receipts_seconds: float
    """From the first request until the last receipt was in the inbox."""
    cpu_ms_per_case: dict[str, float]
    """Processor time by process, from the first request to the last receipt."""
    danger: Danger
    """How soon the duty is told of a danger behind a queue."""

    def rows(self) -> Iterator[tuple[str, str]]:
        """Write them for people."""
        yield f"{self.reports} reports, {self.in_flight} in flight: answers", _listed(self.answers)
        yield "answered", f"{self.answered_per_second:.1f} a second"
        yield "POST /v1/cases, p50 / p95 / p99", f"{self.p50_ms:.0f} / {self.p95_ms:.0f} / {self.p99_ms:.0f} ms"
        yield "all routed after", f"{self.routed_seconds:.1f} s"
        yield "end to end, request to routed", f"{self.routed_per_second:.1f} cases a second"
        yield "all receipts in the inbox after", f"{self.receipts_seconds:.1f} s"
        for name, used in self.cpu_ms_per_case.items():
            yield f"processor time a case: {name}", f"{used:.1f} ms"
        yield "processor time a case: all of these", f"{sum(self.cpu_ms_per_case.values()):.1f} ms"
        yield from self.danger.rows()


def _listed(answers: Mapping[str, int]) -> str:
    return ", ".join(f"{count} with {status}" for status, count in sorted(answers.items()))


class Arrivals:
    """What has arrived, and when: cases at a team, receipts in the inbox; by reference."""

    def __init__(self, inbox_url: str, address: str, client: httpx2.AsyncClient) -> None:
        self._url, self._address, self._client = f"{inbox_url}/api/messages", address, client
        self._last = 0
        self.routed: dict[str, float] = {}
        self.receipts: dict[str, float] = {}

    def hear(self, line: str) -> None:
        """Take one line of the sample listener: reference, type, and what the case is now."""
        reference, _, rest = line.partition(" ")
        if rest.startswith(f"{CaseRouted.type} "):
            self.routed.setdefault(reference, time.perf_counter())

    async def open_mail(self) -> None:
        """Read what has come to the reporter: of new reports only receipts, `[reference]` first in the subject."""
        answer = await self._client.get(self._url, params={"to": self._address, "after": self._last})
        for mail in answer.raise_for_status().json():
            self._last = mail["id"]
            self.receipts.setdefault(mail["subject"].partition("]")[0].lstrip("["), time.perf_counter())


class Reports:
    """Reports that are made, so many at once."""

    def __init__(self, url: str, token: str, client: httpx2.AsyncClient) -> None:
        self._url, self._client = f"{url}/v1/cases", client
        self._headers = {"Authorization": f"Bearer {token}"}
        self.answers: Counter[str] = Counter()
        self.seconds: list[float] = []
        """Of each answer, in the order they came."""
        self.references: set[str] = set()
        self.began = self.ended = 0.0

    async def make(self, number: int, in_flight: int) -> None:
        """Make so many reports; each of so many people makes one after the other."""
        left = iter(range(number))

        async def person() -> None:
            for one in left:
                await self._report(one)

        self.began = time.perf_counter()
        try:
            await asyncio.gather(*(person() for _ in range(in_flight)))
        finally:
            self.ended = time.perf_counter()

    async def _report(self, number: int) -> None:
        body = {
            "kind": "report",
            "service": REPORTED,
            "ward": WARD,
            "summary": f"Bags on the verge, number {number}",
            "description": "Seen on the way to the surgery this morning.",
            "location": "Layby at the end of Canary Terrace",
        }
        headers = self._headers | {"Idempotency-Key": uuid4().hex}
        began = time.perf_counter()
        try:
            answer = await self._client.post(self._url, json=body, headers=headers)
        except httpx2.HTTPError as error:
            self.answers[type(error).__name__] += 1
            return
        self.answers[str(answer.status_code)] += 1
        if answer.is_success:
            self.seconds.append(time.perf_counter() - began)
            self.references.add(answer.json()["reference"])


async def travel(number: int, in_flight: int, progress: Progress) -> Measured:
    """Start a system of its own, let reports travel, and measure.

    Raises:
        Stopped: the reports did not arrive, or a service died on the way.
    """
    limits = httpx2.Limits(max_connections=in_flight + 1)  # one for the inbox
    async with (
        development_stack(0, progress.console.print) as stack,
        httpx2.AsyncClient(timeout=30, limits=limits, trust_env=False) as client,
    ):
        system = stack.system
        started, machine = look_around(system.management_url, system.mongo_url)
        answer = await client.post(f"{system.issuer_url}/dev/token", json={"sub": COUNCILLOR})
        token = answer.raise_for_status().json()["access_token"]
        me = await client.get(f"{system.gateway_url}/v1/me", headers={"Authorization": f"Bearer {token}"})
        arrivals = Arrivals(system.inbox_url, me.raise_for_status().json()["email"], client)
        listening = asyncio.create_task(follow(stack.listener_log, arrivals.hear))
        try:
            await _send(Reports(system.gateway_url, token, client), WARM_UP, in_flight, arrivals, progress)
            pids = _pids(stack)
            before, reports = spent(pids), Reports(system.gateway_url, token, client)
            await _send(reports, number, in_flight, arrivals, progress)
            if _pids(stack) != pids:
                raise Stopped("a process died on the way and was started again, so the numbers mean nothing")
            used = since(before, spent(pids))
            behind = await danger(stack, token, client, progress)
        finally:
            listening.cancel()
    figures = _figures(reports, in_flight, arrivals, used, behind)
    return Measured(benchmark=NAME, started=started, machine=machine, figures=figures)


async def _send(reports: Reports, number: int, in_flight: int, arrivals: Arrivals, progress: Progress) -> None:
    """Make reports and wait until each that was taken is routed and has its receipt.

    Raises:
        Stopped: some did not arrive in time, or none was taken.
    """
    answered, routed, receipts = (
        progress.add_task(f"{number} reports: {what}", total=number) for what in ("answered", "routed", "receipts")
    )
    making = asyncio.create_task(reports.make(number, in_flight))
    arrived = False
    while not (reports.ended and arrived):
        await asyncio.sleep(LOOK_EVERY)
        await arrivals.open_mail()
        at_team, in_inbox = (len(reports.references & known.keys()) for known in (arrivals.routed, arrivals.receipts))
        progress.update(answered, completed=reports.answers.total())
        progress.update(routed, completed=at_team)
        progress.update(receipts, completed=in_inbox)
        arrived = at_team == in_inbox == len(reports.references)
        if reports.ended and time.perf_counter() - reports.ended > PATIENCE:
            raise Stopped(
                f"of {len(reports.references)} reports {at_team} were routed and {in_inbox} had a receipt "
                f"{PATIENCE:g} s after the last answer"
            )
    await making
    if not reports.references:
        raise Stopped(f"no report was taken; answers: {_listed(reports.answers)}")


def _figures(reports: Reports, in_flight: int, arrivals: Arrivals, used: Mapping[str, float], behind: Danger) -> Travel:
    cases = len(reports.references)
    routed = max(arrivals.routed[reference] for reference in reports.references) - reports.began
    return Travel(
        reports=reports.answers.total(),
        in_flight=in_flight,
        answers=dict(reports.answers),
        answered_per_second=cases / (reports.ended - reports.began),
        p50_ms=percentile(reports.seconds, 0.50) * 1000,
        p95_ms=percentile(reports.seconds, 0.95) * 1000,
        p99_ms=percentile(reports.seconds, 0.99) * 1000,
        routed_seconds=routed,
        routed_per_second=cases / routed,
        receipts_seconds=max(arrivals.receipts[reference] for reference in reports.references) - reports.began,
        cpu_ms_per_case={name: seconds * 1000 / cases for name, seconds in used.items()},
        danger=behind,
    )


def _pids(stack: Stack) -> dict[str, int]:
    """Find the five services and, where they are children of this program, the two servers."""
    return {name: stack.supervisor.pid(name) or 0 for name in SERVICES} | servers()
