"""What the council says of itself over HTTP, to whom, and as of which day."""

from datetime import date
from typing import Any

import pytest

from shared.council import CabinetPost, Directory, Feature, Portfolio, ReasonCode, Signpost
from tests.gateway.fakes import House, council


@pytest.fixture
def house() -> House:
    """Give a gateway of a council with signposts, reasons, a feature and a portfolio."""
    more: dict[str, Any] = {
        "signposts": (
            Signpost(id="map", title="Map", summary="Crimes.", category="crime-map", url="https://map.example/{ward}"),
            Signpost(id="faq", title="FAQ", summary="Answers.", category="faq", url="https://faq.example/"),
            Signpost(
                id="old",
                title="Old",
                summary="Gone.",
                category="press",
                url="https://old.example/",
                valid_to=date(2026, 1, 1),
            ),
        ),
        "reasons": (
            ReasonCode(id="other-team", list="return", label="Another team answers"),
            ReasonCode(id="past", list="return", label="Not any more", valid_to=date(2026, 1, 1)),
        ),
        "features": (Feature(code="keep-open", name="Keep open", commands=("accept",), wards=("elm",)),),
        "portfolios": (Portfolio(code="housing", name="Housing"),),
        "posts": (CabinetPost(id="p", portfolio="housing", councillor="cllr-moss"),),
    }
    built = House()
    built.council.published = Directory(council().model_copy(update=more), 12)
    return built


async def test_a_councillor_sees_what_helps_in_the_own_wards(house: House) -> None:
    async with house.visit_as("cllr-moss") as client:
        answer = (await client.get("/v1/council")).json()

    assert (answer["code"], answer["number"]) == ("exampleton", 12)
    assert {each["id"]: each["urls"] for each in answer["signposts"]} == {
        "map": ["https://map.example/elm"],
        "faq": ["https://faq.example/"],
    }
    assert [each["id"] for each in answer["return_reasons"]] == ["other-team"]


async def test_an_officer_has_no_wards_to_look_at(house: House) -> None:
    async with house.visit_as("off-reed") as client:
        answer = (await client.get("/v1/council")).json()

    assert {each["id"]: each["urls"] for each in answer["signposts"]} == {"map": [], "faq": ["https://faq.example/"]}


async def test_a_person_sees_what_is_switched_on_and_which_portfolios_are_held(house: House) -> None:
    async with house.visit_as("cllr-moss") as client:
        me = (await client.get("/v1/me")).json()

    assert me["roles"] == ["cabinet-member", "councillor"]
    assert (me["portfolios"], me["features"]) == (["housing"], ["keep-open"])
