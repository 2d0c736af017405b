"""What the gateway decides by itself."""

from datetime import date

import pytest

from services.gateway.domain import (
    HOME,
    BadRequest,
    body_hash,
    finder_of,
    in_words,
    lane_for,
    local_path,
    person_today,
    read_key,
)
from shared.council import Directory
from shared.events import Impact
from tests.gateway.fakes import council

TODAY = date(2026, 11, 23)


def test_a_councillor_has_the_wards_of_the_day() -> None:
    person = person_today(Directory(council()), "cllr-moss", TODAY)

    assert person is not None
    assert (person.kind, person.roles, person.wards) == ("councillor", ("councillor",), ("elm",))


def test_a_councillor_whose_seat_has_ended_is_nobody() -> None:
    directory = Directory(council())

    assert person_today(directory, "cllr-gone", date(2026, 5, 7)) is not None
    assert person_today(directory, "cllr-gone", date(2026, 5, 8)) is None


def test_an_officer_has_the_roles_and_teams_of_the_council() -> None:
    person = person_today(Directory(council()), "off-hale", TODAY)

    assert person is not None
    assert (person.kind, person.roles, person.teams) == ("officer", ("democratic-services",), ("demsvc",))


@pytest.mark.parametrize(
    ("service", "flags", "lane"),
    [
        ("gas", (), "urgent"),
        ("waste", ("asbestos",), "urgent"),
        ("waste", (), "normal"),
        ("damp", ("asbestos",), "normal"),
        ("no-such-service", (), "normal"),
    ],
)
def test_danger_of_a_service_or_of_its_own_flag_is_urgent(service: str, flags: tuple[str, ...], lane: str) -> None:
    assert lane_for(Directory(council()), service, frozenset(flags)) == lane


@pytest.mark.parametrize(
    ("impact", "lane"),
    [("routine", "normal"), ("daily-life", "normal"), ("safeguarding", "urgent"), ("danger", "urgent")],
)
def test_an_impact_that_endangers_somebody_is_urgent_whatever_the_service(impact: Impact, lane: str) -> None:
    assert lane_for(Directory(council()), "damp", frozenset(), impact) == lane


def test_a_body_hash_does_not_depend_on_how_the_json_was_written() -> None:
    assert body_hash("raise", "CW-1", {"a": 1, "b": [True, None]}, "key") == body_hash(
        "raise", "CW-1", {"b": [True, None], "a": 1}, "key"
    )


@pytest.mark.parametrize(
    "other",
    [
        ("accept", "CW-1", {"a": 1}, "key"),
        ("raise", "CW-2", {"a": 1}, "key"),
        ("raise", "CW-1", {"a": "1"}, "key"),
        ("raise", "CW-1", {"a": 1}, "another key"),
    ],
)
def test_a_body_hash_tells_command_reference_body_and_key_apart(other: tuple[str, str, object, str]) -> None:
    assert body_hash(*other) != body_hash("raise", "CW-1", {"a": 1}, "key")


@pytest.mark.parametrize("key", ["a", "!~", "x" * 128])
def test_a_key_of_visible_ascii_is_taken(key: str) -> None:
    assert read_key(key) == key


@pytest.mark.parametrize("key", [None, "", " ", "a b", "é", "x" * 129, "a\n", "\x7f"])
def test_any_other_key_is_refused_and_the_header_named(key: str | None) -> None:
    with pytest.raises(BadRequest, match="key") as refused:
        read_key(key)

    assert refused.value.field == "Idempotency-Key"


@pytest.mark.parametrize("path", ["/casework", "/casework/CW-7K2M9-Q4T1X"])
def test_our_own_pages_may_be_gone_to_after_sign_in(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/casework//evil.example",
        "/casework/../dev",
        "/casework?x=//evil.example",
        "/casework/CW-1\r\nSet-Cookie: a=b",
        "/casework\n",
        "javascript:alert(1)",
        "/%2f%2fevil.example",
        "/sign-out",
    ],
)
def test_no_other_address_can_be_gone_to_after_sign_in(path: str | None) -> None:
    assert local_path(path) == HOME


@pytest.mark.parametrize(
    ("on", "codes"), [(date(2026, 11, 23), ["damp", "gas"]), (date(2026, 12, 1), ["damp", "waste", "gas"])]
)
def test_only_services_that_are_offered_on_the_day_are_found(on: date, codes: list[str]) -> None:
    full = council()
    services = tuple(
        service.model_copy(update={"valid_from": date(2026, 12, 1)}) if service.code == "waste" else service
        for service in full.services
    )

    finder = finder_of(Directory(full.model_copy(update={"services": services})), on)

    assert [hit.service.code for hit in finder.find("")] == codes


def test_the_finder_is_made_once_a_day_for_each_published_council() -> None:
    directory = Directory(council())

    assert finder_of(directory, TODAY) is finder_of(directory, TODAY)
    assert finder_of(directory, TODAY) is not finder_of(Directory(council()), TODAY)


@pytest.mark.parametrize(
    ("target", "words"),
    [("1wd", "1 working day"), ("10wd", "10 working days"), ("1h", "1 hour"), ("24h", "24 hours"), ("1m", "1 minute")],
)
def test_a_target_is_written_as_people_say_it(target: str, words: str) -> None:
    assert in_words(target) == words
