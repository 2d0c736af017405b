"""Who is told of what, and how long it is tried."""

from datetime import date, timedelta

import pytest

from services.notifier.domain import MATRIX, pause_after
from shared.events import (
    CATALOGUE,
    CaseAcknowledged,
    CaseAnswered,
    CaseAutocloseExtended,
    CaseAutocloseWarned,
    CaseCcAdded,
    CaseCcRemoved,
    CaseClosed,
    CaseCommitted,
    CaseCompleted,
    CaseEvent,
    CaseOverdue,
    CaseProgressed,
    CaseRaised,
    CaseRouted,
    CaseTriageNeeded,
)
from tests.notifier.fakes import AT, EVENT, case, notices, with_duty_inbox

IN_TRIAGE = case(team="members-desk", state="triage")
EVENTS: dict[str, CaseEvent] = {
    "raised": CaseRaised(at=AT, case=case(), raised_on=date(2026, 3, 2)),
    "routed": CaseRouted(at=AT, case=case(), team="lighting", rule="r1", rules_version="7", reason="service-rule"),
    "triage needed": CaseTriageNeeded(at=AT, case=IN_TRIAGE, rules_version="7", reason="no-rule"),
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
# case is cabinet work, department, and the department's duty inbox if the case is dangerous. Digests and administrators
# are not told by these mails.
COUNCIL_MATRIX = """
event               | owner | cc  | secretary | department | of danger
raised              | yes   | yes | yes       | -          | -
routed              | -     | -   | -         | team       | duty
triage needed       | -     | -   | -         | triage     | triage duty
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
    "triage": {"team:members-desk"},
    "triage duty": {"duty:members-desk"},
}


@pytest.mark.parametrize("lane", ["normal", "urgent"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_everybody_in_the_matrix_is_told_and_nobody_else(row: tuple[str, ...], lane: str) -> None:
    name, owner, cc, secretary, department, of_danger = row
    changes = {"capacity": "cabinet", "secretary": "off-cedar", "lane": lane}
    event = EVENTS[name].model_copy(update={"case": EVENTS[name].case.model_copy(update=changes)})

    told = {notice.recipient for notice in notices(event)}

    expected = DEPARTMENT[department] | (DEPARTMENT[of_danger] if lane == "urgent" else set())
    expected |= {"cllr-alder"} if owner == "yes" else set()
    expected |= {"cllr-birch"} if cc in ("yes", "new") else set()
    expected |= {"off-cedar"} if secretary == "yes" else set()
    assert told == expected


def test_the_matrix_has_a_row_for_every_fact_of_the_case_stream() -> None:
    facts = {event for event in CATALOGUE.values() if issubclass(event, CaseEvent)}

    assert set(MATRIX) == facts == {type(event) for event in EVENTS.values()}


def test_the_secretary_is_not_told_of_ward_casework() -> None:
    event = CaseAnswered(at=AT, case=case(capacity="ward", secretary="off-cedar"))

    assert "off-cedar" not in {notice.recipient for notice in notices(event)}


def test_of_danger_the_duty_inbox_is_told_as_well() -> None:
    event = CaseRouted(
        at=AT, case=case(lane="urgent"), team="lighting", rule="r1", rules_version="7", reason="service-rule"
    )

    told = {notice.recipient: notice.template for notice in notices(event)}

    assert told == {"team:lighting": "new-case-team", "duty:lighting": "new-case-duty"}


@pytest.mark.parametrize("address", [None, "lighting@exampleton.example", "Lighting@Exampleton.example"])
@pytest.mark.parametrize("name", ["routed", "breached"])
def test_a_team_without_a_duty_inbox_of_its_own_is_told_of_danger_once(name: str, address: str | None) -> None:
    event = EVENTS[name].model_copy(update={"case": case(lane="urgent")})

    told = [notice.recipient for notice in notices(event, directory=with_duty_inbox(address))]

    assert [each for each in told if each.endswith(":lighting")] == ["team:lighting"]


def test_a_case_in_triage_is_overdue_at_the_triage_team_in_its_role() -> None:
    event = CaseOverdue(at=AT, case=IN_TRIAGE, clock="acknowledge", due=AT)

    told = {(notice.recipient, notice.role, notice.template) for notice in notices(event)}

    assert ("team:members-desk", "triage", "overdue-team") in told
    assert len(told) == len({recipient for recipient, _, _ in told}) == 2


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


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (8, 640), (9, 900), (10, 900), (100_000, 900)]
)
def test_pauses_double_from_five_seconds_to_a_quarter_of_an_hour(attempts: int, seconds: int) -> None:
    assert pause_after(attempts) == timedelta(seconds=seconds)
