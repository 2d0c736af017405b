"""Reads the moment at which a version is to come into force, as people write it: in council time.

The one rule: a time that does not exist, or exists twice, is asked about and never guessed.
"""

from datetime import UTC, datetime

from shared.calendar import LONDON

_EXAMPLE = "write it as 2026-12-01T00:00 (council time), or with an offset, as 2026-12-01T00:00+00:00"


def moment_of(text: str) -> datetime:
    """Read a moment, in UTC; without an offset it is council time, without a time the day's beginning.

    Raises:
        ValueError: it is no moment, or in council time there is none such, or two.
    """
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no time: {_EXAMPLE}") from None
    if read.tzinfo is not None:
        return read.astimezone(UTC)
    there = read.replace(tzinfo=LONDON)
    if there.astimezone(UTC).astimezone(LONDON).replace(tzinfo=None) != read:
        raise ValueError(f"{text} does not exist: the clocks go forward over it; choose a time before or after")
    if there.utcoffset() != there.replace(fold=1).utcoffset():
        raise ValueError(f"{text} comes twice, as the clocks go back: add +01:00 for the first, +00:00 for the second")
    return there.astimezone(UTC)
