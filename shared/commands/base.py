"""What every command and query is: an intention, with who gives it; its confidential fields travel sealed.

A field annotated `Confidential` never stands in clear on the wire: the plumbing moves it into the `sealed` field.
Everything about a constituent or third party, and every free text, must be so marked.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from shared.events import Code, Moment

PREFIX = "casework."

COMMANDS: dict[str, type["Command"]] = {}
"""Every command of the house, by the name it has in the address: `extend-auto-close`."""

QUERIES: dict[str, type["Query"]] = {}
"""Every query of the house, by its CloudEvents `type`."""


class Confidential:
    """Marks a field that travels encrypted, in the `sealed` field of its message."""


ShortText = Annotated[
    str,
    Confidential(),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$"),
]
"""One line, at most 200 characters."""

LongText = Annotated[str, Confidential(), StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
"""At most 10,000 characters."""


class Asked(BaseModel):
    """Something a person asks of intake."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    type: ClassVar[str] = ""
    confidential: ClassVar[frozenset[str]] = frozenset()
    """Names of the fields that travel sealed."""

    at: Moment
    """Business time, stamped by the gateway: the decision's `now`."""
    actor: Code
    """The person who acts, from the verified token."""
    on_behalf_of: Code | None = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Find the confidential fields."""
        super().__pydantic_init_subclass__(**kwargs)
        marked = (
            name for name, field in cls.model_fields.items() if any(isinstance(m, Confidential) for m in field.metadata)
        )
        cls.confidential = frozenset(marked)


class Command(Asked):
    """An order to change a case. Its id derives from (principal, idempotency key), so repeats need no store."""

    name: ClassVar[str] = ""

    reference: Code
    body_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of command name, reference and body: the same key with another body is refused."""

    def __init_subclass__(cls, *, name: str = "", version: int = 1, **kwargs: object) -> None:
        """Register a concrete command under its name."""
        super().__init_subclass__(**kwargs)  # type: ignore[arg-type]  # what pydantic's own keywords are, mypy's plugin checks
        if name:
            if COMMANDS.setdefault(name, cls) is not cls:
                raise TypeError(f"{cls.__name__}: the command {name!r} exists already")
            cls.name, cls.type = name, f"{PREFIX}command.{name}.v{version}"


class Query(Asked):
    """A question about cases; changes nothing."""

    def __init_subclass__(cls, *, name: str = "", version: int = 1, **kwargs: object) -> None:
        """Register a concrete query under its type."""
        super().__init_subclass__(**kwargs)  # type: ignore[arg-type]  # what pydantic's own keywords are, mypy's plugin checks
        if name:
            cls.type = f"{PREFIX}query.{name}.v{version}"
            if QUERIES.setdefault(cls.type, cls) is not cls:
                raise TypeError(f"{cls.__name__}: the query {name!r} exists already")


class Refusal(BaseModel):
    """An expected no: why, in a plain sentence, and what would be allowed instead."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)

    code: Code
    sentence: str
    """Says what is wrong and what to do; never quotes what was sent."""
    kind: Literal["invalid", "forbidden", "not_found", "conflict"]
    field: str | None = None
    instead: tuple[str, ...] = ()
    """Names of the commands this person may give now."""


def refuse_conflict(code: str, sentence: str, *instead: str) -> Refusal:
    """Refuse because the state of the case does not allow it."""
    return Refusal(code=code, sentence=sentence, kind="conflict", instead=instead)


def refuse_invalid(code: str, field: str, sentence: str) -> Refusal:
    """Refuse because of one field of the request."""
    return Refusal(code=code, sentence=sentence, kind="invalid", field=field)


class Answered(BaseModel):
    """Base of what comes back: tolerant to read."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)
