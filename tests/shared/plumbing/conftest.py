"""Fixtures of the plumbing's tests."""

from pathlib import Path

import pytest

from shared.council import Council, load_bundle

COUNCIL = Path(__file__).parents[3] / "council"


@pytest.fixture(scope="session")
def sample_council() -> Council:
    """The sample council, as `casework up` publishes it."""
    return load_bundle(COUNCIL)
