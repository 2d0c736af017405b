"""A moment is read as people write it, in council time; one that is not there or comes twice is asked about."""

from datetime import UTC, datetime

import pytest

from ops.council.moments import moment_of


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-01T00:00", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-07-01T00:00", datetime(2026, 6, 30, 23, tzinfo=UTC)),
        ("2026-07-01 09:30", datetime(2026, 7, 1, 8, 30, tzinfo=UTC)),
        (" 2026-07-01", datetime(2026, 6, 30, 23, tzinfo=UTC)),
        ("2026-07-01T00:00Z", datetime(2026, 7, 1, tzinfo=UTC)),
        ("2026-07-01T00:00+02:00", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-10-25T01:30+01:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25T01:30+00:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_council_time_unless_it_names_its_offset(text: str, moment: datetime) -> None:
    assert moment_of(text) == moment
    assert moment_of(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tomorrow", "'tomorrow' is no time: write it as 2026-12-01T00:00"),
        ("2026-02-30T00:00", "is no time"),
        ("1 December 2026", "is no time"),
        ("", "is no time"),
        ("2026-03-29T01:30", "does not exist: the clocks go forward over it"),
        ("2026-10-25T01:30", "comes twice, as the clocks go back: add [+]01:00 for the first"),
    ],
)
def test_what_is_no_single_moment_is_refused_with_what_to_write(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        moment_of(text)
