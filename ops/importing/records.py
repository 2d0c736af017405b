"""What an import knows of a council's members, in whatever form they came.

The one rule: nothing private is in here. No home address and no telephone number has a field to stand in.
"""

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Term:
    """One term of office; None where the source does not say."""

    begins: date | None
    ends: date | None


@dataclass(frozen=True, slots=True)
class Member:
    """One member as a source lists them, in one ward."""

    external_id: str
    name: str
    ward: str
    party: str = ""
    emails: tuple[str, ...] = ()
    """Addresses for work, best first."""
    terms: tuple[Term, ...] = ()
    posts: tuple[str, ...] = ()
    """Offices in the source's words; only ever suggested."""
    standing_down: bool = False

    @property
    def label(self) -> str:
        """The member as a sentence names them."""
        known = f" (id {self.external_id})" if self.external_id else ""
        return f"{self.name}{known} in {self.ward}"


@dataclass(slots=True)
class WardRoll:
    """One ward as a source lists it."""

    title: str
    members: list[Member] = field(default_factory=list)
    vacant: int = 0


@dataclass(frozen=True, slots=True)
class Roll:
    """Everybody a source lists, by ward."""

    wards: tuple[WardRoll, ...]
    notes: tuple[str, ...] = ()
    """What the source says of itself that does not fit together."""

    @property
    def members(self) -> list[Member]:
        """Every member, in the order of the source."""
        return [member for ward in self.wards for member in ward.members]
