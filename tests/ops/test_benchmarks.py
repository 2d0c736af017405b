"""The arithmetic of the benchmarks: a wrong percentile or a wrong pairing would be believed."""

from datetime import UTC, datetime

import pytest
from rich.console import Console

from benchmarks.lane import Comparison
from benchmarks.report import Machine, Measured, Spread, percentile, ratios, table


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_a_measured_value_that_this_share_does_not_exceed(share: float, expected: int) -> None:
    values = [float(value) for value in (*range(51, 101), *range(1, 51))]

    assert percentile(values, share) == expected


def test_the_high_percentiles_of_few_values_are_the_highest() -> None:
    assert [percentile([3.0, 1.0, 2.0], share) for share in (0.5, 0.95, 0.99)] == [2.0, 3.0, 3.0]


def test_a_ratio_is_taken_within_a_round_not_between_medians() -> None:
    quiet, busy = 1.0, 0.1  # the machine was ten times slower in the second and third round

    found = ratios([900 * quiet, 900 * busy, 800 * busy], [100 * quiet, 100 * busy, 100 * busy])

    assert (found.lowest, found.median, found.highest) == pytest.approx((8, 9, 9))


def test_the_table_shows_every_median_with_its_spread_and_where_it_was_measured() -> None:
    spread = Spread.of([4.0, 2.0, 3.0])
    figures = Comparison(
        messages=2_000,
        rounds=3,
        lane_per_second=spread,
        faststream_per_second=spread,
        times_faster=spread,
        lane_cpu_ms=spread,
        faststream_cpu_ms=spread,
        times_less_cpu=spread,
    )
    machine = Machine(
        processor="Example 9000", cores=2, memory_gib=8, load=1.5, python="3.12.1", rabbitmq="4.0.1", mongodb="8.0.2"
    )
    measured = Measured(
        benchmark="toy", started=datetime(2026, 3, 2, 9, 30, tzinfo=UTC), machine=machine, figures=figures
    )
    console = Console(width=200)

    with console.capture() as shown:
        console.print(table(measured))

    assert shown.get().count("3.0 (2.0 to 4.0) times") == 2
    assert "2026-03-02 09:30 UTC, Example 9000, 2 cores, 8 GiB, load 1.5" in " ".join(shown.get().split())
    assert '"times_faster":{"median":3.0,"lowest":2.0,"highest":4.0}' in measured.model_dump_json()
