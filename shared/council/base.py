"""What every part of a council is made of: words with a shape, and the dates between which a part holds."""

from datetime import date
from functools import lru_cache
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, model_validator

from shared.calendar import Target

# A slug is a word of a routing key as it stands: no dot, no wildcard, no upper case.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
CouncillorId = Annotated[str, StringConstraints(pattern=r"^cllr-[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
OfficerId = Annotated[str, StringConstraints(pattern=r"^off-[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
SystemId = Annotated[str, StringConstraints(pattern=r"^sys-[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
# No control character or line separator: names and texts stand in mail headers.
Line = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
    ),
]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Email = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", min_length=3, max_length=254
    ),
]
# As it stands in events (`rules_version`): a code with no space, so that no text fits.
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
"""A local time of day, such as 08:30; 24:00 is the end of the day."""

parse_target = lru_cache(maxsize=256)(Target.parse)


def _canonical_target(text: str) -> str:
    return str(parse_target(text))


TargetText = Annotated[str, AfterValidator(_canonical_target)]


class CouncilModel(BaseModel):
    """A frozen part of a council that knows all its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Dated(CouncilModel):
    """A part that holds between two dates, both included; without a date it holds without that bound."""

    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _the_end_is_not_before_the_beginning(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError(f"valid_to {self.valid_to} lies before valid_from {self.valid_from}")
        return self

    def holds_on(self, on: date) -> bool:
        """Say whether this part holds on a date."""
        return (self.valid_from or date.min) <= on <= (self.valid_to or date.max)

    def overlaps(self, other: "Dated") -> bool:
        """Say whether some date is within both periods."""
        return (self.valid_from or date.min) <= (other.valid_to or date.max) and (other.valid_from or date.min) <= (
            self.valid_to or date.max
        )

    def within(self, other: "Dated") -> bool:
        """Say whether the other part holds whenever this one does."""
        return (other.valid_from or date.min) <= (self.valid_from or date.min) and (self.valid_to or date.max) <= (
            other.valid_to or date.max
        )
