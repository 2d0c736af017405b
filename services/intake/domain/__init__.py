"""What intake decides about a case; told the time, no I/O, no framework.

A decision returns facts or a refusal and never changes anything: only `evolve` gives a case its next state.
"""

from services.intake.domain.case import REASONS, Case, Facts, Routing, evolve
from services.intake.domain.decisions import (
    accept,
    acknowledge,
    add_cc,
    add_progress,
    answer,
    commit,
    complete,
    extend_auto_close,
    remove_cc,
)
from services.intake.domain.filed import CaseOnFile, Record
from services.intake.domain.guards import offered
from services.intake.domain.handing_over import take_over, transfer_owner
from services.intake.domain.parts import answer_task, open_task
from services.intake.domain.placing import assign, return_case
from services.intake.domain.policy import Membership, Role, TeamWork, membership, role_of, team_work
from services.intake.domain.raising import raise_case
from services.intake.domain.reactions import OutOfPlace, fire, review, route, send_to_triage
from services.intake.domain.sight import NAMING_FIELDS
from services.intake.domain.views import case_summary, case_view, event_views

__all__ = [
    "NAMING_FIELDS",
    "REASONS",
    "Case",
    "CaseOnFile",
    "Facts",
    "Membership",
    "OutOfPlace",
    "Record",
    "Role",
    "Routing",
    "TeamWork",
    "accept",
    "acknowledge",
    "add_cc",
    "add_progress",
    "answer",
    "answer_task",
    "assign",
    "case_summary",
    "case_view",
    "commit",
    "complete",
    "event_views",
    "evolve",
    "extend_auto_close",
    "fire",
    "membership",
    "offered",
    "open_task",
    "raise_case",
    "remove_cc",
    "return_case",
    "review",
    "role_of",
    "route",
    "send_to_triage",
    "take_over",
    "team_work",
    "transfer_owner",
]
