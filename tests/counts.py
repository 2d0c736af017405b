"""How often a promise is tried: reduced for every push, full for `make test-long`."""

import os

FULL = os.environ.get("CASEWORK_TEST_COUNTS") == "full"


def count(reduced: int, full: int) -> int:
    """Choose a count for this run."""
    return full if FULL else reduced
