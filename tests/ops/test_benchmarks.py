"""The arithmetic of the benchmarks: a wrong percentile or a wrong pairing would be believed."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from benchmarks.chart import chart
from benchmarks.comparison import Against, Pipeline, Service, Side
from benchmarks.danger import Turn, found
from benchmarks.edge import Edge
from benchmarks.pipeline import ends_a_case
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
    some = Spread.of([4.0, 2.0, 3.0])
    figures = Edge(
        requests=400,
        in_flight=12,
        rounds=3,
        command_per_second=some,
        empty_per_second=some,
        command_of_empty=some,
        command_p50_ms=some,
        empty_p50_ms=some,
        command_server_us=some,
        empty_server_us=some,
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

    assert shown.get().count("3 (2 to 4) a second, p50 3 (2 to 4) ms") == 2
    assert "2026-03-02 09:30 UTC, Example 9000, 2 cores, 8 GiB, load 1.5" in " ".join(shown.get().split())
    assert '"command_of_empty":{"median":3.0,"lowest":2.0,"highest":4.0}' in measured.model_dump_json()


def test_of_a_danger_the_time_runs_from_its_acceptance_and_from_its_request() -> None:
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

    def after(seconds: float) -> datetime:
        return at + timedelta(seconds=seconds)

    turns = [Turn(201, at, after(1), after(1 + mail), after(1 + call)) for mail, call in ((3, 1), (1, 2), (2, 9))]

    seen = found(turns, 1_000)

    assert (seen.answered.median, seen.mail.median, seen.call.median) == (1, 2, 2)
    assert (seen.mail_of_request.highest, seen.call_of_request.highest) == (4, 10)
    assert ("· acceptance to duty mail sent, p50 of 3 (aim: at most 2 s)", "2.00 (1.00 to 3.00) s") in list(seen.rows())


def spread(value: float) -> Spread:
    return Spread.of([value])


def side(name: str, rate: float) -> Side:
    return Side(
        name=name,
        does="3 publishes",
        cases_per_second=Spread.of([rate * 0.9, rate, rate * 1.1]),
        cpu_us=spread(300.0),
        cpu_us_by_process={"intake": spread(200.0), "MongoDB": spread(100.0)},
        flushes=spread(0.2),
        p50_ms=spread(20.0),
        p99_ms=spread(40.0),
    )


PIPELINE = Pipeline(
    rounds=3,
    cases={"Casework": 4_000, "FastStream": 400, "Celery": 400},
    single=150,
    sides=[side("Casework", 800), side("FastStream", 100), side("Celery", 80)],
    against=[
        Against(
            name=name, times_faster=spread(8.0), of_its_cpu=spread(0.2), of_its_p50=spread(0.9), of_its_p99=spread(0.9)
        )
        for name in ("FastStream", "Celery")
    ],
    of_the_bound=spread(0.25),
    services=[
        Service(name="intake", first_mb=spread(90.0), second_mb=spread(91.0), growth=spread(0.011), pss_mb=spread(60.0))
    ],
)


def test_every_row_of_the_pipeline_has_a_cell_for_every_variant() -> None:
    assert {len(row) for row in PIPELINE.rows()} == {len(PIPELINE.heads)}


def test_the_chart_is_an_image_with_every_variant_and_every_process() -> None:
    drawn = ET.fromstring(chart(PIPELINE))  # noqa: S314  our own

    texts = {element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert texts >= {"Casework", "FastStream", "Celery", "intake", "MongoDB", "800", "100"}


def change(collection: str, operation: str, **more: object) -> dict[str, object]:
    return {"ns": {"coll": collection}, "operationType": operation, **more}


@pytest.mark.parametrize(
    ("seen", "ends"),
    [
        (change("cases", "insert"), False),
        (change("cases", "update", version=2), True),
        (change("cases", "update"), False),
        (change("decisions", "insert"), True),
        (change("decisions", "update"), False),
        (change("diaries", "insert", seq=1), False),
        (change("diaries", "insert", seq=2), True),
        (change("diaries", "update", version=2), True),
        (change("notices", "insert"), True),
    ],
)
def test_a_case_ends_with_decision_team_timers_and_notices_and_a_mark_is_no_effect(
    seen: dict[str, object],
    ends: bool,  # noqa: FBT001  what the table says
) -> None:
    assert ends_a_case(seen) is ends
