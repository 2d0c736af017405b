"""What the turns of the pipeline come to: medians with their spread, and ratios round by round."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

from benchmarks.job import SERVICES
from benchmarks.processes import Memory
from benchmarks.report import Figures, Findings, Spread, percentile, ratios
from benchmarks.stage import VARIANTS, Variant

LOW_LOAD = 10.0
"""Cases a second while the time of a single one is taken."""
BOUND_US = 880.0
"""Microseconds of broker and database processor time a case that no application can do without: measured once with C
clients (librabbitmq and libmongoc) on a machine like those below, for 3 publishes, 5 deliveries and 4 writes a case in
bulks of 1,000, all durable: broker 495, database 385. This job has 3 publishes, 7 deliveries and 7 writes."""


class Load(Figures):
    """So many cases at once, and what they took."""

    cases: int
    seconds: float
    cpu: dict[str, float]
    """Processor seconds by process, until nothing is left to be marked."""
    flushes: int
    """Times the database flushed its journal."""
    memory: dict[str, Memory]
    """What each service holds afterwards."""


class Turn(Figures):
    """One turn of one variant."""

    loads: list[Load]
    latencies: list[float]
    """Milliseconds from giving a command to its last effect, at low load."""

    @property
    def cases(self) -> int:
        """Cases under load."""
        return sum(load.cases for load in self.loads)

    @property
    def rate(self) -> float:
        """Cases a second."""
        return self.cases / sum(load.seconds for load in self.loads)

    @property
    def flushes(self) -> float:
        """Journal flushes a case."""
        return sum(load.flushes for load in self.loads) / self.cases

    def cpu_us(self, *names: str) -> float:
        """Give the processor time a case of these processes, in microseconds."""
        return sum(load.cpu[name] for load in self.loads for name in names or load.cpu) * 1e6 / self.cases


class Side(Figures):
    """What one variant has shown, over all rounds."""

    name: str
    does: str
    cases_per_second: Spread
    cpu_us: Spread
    """Processor time a case: its four processes, the broker, the database."""
    cpu_us_by_process: dict[str, Spread]
    flushes: Spread
    p50_ms: Spread
    p99_ms: Spread


class Against(Figures):
    """Casework against one plain variant, round by round."""

    name: str
    times_faster: Spread
    of_its_cpu: Spread
    of_its_p50: Spread
    of_its_p99: Spread


class Service(Figures):
    """What one of Casework's services holds, in MB."""

    name: str
    first_mb: Spread
    second_mb: Spread
    growth: Spread
    """Of the resident memory, as a share of the first."""
    pss_mb: Spread


class Pipeline(Findings):
    """All variants over the same rounds."""

    rounds: int
    cases: dict[str, int]
    """Cases a turn, by variant."""
    single: int
    """Cases at low load a turn."""
    sides: list[Side]
    against: list[Against]
    of_the_bound: Spread
    """The bound divided by all processor time a case of Casework."""
    services: list[Service]

    heads: ClassVar[tuple[str, ...]] = ("", "Casework", "plain FastStream", "plain Celery")

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Write them for people."""

        def line(what: str, pick: Callable[[Side], str]) -> tuple[str, ...]:
            return (what, *(pick(side) for side in self.sides))

        def ratio(what: str, pick: Callable[[Against], str]) -> tuple[str, ...]:
            return (what, "", *(pick(other) for other in self.against))

        yield line("one case, beside 7 durable writes", lambda side: side.does)
        yield line("cases a turn", lambda side: f"{self.cases[side.name]:,}")
        yield line("cases a second", lambda side: f"{side.cases_per_second:.0f}")
        yield line("processor time a case, all", lambda side: f"{side.cpu_us:,.0f} us")
        for process in self.sides[0].cpu_us_by_process:
            yield line(f"· {process}", lambda side, process=process: f"{side.cpu_us_by_process[process]:,.0f} us")  # type: ignore[misc]
        yield line("journal flushes a case", lambda side: f"{side.flushes:.2f}")
        yield line(f"p50 at {LOW_LOAD:g} cases a second", lambda side: f"{side.p50_ms:.0f} ms")
        yield line(f"p99 at {LOW_LOAD:g} cases a second", lambda side: f"{side.p99_ms:.0f} ms")
        yield ratio("Casework is faster (aim: at least 8)", lambda other: f"{other.times_faster:.1f} times")
        yield ratio("processor time of Casework", lambda other: f"{other.of_its_cpu:.2f} of it")
        yield ratio("p50 of Casework", lambda other: f"{other.of_its_p50:.2f} of it")
        yield ratio("p99 of Casework (aim: at most 1)", lambda other: f"{other.of_its_p99:.2f} of it")
        empty = ("",) * (len(self.sides) - 1)
        yield (f"{BOUND_US:.0f} us / all processor time (aim: at least 0.25)", f"{self.of_the_bound:.2f}", *empty)
        half = self.cases[self.sides[0].name] // 2
        yield (f"memory after {half:,} cases (aims: at most 150 MB, +5 % after {2 * half:,})", "", *empty)
        for service in self.services:
            yield (f"· {service.name}", f"{service.first_mb.median:.1f} MB; {service.growth:+.1%}", *empty)


def compared(turns: Mapping[str, Sequence[Turn]], single: int) -> Pipeline:
    """Sum up the turns of all variants."""
    first, *others = VARIANTS
    ours = turns[first.name]
    return Pipeline(
        rounds=len(ours),
        cases={name: some[0].cases for name, some in turns.items()},
        single=single,
        sides=[_side(variant, turns[variant.name]) for variant in VARIANTS],
        against=[_against(other.name, ours, turns[other.name]) for other in others],
        of_the_bound=Spread.of([BOUND_US / turn.cpu_us() for turn in ours]),
        services=[_service(service, ours) for service in SERVICES],
    )


def _side(variant: Variant, turns: Sequence[Turn]) -> Side:
    return Side(
        name=variant.name,
        does=variant.does,
        cases_per_second=Spread.of([turn.rate for turn in turns]),
        cpu_us=Spread.of([turn.cpu_us() for turn in turns]),
        cpu_us_by_process={name: Spread.of([turn.cpu_us(name) for turn in turns]) for name in turns[0].loads[0].cpu},
        flushes=Spread.of([turn.flushes for turn in turns]),
        p50_ms=Spread.of([_percentile(turn, 0.5) for turn in turns]),
        p99_ms=Spread.of([_percentile(turn, 0.99) for turn in turns]),
    )


def _percentile(turn: Turn, share: float) -> float:
    return percentile(turn.latencies, share) if turn.latencies else 0.0


def _against(name: str, ours: Sequence[Turn], theirs: Sequence[Turn]) -> Against:
    def compare(pick: Callable[[Turn], float]) -> Spread:
        return ratios([pick(turn) for turn in ours], [pick(turn) for turn in theirs])

    return Against(
        name=name,
        times_faster=compare(lambda turn: turn.rate),
        of_its_cpu=compare(Turn.cpu_us),
        of_its_p50=compare(lambda turn: _percentile(turn, 0.5)),
        of_its_p99=compare(lambda turn: _percentile(turn, 0.99)),
    )


def _service(name: str, turns: Sequence[Turn]) -> Service:
    pairs = [(turn.loads[0].memory[name], turn.loads[-1].memory[name]) for turn in turns]
    return Service(
        name=name,
        first_mb=Spread.of([first.rss for first, _ in pairs]),
        second_mb=Spread.of([second.rss for _, second in pairs]),
        growth=Spread.of([second.rss / first.rss - 1 for first, second in pairs]),
        pss_mb=Spread.of([second.pss for _, second in pairs]),
    )
