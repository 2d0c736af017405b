"""What a measurement says of itself: its figures, the machine, the servers, the day.

The one rule: a ratio is taken within a round, between neighbours in time, because the machine's other work comes and
goes; a spread is shown beside every median.
"""

import math
import os
import platform
import statistics
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, SerializeAsAny
from pymongo import MongoClient
from rich.table import Table

from ops.stack.management import Management
from shared.plumbing.history import technical_now


class Stopped(RuntimeError):
    """Nothing can be said: what was to be measured did not happen. The message says what."""


class Figures(BaseModel):
    """Numbers that belong together."""

    model_config = ConfigDict(frozen=True)


class Spread(Figures):
    """The median of some rounds, and the lowest and highest beside it."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Sum up the rounds."""
        return cls(median=statistics.median(values), lowest=min(values), highest=max(values))

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} ({self.lowest:{spec}} to {self.highest:{spec}})"


class Findings(Figures):
    """What one benchmark has found."""

    heads: ClassVar[tuple[str, ...]] = ()
    """Names of the columns; empty: what, and how much."""

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Write them for people: what, and how much."""
        raise NotImplementedError


class Machine(Figures):
    """Where it was measured."""

    processor: str
    cores: int
    memory_gib: float
    load: float
    """Processes that ran or wanted to at the start, mean of a minute: above 0 the machine had other work."""
    python: str
    rabbitmq: str
    mongodb: str


class Measured(Figures):
    """A measurement with its day and machine."""

    benchmark: str
    started: datetime
    machine: Machine
    figures: SerializeAsAny[Findings]


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that this share of all values does not exceed (nearest rank: always a measured value).

    Args:
        values: at least one, in any order.
        share: above 0, at most 1.
    """
    return sorted(values)[math.ceil(share * len(values)) - 1]


def ratios(these: Sequence[float], those: Sequence[float]) -> Spread:
    """Compare round by round."""
    return Spread.of([this / that for this, that in zip(these, those, strict=True)])


def look_around(management_url: str, mongo_url: str) -> tuple[datetime, Machine]:
    """Note the time, this machine and its two servers; call it before there is load of our own."""
    load = os.getloadavg()[0]
    with Management(management_url) as management:
        rabbitmq = management.get("overview")["rabbitmq_version"]
    with MongoClient[dict[str, Any]](mongo_url) as client:
        mongodb = client.server_info()["version"]
    return technical_now(), Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gib=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        load=round(load, 2),
        python=platform.python_version(),
        rabbitmq=str(rabbitmq),
        mongodb=str(mongodb),
    )


def _processor() -> str:
    """Name the processor; where Linux does not tell, as well as Python can."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def where(measured: Measured) -> str:
    """Say when and on what it was measured."""
    machine = measured.machine
    return (
        f"{measured.started:%Y-%m-%d %H:%M} UTC, {machine.processor}, {machine.cores} cores, "
        f"{machine.memory_gib:g} GiB, load {machine.load:g} before the start; Python {machine.python}, "
        f"RabbitMQ {machine.rabbitmq}, MongoDB {machine.mongodb}"
    )


def markdown(measured: Measured) -> str:
    """Draw the same table for a page."""
    heads = measured.figures.heads or ("", "")
    lines = [heads, ("---", *("---:" for _ in heads[1:])), *measured.figures.rows()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table(measured: Measured) -> Table:
    """Draw the figures, and beneath them where and when they were measured."""
    heads = measured.figures.heads
    drawn = Table(
        title=measured.benchmark,
        title_justify="left",
        show_header=bool(heads),
        caption_justify="left",
        caption=where(measured),
    )
    drawn.add_column(*heads[:1])
    for head in heads[1:] or ("",):
        drawn.add_column(head, justify="right")
    for row in measured.figures.rows():
        drawn.add_row(*row)
    return drawn
