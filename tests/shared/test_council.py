"""The sample council, the look-ups by date, and the rules of one service."""

from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.calendar import Target
from shared.council import Council, Directory, RoutingRule, Seat, ServiceType, load_bundle

SAMPLE = Path(__file__).parents[2] / "council"
TODAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def council() -> Council:
    return load_bundle(SAMPLE)


@pytest.fixture(scope="module")
def directory(council: Council) -> Directory:
    return Directory(council)


def test_the_sample_council_has_the_size_of_a_real_one(council: Council) -> None:
    assert len(council.towns) == 6
    assert len(council.wards) == 24
    assert len(council.councillors) == 72
    assert len(council.services) >= 45


def test_every_ward_of_the_sample_has_three_serving_councillors(council: Council, directory: Directory) -> None:
    serving = {ward.code: len(directory.fellow_councillors(ward.code, TODAY)) for ward in council.wards}

    assert set(serving.values()) == {3}


def test_every_team_of_the_sample_has_two_officers_or_more(council: Council, directory: Directory) -> None:
    assert all(len(directory.members_of_team(team.id, TODAY)) >= 2 for team in council.teams)


def test_the_first_member_of_every_team_that_a_rule_names_can_take_its_cases_on(
    council: Council, directory: Directory
) -> None:
    firsts = [(min(directory.members_of_team(rule.team, TODAY)), rule.team) for rule in council.rules]

    assert all(team in directory.teams_of(officer, TODAY, {"officer"}) for officer, team in firsts)


def test_no_timer_closes_a_report_of_the_sample_that_is_always_dangerous(council: Council) -> None:
    dangerous = [service for service in council.services if service.kind == "report" and service.danger]

    assert {service.autoclose_days for service in dangerous} == {None}


def test_every_address_of_the_sample_can_belong_to_nobody(council: Council) -> None:
    addresses = [councillor.email for councillor in council.councillors]
    addresses += [officer.email for officer in council.officers]
    addresses += [inbox for team in council.teams for inbox in (team.inbox, team.duty_inbox) if inbox]

    assert all(address.endswith("@exampleton.example") for address in addresses)


def test_every_service_ward_and_flag_of_the_sample_has_exactly_one_best_rule(council: Council) -> None:
    routed = [service for service in council.services if service.kind != "signpost" and not service.triage]

    for service, ward in product(routed, council.wards):
        for flags in [frozenset[str](), *(frozenset({flag.code}) for flag in service.flags)]:
            matching = [
                rule
                for rule in council.rules
                if rule.matches(service=service.code, ward=ward.code, town=ward.town, flags=flags, on=TODAY)
            ]
            best = max(rule.specificity for rule in matching)
            assert [rule.specificity for rule in matching].count(best) == 1, (service.code, ward.code, flags)


def test_a_council_survives_the_way_through_json(council: Council) -> None:
    returned = Council.model_validate_json(council.model_dump_json())

    assert returned == council
    assert returned.digest() == council.digest()


def test_a_changed_council_has_another_digest(council: Council) -> None:
    renamed = council.model_copy(update={"name": "Exampleton City Council"})

    assert renamed.digest() != council.digest()


def test_a_council_cannot_be_changed_in_place(council: Council) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        council.name = "Other"  # type: ignore[misc]  # the frozen field is what is tested


def test_the_councils_calendar_knows_its_closure_days_and_bank_holidays(council: Council) -> None:
    calendar = council.working_calendar()

    assert calendar.add_working_days(date(2026, 12, 24), 1) == date(2027, 1, 4)
    assert calendar.version == council.calendar.version


def test_a_person_is_found_by_id_whether_elected_or_employed(directory: Directory) -> None:
    councillor, officer = directory.person("cllr-001"), directory.person("off-001")

    assert councillor is directory.councillor("cllr-001")
    assert councillor is not None
    assert councillor.full_name == "Councillor Lakshmi Dunnockby"
    assert officer is directory.officer("off-001")
    assert officer is not None
    assert officer.full_name == "Adaeze Ashpenny"


def test_what_nobody_knows_is_nothing(directory: Directory) -> None:
    assert directory.person("cllr-999") is None
    assert directory.team("no-such-team") is None
    assert directory.service("no-such-service") is None
    assert directory.ward("no-such-ward") is None
    assert directory.address_of("cllr-999") is None
    assert directory.address_of("team:no-such-team") is None
    assert directory.wards_of("cllr-999", TODAY) == frozenset()
    assert directory.teams_of("off-999", TODAY) == frozenset()
    assert directory.members_of_team("no-such-team", TODAY) == frozenset()
    assert directory.fellow_councillors("no-such-ward", TODAY) == frozenset()
    assert directory.rules_for("no-such-service") == ()


def test_fellow_councillors_are_those_who_sit_for_the_ward(directory: Directory) -> None:
    assert directory.wards_of("cllr-001", TODAY) == {"abbey"}
    assert directory.fellow_councillors("abbey", TODAY) == {"cllr-001", "cllr-002", "cllr-003"}


def test_a_seat_counts_from_its_first_day_to_its_last(directory: Directory) -> None:
    last_day, next_day = date(2022, 5, 8), date(2022, 5, 9)

    assert directory.wards_of("cllr-006", last_day) == {"rowley"}
    assert directory.wards_of("cllr-006", next_day) == {"blackheath"}
    assert "cllr-006" in directory.fellow_councillors("rowley", last_day)
    assert "cllr-006" not in directory.fellow_councillors("rowley", next_day)


def test_a_councillor_does_not_serve_before_the_election(directory: Directory) -> None:
    assert not directory.serving("cllr-006", date(2018, 5, 6))
    assert directory.serving("cllr-006", date(2018, 5, 7))
    assert not directory.serving("cllr-999", TODAY)


def test_officers_and_teams_know_each_other(directory: Directory) -> None:
    assert directory.teams_of("off-001", TODAY) == {"street-cleansing"}
    assert directory.members_of_team("street-cleansing", TODAY) == {"off-001", "off-002"}


def test_an_address_is_found_for_a_person_and_for_a_team(directory: Directory) -> None:
    assert directory.address_of("cllr-001") == "lakshmi.dunnockby@exampleton.example"
    assert directory.address_of("off-001") == "adaeze.ashpenny@exampleton.example"
    assert directory.address_of("team:street-cleansing") == "street-cleansing@exampleton.example"


def test_there_is_one_triage_team(directory: Directory, council: Council) -> None:
    assert directory.triage_team().id == "democratic-services"

    without = council.model_copy(update={"teams": ()})
    with pytest.raises(LookupError, match="triage: true"):
        Directory(without).triage_team()


def test_danger_is_acknowledged_by_the_clock_and_answered_in_a_day(directory: Directory) -> None:
    service = directory.service("dangerous-waste")
    assert service is not None
    saturday = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)

    assert service.is_danger()
    assert service.acknowledge_target() == Target.parse("1h")
    answer = service.answer_target()
    assert answer is not None
    assert answer.due(directory.calendar, saturday) == datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)


def test_a_ticked_flag_makes_a_service_dangerous_and_faster(directory: Directory) -> None:
    pothole = directory.service("pothole")
    assert pothole is not None
    dangerous = frozenset({"dangerous"})

    assert (pothole.is_danger(), pothole.is_danger(dangerous)) == (False, True)
    assert (str(pothole.acknowledge_target()), str(pothole.answer_target())) == ("1wd", "5wd")
    assert (str(pothole.acknowledge_target(dangerous)), str(pothole.answer_target(dangerous))) == ("1h", "1wd")


def test_a_signpost_has_no_targets(directory: Directory) -> None:
    complaint = directory.service("complaint")
    assert complaint is not None

    assert complaint.acknowledge_target() is None
    assert complaint.answer_target() is None
    assert complaint.signpost


def test_the_files_own_value_stands_before_the_councils_default() -> None:
    council = load_bundle(SAMPLE)
    autoclose = {service.code: service.autoclose_days for service in council.services}

    assert autoclose["missed-bin"] == 3
    assert autoclose["dangerous-waste"] is None
    assert autoclose["electoral"] == 5


@pytest.mark.parametrize(
    ("narrower", "wider"),
    [
        ({"ward": "abbey"}, {"town": "smethwick"}),
        ({"town": "smethwick"}, {}),
        ({"flags": ("dangerous",)}, {"ward": "abbey"}),
        ({"flags": ("dangerous",), "ward": "abbey"}, {"flags": ("dangerous",)}),
    ],
)
def test_the_narrower_condition_is_the_more_specific(narrower: dict[str, object], wider: dict[str, object]) -> None:
    basis = {"id": "r", "service": "pothole", "team": "t"}

    assert (
        RoutingRule.model_validate(basis | narrower).specificity > RoutingRule.model_validate(basis | wider).specificity
    )


def test_a_rule_matches_when_place_flags_and_date_all_do() -> None:
    rule = RoutingRule(
        id="r", service="pothole", town="smethwick", flags=("dangerous",), team="t", valid_from=TODAY, valid_to=TODAY
    )

    def matches(
        service: str = "pothole",
        town: str = "smethwick",
        flags: frozenset[str] = frozenset({"dangerous", "other"}),
        on: date = TODAY,
    ) -> bool:
        return rule.matches(service=service, ward="abbey", town=town, flags=flags, on=on)

    assert matches()
    assert not matches(service="drain")
    assert not matches(town="tipton")
    assert not matches(flags=frozenset({"other"}))
    assert not matches(on=date(2026, 11, 20))
    assert not matches(on=date(2026, 11, 22))


def test_a_period_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValidationError, match="valid_to 2026-11-20 lies before valid_from 2026-11-21"):
        Seat(ward="abbey", valid_from=TODAY, valid_to=date(2026, 11, 20))


def test_a_name_that_would_break_a_mail_header_is_refused() -> None:
    with pytest.raises(ValidationError, match="pattern"):
        ServiceType(code="x", name="Tree\r\nBcc: someone@exampleton.example", kind="case", answer="10wd")
