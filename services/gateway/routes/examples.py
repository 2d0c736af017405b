"""Examples for the OpenAPI document: one case of an invented council, and a problem for each status.

A test reads each of them with the model it stands for.
"""

from collections.abc import Mapping
from typing import Any

from shared.commands import case_id_for, reference_for
from shared.council import Form

REFERENCE = reference_for("exampleton", "cllr-001", "example")

CASE: dict[str, Any] = {
    "reference": REFERENCE,
    "id": case_id_for(REFERENCE),
    "version": 2,
    "kind": "case",
    "status": "with_team",
    "sentence": "Environmental Protection has it and will acknowledge it by 25 November 2026.",
    "service": "noise",
    "service_name": "Noise nuisance",
    "ward": "abbey",
    "ward_name": "Abbey",
    "lane": "normal",
    "level": 0,
    "capacity": "ward",
    "portfolio": None,
    "impact": "daily-life",
    "council_version": 12,
    "owner": "cllr-001",
    "owner_name": "Councillor Ivy Example",
    "cc": ["cllr-002"],
    "team": "environmental-protection",
    "team_name": "Environmental Protection",
    "routed_by": "Routed by rule noise, version 2026.1 of the council's rules: this team answers for the service.",
    "clocks": [{"kind": "acknowledge", "due": "2026-11-25T17:00:00Z", "rule": "2wd", "rev": 1}],
    "tasks": [],
    "promised": None,
    "keep_open_until": None,
    "raised_at": "2026-11-23T09:00:00Z",
    "updated_at": "2026-11-23T09:00:01Z",
    "summary": "Barking through the night",
    "description": "Two dogs bark from midnight on.",
    "location": "Behind the terrace",
    "constituent": None,
    "form": {
        "version": "form-3b1f0c9a7e52",
        "answers": [{"question": "source", "label": "What is heard?", "answer": "dogs", "said": "Dogs"}],
    },
    "commands": ["add-cc", "remove-cc"],
    "history": [
        {
            "id": "2b6f0c5e-1f5e-5a55-8a55-6f9c1d0a7c11",
            "seq": 1,
            "type": "casework.case.raised.v1",
            "at": "2026-11-23T09:00:00Z",
            "actor": "cllr-001",
            "data": {"raised_on": "2026-11-23", "flags": []},
        }
    ],
    "refused": [],
    "pending": [],
}

CASES: dict[str, Any] = {
    "cases": [
        {name: CASE[name] for name in ("reference", "kind", "status", "service", "ward", "lane", "team", "owner")}
        | {name: CASE[name] for name in ("level", "summary", "raised_at", "updated_at")}
        | {"due": "2026-11-25T17:00:00Z", "relation": "owner"}
    ],
    "next": None,
    "total": 1,
}
EVENTS: dict[str, Any] = {"found": True, "events": CASE["history"], "last": 2}
PENDING: dict[str, Any] = {
    "reference": REFERENCE,
    "status": "pending",
    "pending": [{"id": "9d0b6f1c-5a36-5d5e-8f43-0b1f4b6f2a10", "command": "raise", "at": "2026-11-23T09:00:00Z"}],
}
_FOUND: dict[str, Any] = {
    "code": "fly-tipping",
    "name": "Fly-tipping",
    "kind": "report",
    "synonyms": ["dumped rubbish"],
    "lgsl": 587,
    "acknowledge": "1wd",
    "answer": "2wd",
    "autoclose_days": 5,
    "danger": False,
    "location_required": True,
    "triage": False,
    "signpost": None,
    "flags": [{"code": "asbestos", "label": "It may hold asbestos", "danger": True}],
    "found": {"by": "synonym", "text": "dumped rubbish"},
}
SERVICES: dict[str, Any] = {"council": "exampleton", "version": "2026.1", "services": [_FOUND]}
_FORM = Form.model_validate(
    {
        "questions": [
            {
                "id": "size",
                "type": "choice",
                "label": "How much is it?",
                "options": [{"code": "bags", "label": "A few bags"}, {"code": "lorry", "label": "A lorry load"}],
            },
            {"id": "vehicle", "type": "text", "label": "Number plate, if seen", "when": {"size": "lorry"}},
        ]
    }
)
SERVICE: dict[str, Any] = _FOUND | {
    "found": None,
    "next_steps": "A crew looks at it, searches it for names, and takes it away.",
    "targets": {
        "acknowledge": "It should be taken on within 1 working day.",
        "answer": "It should be completed within 2 working days.",
        "closes": "It closes by itself 5 working days after it was completed.",
    },
    "form": {
        "version": _FORM.digest(),
        "answers_schema": _FORM.json_schema(),
        "questions": [
            {
                "id": "size",
                "type": "choice",
                "label": "How much is it?",
                "options": [{"code": "bags", "label": "A few bags"}, {"code": "lorry", "label": "A lorry load"}],
                "multiple": False,
            },
            {
                "id": "vehicle",
                "type": "text",
                "label": "Number plate, if seen",
                "when": {"size": ["lorry"]},
                "max_length": 200,
            },
        ],
        "notices": [{"kind": "info", "text": "Do not search it yourself."}],
        "stops": [],
    },
    "impacts": [
        {
            "code": "danger",
            "label": "Danger",
            "definition": "People may be hurt unless it is made safe today.",
            "notice": "If somebody is in immediate danger, call 999 first.",
        }
    ],
}
ME: dict[str, Any] = {
    "id": "cllr-001",
    "name": "Councillor Ivy Example",
    "email": "ivy.example@exampleton.example",
    "kind": "councillor",
    "roles": ["councillor"],
    "wards": [{"code": "abbey", "name": "Abbey"}],
    "teams": [],
    "portfolios": [],
    "features": ["keep-open"],
    "council": "exampleton",
    "today": "2026-11-23",
}
COUNCIL: dict[str, Any] = {
    "code": "exampleton",
    "name": "Exampleton Borough Council",
    "version": "2026.1",
    "number": 12,
    "impacts": [
        {
            "code": "danger",
            "label": "Danger",
            "definition": "People may be hurt unless it is made safe today.",
            "notice": "If somebody is in immediate danger, call 999 first.",
        }
    ],
    "return_reasons": [{"id": "other-team", "label": "Another team answers for this"}],
    "signposts": [
        {
            "id": "crime-map",
            "title": "Crime map",
            "summary": "What was reported to the police in the ward, street by street.",
            "category": "crime-map",
            "urls": ["https://police.example/map/abbey"],
        }
    ],
}


def _problem(status: int, code: str, title: str, detail: str, **more: Any) -> dict[str, Any]:
    return {
        "type": f"urn:casework:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
    } | more


PROBLEMS: Mapping[int, dict[str, Any]] = {
    each["status"]: each
    for each in (
        _problem(
            400,
            "key-missing",
            "The request cannot be read",
            "Add the header Idempotency-Key: a new random value for each new order, "
            "the same value when you repeat one.",
            field="Idempotency-Key",
        ),
        _problem(401, "expired-token", "Sign in first", "The token has expired: get a new one."),
        _problem(
            403,
            "not-yours",
            "Not allowed",
            "Only an officer of the team that has the case can acknowledge it.",
            instead=["add-cc", "remove-cc"],
        ),
        _problem(404, "no-such-case", "Not found", "There is no such case, or it is not yours to see."),
        _problem(
            409,
            "in-flight",
            "Being worked on",
            "The same request is being worked on: repeat it in a second, with the same Idempotency-Key.",
        ),
        _problem(413, "too-big", "The body is too big", "Send at most 1 MiB."),
        _problem(
            415,
            "not-json",
            "Another media type is needed",
            "Send the body as JSON, with the header Content-Type: application/json.",
            field="Content-Type",
        ),
        _problem(
            422,
            "invalid-request",
            "A field is wrong",
            "summary: is missing. Add it.",
            field="summary",
            errors=[{"field": "summary", "problem": "is missing.", "fix": "Add it."}],
        ),
        _problem(
            503,
            "unavailable",
            "Not available at the moment",
            "A part of the service cannot be reached now: try again shortly.",
        ),
    )
}
