"""The form of a report of waste, which has one of everything, to be filled in well and badly."""

from datetime import date
from typing import Any

from shared.calendar import WorkingCalendar
from shared.council.answers import validate_answers
from shared.council.forms import Form

FRIDAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 23)
CALENDAR = WorkingCalendar(
    holidays=frozenset({date(2026, 12, 25)}), known_from=date(2026, 1, 1), known_until=date(2027, 12, 31), version="t"
)
SENT = "zq-sent-zq"

BIN = {"id": "bin", "type": "choice", "label": "Which bin?", "options": [{"code": "grey", "label": "Grey"}]}
WASTE = {
    "questions": [
        {
            "id": "hazards",
            "type": "choice",
            "label": "What is there?",
            "multiple": True,
            "required": True,
            "options": [{"code": "gas", "label": "Gas cylinders"}, {"code": "drums", "label": "Drums"}],
        },
        {"id": "danger", "type": "choice", "label": "Is anybody in danger?", "options": "yes-no", "required": True},
        {"id": "who", "type": "text", "label": "Who?", "when": {"danger": True}, "required": True, "max_length": 20},
        {"id": "drums", "type": "text", "label": "What do the labels say?", "when": {"hazards": ["drums"]}},
        {"id": "seen", "type": "date", "label": "When was it seen?", "within": "2wd"},
        {"id": "place", "type": "location", "label": "Where exactly?"},
        {"id": "reporter", "type": "person", "label": "Who saw it?"},
        {"id": "photos", "type": "file", "label": "Photographs", "max_files": 2},
    ],
    "notices": [
        {"text": "Do not touch it.", "kind": "warning"},
        {"text": "Call 999 now.", "kind": "emergency", "when": {"danger": "yes"}},
    ],
    "stops": [{"when": {"hazards": "gas", "danger": "yes"}, "message": "Leave the place and call 999."}],
}
FITS: dict[str, Any] = {"hazards": ["drums"], "danger": "no"}


def form(**content: Any) -> Form:
    return Form.model_validate(content)


def problems(answers: object, of: Form | None = None, today: date = FRIDAY) -> list[tuple[str, str]]:
    found = validate_answers(of or form(**WASTE), answers, today, CALENDAR)
    return [(problem.question, problem.code) for problem in found]
