"""The service finder: plain words lead to the service that is meant."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.council import LgslEntry, ServiceType, load_bundle
from shared.council.finding import Finder, Hit

SERVICES = load_bundle(Path(__file__).parents[2] / "council").services
LGSL = (
    LgslEntry(id=524, label="Household waste collection", description="Doorstep rounds"),
    LgslEntry(id=412, label="Noise pollution"),
)
FINDER = Finder(SERVICES, LGSL)

FIRST = {
    "bin not emptied": "missed-bin",
    "the bin men did not come": "missed-bin",
    "my bins were not collected": "missed-bin",
    "potholl": "pothole",
    "pot hole in the road": "pothole",
    "fly tiping": "fly-tipping",
    "flytipping": "fly-tipping",
    "rubbish dumped behind the garages": "fly-tipping",
    "street lite": "street-light",
    "streetlight not working": "street-light",
    "noisy neighbours": "noise",
    "loud musik at night": "noise",
    "asbesto": "asbestos",
    "dog poo on the pavement": "dog-fouling",
    "dead badger": "dead-animal",
    "slogans sprayed on a bridge": "graffiti",
    "car left for weeks without tax": "abandoned-car",
    "flooded road": "road-flood",
    "bloked gully": "drain",
    "skip blocking the road": "obstruction",
    "broken swings": "parks",
    "rats in the garden": "pests",
    "boarded up house": "derelict",
    "boiler broken, no hot water": "repairs",
    "damp and mold": "repairs",
    "council house waiting list": "allocations",
    "rough sleeper": "homeless",
    "being evicted": "homeless",
    "gangs of youths": "asb",
    "cars speeding past the school": "speeding",
    "residents' parking": "parking-permit",
    "planing aplication": "planning",
    "council tax bill is too high": "ctax",
    "buisness rates": "business-rates",
    "stairlift": "adaptations",
    "EHCP": "send",
    "school bus": "school-transport",
    "register to vote": "electoral",
    "burglary": "police-matter",
    "oil on the road": "road-spill",
    "trafic lights broken": "traffic-light",
    "loose paving slab": "pavement",
    "missing road sign": "street-furniture",
    "posters everywhere": "fly-posting",
    "yellow clinical bags": "clinical",
}

AMONG_THE_FIRST_THREE = {
    "swastika sprayed on a wall": "graffiti",
    "needels in the park": "needles",
    "mattress dumped in the alley": "fly-tipping",
    "icy road": "gritting",
    "tree branches over the road": "tree",
    "wall about to collapse": "danger-building",
    "neighbour dispute": "housing-asb",
    "parking ticket": "pcn",
    "housing benefit": "benefits",
    "carer for my mum": "adult-care",
    "no place at secondary school": "admissions",
    "compensation after a complaint": "complaint",
    "gas bottles dumped": "dangerous-waste",
    "recycling box": "recycling",
    "fridge collection": "bulky",
    "litter and leaves": "street-clean",
    "garage rent": "tenancy",
    "question for the cabinet member": "cabinet-query",
    "something else": "not-sure",
}


def codes(words: str) -> list[str]:
    return [hit.service.code for hit in FINDER.find(words)]


@pytest.mark.parametrize(("words", "service"), FIRST.items())
def test_plain_words_find_the_service_first(words: str, service: str) -> None:
    assert codes(words)[0] == service


@pytest.mark.parametrize(("words", "service"), AMONG_THE_FIRST_THREE.items())
def test_plain_words_find_the_service_among_the_first_three(words: str, service: str) -> None:
    assert service in codes(words)[:3]


def test_the_tables_ask_for_every_service_of_the_sample() -> None:
    assert {*FIRST.values(), *AMONG_THE_FIRST_THREE.values()} == {service.code for service in SERVICES}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.code)
def test_a_service_is_the_first_for_its_own_name_and_code(service: ServiceType) -> None:
    assert codes(service.name)[0] == service.code
    assert codes(service.code)[0] == service.code


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.code)
def test_a_service_is_among_the_first_three_for_each_synonym(service: ServiceType) -> None:
    assert {synonym for synonym in service.synonyms if service.code not in codes(synonym)[:3]} == set()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.code)
def test_half_a_word_of_the_name_is_enough(service: ServiceType) -> None:
    longest = max(service.name.removeprefix("Council ").split(), key=len)

    assert service.code in codes(longest[: (len(longest) + 1) // 2 + 2])


def test_a_hit_says_which_words_of_the_council_it_was_found_by() -> None:
    found = [FINDER.find(words)[0] for words in ("pothole", "ehcp", "swear words and signs")]

    assert [(hit.matched, hit.text) for hit in found] == [
        ("name", "Pothole"),
        ("synonym", "EHCP"),
        ("flag", "Offensive words or signs"),
    ]


def test_the_words_and_the_number_of_the_service_list_find_too() -> None:
    found = [FINDER.find(words)[0] for words in ("household waste", "doorstep rounds", "412")]

    assert [(hit.service.code, hit.matched, hit.text) for hit in found] == [
        ("missed-bin", "lgsl", "Household waste collection"),
        ("missed-bin", "lgsl", "Doorstep rounds"),
        ("noise", "lgsl", "412"),
    ]


@pytest.mark.parametrize("words", ["xyzzy qwrtp", "???", "the", "99999", "ω", "\x00"])
def test_words_that_mean_nothing_here_lead_to_i_am_not_sure(words: str) -> None:
    not_sure = next(service for service in SERVICES if service.code == "not-sure")

    assert FINDER.find(words) == [Hit(not_sure, "unsure", "I am not sure")]


def test_without_words_the_whole_catalogue_is_listed_as_it_stands() -> None:
    found = FINDER.find("  ")

    assert [hit.service for hit in found] == list(SERVICES)
    assert {hit.matched for hit in found} == {"listed"}


def test_i_am_not_sure_stands_last_and_once() -> None:
    assert codes("road")[-1] == "not-sure"
    assert codes("not sure").count("not-sure") == 1


def test_no_more_than_the_limit_are_offered_beside_i_am_not_sure() -> None:
    found = FINDER.find("road", limit=2)

    assert [hit.matched for hit in found].count("unsure") == 1
    assert len(found) == 3


def test_a_catalogue_without_services_finds_none() -> None:
    assert Finder(()).find("pothole") == []


@given(st.text(max_size=200))
def test_whatever_is_typed_each_service_is_offered_once_and_in_the_same_order(words: str) -> None:
    found = codes(words)

    assert len(found) == len(set(found))
    assert "not-sure" in found
    assert found == codes(words)
