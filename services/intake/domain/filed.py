"""A case as it was read from the file: its state, and its facts with their words in clear."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.intake.domain.case import Case


class Record(NamedTuple):
    """One fact of a case with its words in clear."""

    id: str
    seq: int
    type: str
    at: datetime
    actor: str
    on_behalf_of: str
    cause: str
    """Id of the command or event that it follows from."""
    data: dict[str, Any]
    """The event as subscribers get it."""
    text: Mapping[str, str]


class CaseOnFile(NamedTuple):
    """A case with the facts of it that were read, oldest first."""

    case: Case
    records: Sequence[Record]
