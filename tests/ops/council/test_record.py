"""What a version was, is or will be follows from its number, its moment and the others'."""

from datetime import UTC, datetime, timedelta

from ops.council.record import record_of
from shared.plumbing.versions import Published

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def version(number: int, days: float, back_to: int | None = None) -> Published:
    return Published(number, f"v{number}", "", "Ada Elm", "", NOON, NOON + timedelta(days=days), back_to)


def states(*versions: Published) -> list[str]:
    return [each.state for each in record_of(versions, NOON)]


def test_one_is_active_those_before_are_past_and_those_to_come_scheduled() -> None:
    assert states(version(1, -9), version(2, -3), version(3, 0), version(4, 2), version(5, 4)) == [
        "past",
        "past",
        "active",
        "scheduled",
        "scheduled",
    ]


def test_what_a_rollback_goes_back_behind_is_rolled_back_and_where_it_goes_to_stays_past() -> None:
    before, gone, also_gone, rollback, after = (
        version(1, -9),
        version(2, -8),
        version(3, -7),
        version(4, -6, back_to=1),
        version(5, -5),
    )

    assert states(before, gone, also_gone, rollback) == ["past", "rolled back", "rolled back", "active"]
    assert states(before, gone, also_gone, rollback, after) == ["past", "rolled back", "rolled back", "past", "active"]


def test_a_rollback_that_waits_has_rolled_nothing_back_yet() -> None:
    assert states(version(1, -9), version(2, -8), version(3, 1, back_to=1)) == ["past", "active", "scheduled"]


def test_what_a_later_number_came_before_is_overtaken_whenever_its_moment_was() -> None:
    assert states(version(1, -9), version(2, 3), version(3, -1)) == ["past", "overtaken", "active"]
    assert states(version(1, -9), version(2, -2), version(3, -2)) == ["past", "overtaken", "active"]


def test_before_the_first_moment_nothing_is_active() -> None:
    assert states() == []
    assert states(version(1, 1)) == ["scheduled"]
