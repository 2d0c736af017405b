"""In which capacity and with which weight a case is raised, and which services are offered on the day."""

from datetime import date, timedelta
from typing import Any

import pytest

from shared.commands import Refusal
from shared.council import CabinetPost, Directory
from shared.events import CaseRaised
from tests.intake.stories import (
    COLLEAGUE,
    MONDAY,
    OWNER,
    STRANGER,
    TODAY,
    Story,
    make_council,
    raising,
    reporting,
)

YESTERDAY = TODAY - timedelta(days=1)


def in_cabinet(*portfolios: str, valid_to: date | None = None) -> Directory:
    posts = tuple(
        CabinetPost(id=f"post-{each}", portfolio=each, councillor=OWNER, valid_to=valid_to) for each in portfolios
    )
    return Directory(make_council(posts=posts))


def raised(directory: Directory, **fields: Any) -> CaseRaised:
    story = Story(directory)
    result = story.give(raising(**fields))
    assert not isinstance(result, Refusal), result
    fact = story.facts[0].event
    assert isinstance(fact, CaseRaised)
    return fact


def refused(directory: Directory, **fields: Any) -> Refusal:
    result = Story(directory).give(raising(**fields))
    assert isinstance(result, Refusal), result
    return result


def test_a_case_is_ward_business_unless_said_otherwise() -> None:
    fact = raised(in_cabinet("homes"))

    assert (fact.case.capacity, fact.case.portfolio, fact.case.impact) == ("ward", None, "routine")


@pytest.mark.parametrize(
    ("held", "named", "portfolio"),
    [(("homes",), None, "homes"), (("homes",), "homes", "homes"), (("homes", "roads"), "roads", "roads")],
)
def test_cabinet_business_belongs_to_a_portfolio_of_the_councillor(
    held: tuple[str, ...], named: str | None, portfolio: str
) -> None:
    fact = raised(in_cabinet(*held), capacity="cabinet", portfolio=named)

    assert (fact.case.capacity, fact.case.portfolio) == ("cabinet", portfolio)


@pytest.mark.parametrize("ward", ["abbey", "langley"])
def test_cabinet_business_may_lie_in_any_ward_of_the_day(ward: str) -> None:
    assert raised(in_cabinet("homes"), capacity="cabinet", ward=ward).case.ward == ward


def test_those_who_follow_cabinet_business_are_of_the_ward_it_lies_in() -> None:
    fact = raised(in_cabinet("homes"), capacity="cabinet", ward="langley", cc=(STRANGER,))
    refusal = refused(in_cabinet("homes"), capacity="cabinet", ward="langley", cc=(COLLEAGUE,))

    assert fact.case.cc == (STRANGER,)
    assert (refusal.code, refusal.field) == ("not-a-fellow-councillor", "cc")


@pytest.mark.parametrize(
    ("directory", "fields", "code", "field", "says"),
    [
        (in_cabinet(), {"capacity": "cabinet"}, "not-in-the-cabinet", "capacity", "`capacity: ward`"),
        (
            in_cabinet("homes", valid_to=YESTERDAY),
            {"capacity": "cabinet"},
            "not-in-the-cabinet",
            "capacity",
            "no post in the cabinet today",
        ),
        (
            in_cabinet("homes"),
            {"capacity": "cabinet", "portfolio": "roads"},
            "not-your-portfolio",
            "portfolio",
            "choose among Homes (homes).",
        ),
        (
            in_cabinet("homes", "roads"),
            {"capacity": "cabinet"},
            "which-portfolio",
            "portfolio",
            "choose among Homes (homes), Roads (roads).",
        ),
        (in_cabinet("homes"), {"portfolio": "homes"}, "portfolio-not-wanted", "portfolio", "`capacity: cabinet`"),
        (
            in_cabinet("homes"),
            {"capacity": "cabinet", "ward": "oldfield"},
            "unknown-ward",
            "ward",
            "no such ward today",
        ),
        (in_cabinet("homes"), {"ward": "langley"}, "not-your-ward", "ward", "choose a ward of yours"),
    ],
)
def test_a_capacity_that_cannot_be_says_what_can(
    directory: Directory, fields: dict[str, Any], code: str, field: str, says: str
) -> None:
    refusal = refused(directory, **fields)

    assert (refusal.code, refusal.field) == (code, field)
    assert says in refusal.sentence


@pytest.mark.parametrize(
    ("impact", "lane"),
    [("routine", "normal"), ("daily-life", "normal"), ("safeguarding", "urgent"), ("danger", "urgent")],
)
def test_what_endangers_somebody_goes_by_the_urgent_lane(impact: str, lane: str) -> None:
    fact = raised(in_cabinet(), impact=impact)

    assert (fact.case.impact, fact.case.lane) == (impact, lane)


def test_a_dangerous_flag_is_urgent_whatever_its_impact() -> None:
    story = Story()
    story.give(reporting(flags=("asbestos",), impact="routine"))

    assert story.case.public.lane == "urgent"


@pytest.mark.parametrize(
    ("period", "offered"),
    [
        ({"valid_to": YESTERDAY}, False),
        ({"valid_from": TODAY + timedelta(days=1)}, False),
        ({"valid_from": TODAY, "valid_to": TODAY}, True),
    ],
)
def test_a_service_is_raised_on_the_days_it_is_offered(period: dict[str, date], offered: bool) -> None:  # noqa: FBT001  a parameter
    services = tuple(
        each.model_copy(update=period) if each.code == "repairs" else each for each in make_council().services
    )

    result = Story(Directory(make_council(services=services))).give(raising(at=MONDAY))

    assert isinstance(result, Refusal) is not offered
    if isinstance(result, Refusal):
        assert (result.kind, result.code, result.field) == ("invalid", "service-not-offered", "service")
        assert "choose another service" in result.sentence
        assert "I am not sure (not-sure)" in result.sentence
