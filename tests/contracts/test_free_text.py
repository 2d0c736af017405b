"""No personal data on the bus: a message has no field, outside its seal, that could hold what somebody typed."""

from datetime import datetime
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from shared.commands import COMMANDS, QUERIES
from shared.commands.base import Asked
from shared.events import CATALOGUE, Code, Event, Moment
from tests.contracts.free_text import loose_fields

ASKED: list[type[Asked]] = [*COMMANDS.values(), *QUERIES.values()]


class Inner(BaseModel):
    id: Code
    remark: str


class Bad(BaseModel):
    """A message that has every mistake the lint must find."""

    at: Moment
    fine: tuple[Code, ...] = ()
    count: Annotated[int, Field(ge=1)] = 1
    note: str
    short: Annotated[str, StringConstraints(max_length=10)]
    either: Code | str
    many: tuple[str, ...]
    listed: list[Code]
    mapped: dict[str, Code]
    anything: Any
    local: datetime
    inner: Inner | None
    inners: tuple[Inner, ...]
    sealed: str


def test_the_lint_finds_every_loose_field_at_any_depth() -> None:
    loose = {place.removeprefix("Bad.") for place in loose_fields(Bad, skip=frozenset({"sealed"}))}

    assert loose == {
        *("note", "short", "either", "many", "listed", "mapped", "anything", "local"),
        *("inner.remark", "inners.remark"),
    }


@pytest.mark.parametrize("event", CATALOGUE.values(), ids=CATALOGUE)
def test_no_event_can_hold_free_text(event: type[Event]) -> None:
    assert loose_fields(event) == [], (
        "use Code, an enumeration, a date or a number; words lie with the case, as Fact.text"
    )


@pytest.mark.parametrize("kind", ASKED, ids=lambda kind: kind.type)
def test_free_text_of_a_command_or_question_is_confidential(kind: type[Asked]) -> None:
    assert loose_fields(kind, skip=kind.confidential) == [], "annotate it Confidential(), so that it travels sealed"


@pytest.mark.parametrize(
    "text", ["", "Wilhelmina Example", "wilhelmina@resident.example", "x" * 65, "a\nb", "-a", "1 Sample Street", "no!"]
)
def test_a_code_holds_no_name_address_or_sentence(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Code).validate_python(text)
