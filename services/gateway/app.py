"""The gateway, put together: `uvicorn services.gateway.app:create_app --factory`.

The app answers from its first second. Until broker, database and council have been reached it is not ready; later a
broker that is away makes it keep commands, not refuse them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from prometheus_client import CollectorRegistry
from starlette.middleware.sessions import SessionMiddleware

from services.gateway.adapters.broker import RabbitIntake, ReplyLine
from services.gateway.adapters.database import COMMANDS, SESSIONS, BoundedClock, MongoOutbasket, MongoSessions
from services.gateway.auth import Jwks, SignIn, Tokens
from services.gateway.config import Config
from services.gateway.ports import Clock
from services.gateway.routes import cases, council, development, operations, pages, placing, problems
from services.gateway.routes.development import Bench
from services.gateway.routes.frontdoor import FrontDoor, HttpMetrics, Log
from services.gateway.routes.pages import Reception
from services.gateway.routes.parts import Parts
from shared.plumbing.aiormq_wire import die
from shared.plumbing.clock import MovableClock
from shared.plumbing.ending import end
from shared.plumbing.health import holds
from shared.plumbing.service import VERSION, Runtime, close_runtime, make_runtime, open_runtime

SERVICE = "gateway"
_HERE = Path(__file__).parent

DESCRIPTION = """Casework for a council's elected members.

Every request needs an access token; every POST needs an `Idempotency-Key`. Repeating a request with its key is always
safe: it finds what was decided. 202 promises a decision, not a yes: ask the address in `Location` until it is there.
Errors are problem documents (RFC 9457).
"""


class Face(NamedTuple):
    """What the app looks like from outside, whatever it is connected to."""

    development: bool
    secure: bool
    session_secret: str
    asyncapi: Path
    registry: CollectorRegistry
    log: Log


Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Gateway(FastAPI):
    """The app; its OpenAPI document says of errors what they are."""

    def openapi(self) -> dict[str, Any]:
        """Write the OpenAPI document, once."""
        if self.openapi_schema is None:
            problems.as_problems(super().openapi())
        return super().openapi()


def make_pages() -> Environment:
    """Make the templates: everything escaped, nothing undefined."""
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def make_app(face: Face, lifespan: Lifespan | None = None) -> FastAPI:
    """Make the app with its routes; its parts come with the lifespan, into `app.state`."""
    app = Gateway(
        title="Casework",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        openapi_tags=[
            {"name": "Cases", "description": "Raise, list, look and follow."},
            {"name": "Commands", "description": "What may be done with a case."},
            {"name": "Council", "description": "The catalogue of services, and who you are."},
        ],
    )
    for router in (cases.router, cases.commands, placing.router, council.router, pages.router):
        app.include_router(router)
    app.include_router(operations.operations(face.registry, face.asyncapi, make_pages()))
    if face.development:
        app.include_router(development.router)
    problems.install(app)
    app.add_middleware(
        SessionMiddleware,
        secret_key=face.session_secret,
        session_cookie="__Host-casework-sign-in" if face.secure else "casework-sign-in",
        max_age=600,
        same_site="lax",
        https_only=face.secure,
    )
    app.add_middleware(FrontDoor, log=face.log, metrics=HttpMetrics(face.registry), secure=face.secure)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def openapi_document() -> dict[str, Any]:
    """Write the OpenAPI document; needs no settings and no servers, and is the same for every profile."""
    log: Log = structlog.get_logger()
    return make_app(Face(False, True, "none", Path(), CollectorRegistry(), log)).openapi()  # noqa: FBT003  fields of Face


def create_app(config: Config | None = None) -> FastAPI:
    """Compose the gateway from its settings."""
    config = config or Config()
    runtime = make_runtime(config, SERVICE, [SESSIONS, COMMANDS])
    face = Face(
        development=config.profile == "development",
        secure=config.secure,
        session_secret=config.session_secret(),
        asyncapi=config.gateway_asyncapi_file,
        registry=runtime.metrics.registry,
        log=runtime.log,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with httpx2.AsyncClient(timeout=5.0) as client:
            line = ReplyLine(runtime.broker, runtime.log, runtime.metrics.replies)
            clock: Clock = runtime.clock
            if isinstance(runtime.clock, MovableClock):
                clock = movable = BoundedClock(runtime.clock)
                app.state.bench = Bench(
                    movable,
                    client,
                    config.gateway_inbox_url.rstrip("/"),
                    config.gateway_issuer.rstrip("/"),
                    config.jwks_url.rpartition("/")[0],
                )
            app.state.parts = _parts(config, runtime, line, client, clock)
            app.state.reception = _reception(config)
            reaching = asyncio.create_task(_reach(runtime, line), name="reach")
            yield
            await end([reaching])
            await line.close()
            await close_runtime(runtime)
            await runtime.broker.stop()

    return make_app(face, lifespan)


async def _reach(runtime: Runtime, line: ReplyLine) -> None:
    """Reach everything that is needed, while requests are being answered already; if that fails, never silently."""
    runtime.health.add("replies", holds(lambda: line.alive, "no consumer"))
    try:
        await open_runtime(runtime)
        await line.open()
    except Exception as error:  # noqa: BLE001  the supervisor restarts what ends
        die(f"gateway cannot start: {type(error).__name__}: look at database, council data and broker")
    runtime.log.info("gateway ready")


def _parts(config: Config, runtime: Runtime, line: ReplyLine, client: httpx2.AsyncClient, clock: Clock) -> Parts:
    if runtime.seal is None:
        raise ValueError("CASEWORK_SEAL_KEYS: needed to give commands (casework keys new makes one)")
    outbasket = MongoOutbasket(runtime.store.durable[COMMANDS.name], runtime.relay)
    return Parts(
        council=runtime.council,
        clock=clock,
        intake=RabbitIntake(
            wire=runtime.wire,
            line=line,
            seal=runtime.seal,
            outbasket=outbasket,
            source=f"/councils/{config.council_code}/casework/{SERVICE}",
            log=runtime.log,
        ),
        outbasket=outbasket,
        sessions=MongoSessions(runtime.store.durable[SESSIONS.name]),
        tokens=Tokens(
            issuer=config.gateway_issuer,
            audience=config.gateway_audience,
            algorithms=(config.gateway_token_algorithm,),
            keys=Jwks(config.jwks_url, client),
            person_claim=config.gateway_person_claim,
        ),
        council_code=config.council_code,
        health=runtime.health.report,
    )


def _reception(config: Config) -> Reception:
    secret = config.gateway_client_secret
    return Reception(
        pages=make_pages(),
        sign_in=SignIn(
            issuer=config.gateway_issuer,
            discovery_url=config.discovery_url,
            client_id=config.gateway_client_id,
            client_secret=secret.get_secret_value() if secret else None,
            algorithm=config.gateway_token_algorithm,
            person_claim=config.gateway_person_claim,
        ),
        callback_url=f"{config.public_url}/sign-in/callback",
        secure=config.secure,
    )
