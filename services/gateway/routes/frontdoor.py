"""What happens to every request before and after the routes: limits, safe headers, one log line, and the last net.

An exception that nobody expected is logged by kind and place, never by its text: the text may quote what was sent.
"""

import time
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.domain import GatewayError
from services.gateway.routes.problems import internal_error, problem_response
from shared.plumbing.logs import place_of

MAX_HEADERS = 8_192
"""Bytes of all header lines together."""
MAX_QUERY = 2_048
MAX_BODY = 1_048_576

PAGE_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_SAFE: dict[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": PAGE_POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Log(Protocol):
    """What is needed of a structured log."""

    def info(self, event: str, **values: object) -> object:
        """Log something ordinary."""
        ...

    def error(self, event: str, **values: object) -> object:
        """Log something that should not have happened."""
        ...


class HttpMetrics:
    """Counts requests by route, never by path: a path holds references."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "casework_http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "casework_http_seconds",
            "Time to answer a request.",
            ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 3.5, 5),
            registry=registry,
        )


class FrontDoor:
    """The outermost layer."""

    def __init__(self, app: ASGIApp, *, log: Log, metrics: HttpMetrics, secure: bool) -> None:
        self._app, self._log, self._metrics = app, log, metrics
        self._headers = _SAFE | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        too_big = _over_limit(scope)
        try:
            if too_big is not None:
                await problem_response(too_big)(scope, receive, tell)
            else:
                await self._app(scope, _counted(receive), tell)
        except Exception as error:  # noqa: BLE001  the last net: whatever it is, the person gets an answer
            self._log.error("request failed", error=place_of(error))
            if not status:
                await internal_error()(scope, receive, tell)
        finally:
            self._record(scope, status, time.perf_counter() - began)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in {"GET", "HEAD", "POST", "OPTIONS"} else "other"
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if route not in {"/livez", "/readyz", "/metrics"}:
            self._log.info(
                "request",
                method=method,
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
                actor=scope.get("state", {}).get("actor", ""),
            )


def _over_limit(scope: Scope) -> GatewayError | None:
    if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > MAX_HEADERS:
        return GatewayError(
            f"Send at most {MAX_HEADERS} bytes of headers.",
            status=431,
            code="headers-too-big",
            title="Too many headers",
        )
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > MAX_BODY:
        return _body_too_big()
    if len(scope.get("query_string", b"")) > MAX_QUERY:
        return GatewayError(
            f"Keep the query shorter than {MAX_QUERY} bytes.", status=414, code="address-too-long", title="Too long"
        )
    return None


def _body_too_big() -> GatewayError:
    return GatewayError("Send at most 1 MiB.", status=413, code="too-big", title="The body is too big")


def _counted(receive: Receive) -> Receive:
    """Count a body that does not say its size beforehand."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY:
            raise _body_too_big()
        return message

    return counted
