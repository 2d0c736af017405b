"""Whether a case or report may be raised, and what it looks like when it is.

What is personal or free text goes into the texts beside the fact, never into the fact.
"""

from datetime import date

from services.intake.domain import words
from services.intake.domain.capacity import about_the_capacity, portfolio_of
from services.intake.domain.case import Case, Facts
from services.intake.domain.clocks import decide_targets
from services.intake.domain.forms import form_of, form_texts, refuse_form
from services.intake.domain.guards import acting_for_another
from services.intake.domain.policy import permits
from shared.commands import RaiseCase, Refusal, case_id_for, refuse_conflict, refuse_invalid
from shared.council import URGENT_IMPACTS, Directory, ServiceType
from shared.events import CaseRaised, CaseState, Fact, Lane


def raise_case(case: Case | None, command: RaiseCase, directory: Directory) -> Facts | Refusal:
    """Raise a case for a resident, or report a problem."""
    if case is not None:
        return refuse_conflict("raised-already", "This case has been raised already: read it under its reference.")
    today = directory.calendar.local_date(command.at)
    flags = tuple(dict.fromkeys(command.flags))
    service = directory.service(command.service)
    refusal = (
        _about_the_person(command, directory, today)
        or about_the_capacity(command, directory, today)
        or _about_the_service(command, service, flags, directory)
        or _about_the_ward(command, directory, today)
        or _about_the_cc(command, directory, today)
        or _about_the_words(command, directory, service)
        or refuse_form(command, service, directory, today)
    )
    if refusal:
        return refusal
    dangerous = service is not None and service.is_danger(frozenset(flags))
    lane: Lane = "urgent" if dangerous or command.impact in URGENT_IMPACTS else "normal"
    public = CaseState(
        id=case_id_for(command.reference),
        reference=command.reference,
        kind=command.kind,
        state="raised",
        owner=command.actor,
        cc=tuple(dict.fromkeys(command.cc)),
        capacity=command.capacity,
        portfolio=portfolio_of(command, directory, today),
        service=command.service,
        ward=command.ward,
        lane=lane,
        impact=command.impact,
    )
    form = form_of(command, service)
    raised = CaseRaised(
        at=command.at,
        case=public,
        raised_on=today,
        flags=flags,
        council_version=directory.number,
        targets=decide_targets(service, command.kind, frozenset(flags), lane, directory),
        features=tuple(sorted(directory.features_of(command.actor, today))),
        form=form.digest() if form else None,
    )
    return (Fact(raised, _texts(command) | form_texts(command, service)),)


def _about_the_person(command: RaiseCase, directory: Directory, today: date) -> Refusal | None:
    if command.on_behalf_of not in {None, command.actor}:
        return acting_for_another()
    if directory.councillor(command.actor) is None or not permits("councillor", command.name):
        sentence = "Ask the councillor it is for to raise it, or ask Democratic Services whether the account is right."
        return Refusal(code="not-a-councillor", kind="forbidden", sentence=f"{words.WHO_MAY[command.name]} {sentence}")
    if not directory.serving(command.actor, today):
        sentence = "You hold no seat today. Ask a serving councillor of the ward, or Democratic Services."
        return Refusal(code="not-serving", kind="forbidden", sentence=f"{words.WHO_MAY[command.name]} {sentence}")
    return None


def _about_the_service(
    command: RaiseCase, service: ServiceType | None, flags: tuple[str, ...], directory: Directory
) -> Refusal | None:
    today = directory.calendar.local_date(command.at)
    offered = [each for each in directory.council.services if each.holds_on(today)]
    unsure = words.named((each.code, each.name) for each in offered if each.triage)
    if service is None:
        sentence = f"There is no such service: choose one from the list of services. If you are not sure: {unsure}."
        return refuse_invalid("unknown-service", "service", sentence)
    if service not in offered:
        sentence = f"{service.name} is not offered today: choose another service. If you are not sure: {unsure}."
        return refuse_invalid("service-not-offered", "service", sentence)
    if service.kind == "signpost":
        sentence = f"The council does not answer for {service.name}. {service.signpost}"
        return refuse_invalid("signpost", "service", sentence)
    if service.kind != command.kind:
        fix = "report it (`kind: report`)" if service.kind == "report" else "raise a case (`kind: case`)"
        return refuse_invalid("wrong-kind", "kind", f"For {service.name}, {fix}.")
    known = {flag.code: flag.label for flag in service.flags}
    if not known.keys() >= set(flags):
        fix = f"choose among {words.named(known.items())}" if known else "it has none, so leave `flags` out"
        sentence = f"{service.name} does not know one of the flags: {fix}."
        return refuse_invalid("unknown-flag", "flags", sentence)
    return None


def _about_the_ward(command: RaiseCase, directory: Directory, today: date) -> Refusal | None:
    own = directory.wards_of(command.actor, today)
    if command.ward in own:
        return None
    choice = words.named((code, ward.name) for code in own if (ward := directory.ward(code)))
    ward = directory.ward(command.ward)
    if ward is not None and ward.holds_on(today) and command.capacity == "cabinet":
        return None
    if ward is None or not ward.holds_on(today):
        return refuse_invalid(
            "unknown-ward", "ward", f"There is no such ward today. You serve {choice}: choose from it."
        )
    sentence = (
        f"You serve {choice}, not {ward.name}: choose a ward of yours, or ask a councillor of {ward.name} to raise it."
    )
    return refuse_invalid("not-your-ward", "ward", sentence)


def _about_the_cc(command: RaiseCase, directory: Directory, today: date) -> Refusal | None:
    fellows = directory.fellow_councillors(command.ward, today) - {command.actor}
    if set(command.cc) <= fellows:
        return None
    known = words.named((each, person.full_name) for each in fellows if (person := directory.councillor(each)))
    sentence = f"Only fellow councillors of the ward, and not yourself, can be cc'd: choose among {known}."
    return refuse_invalid("not-a-fellow-councillor", "cc", sentence)


def _about_the_words(command: RaiseCase, directory: Directory, service: ServiceType | None) -> Refusal | None:
    policies = directory.council.policies
    if len(command.summary) > policies.summary_max_length:
        sentence = f"The summary is too long: say it in {policies.summary_max_length} characters."
        return refuse_invalid("summary-too-long", "summary", sentence)
    if len(command.description) > policies.description_max_length:
        sentence = f"The description is too long: say it in {policies.description_max_length} characters."
        return refuse_invalid("description-too-long", "description", sentence)
    if command.location is None and (command.kind == "report" or (service and service.location_required)):
        sentence = "Say where it is: a street, a place or a property reference."
        return refuse_invalid("location-missing", "location", sentence)
    if command.on_behalf == "named-constituent" and command.constituent is None:
        sentence = "Say who the resident is, or choose another value for `on_behalf`, such as anonymous."
        return refuse_invalid("constituent-missing", "constituent", sentence)
    if command.on_behalf == "anonymous" and command.constituent is not None:
        sentence = "An anonymous case names nobody: leave out the resident, or say `on_behalf: named-constituent`."
        return refuse_invalid("constituent-not-anonymous", "constituent", sentence)
    return None


def _texts(command: RaiseCase) -> dict[str, str]:
    """Put what must stay confidential beside the fact."""
    texts = {
        "summary": command.summary,
        "description": command.description,
        "on_behalf": command.on_behalf,
    }
    if command.location:
        texts["location"] = command.location
    if command.constituent:
        texts["constituent"] = command.constituent.model_dump_json()
        texts["share_constituent"] = "yes" if command.share_constituent else "no"
    return texts
