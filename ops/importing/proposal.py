"""What an import would do to the council's files, before anybody has said yes to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from ops.importing.rows import CsvFile


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person who imports has said beside the source."""

    on: date
    """The day on which the source is true."""
    max_ended: int = 20
    """How many in a hundred sitting members may lose their seats in one import."""
    wards: Mapping[str, str] = field(default_factory=dict)
    """Ward codes by the key of a title of the source; an empty code leaves that ward out."""
    emails: Mapping[str, str] = field(default_factory=dict)
    """Addresses by a member's id in the source, for those who have none there."""


@dataclass(slots=True)
class Proposal:
    """The changed files and what has to be said about them."""

    files: list[CsvFile]
    told: list[str] = field(default_factory=list)
    """What a reader should know."""
    suggested: list[str] = field(default_factory=list)
    """What a person may write into the files; the import does not."""
    left_out: list[str] = field(default_factory=list)
    """What could not be imported and needs a person; each sentence names the fix."""
