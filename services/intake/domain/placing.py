"""Which team has the case, where people decide: a team gives it back, Democratic Services or a manager give it away.

The clocks of the councillor's wait run on, whoever has the case. Parts of other teams stay with them.
"""

from services.intake.domain import words
from services.intake.domain.alerting import alert_clock
from services.intake.domain.case import LEAD, Facts
from services.intake.domain.clocks import OF_THE_CLOSE, acknowledge_clock, answer_owed, without
from services.intake.domain.decisions import decision
from services.intake.domain.guards import Standing, receiving_teams
from shared.commands import Assign, Refusal, ReturnCase, refuse_invalid
from shared.events import CaseAssigned, CaseReturned, CaseState, Fact, Task


@decision
def return_case(standing: Standing, command: ReturnCase) -> Facts | Refusal:
    """Give the case back as misrouted: it waits for routing again, and every clock runs on."""
    case, directory = standing.case, standing.directory
    if directory.reason("return", command.reason, standing.today) is None:
        known = words.named((each.id, each.label) for each in directory.reasons("return", standing.today))
        return refuse_invalid("unknown-reason", "reason", f"There is no such reason today: choose among {known}.")
    suggested = directory.team(command.suggestion) if command.suggestion else None
    if command.suggestion == case.public.team:
        sentence = "This is your own team: name another one, or leave `suggestion` out."
        return refuse_invalid("own-team", "suggestion", sentence)
    if command.suggestion and (suggested is None or not suggested.holds_on(standing.today)):
        sentence = "There is no such team today: name another one, or leave `suggestion` out."
        return refuse_invalid("unknown-team", "suggestion", sentence)
    fact = CaseReturned(
        at=standing.now,
        case=case.public.model_copy(update={"state": "raised", "team": None, "tasks": _of_others(case.public)}),
        team=case.public.team or "",
        reason=command.reason,
        suggestion=command.suggestion,
        times=case.returned.times + 1 if case.returned else 1,
        rule=case.routing.rule if case.routing else None,
        rules_version=case.routing.version if case.routing else None,
        flags=case.flags,
    )
    return (Fact(fact, {"text": command.text}),)


@decision
def assign(standing: Standing, command: Assign) -> Facts | Refusal:
    """Give the case to a team by hand; its time to acknowledge counts from now, the time to answer goes on."""
    case, directory = standing.case, standing.directory
    if command.restart_clock and not standing.places:
        sentence = "Only Democratic Services can give a case new time to answer: leave `restart_clock` out."
        return Refusal(code="not-yours-to-restart", kind="forbidden", field="restart_clock", sentence=sentence)
    choice = receiving_teams(standing)
    if command.team not in choice:
        whose = "" if standing.places else " of your department"
        known = words.named((each, team.name) for each in choice if (team := directory.team(each)))
        sentence = f"Choose another team{whose} that there is today: {known}."
        return refuse_invalid("not-a-receiving-team", "team", sentence)
    clocks = (
        acknowledge_clock(case, standing.next_seq, directory, standing.now),
        *answer_owed(case, standing.next_seq, standing.now, directory, restart=command.restart_clock),
        *alert_clock(case, standing.now, standing.next_seq, directory),
        *without(case.public.clocks, "acknowledge", "answer", "alert", *OF_THE_CLOSE),
    )
    after = case.public.model_copy(
        update={"state": "with_team", "team": command.team, "tasks": _of_others(case.public), "clocks": clocks}
    )
    fact = CaseAssigned(at=standing.now, case=after, team=command.team, former=case.public.team)
    return (Fact(fact, {"text": command.text}),)


def _of_others(public: CaseState) -> tuple[Task, ...]:
    """Leave the parts of other teams: what the former team did of its own is not the next one's."""
    return tuple(task for task in public.tasks if task.number != LEAD)
