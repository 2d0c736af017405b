"""How long the ticker may sleep is set by the profile, or by whoever deploys it."""

from typing import Literal

import pytest
from pydantic import ValidationError

from services.scheduler.config import Config

NEEDED = {"rabbit_url": "amqp://broker/", "mongo_url": "mongodb://database/"}


@pytest.mark.parametrize(("profile", "seconds"), [("production", 0.25), ("development", 0.1)])
def test_the_sleep_is_shorter_where_the_business_clock_may_jump(
    profile: Literal["production", "development"], seconds: float
) -> None:
    assert Config.model_validate({**NEEDED, "profile": profile}).longest_pause == seconds


def test_the_environment_may_set_the_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASEWORK_SCHEDULER_PAUSE", "1.5")

    assert Config.model_validate(NEEDED).longest_pause == 1.5


@pytest.mark.parametrize("seconds", ["0", "-1", "60", "soon"])
def test_a_sleep_that_makes_no_sense_is_refused_by_name(seconds: str) -> None:
    with pytest.raises(ValidationError, match="scheduler_pause"):
        Config.model_validate({**NEEDED, "scheduler_pause": seconds})
