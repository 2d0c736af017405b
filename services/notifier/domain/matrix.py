"""Who is told of which fact: the whole rule, as one table that a test compares with the council's own."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from shared.events import (
    CaseAcknowledged,
    CaseAlerted,
    CaseAnswered,
    CaseAssigned,
    CaseAutocloseExtended,
    CaseAutocloseWarned,
    CaseCcAdded,
    CaseCcRemoved,
    CaseClosed,
    CaseCommitted,
    CaseCompleted,
    CaseEvent,
    CaseHandoverOffered,
    CaseOverdue,
    CaseOwnerChanged,
    CaseProgressed,
    CaseRaised,
    CaseReturned,
    CaseRouted,
    CaseTaskAnswered,
    CaseTaskOpened,
    CaseTriageNeeded,
)

Channel = Literal["mail", "call"]
"""How somebody is told. A call goes to whoever is on duty, by a second channel beside the mails."""

Role = Literal[
    "owner",
    "cc",
    "colleague",
    "secretary",
    "team",
    "partner",
    "duty",
    "triage",
    "desk",
    "offered",
    "former",
    "call",
]
"""What makes somebody a recipient.

`colleague` is the one just copied in, `duty` a team's inbox that is always read, `partner` the team with a part of the
case, `triage` the triage team while the case waits there, `desk` the triage team in any state, `offered` a councillor
who may take the case over, `former` the one who had it, `call` whoever is on duty, told by a call.
"""


class Told(NamedTuple):
    """A row of the matrix: what the mail is, and who gets it."""

    what: str
    whom: tuple[Role, ...]


NOBODY = Told("", ())

MATRIX: Mapping[type[CaseEvent], Told] = MappingProxyType(
    {
        CaseRaised: Told("receipt", ("owner", "cc", "secretary")),
        CaseRouted: Told("new-case", ("team", "duty", "call")),
        CaseTriageNeeded: Told("triage", ("triage", "duty", "call")),
        CaseReturned: NOBODY,  # routing decides again, and whoever gets the case next is told
        CaseAssigned: Told("assigned", ("owner", "secretary", "team", "duty", "call")),
        CaseTaskOpened: Told("task", ("partner", "duty")),
        CaseTaskAnswered: Told("task-answered", ("team",)),
        CaseAlerted: Told("alert", ("duty", "call")),
        CaseHandoverOffered: Told("handover", ("offered", "desk")),
        CaseOwnerChanged: Told("owner-changed", ("owner", "former", "team", "triage")),
        CaseAcknowledged: Told("acknowledged", ("owner", "secretary")),
        CaseProgressed: Told("progress", ("owner", "cc", "secretary")),
        CaseCommitted: Told("commitment", ("owner", "cc", "secretary", "team")),
        CaseAnswered: Told("answer", ("owner", "cc", "secretary")),
        CaseCompleted: Told("completion", ("owner", "cc", "secretary")),
        CaseAutocloseExtended: NOBODY,  # the owner did it, and nobody else has to act
        CaseAutocloseWarned: Told("autoclose-warning", ("owner", "secretary")),
        CaseOverdue: Told("overdue", ("owner", "secretary", "team", "triage", "partner", "duty")),
        CaseCcAdded: Told("copied-in", ("colleague",)),
        CaseCcRemoved: NOBODY,  # removal ends the notices
        CaseClosed: Told("closed", ("owner", "cc", "secretary", "team")),
    }
)
"""Who is told of which fact (domain 2.7). `triage` is told instead of `team` while the case waits in triage, `partner`
instead of both of a part that is late. `duty` and `call` are told of danger only, cases on the urgent lane; `duty`
where the team has a duty inbox of its own: nobody is told twice. Who had the case is told one last time, if there is an
address left. Whoever cannot act any more, because the seat or the portfolio has gone, is told of nothing else, whether
the case is still theirs or they follow it."""

WORDING: Mapping[Role, str] = MappingProxyType(
    {
        "owner": "owner",
        "secretary": "owner",
        "cc": "cc",
        "colleague": "cc",
        "team": "team",
        "partner": "team",
        "triage": "team",
        "duty": "duty",
        "desk": "desk",
        "offered": "offered",
        "former": "former",
    }
)
"""Which wording of a mail a role reads: the owner and a colleague are told differently."""
