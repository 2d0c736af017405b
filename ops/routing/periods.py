"""Reads how far back somebody wants to look."""

import re
from datetime import datetime, timedelta

_SINCE = re.compile(r"([1-9][0-9]{0,4})d")


def since_of(text: str, now: datetime) -> datetime:
    """Give the moment so many days ago.

    Raises:
        ValueError: it is no number of days.
    """
    read = _SINCE.fullmatch(text.strip())
    if read is None:
        raise ValueError(f"{text!r} is no number of days: write it as 90d")
    return now - timedelta(days=int(read[1]))
