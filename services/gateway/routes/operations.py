"""For operators and programs: alive, ready, metrics, and the documents that describe the house.

Ready means that everything is there. While only the broker is away the gateway says that it is not ready, and still
takes commands, keeps them and answers 202: whoever wants that sends requests to every gateway that is alive.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from jinja2 import Environment
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import HTMLResponse, JSONResponse

from services.gateway.domain import NotFound
from services.gateway.routes.parts import The
from services.gateway.schemas import Health, JsonDocument


def operations(registry: CollectorRegistry, asyncapi: Path, pages: Environment) -> APIRouter:
    """Make the routes."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> Health:
        return Health(status="alive")

    @router.get("/readyz")
    async def readyz(parts: The, response: Response) -> Health:
        report = await parts.health()
        ready = not any(report.values())
        response.status_code = 200 if ready else 503
        return Health(
            status="ready" if ready else "not ready",
            parts={name: what or "ok" for name, what in report.items()},
        )

    @router.get("/metrics", response_model=None)
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @router.get("/asyncapi.json", response_model=JsonDocument)
    def asyncapi_document() -> Response:
        try:
            return Response(asyncapi.read_bytes(), media_type="application/json")
        except OSError:
            raise NotFound("This installation has no AsyncAPI document.", code="no-asyncapi") from None

    @router.get("/openapi.json", response_model=JsonDocument)
    async def openapi_document(request: Request) -> Response:
        return JSONResponse(request.app.openapi())

    @router.get("/docs", response_model=None)
    async def docs(request: Request) -> HTMLResponse:
        document = request.app.openapi()
        page = pages.get_template("docs.html")
        return HTMLResponse(page.render(title=document["info"]["title"], groups=_groups(document)))

    return router


def _groups(document: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """List the operations by tag, with the fields of their bodies, for a page without scripts."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            groups.setdefault(operation["tags"][0], []).append(
                {
                    "method": method.upper(),
                    "path": path,
                    "id": operation["operationId"],
                    "summary": operation["summary"],
                    "description": operation.get("description", ""),
                    "parameters": operation.get("parameters", []),
                    "fields": _fields(document, body),
                    "answers": sorted(operation["responses"]),
                }
            )
    return groups


def _fields(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    references = [schema, *schema.get("anyOf", ())]
    name = next((each["$ref"].rpartition("/")[2] for each in references if "$ref" in each), None)
    if name is None:
        return []
    model = document["components"]["schemas"][name]
    required = set(model.get("required", ()))
    return [
        {"name": field, "required": field in required, "type": _type(about)}
        for field, about in model.get("properties", {}).items()
    ]


def _type(about: Mapping[str, Any]) -> str:
    if "enum" in about:
        return "one of " + ", ".join(map(str, about["enum"]))
    if "const" in about:
        return str(about["const"])
    if "anyOf" in about:
        return " or ".join(_type(each) for each in about["anyOf"] if each.get("type") != "null")
    if "$ref" in about:
        return str(about["$ref"]).rpartition("/")[2]
    kind = str(about.get("format") or about.get("type", "value"))
    return f"{kind}, at most {about['maxLength']} characters" if "maxLength" in about else kind
