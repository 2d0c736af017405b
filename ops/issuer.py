"""An OpenID issuer for development: whoever reaches it may be any person of the council.

The one rule: it redirects only to the addresses it was started with, and everything a request brings is escaped.
"""

import html
import pathlib
import sys
import urllib.parse
from collections.abc import Iterable
from typing import Annotated, Any

import fastapi
import pydantic
import pydantic_settings
import uvicorn
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from ops.arguments import parsed
from ops.sign_in import AuthorizationRequest, Choice, Client, Issuer, Person, RefusedError, TokenRequest, read_people
from ops.signing import ALGORITHM, KeyFileError, Signer

COMMAND_LINE = "casework-cli"

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body {{ font: 1rem/1.5 sans-serif; margin: 2rem auto; max-width: 40rem; padding: 0 1rem }}
li {{ margin: .3rem 0 }} button {{ font: inherit }}</style></head>
<body><main><h1>{title}</h1>{body}</main></body></html>
"""


class Settings(pydantic_settings.BaseSettings):
    """Settings of the development issuer: arguments first, then `CASEWORK_ISSUER_…`."""

    model_config = pydantic_settings.SettingsConfigDict(
        env_prefix="CASEWORK_ISSUER_", cli_prog_name="python -m ops.issuer", cli_kebab_case=True
    )

    host: str = pydantic.Field("127.0.0.1", description="Address it listens on.")
    port: int = pydantic.Field(8090, ge=1, le=65535, description="Port it listens on.")
    url: str = pydantic.Field(
        "", description="Its address for browsers and the `iss` of its tokens; http://127.0.0.1:PORT if unset."
    )
    backchannel_url: str = pydantic.Field(
        "", description="Its address for other programs, where that differs (containers); the url if unset."
    )
    people: pydantic.FilePath = pydantic.Field(
        description='JSON file: [{"id": …, "name": …, "about": …}], the people it can sign in.'
    )
    state: pathlib.Path = pydantic.Field(
        pathlib.Path(".local/issuer"), description="Folder of its key, made at the first start."
    )
    client_id: str = pydantic.Field("casework-gateway", description="The one client it knows.")
    audience: str = pydantic.Field("casework-api", description="The `aud` of its access tokens.")
    redirect_uri: list[str] = pydantic.Field(
        default=[], description="An address it may redirect to, exactly; repeat it (variable: a JSON list)."
    )


class Subject(pydantic.BaseModel):
    """Whom the command line wants a token for."""

    model_config = pydantic.ConfigDict(extra="forbid")

    sub: str


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=html.escape(title), body=body), status, _HEADERS)


def _redirect(request: AuthorizationRequest, **answer: str) -> RedirectResponse:
    if request.state:
        answer["state"] = request.state
    mark = "&" if "?" in request.redirect_uri else "?"
    target = f"{request.redirect_uri}{mark}{urllib.parse.urlencode(answer)}"
    return RedirectResponse(target, 303, {"cache-control": "no-store"})


def _hidden(request: AuthorizationRequest) -> str:
    fields = AuthorizationRequest.model_fields
    return "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(getattr(request, name))}">' for name in fields
    )


def _choices(request: AuthorizationRequest, people: Iterable[Person], search: str) -> HTMLResponse:
    words = search.casefold().split()
    fitting = [
        person
        for person in people
        if all(word in f"{person.id} {person.name} {person.about}".casefold() for word in words)
    ]
    hidden = _hidden(request)
    rows = "".join(
        f'<li><form method="post" action="authorize">{hidden}'
        f'<button name="sub" value="{html.escape(person.id)}">{html.escape(person.name)}</button> '
        f"{html.escape(person.about)}</form>"
        for person in fitting
    )
    return _page(
        "Who are you today?",
        f'<p>Development sign-in: no password.</p><form method="get" action="authorize">{hidden}'
        f'<label>Search <input type="search" name="q" value="{html.escape(search)}"></label> <button>Filter</button>'
        f"</form><p>{len(fitting)} people</p><ul>{rows}</ul>",
    )


def _refused(error: RefusedError, status: int) -> JSONResponse:
    body = {"error": error.error, "error_description": error.description}
    return JSONResponse(body, status, {"cache-control": "no-store"})


def _serve_metadata(app: fastapi.FastAPI, issuer: Issuer, back: str) -> None:
    front = issuer.signer.issuer

    @app.get("/.well-known/openid-configuration")
    async def configuration() -> dict[str, Any]:
        return {
            "issuer": front,
            "authorization_endpoint": f"{front}/authorize",
            "token_endpoint": f"{back}/token",
            "jwks_uri": f"{back}/jwks",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "scopes_supported": ["openid"],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
        }

    @app.get("/jwks")
    async def jwks() -> dict[str, Any]:
        return issuer.signer.jwks()


def _serve_sign_in(app: fastapi.FastAPI, issuer: Issuer) -> None:
    @app.get("/authorize")
    async def ask(request: Annotated[AuthorizationRequest, fastapi.Query()], q: str = "") -> Response:
        try:
            issuer.check_client(request)
        except RefusedError as error:
            return _page("Sign-in refused", f"<p>{html.escape(error.description)}</p>", 400)
        try:
            issuer.check(request)
        except RefusedError as error:
            return _redirect(request, error=error.error, error_description=error.description)
        return _choices(request, issuer.people.values(), q)

    @app.post("/authorize")
    async def choose(choice: Annotated[Choice, fastapi.Form()]) -> Response:
        try:
            issuer.check_client(choice)
            issuer.check(choice)
            person = issuer.person(choice.sub)
        except RefusedError as error:
            return _page("Sign-in refused", f"<p>{html.escape(error.description)}</p>", 400)
        return _redirect(choice, code=issuer.grant(choice, person))


def _serve_tokens(app: fastapi.FastAPI, issuer: Issuer) -> None:
    @app.post("/token")
    async def token(request: Annotated[TokenRequest, fastapi.Form()]) -> Response:
        try:
            return JSONResponse(issuer.swap(request), headers={"cache-control": "no-store"})
        except RefusedError as error:
            return _refused(error, 400)

    @app.post("/dev/token")
    async def mint(subject: Subject) -> Response:
        try:
            person = issuer.person(subject.sub)
        except RefusedError as error:
            return _refused(error, 404)
        return JSONResponse(issuer.access(person, COMMAND_LINE), headers={"cache-control": "no-store"})


def create_app(issuer: Issuer, backchannel_url: str = "") -> fastapi.FastAPI:
    """Return the issuer's pages and endpoints.

    Args:
        issuer: what decides.
        backchannel_url: where other programs reach it, if not at its own `iss`.
    """
    app = fastapi.FastAPI(title="Development issuer", docs_url=None, redoc_url=None)
    _serve_metadata(app, issuer, backchannel_url.rstrip("/") or issuer.signer.issuer)
    _serve_sign_in(app, issuer)
    _serve_tokens(app, issuer)

    @app.get("/livez")
    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    return app


def main() -> None:
    """Serve until the process is told to stop."""
    settings = parsed(Settings)
    url = settings.url.rstrip("/") or f"http://127.0.0.1:{settings.port}"
    try:
        client = Client(settings.client_id, tuple(settings.redirect_uri), settings.audience)
        issuer = Issuer(client, read_people(settings.people), Signer.from_folder(settings.state, url))
    except (ValueError, KeyFileError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    sys.stderr.write(f"development issuer at {url}: whoever reaches it may be any of {len(issuer.people)} people\n")
    uvicorn.run(
        create_app(issuer, settings.backchannel_url), host=settings.host, port=settings.port, log_level="warning"
    )


if __name__ == "__main__":
    main()
