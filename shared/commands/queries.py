"""The questions intake answers. Who asks about which case is nothing the bus may not know."""

from typing import Annotated

from pydantic import Field

from shared.commands.base import Query
from shared.events import Code, State


class GetCase(Query, name="case"):
    """One case, as this person may see it, with what this person may do now."""

    reference: Code
    commands: tuple[Code, ...] = ()
    """Ids of commands the gateway still counts as pending: the reply says which of them are decided."""


class ListCases(Query, name="cases"):
    """The cases of this person: owned, cc'd or of their teams; newest first."""

    states: tuple[State, ...] = ()
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    after: Code | None = None
    """Cursor of the last page."""


class GetEvents(Query, name="events"):
    """The facts of one case after a `caseseq`, oldest first."""

    reference: Code
    after: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=500)] = 100
