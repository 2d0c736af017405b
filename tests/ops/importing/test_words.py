"""Names compared and written: whoever typed them, the same ward is the same ward."""

import pytest

from ops.importing.words import decoded, is_vacancy, lines_of, party_name, person_key, person_name, slug_of, ward_key


@pytest.mark.parametrize(
    "spelling",
    [
        "St Paul's and Lea",
        "ST. PAULS & LEA",
        "Saint Pauls and Lea Ward",
        "St Paul\u2019s  &  Lea division",
        "St-Pauls and Léa",
    ],
)
def test_every_spelling_of_a_ward_has_one_key(spelling: str) -> None:
    assert ward_key(spelling) == "st pauls and lea"


def test_wards_that_differ_in_a_word_have_different_keys() -> None:
    assert len({ward_key(name) for name in ("Wednesbury North", "Wednesbury South", "Wednesbury", "Ward")}) == 4


@pytest.mark.parametrize(
    ("full", "name"),
    [
        ("Councillor Ada Elm", "Ada Elm"),
        ("Cllr. Ada  Elm", "Ada Elm"),
        ("Cllr Dr Ada Elm MBE", "Dr Ada Elm MBE"),
        ("The Worshipful the Mayor, Councillor Ada Elm", "Ada Elm"),
        ("Deputy Leader of the Council, Cllr Ada Elm", "Ada Elm"),
        ("County Councillor Ada Elm", "Ada Elm"),
        ("Ada Elm", "Ada Elm"),
        ("Clrissa Elm", "Clrissa Elm"),
        ("Mayor Ada Elm", "Mayor Ada Elm"),
        ("Ada O&amp;#39;Elm", "Ada O'Elm"),
    ],
)
def test_a_name_loses_its_title_and_nothing_else(full: str, name: str) -> None:
    assert person_name(full) == name


def test_honorifics_and_letters_do_not_make_another_person() -> None:
    assert person_key("Cllr Prof. Zoë O'Elm-Oak OBE, JP") == person_key("Zoe OElm Oak") == "zoe oelm oak"
    assert person_key("Dr") == "dr"


@pytest.mark.parametrize("name", ["Vacant seat", "Councillor Vacancy", "VACANT", "", "Cllr", " \n ", "To be confirmed"])
def test_an_empty_seat_is_nobody(name: str) -> None:
    assert is_vacancy(name)


def test_a_person_is_no_vacancy() -> None:
    assert not is_vacancy("Councillor Vacanti Elm")


@pytest.mark.parametrize(
    ("label", "party"),
    [
        ("Labour", "Labour"),
        ("The Labour Party", "Labour"),
        ("LABOUR", "Labour"),
        ("Labour and Co-operative Party", "Labour and Co-operative"),
        ("Labour &amp;amp; Cooperative", "Labour and Co-operative"),
        ("Conservative and Unionist Party", "Conservative"),
        ("Liberal Democrats", "Liberal Democrat"),
        ("Green Party", "Green"),
        ("Independents", "Independent"),
        ("Smallham Residents Party", "Smallham Residents Party"),
        ("Party", "Party"),
        ("Unspecified", ""),
        (" ", ""),
    ],
)
def test_a_party_has_one_spelling(label: str, party: str) -> None:
    assert party_name(label) == party


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_a_text_is_decoded_however_often_it_was_encoded(times: int) -> None:
    text = "Planning & <i>Licensing</i>"
    for _ in range(times):
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    assert decoded(text) == "Planning & Licensing"


def test_posts_are_split_at_breaks_of_every_kind() -> None:
    assert lines_of("Chair; Vice-Chair\nLeader&lt;br/&gt;Whip<p>Mayor</p> ") == (
        "Chair",
        "Vice-Chair",
        "Leader",
        "Whip Mayor",
    )


@pytest.mark.parametrize(
    ("identifier", "slug"),
    [("5012", "5012"), ("https://x.example/Ada_Elm?id=7", "https-x-example-ada-elm-id-7"), ("--", "")],
)
def test_an_id_of_another_system_becomes_a_word(identifier: str, slug: str) -> None:
    assert slug_of(identifier) == slug
    assert len(slug_of(identifier * 20)) <= 60
