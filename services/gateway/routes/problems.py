"""Every answer that is not what was hoped for: a problem document (RFC 9457), or for a browser a plain page.

Nothing a person sent is ever repeated, neither to them nor in a log: places and rules are named, values are not.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from services.gateway.domain import Away, GatewayError, Invalid
from services.gateway.ports import Unavailable
from services.gateway.routes.examples import PROBLEMS
from services.gateway.routes.forms import FormRefused
from services.gateway.schemas import FieldProblem, Problem
from shared.commands import Refusal

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait before repeating.", "schema": {"type": "string"}}}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,40}")
_MOST = 20

_REFUSALS: Mapping[str, tuple[int, str]] = {
    "invalid": (422, "A field is wrong"),
    "forbidden": (403, "Not allowed"),
    "not_found": (404, "Not found"),
    "conflict": (409, "Not possible now"),
}
_PLAIN: Mapping[int, tuple[str, str, str]] = {
    400: ("bad-request", "The request cannot be read", "The request cannot be read: see /docs for how to write it."),
    404: ("no-such-address", "Not found", "There is nothing at this address: /docs lists the addresses."),
    405: ("method-not-allowed", "Method not allowed", "Use one of the methods in the header Allow."),
}


def refused(refusal: Refusal) -> GatewayError:
    """Turn intake's no into the answer for it."""
    status, title = _REFUSALS[refusal.kind]
    return GatewayError(
        refusal.sentence,
        code=refusal.code,
        status=status,
        title=title,
        field=refusal.field,
        instead=refusal.instead,
    )


def problem_response(error: GatewayError, errors: Sequence[FieldProblem] = ()) -> Response:
    """Write a problem document."""
    problem = Problem(
        type=f"urn:casework:problem:{error.code}",
        title=error.title,
        status=error.status,
        detail=error.detail,
        code=error.code,
        field=error.field,
        instead=error.instead or None,
        errors=tuple(errors) or None,
    )
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status_code=error.status,
        headers=error.headers,
        media_type=MEDIA_TYPE,
    )


def field_problems(errors: Sequence[Any]) -> list[FieldProblem]:
    """Say for each broken rule where, which one, and what to do, from pydantic's list of errors."""
    return [
        FieldProblem(field=_place(error["loc"]), problem=_problem(error), fix=_fix(error)) for error in errors[:_MOST]
    ]


def validation_response(errors: Sequence[Any]) -> Response:
    """Write the problem document of a body or a parameter that breaks its rules."""
    found = field_problems(errors)
    detail = " ".join(f"{each.field}: {each.problem} {each.fix}" for each in found[:3])
    if len(errors) > 3:  # noqa: PLR2004  as many as a sentence can carry
        detail += f" And {len(errors) - 3} more, see errors."
    return problem_response(Invalid(detail, field=found[0].field if found else None), found)


def _place(loc: Sequence[str | int]) -> str:
    """Write a place as `body.cc.0`; a name the sender made up is told only if it looks like a name."""
    inner = loc[1:] if len(loc) > 1 and loc[0] in {"body", "query", "path", "header"} else loc
    return ".".join(str(part) if isinstance(part, int) or _NAME.fullmatch(part) else "(unnamed)" for part in inner)


def _problem(error: Mapping[str, Any]) -> str:
    kind = str(error["type"])
    if kind == "missing":
        return "is missing."
    if kind == "extra_forbidden":
        return "is not known here."
    if kind == "string_pattern_mismatch":
        return "has a form that is not allowed."
    # pydantic's own sentences name the rule and its bounds, and quote no input except for these kinds
    if kind in {"value_error", "assertion_error"} or not kind.replace("_", "").isalpha():
        return str(error["msg"]).removeprefix("Value error, ") + "." if kind == "value_error" else "is not allowed."
    return f"{error['msg']}."


def _fix(error: Mapping[str, Any]) -> str:
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind == "missing":
        return "Add it."
    if kind == "extra_forbidden":
        return "Remove it."
    if kind in {"string_too_long", "too_long"}:
        return f"Shorten it to {context.get('max_length', 'the limit')}."
    if kind in {"string_too_short", "too_short"}:
        return "Fill it in, or leave an optional field out."
    if kind == "string_pattern_mismatch":
        return f"It must match {context.get('pattern', 'its pattern')}."
    return "Correct it: /docs says what is allowed."


async def _on_problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, GatewayError):
        raise error
    return problem_response(error, error.errors if isinstance(error, FormRefused) else ())


async def _on_validation(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return validation_response(error.errors())


async def _on_unavailable(_: Request, __: Exception) -> Response:
    return problem_response(Away("A part of the service cannot be reached now: try again shortly."))


async def _on_http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    fallback = ("http-error", HTTPStatus(status).phrase, "See /docs for how to use this address.")
    code, title, detail = _PLAIN.get(status, fallback)
    return problem_response(GatewayError(detail, code=code, status=status, title=title, headers=error.headers))


def install(app: FastAPI) -> None:
    """Make every error of the app a problem document."""
    app.add_exception_handler(GatewayError, _on_problem)
    app.add_exception_handler(Unavailable, _on_unavailable)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)


def internal_error() -> Response:
    """Answer that something broke, without saying what: that stands in the log."""
    return problem_response(
        GatewayError("Something went wrong on our side. Repeat the request with the same Idempotency-Key.")
    )


def documented(*statuses: int, example: Any = None) -> dict[int | str, dict[str, Any]]:
    """List a route's problem answers for the OpenAPI document, and give an example of its good one."""
    problems: dict[int | str, dict[str, Any]] = {
        status: {"model": Problem, "description": HTTPStatus(status).phrase} | shown(PROBLEMS[status])
        for status in (401, *statuses, 503)
    }
    for status in {409, 503} & problems.keys():
        problems[status]["headers"] = RETRY_AFTER
    return {200: shown(example)} | problems


def shown(example: Any) -> dict[str, Any]:
    """Write down an example of an answer."""
    return {"content": {"application/json": {"example": example}}}


def as_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Correct what FastAPI writes about errors: their media type, and a 422 of its own form that is never sent."""
    for methods in document["paths"].values():
        for operation in methods.values():
            answers = operation["responses"]
            for status in [each for each in answers if int(each) >= 400]:  # noqa: PLR2004  where errors begin
                content = answers[status]["content"]
                content[MEDIA_TYPE] = content.pop("application/json")
                if content[MEDIA_TYPE]["schema"]["$ref"].endswith("/HTTPValidationError"):
                    del answers[status]
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document


__all__ = [
    "as_problems",
    "documented",
    "field_problems",
    "install",
    "internal_error",
    "problem_response",
    "refused",
    "shown",
    "validation_response",
]
