"""What the scheduler is told by its environment.

Whatever the settings say, a timer is never said early: they only bound how late it may be.
"""

from typing import Annotated

from pydantic import Field

from shared.plumbing.settings import Settings


class Config(Settings):
    """The scheduler's settings."""

    scheduler_pause: Annotated[float, Field(gt=0, le=5)] | None = None
    """Longest sleep between two looks into the diaries, in seconds. Unset: 0.25, in the development profile 0.1."""

    @property
    def longest_pause(self) -> float:
        """The longest sleep in seconds; shorter where somebody may move the business clock and wait for the effect."""
        return self.scheduler_pause or (0.1 if self.profile == "development" else 0.25)
