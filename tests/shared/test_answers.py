"""Which answers fit a form, and what is said of those that do not."""

import time
from datetime import date, timedelta
from typing import Any

import pytest

from shared.council.answers import AnswerProblem, judge_answers, notices_for, stopped_by, validate_answers
from tests.shared.waste_form import CALENDAR, FITS, FRIDAY, MONDAY, SENT, WASTE, form, problems

# Which answers fit


def test_the_answers_to_all_questions_fit() -> None:
    answers = {
        "hazards": ["drums", "gas"],
        "danger": "yes",
        "who": "Two children",
        "drums": "Corrosive\nKeep upright",
        "seen": "2026-11-18",
        "place": {"text": "Behind the garages", "uprn": "100000001", "easting": 400000, "northing": 290000.5},
        "reporter": {"name": "Pat Poe", "email": "pat@poe.example", "phone": "+44 1632 960001", "address": "1 Low Rd"},
        "photos": ["f-1", "f-2"],
    }

    assert problems(answers) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"hazards": None}, ("hazards", "invalid")),
        ({"hazards": []}, ("hazards", "invalid")),
        ({"hazards": ["gas", "gas"]}, ("hazards", "invalid")),
        ({"hazards": ["gas", SENT]}, ("hazards", "invalid")),
        ({"hazards": "gas"}, ("hazards", "invalid")),
        ({"danger": "maybe"}, ("danger", "invalid")),
        ({"danger": True}, ("danger", "invalid")),
        ({"who": "Two children"}, ("who", "not-asked")),
        ({"danger": "yes"}, ("who", "missing")),
        ({"danger": "yes", "who": "x" * 21}, ("who", "too-long")),
        ({"danger": "yes", "who": " \n "}, ("who", "invalid")),
        ({"danger": "yes", "who": "bell\x07"}, ("who", "invalid")),
        ({"danger": "yes", "who": "half a letter \ud83d"}, ("who", "invalid")),
        ({"hazards": ["gas", "\udc00"]}, ("hazards", "invalid")),
        ({"place": {"text": "x", "\ud800": "y"}}, ("place", "invalid")),
        ({"reporter": {"name": "Pat Poe \ud83d"}}, ("reporter", "invalid")),
        ({"hazards": ["gas"], "drums": "none"}, ("drums", "not-asked")),
        ({"seen": "2026-11-17"}, ("seen", "too-early")),
        ({"seen": "2026-11-21"}, ("seen", "too-late")),
        ({"seen": "2026-11-31"}, ("seen", "invalid")),
        ({"seen": "20261118"}, ("seen", "invalid")),
        ({"seen": "2026-11-18\n"}, ("seen", "invalid")),
        ({"seen": "٢٠٢٦-11-18"}, ("seen", "invalid")),
        ({"place": "Behind the garages"}, ("place", "invalid")),
        ({"place": {}}, ("place", "invalid")),
        ({"place": {"text": "x", "easting": 400000}}, ("place", "invalid")),
        ({"place": {"text": "x", "lat": 52.5}}, ("place", "invalid")),
        ({"place": {"text": "x", "lat": 152.5, "lon": -2}}, ("place", "invalid")),
        ({"place": {"text": "x" * 501}}, ("place", "too-long")),
        ({"place": {"text": "x", "uprn": "12a"}}, ("place", "invalid")),
        ({"place": {"text": "x", "what3words": SENT}}, ("place", "invalid")),
        ({"reporter": {"email": "pat@poe.example"}}, ("reporter", "invalid")),
        ({"reporter": {"name": "Pat\nPoe"}}, ("reporter", "invalid")),
        ({"reporter": {"name": "Pat Poe", "email": "pat@poe"}}, ("reporter", "invalid")),
        ({"reporter": {"name": "Pat Poe", "email": "pat@poe.example\n"}}, ("reporter", "invalid")),
        ({"reporter": {"name": "Pat Poe", "phone": SENT}}, ("reporter", "invalid")),
        ({"photos": ["a", "b", "c"]}, ("photos", "too-many")),
        ({"photos": ["../etc/passwd"]}, ("photos", "invalid")),
        ({"photos": [{"id": "a"}]}, ("photos", "invalid")),
        ({SENT: 1}, ("", "unknown-question")),
    ],
)
def test_an_answer_that_does_not_fit_is_named_by_its_question(
    changed: dict[str, Any], problem: tuple[str, str]
) -> None:
    found = validate_answers(form(**WASTE), FITS | changed, FRIDAY, CALENDAR)

    assert [(each.question, each.code) for each in found] == [problem]
    assert SENT not in found[0].sentence


@pytest.mark.parametrize("answers", [None, [], "hazards", 7, True])
def test_answers_that_are_no_object_are_refused_whole(answers: object) -> None:
    assert problems(answers) == [("", "invalid")]


def test_a_form_that_asks_nothing_takes_no_answer() -> None:
    assert problems({}, form()) == []
    assert problems({"a": 1}, form()) == [("", "unknown-question")]


def test_all_problems_are_told_at_once_in_the_order_of_the_form() -> None:
    answers = {"photos": [], "reporter": {"phone": "x"}, "danger": "yes", "extra": 1, "more": 2}

    assert problems(answers) == [
        ("", "unknown-question"),
        ("hazards", "missing"),
        ("who", "missing"),
        ("reporter", "invalid"),
        ("reporter", "invalid"),
        ("photos", "invalid"),
    ]


def test_a_sentence_says_what_would_fit() -> None:
    answers = {"danger": "yes", "seen": "2026-11-10", "reporter": {"name": "Pat Poe", "email": "pat"}}

    found = validate_answers(form(**WASTE), answers, FRIDAY, CALENDAR)

    assert found == [
        AnswerProblem(
            "hazards",
            "missing",
            '"What is there?" needs one or more of: Gas cylinders (gas), Drums (drums), in a list, each once.',
        ),
        AnswerProblem("who", "missing", '"Who?" needs a text of at most 20 characters.'),
        AnswerProblem(
            "seen",
            "too-early",
            '"When was it seen?" lies too far back: choose Wednesday 18 November 2026 or later.',
        ),
        AnswerProblem("reporter", "invalid", '"Who saw it?" needs the e-mail address in the form name@place.example.'),
    ]


@pytest.mark.parametrize(
    ("bounds", "today", "first", "last"),
    [
        ({"within": "2wd"}, MONDAY, date(2026, 11, 19), MONDAY),
        ({"within": "0wd"}, MONDAY, MONDAY, MONDAY),
        ({"earliest": "0wd", "latest": "+5wd"}, FRIDAY, FRIDAY, date(2026, 11, 27)),
        ({"earliest": "-1wd", "latest": "+1wd"}, date(2026, 12, 25), date(2026, 12, 24), date(2026, 12, 28)),
    ],
)
def test_the_bounds_of_a_date_are_working_days_and_both_fit(
    bounds: dict[str, str], today: date, first: date, last: date
) -> None:
    dated = form(questions=[{"id": "day", "type": "date", "label": "Day", **bounds}])
    one = timedelta(days=1)

    found = [problems({"day": f"{day}"}, dated, today) for day in (first - one, first, last, last + one)]

    assert found == [[("day", "too-early")], [], [], [("day", "too-late")]]


def test_a_date_with_one_bound_is_free_on_the_other_side() -> None:
    dated = form(questions=[{"id": "since", "type": "date", "label": "Since when?", "latest": "0wd"}])

    assert problems({"since": "1998-02-03"}, dated) == []
    assert problems({"since": "2026-11-21"}, dated) == [("since", "too-late")]


def test_a_question_asked_only_after_one_that_is_not_asked_is_not_asked_either() -> None:
    chain = form(
        questions=[
            {"id": "a", "type": "choice", "label": "A", "options": "yes-no"},
            {"id": "b", "type": "choice", "label": "B", "options": "yes-no", "when": {"a": "yes"}},
            {"id": "c", "type": "text", "label": "C", "when": {"b": "yes"}, "required": True},
        ]
    )

    assert problems({"a": "no"}, chain) == []
    assert problems({"a": "no", "b": "yes", "c": "x"}, chain) == [("b", "not-asked")]
    assert problems({"a": "yes", "b": "yes"}, chain) == [("c", "missing")]


def test_a_very_long_list_is_refused_before_its_items_are_compared() -> None:
    answers = FITS | {"photos": [{"a": number} for number in range(20_000)]}
    began = time.process_time()

    assert problems(answers) == [("photos", "too-many")]
    assert time.process_time() - began < 1  # comparing each with each takes a minute and more


# What stops, and what only warns


def test_an_emergency_is_shown_and_does_not_stop() -> None:
    answers = {"hazards": ["drums"], "danger": "yes", "who": "A child"}

    assert [notice.text for notice in notices_for(form(**WASTE), answers)] == ["Do not touch it.", "Call 999 now."]
    assert stopped_by(form(**WASTE), answers) is None
    assert problems(answers) == []


def test_a_stop_waits_for_all_its_answers() -> None:
    assert stopped_by(form(**WASTE), {"hazards": ["gas"], "danger": "no"}) is None
    assert stopped_by(form(**WASTE), {"hazards": ["drums", "gas"], "danger": "yes"}) == "Leave the place and call 999."


def test_without_answers_only_what_is_always_shown_is_shown() -> None:
    assert [notice.text for notice in notices_for(form(**WASTE), None)] == ["Do not touch it."]


# What becomes of a form that was filled in


@pytest.mark.parametrize("filled_in", [None, form(**WASTE).digest(), "form-of-last-year"])
def test_answers_that_fit_are_taken_whatever_form_they_were_given_to(filled_in: str | None) -> None:
    assert judge_answers(form(**WASTE), FITS, filled_in, FRIDAY, CALENDAR) is None


@pytest.mark.parametrize("filled_in", [None, form(**WASTE).digest()])
def test_answers_that_do_not_fit_are_refused_with_all_that_is_wrong(filled_in: str | None) -> None:
    misfit = judge_answers(form(**WASTE), {"danger": "maybe"}, filled_in, FRIDAY, CALENDAR)

    assert misfit is not None
    assert misfit.code == "form-invalid"
    assert misfit.sentence == (
        '"What is there?" needs one or more of: Gas cylinders (gas), Drums (drums), in a list, each once. '
        "And 1 more of its answers must be put right."
    )
    assert [problem.question for problem in misfit.problems] == ["hazards", "danger"]


def test_answers_to_a_form_that_has_changed_are_refused_by_that() -> None:
    misfit = judge_answers(form(**WASTE), {"danger": "maybe"}, "form-of-last-year", FRIDAY, CALENDAR)

    assert misfit is not None
    assert (misfit.code, misfit.problems) == ("form-changed", ())
    assert "load it again" in misfit.sentence


def test_a_stop_counts_more_than_answers_that_are_missing() -> None:
    misfit = judge_answers(form(**WASTE), {"hazards": ["gas"], "danger": "yes"}, None, FRIDAY, CALENDAR)

    assert misfit is not None
    assert (misfit.code, misfit.sentence) == ("form-stopped", "Leave the place and call 999.")


def test_a_service_without_a_form_takes_no_answers() -> None:
    misfit = judge_answers(None, {"danger": "yes"}, None, FRIDAY, CALENDAR)

    assert judge_answers(None, {}, None, FRIDAY, CALENDAR) is None
    assert misfit is not None
    assert misfit.code == "form-invalid"
