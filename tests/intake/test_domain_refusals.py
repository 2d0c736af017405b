"""Bad input that intake answers for: each refusal names the field and says what to do instead."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.commands import AddCc, Commit, ExtendAutoClose, RaiseCase, Refusal, RemoveCc
from shared.council import Directory, Policies
from shared.events import CaseRaised, Fact
from tests.intake.results import refused
from tests.intake.stories import (
    CANARY,
    COLLEAGUE,
    DIRECTORY,
    FORMER,
    MONDAY,
    OFFICER,
    OWNER,
    STRANGER,
    THIRD,
    Story,
    for_resident,
    make_council,
    order,
    raising,
    reporting,
    tell,
)


def raised(result: object) -> Fact:
    assert isinstance(result, tuple), result
    (fact,) = result
    assert isinstance(fact, Fact)
    return fact


@pytest.mark.parametrize(
    ("command", "code", "field", "says"),
    [
        (raising(service="bicycles"), "unknown-service", "service", "choose one from the list of services"),
        (raising(service="bicycles"), "unknown-service", "service", "I am not sure (not-sure)"),
        (raising(service="trains"), "signpost", "service", "Write to the railway company"),
        (raising(service="fly-tipping"), "wrong-kind", "kind", "report it (`kind: report`)"),
        (reporting(service="repairs"), "wrong-kind", "kind", "raise a case (`kind: case`)"),
        (raising(ward="atlantis"), "unknown-ward", "ward", "You serve Abbey (abbey): choose from it"),
        (raising(ward="oldfield"), "unknown-ward", "ward", "You serve Abbey (abbey): choose from it"),
        (
            raising(ward="langley"),
            "not-your-ward",
            "ward",
            "You serve Abbey (abbey), not Langley: choose a ward of yours",
        ),
        (reporting(location=None), "location-missing", "location", "Say where it is"),
        (reporting(flags=("explosive",)), "unknown-flag", "flags", "Asbestos (asbestos), Blocks the way (blocking)"),
        (reporting(flags=("danger",)), "unknown-flag", "flags", "Asbestos (asbestos), Blocks the way (blocking)"),
        (raising(flags=("danger",)), "unknown-flag", "flags", "it has none, so leave `flags` out"),
        (
            raising(cc=(STRANGER,)),
            "not-a-fellow-councillor",
            "cc",
            "choose among Councillor Bertram Birchley (cllr-birch)",
        ),
        (raising(cc=(OWNER,)), "not-a-fellow-councillor", "cc", "not yourself"),
        (raising(cc=(FORMER,)), "not-a-fellow-councillor", "cc", "Only fellow councillors"),
        (raising(cc=(OFFICER,)), "not-a-fellow-councillor", "cc", "Only fellow councillors"),
        (raising(on_behalf="named-constituent"), "constituent-missing", "constituent", "Say who the resident is"),
        (for_resident(on_behalf="anonymous"), "constituent-not-anonymous", "constituent", "leave out the resident"),
    ],
)
def test_a_request_that_cannot_be_raised_names_the_field_and_the_fix(
    command: RaiseCase, code: str, field: str, says: str
) -> None:
    refusal = refused(Story().give(command))

    assert (refusal.kind, refusal.code, refusal.field) == ("invalid", code, field)
    assert says in refusal.sentence


@pytest.mark.parametrize(
    "command", [raising(service="bicycles-for-all"), raising(ward="atlantis"), for_resident(ward="x")]
)
def test_a_refusal_never_quotes_what_was_sent(command: RaiseCase) -> None:
    refusal = refused(Story().give(command))

    for sent in ("bicycles-for-all", "atlantis", CANARY, command.summary):
        assert sent not in refusal.sentence


@pytest.mark.parametrize(
    ("actor", "code", "says"),
    [
        ("cllr-nobody", "not-a-councillor", "Democratic Services"),
        (OFFICER, "not-a-councillor", "Ask the councillor it is for to raise it"),
        ("system", "not-a-councillor", "Only a serving councillor"),
        (FORMER, "not-serving", "Ask a serving councillor"),
    ],
)
def test_only_a_serving_councillor_can_raise(actor: str, code: str, says: str) -> None:
    refusal = refused(Story().give(raising(actor=actor)))

    assert (refusal.kind, refusal.code) == ("forbidden", code)
    assert says in refusal.sentence


def test_a_councillor_serves_to_the_end_of_the_last_local_day() -> None:
    last_evening = datetime(2025, 5, 1, 22, 30, tzinfo=UTC)

    within = Story().give(raising(actor=FORMER, at=last_evening))
    after = Story().give(raising(actor=FORMER, at=last_evening + timedelta(hours=1)))

    assert not isinstance(within, Refusal)
    assert refused(after).code == "not-serving"


def test_nobody_raises_for_another_without_a_delegation() -> None:
    refusal = refused(Story().give(raising(on_behalf_of=COLLEAGUE)))

    assert (refusal.kind, refusal.field) == ("forbidden", "on_behalf_of")
    assert "Democratic Services" in refusal.sentence


def test_a_case_cannot_be_raised_twice() -> None:
    story = tell("raised")

    assert refused(story.give(raising())).code == "raised-already"


@pytest.mark.parametrize(
    ("command", "field"),
    [(raising(summary="a" * 51), "summary"), (raising(description="a" * 301), "description")],
)
def test_the_council_says_how_long_words_may_be(command: RaiseCase, field: str) -> None:
    directory = Directory(
        make_council(policies=Policies(summary_max_length=50, description_max_length=300)),
    )

    refusal = refused(Story(directory).give(command))

    assert (refusal.field, refusal.kind) == (field, "invalid")
    assert "too long: say it in" in refusal.sentence


@pytest.mark.parametrize(
    ("command", "lane"),
    [
        (raising(), "normal"),
        (raising(lane="urgent"), "normal"),
        (reporting(), "normal"),
        (reporting(flags=("blocking",)), "normal"),
        (reporting(flags=("asbestos",)), "urgent"),
        (reporting(service="dangerous-waste"), "urgent"),
    ],
)
def test_the_lane_follows_from_danger_alone(command: RaiseCase, lane: str) -> None:
    fact = raised(Story().give(command))

    assert isinstance(fact.event, CaseRaised)
    assert fact.event.case.lane == lane


def test_nothing_personal_stands_in_the_fact_and_all_of_it_beside() -> None:
    fact = raised(Story().give(for_resident(location="12 Mill Lane", share_constituent=True)))

    assert CANARY not in fact.event.model_dump_json()
    assert "Damp" not in fact.event.model_dump_json()
    assert "Mill Lane" not in fact.event.model_dump_json()
    assert set(fact.text) == {
        "summary",
        "description",
        "on_behalf",
        "location",
        "constituent",
        "share_constituent",
    }


@pytest.mark.parametrize(
    ("fields", "code", "field", "says"),
    [
        ({"until": date(2026, 11, 22)}, "extension-into-the-past", "until", "The day must lie ahead: name one from"),
        ({"until": date(2026, 11, 23)}, "extension-into-the-past", "until", "Tuesday 8 December 2026"),
        ({"until": date(2026, 12, 7)}, "not-an-extension", "until", "stays open until Monday 7 December 2026 already"),
        ({"until": date(2027, 11, 24)}, "extension-too-far", "until", "until Tuesday 23 November 2027"),
        ({"until": date.max}, "extension-too-far", "until", "extend again later"),
        ({}, "until-when", "until", "Say until when"),
        ({"until": date(2027, 1, 4), "to_commitment": True}, "until-when", "until", "not both"),
        ({"to_commitment": True}, "no-promise", "to_commitment", "name a day in `until` instead"),
    ],
)
def test_an_extension_that_cannot_be_names_the_days_that_can(
    fields: dict[str, Any], code: str, field: str, says: str
) -> None:
    story = tell("answered")

    refusal = refused(story.give(order(ExtendAutoClose, OWNER, MONDAY, reason="Please.", **fields)))

    assert (refusal.kind, refusal.code, refusal.field) == ("invalid", code, field)
    assert says in refusal.sentence


def test_an_extension_to_a_promise_that_is_long_past_is_refused() -> None:
    story = tell("in_progress")
    story.give(order(Commit, OFFICER, MONDAY, promised=date(2026, 11, 24), text="Tomorrow."))
    later = MONDAY + timedelta(days=60)

    refusal = refused(story.give(order(ExtendAutoClose, OWNER, later, to_commitment=True, reason="Please.")))

    assert (refusal.code, refusal.field) == ("extension-into-the-past", "to_commitment")


@pytest.mark.parametrize("until", [date(2026, 12, 22), date(2026, 12, 23)])
def test_up_to_the_promised_day_there_is_nothing_to_extend(until: date) -> None:
    story = tell("committed")

    refusal = refused(story.give(order(ExtendAutoClose, OWNER, MONDAY, until=until, reason="Please.")))

    assert (story.case.promised, refusal.code) == (date(2026, 12, 23), "not-an-extension")
    assert "stays open until Wednesday 23 December 2026 already: name a day from Thursday 24" in refusal.sentence


def test_the_later_of_promise_and_extension_is_what_an_extension_must_pass() -> None:
    story = tell("committed")
    story.give(order(ExtendAutoClose, OWNER, MONDAY, until=date(2027, 1, 15), reason="Please."))

    refusal = refused(story.give(order(ExtendAutoClose, OWNER, MONDAY, until=date(2027, 1, 15), reason="Again.")))

    assert "stays open until Friday 15 January 2027 already" in refusal.sentence


def test_the_last_possible_extension_leaves_nothing_to_extend() -> None:
    story = tell("answered")
    story.give(order(ExtendAutoClose, OWNER, MONDAY, until=date(2027, 11, 23), reason="A year."))

    refusal = refused(story.give(order(ExtendAutoClose, OWNER, MONDAY, until=date(2027, 11, 24), reason="More.")))

    assert (refusal.kind, refusal.code, refusal.instead) == ("conflict", "extended-to-the-limit", ("accept", "add-cc"))


def test_an_extension_at_the_end_of_february_stays_within_its_month() -> None:
    story = tell("committed")
    leap_day = datetime(2028, 2, 29, 12, 0, tzinfo=UTC)
    directory = Directory(make_council(policies=Policies(extension_max_months=1)))
    story.directory = directory

    refusal = refused(story.give(order(ExtendAutoClose, OWNER, leap_day, until=date(2028, 4, 1), reason="More.")))

    assert "Wednesday 29 March 2028" in refusal.sentence


@pytest.mark.parametrize(
    ("fields", "code", "field", "says"),
    [
        ({"promised": date(2026, 11, 22)}, "promise-in-the-past", "promised", "name Monday 23 November 2026 or later"),
        ({"promised": date(2040, 1, 1)}, "promise-too-far", "promised", "promise a day up to then"),
        (
            {"promised": date(2026, 12, 1), "not_before": date(2026, 12, 2)},
            "range-reversed",
            "not_before",
            "a day up to `promised`",
        ),
    ],
)
def test_a_promise_that_cannot_be_says_why(fields: dict[str, Any], code: str, field: str, says: str) -> None:
    refusal = refused(tell("in_progress").give(order(Commit, OFFICER, MONDAY, text="Then.", **fields)))

    assert (refusal.kind, refusal.code, refusal.field) == ("invalid", code, field)
    assert says in refusal.sentence


def test_a_promise_for_today_is_a_promise() -> None:
    result = tell("in_progress").give(order(Commit, OFFICER, MONDAY, promised=date(2026, 11, 23), text="Today."))

    assert not isinstance(result, Refusal)


def test_a_day_beyond_the_known_calendar_is_refused_and_never_guessed() -> None:
    story = tell("in_progress")
    horizon = DIRECTORY.calendar.known_until
    at = datetime(horizon.year, 12, 28, 10, 0, tzinfo=UTC)
    promised = horizon - timedelta(days=1)
    story.give(order(Commit, OFFICER, at, promised=promised, text="On the last day but one."))

    refusal = refused(story.give(order(ExtendAutoClose, OWNER, at, to_commitment=True, reason="Please.")))

    assert (refusal.kind, refusal.code) == ("conflict", "calendar-ends")
    assert "publish the next calendar" in refusal.sentence


@pytest.mark.parametrize(
    ("person", "code", "kind"),
    [
        ("cllr-nobody", "not-a-fellow-councillor", "invalid"),
        (STRANGER, "not-a-fellow-councillor", "invalid"),
        (OWNER, "not-a-fellow-councillor", "invalid"),
        (COLLEAGUE, "cc-already", "conflict"),
    ],
)
def test_only_a_fellow_councillor_can_be_added(person: str, code: str, kind: str) -> None:
    story = tell("in_progress", cc=(COLLEAGUE,))

    refusal = refused(story.give(order(AddCc, OWNER, MONDAY, person=person)))

    assert (refusal.code, refusal.kind) == (code, kind)
    assert THIRD in refusal.sentence or refusal.instead


def test_who_follows_no_case_cannot_be_removed() -> None:
    story = tell("in_progress", cc=(COLLEAGUE,))

    refusal = refused(story.give(order(RemoveCc, OWNER, MONDAY, person=THIRD)))

    assert (refusal.code, refusal.field) == ("not-cc", "person")
    assert "Councillor Bertram Birchley (cllr-birch)" in refusal.sentence
