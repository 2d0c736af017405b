"""Who is told of what, by mail or by a call, and how long it is tried."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.notifier.domain import MATRIX, is_given_up, notice_id, pause_after
from shared.council import CabinetPost, Directory
from shared.events import (
    CATALOGUE,
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
    Task,
)
from tests.notifier.fakes import AT, COUNCIL, EVENT, case, notices, with_duty_inbox

IN_TRIAGE = case(team="members-desk", state="triage")
EVENTS: dict[str, CaseEvent] = {
    "raised": CaseRaised(at=AT, case=case(), raised_on=date(2026, 3, 2)),
    "routed": CaseRouted(at=AT, case=case(), team="lighting", rule="r1", rules_version="7", reason="service-rule"),
    "triage needed": CaseTriageNeeded(at=AT, case=IN_TRIAGE, rules_version="7", reason="no-rule"),
    "returned": CaseReturned(at=AT, case=case(team=None, state="raised"), team="lighting", reason="not-ours", times=1),
    "assigned": CaseAssigned(at=AT, case=case(), team="lighting", former="members-desk"),
    "part opened": CaseTaskOpened(at=AT, case=case(), number=1, team="drains", due=AT),
    "part done": CaseTaskAnswered(at=AT, case=case(), number=1, team="drains"),
    "alerted": CaseAlerted(at=AT, case=case(lane="urgent"), round=1, level=1, team="lighting", officer="off-cedar"),
    "handover offered": CaseHandoverOffered(
        at=AT, case=case(), to=("cllr-birch", "cllr-dogwood"), reason="left-office"
    ),
    "owner changed": CaseOwnerChanged(
        at=AT, case=case(), owner="cllr-alder", former="cllr-dogwood", reason="taken-over"
    ),
    "acknowledged": CaseAcknowledged(at=AT, case=case(), team="lighting"),
    "progress": CaseProgressed(at=AT, case=case()),
    "commitment": CaseCommitted(at=AT, case=case(), promised=date(2026, 3, 20)),
    "final response": CaseAnswered(at=AT, case=case()),
    "completed": CaseCompleted(at=AT, case=case(), reason="done"),
    "auto-close extended": CaseAutocloseExtended(at=AT, case=case(), until=date(2026, 5, 1)),
    "auto-close warning": CaseAutocloseWarned(at=AT, case=case(), closes_at=AT),
    "breached": CaseOverdue(at=AT, case=case(), clock="answer", due=AT),
    "cc added": CaseCcAdded(at=AT, case=case(), person="cllr-birch"),
    "cc removed": CaseCcRemoved(at=AT, case=case(), person="cllr-birch"),
    "closed": CaseClosed(at=AT, case=case(), reason="auto"),
}

# The rows of the council's notification matrix (domain 2.7) for the events that exist: owner, cc, secretary where the
# case is cabinet work, other councillors, department, and if the case is dangerous the department's duty inbox and
# whoever is on duty. Digests and administrators are not told by these mails.
COUNCIL_MATRIX = """
event               | owner | cc  | secretary | department | of danger
raised              | yes   | yes | yes       | -          | -
routed              | -     | -   | -         | team       | duty call
triage needed       | -     | -   | -         | triage     | triage duty
returned            | -     | -   | -         | -          | -
assigned            | yes   | -   | yes       | team       | duty call
part opened         | -     | -   | -         | partner    | -
part done           | -     | -   | -         | team       | -
alerted             | -     | -   | -         | -          | duty officer
handover offered    | -     | ask | -         | triage     | -
owner changed       | yes   | old | -         | team       | -
acknowledged        | yes   | -   | yes       | -          | -
progress            | yes   | yes | yes       | -          | -
commitment          | yes   | yes | yes       | team       | -
final response      | yes   | yes | yes       | -          | -
completed           | yes   | yes | yes       | -          | -
auto-close extended | -     | -   | -         | -          | -
auto-close warning  | yes   | -   | yes       | -          | -
breached            | yes   | -   | yes       | team       | duty
cc added            | -     | new | -         | -          | -
cc removed          | -     | -   | -         | -          | -
closed              | yes   | yes | yes       | team       | -
"""
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in COUNCIL_MATRIX.strip().splitlines()[1:]]
DEPARTMENT: dict[str, set[str]] = {
    "-": set(),
    "team": {"team:lighting"},
    "duty": {"duty:lighting"},
    "duty call": {"duty:lighting", "call:lighting"},
    "duty officer": {"duty:lighting", "off-cedar"},
    "triage": {"team:members-desk"},
    "triage duty": {"duty:members-desk", "call:members-desk"},
    "partner": {"team:drains"},
}
COUNCILLORS: dict[str, set[str]] = {
    "-": set(),
    "yes": {"cllr-birch"},
    "new": {"cllr-birch"},
    "ask": {"cllr-birch", "cllr-dogwood"},
    "old": {"cllr-dogwood"},
}


@pytest.mark.parametrize("lane", ["normal", "urgent"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_everybody_in_the_matrix_is_told_and_nobody_else(row: tuple[str, ...], lane: str) -> None:
    name, owner, cc, secretary, department, of_danger = row
    changes = {"capacity": "cabinet", "secretary": "off-cedar", "lane": lane}
    event = EVENTS[name].model_copy(update={"case": EVENTS[name].case.model_copy(update=changes)})

    told = {notice.recipient for notice in notices(event)}

    danger = lane == "urgent" or name == "alerted"
    expected = DEPARTMENT[department] | (DEPARTMENT[of_danger] if danger else set())
    expected |= {"cllr-alder"} if owner == "yes" else set()
    expected |= COUNCILLORS[cc]
    expected |= {"off-cedar"} if secretary == "yes" else set()
    assert told == expected


def test_the_matrix_has_a_row_for_every_fact_of_the_case_stream() -> None:
    facts = {event for event in CATALOGUE.values() if issubclass(event, CaseEvent)}

    assert set(MATRIX) == facts == {type(event) for event in EVENTS.values()}


def test_the_secretary_is_not_told_of_ward_casework() -> None:
    event = CaseAnswered(at=AT, case=case(capacity="ward", secretary="off-cedar"))

    assert "off-cedar" not in {notice.recipient for notice in notices(event)}


def test_of_danger_the_duty_inbox_is_told_as_well_and_whoever_is_on_duty_called() -> None:
    event = CaseRouted(
        at=AT, case=case(lane="urgent"), team="lighting", rule="r1", rules_version="7", reason="service-rule"
    )

    told = {notice.recipient: (notice.channel, notice.template) for notice in notices(event)}

    assert told == {
        "team:lighting": ("mail", "new-case-team"),
        "duty:lighting": ("mail", "new-case-duty"),
        "call:lighting": ("call", "call-new-danger"),
    }


@pytest.mark.parametrize("address", [None, "lighting@exampleton.example", "Lighting@Exampleton.example"])
@pytest.mark.parametrize("name", ["routed", "breached"])
def test_a_team_without_a_duty_inbox_of_its_own_is_told_of_danger_once(name: str, address: str | None) -> None:
    event = EVENTS[name].model_copy(update={"case": case(lane="urgent")})

    told = [notice.recipient for notice in notices(event, directory=with_duty_inbox(address))]

    assert [each for each in told if each.endswith(":lighting") and not each.startswith("call:")] == ["team:lighting"]


def test_a_case_in_triage_is_overdue_at_the_triage_team_in_its_role() -> None:
    event = CaseOverdue(at=AT, case=IN_TRIAGE, clock="acknowledge", due=AT)

    told = {(notice.recipient, notice.role, notice.template) for notice in notices(event)}

    assert ("team:members-desk", "triage", "overdue-team") in told
    assert len(told) == len({recipient for recipient, _, _ in told}) == 2


@pytest.mark.parametrize(
    "changes", [{}, {"team": "members-desk", "state": "triage"}, {"team": None, "state": "raised"}]
)
def test_of_a_part_that_is_late_the_team_that_has_it_is_told(changes: dict[str, str | None]) -> None:
    tasks = (Task(number=1, team="lighting", done=True), Task(number=2, team="drains"))
    event = CaseOverdue(at=AT, case=case(tasks=tasks, **changes), clock="task", due=AT, number=2)

    told = notices(event)

    assert [(each.recipient, each.template) for each in told] == [
        ("cllr-alder", "overdue-owner"),
        ("team:drains", "overdue-team"),
    ]
    assert {(each.facts.overdue, each.facts.part_team) for each in told} == {("task", "drains")}


def test_of_a_late_part_of_a_danger_the_duty_inbox_of_its_team_is_told() -> None:
    tasks = (Task(number=1, team="members-desk"),)
    event = CaseOverdue(at=AT, case=case(tasks=tasks, lane="urgent"), clock="task", due=AT, number=1)

    assert {each.recipient for each in notices(event)} == {"cllr-alder", "team:members-desk", "duty:members-desk"}


def test_owner_and_colleague_are_told_in_different_words() -> None:
    templates = {notice.recipient: notice.template for notice in notices(EVENTS["closed"])}

    assert templates["cllr-alder"] != templates["cllr-birch"]


def test_the_same_event_gives_the_same_notices_again() -> None:
    assert notices(EVENTS["closed"]) == notices(EVENTS["closed"])


def test_no_two_notices_of_one_event_or_of_two_share_an_id() -> None:
    told = [*notices(EVENTS["closed"]), *notices(EVENTS["closed"], "another-event")]

    assert len({notice.id for notice in told}) == len(told)


def test_a_colleague_named_twice_is_told_once() -> None:
    event = CaseAnswered(at=AT, case=case(cc=("cllr-birch", "cllr-birch")))

    assert [notice.recipient for notice in notices(event)] == ["cllr-alder", "cllr-birch"]


def test_a_notice_knows_what_it_is_about() -> None:
    notice = notices(EVENTS["commitment"])[0]

    assert (notice.event, notice.reference, notice.caseseq) == (EVENT, "CW-7K2M9-Q4T1X", 3)
    assert notice.facts.promised == date(2026, 3, 20)


NIGHT = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)


def called(event: CaseEvent) -> tuple[str, str | None, str | None, int, int]:
    """Give whom the one call of an event goes to, and what it says: officer, team, level and round."""
    (told,) = [each for each in notices(event) if each.channel == "call"]
    return told.recipient, told.facts.officer, told.facts.team, told.facts.level, told.facts.round


def test_the_officer_on_the_rota_is_called_by_name_outside_office_hours() -> None:
    event = CaseAssigned(at=NIGHT, case=case(lane="urgent"), team="lighting")

    assert called(event) == ("off-cedar", "off-cedar", "lighting", 0, 0)


def test_the_officer_routing_has_found_is_called() -> None:
    event = CaseRouted(
        at=AT, case=case(lane="urgent"), team="lighting", rule="r1", rules_version="7", reason="duty", duty="off-cedar"
    )

    assert called(event) == ("off-cedar", "off-cedar", "lighting", 0, 0)


def test_of_an_alert_whoever_stands_at_its_level_is_called_or_whoever_is_on_duty_in_the_team() -> None:
    named = CaseAlerted(at=NIGHT, case=case(lane="urgent"), round=2, level=2, team="lighting", officer="off-ash")
    nobody = CaseAlerted(at=NIGHT, case=case(lane="urgent"), round=4, level=3, team="lighting")

    assert called(named) == ("off-ash", "off-ash", "lighting", 2, 2)
    assert called(nobody) == ("call:lighting", None, "lighting", 3, 4)


def test_a_danger_in_triage_is_called_out_at_the_triage_team() -> None:
    event = CaseTriageNeeded(at=AT, case=case(team=None, state="triage", lane="urgent"), rules_version="7", reason="x")

    assert called(event) == ("call:members-desk", None, "members-desk", 0, 0)


def test_an_alert_reaches_a_team_without_a_duty_inbox_at_its_inbox() -> None:
    told = {each.recipient: each.template for each in notices(EVENTS["alerted"], directory=with_duty_inbox(None))}

    assert told == {"team:lighting": "alert-duty", "off-cedar": "call-unacknowledged"}


@pytest.mark.parametrize(("number", "team"), [(0, "lighting"), (0, "drains"), (1, "lighting")])
def test_the_leading_team_is_not_told_of_its_own_part(number: int, team: str) -> None:
    assert notices(CaseTaskAnswered(at=AT, case=case(), number=number, team=team)) == []


def test_a_team_with_a_part_of_a_danger_is_told_at_its_duty_inbox_as_well_and_nobody_is_called() -> None:
    event = CaseTaskOpened(at=AT, case=case(team="drains", lane="urgent"), number=1, team="lighting", due=AT)

    told = {each.recipient: each.template for each in notices(event)}

    assert told == {"team:lighting": "task-team", "duty:lighting": "task-duty"}


def test_whoever_can_no_longer_act_is_not_asked_to_take_over() -> None:
    event = CaseHandoverOffered(at=AT, case=case(), to=("cllr-alder", "cllr-birch"), reason="left-office")

    assert {each.recipient for each in notices(event)} == {"cllr-birch", "team:members-desk"}


@pytest.mark.parametrize("name", ["progress", "final response", "breached", "closed"])
def test_whoever_holds_no_seat_any_more_is_told_no_more_of_a_case(name: str) -> None:
    left = EVENTS[name].case.model_copy(update={"owner": "cllr-dogwood", "cc": ("cllr-dogwood", "cllr-birch")})
    event = EVENTS[name].model_copy(update={"case": left})

    assert "cllr-dogwood" not in {each.recipient for each in notices(event)}


@pytest.mark.parametrize(("held_until", "told"), [(date(2026, 3, 2), True), (date(2026, 3, 1), False)])
def test_an_owner_is_told_up_to_the_last_day_of_the_seat(held_until: date, *, told: bool) -> None:
    leaver, *rest = COUNCIL.councillors
    leaver = leaver.model_copy(update={"seats": (leaver.seats[0].model_copy(update={"valid_to": held_until}),)})
    directory = Directory(COUNCIL.model_copy(update={"councillors": (leaver, *rest)}))

    recipients = {each.recipient for each in notices(EVENTS["final response"], directory=directory)}

    assert recipients == {"cllr-birch"} | ({"cllr-alder"} if told else set())


@pytest.mark.parametrize(("holder", "told"), [("cllr-alder", True), ("cllr-birch", False)])
def test_of_cabinet_business_whoever_has_the_portfolio_is_told(holder: str, *, told: bool) -> None:
    post = CabinetPost(id="leader", portfolio="leader", councillor=holder)
    directory = Directory(COUNCIL.model_copy(update={"posts": (post,)}))
    event = CaseAnswered(at=AT, case=case(capacity="cabinet", portfolio="leader", cc=()))

    assert {each.recipient for each in notices(event, directory=directory)} == ({"cllr-alder"} if told else set())


def test_a_handover_that_nobody_can_be_asked_for_is_told_to_the_desk() -> None:
    event = CaseHandoverOffered(at=AT, case=case(), to=(), reason="left-office")

    assert [(each.recipient, each.role, each.template) for each in notices(event)] == [
        ("team:members-desk", "desk", "handover-desk")
    ]


@pytest.mark.parametrize("former", ["cllr-gone", "cllr-alder"])
def test_a_former_owner_without_an_address_or_who_is_still_the_owner_is_not_told(former: str) -> None:
    event = CaseOwnerChanged(at=AT, case=case(), owner="cllr-alder", former=former, reason="transferred")

    assert {each.recipient for each in notices(event)} == {"cllr-alder", "team:lighting"}


def test_a_new_owner_of_a_case_in_triage_is_told_to_the_triage_team() -> None:
    event = CaseOwnerChanged(at=AT, case=IN_TRIAGE, owner="cllr-alder", former="cllr-gone", reason="transferred")

    assert {each.recipient for each in notices(event)} == {"cllr-alder", "team:members-desk"}


def test_a_mail_keeps_the_id_it_had_before_there_were_calls_and_a_call_has_another() -> None:
    # sha256 of "event-1|cllr-alder|answer-owner", as versions before this one wrote it
    before = "521c3366a5418633eac1017bef11a091f2952048d7c662e9f19e4b212cf17dbc"

    assert notice_id("event-1", "cllr-alder", "answer-owner") == before
    assert notice_id("event-1", "cllr-alder", "answer-owner", "call") != before


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (8, 640), (9, 900), (10, 900), (100_000, 900)]
)
def test_pauses_double_from_five_seconds_to_a_quarter_of_an_hour(attempts: int, seconds: int) -> None:
    assert pause_after(attempts) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 1), (2, 2), (5, 16), (6, 30), (100_000, 30)])
def test_a_call_is_tried_again_within_seconds(attempts: int, seconds: int) -> None:
    assert pause_after(attempts, "call") == timedelta(seconds=seconds)


def test_a_mail_is_given_up_after_three_days_and_a_call_after_an_hour() -> None:
    assert [is_given_up(AT, AT + timedelta(hours=hours)) for hours in (71, 72)] == [False, True]
    assert [is_given_up(AT, AT + timedelta(minutes=minutes), "call") for minutes in (59, 60)] == [False, True]
