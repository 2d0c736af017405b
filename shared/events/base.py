"""What every event is: a frozen fact with a type, a business time and nothing personal.

Strict to write (mypy refuses unknown fields), tolerant to read (unknown fields are ignored). Only the constrained
types below may appear in an event: they cannot hold free text, so personal data has no place to stand.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

PREFIX = "casework."
NOTHING: Mapping[str, str] = MappingProxyType({})

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
"""An identifier, enum value or code: no spaces, no @, at most 64 characters, so no free text fits."""

Moment = AwareDatetime
"""An instant, always with its offset."""

CATALOGUE: dict[str, type["Event"]] = {}
"""Every event type of the house, by its CloudEvents `type`."""


class Event(BaseModel):
    """A fact, in the past tense, never taken back."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)

    type: ClassVar[str] = ""
    said: ClassVar[bool] = True
    """False: the fact stays in its document's history and is not published."""
    must_be_heard: ClassVar[bool] = False
    """True: published mandatory; where no queue is bound the fact stays unsaid and an alarm is raised."""

    at: Moment
    """Business time of the fact: when it happened, as the deciding command or timer was stamped."""

    def __init_subclass__(
        cls,
        *,
        type: str = "",  # noqa: A002  the word of CloudEvents
        said: bool = True,
        must_be_heard: bool = False,
        **kwargs: object,
    ) -> None:
        """Register a concrete event under its CloudEvents type."""
        super().__init_subclass__(**kwargs)  # type: ignore[arg-type]  # what pydantic's own keywords are, mypy's plugin checks
        if type:
            if not type.startswith(PREFIX) or CATALOGUE.setdefault(type, cls) is not cls:
                raise TypeError(f"{cls.__name__}: {type!r} must start with {PREFIX!r} and be used once")
            cls.type, cls.said, cls.must_be_heard = type, said, must_be_heard

    def routing_tail(self) -> tuple[str, str, str]:
        """Lane, service type and ward, the last three words of the routing key."""
        return "normal", "any", "any"

    def routing_key(self) -> str:
        """`<noun>.<fact>.v<major>.<lane>.<service-type>.<ward>` (architecture: messages)."""
        return ".".join((self.type.removeprefix(PREFIX), *self.routing_tail()))


class Fact(NamedTuple):
    """An event together with the texts that lie beside it: encrypted in the document, never on the bus."""

    event: Event
    text: Mapping[str, str] = NOTHING
