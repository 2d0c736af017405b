"""The pages a browser gets: sign in, my cases, one case to read. Plain HTML, no script, nothing to change but sign-out.

A page is for the session's person only and says the same for "not there" and "not yours".
"""

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Depends, Request
from jinja2 import Environment
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.gateway.auth import SignIn, SignInAway, SignInFailed
from services.gateway.domain import HOME, NotFound, local_path, person_today
from services.gateway.ports import Unavailable
from services.gateway.routes.look import look, look_through
from services.gateway.routes.parts import Caller, Parts, The
from services.gateway.schemas import CaseOut, PendingCase, RefusedOut
from shared.calendar import LONDON
from shared.commands import ListCases, NotAReference, parse_reference

STYLE = Path(__file__).parent.parent / "static" / "casework.css"
_MAX_AGE = 8 * 3600

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


class Reception(NamedTuple):
    """What the pages work with besides the parts."""

    pages: Environment
    sign_in: SignIn
    callback_url: str
    """Address of the callback as the issuer knows it."""
    secure: bool

    @property
    def cookie(self) -> str:
        """Name of the session cookie; the prefix makes browsers insist on Secure and on this host."""
        return "__Host-casework" if self.secure else "casework"

    def page(
        self, name: str, what: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Write a page."""
        return HTMLResponse(self.pages.get_template(name).render(**what), status_code=status, headers=headers)


def _reception(request: Request) -> Reception:
    reception: Reception = request.app.state.reception
    return reception


Desk = Annotated[Reception, Depends(_reception)]


def _message(desk: Reception, title: str, *lines: str, status: int = 200, link: str = "") -> Response:
    headers = {"Retry-After": "10"} if status == 503 else {}  # noqa: PLR2004  an HTTP status
    return desk.page("message.html", {"title": title, "lines": lines, "link": link}, status=status, headers=headers)


def _not_found(desk: Reception) -> Response:
    return _message(
        desk,
        "Page not found",
        "There is no such page, or it is not yours to see.",
        "Check the address, or open the link in your e-mail again.",
        status=404,
    )


def _away(desk: Reception) -> Response:
    sentence = "The case service cannot be reached at the moment. Try again in a minute."
    return _message(desk, "Not available at the moment", sentence, status=503)


def _issuer_away(desk: Reception) -> Response:
    sentence = "The sign-in service cannot be reached. Try again in a minute."
    return _message(desk, "Sign-in is not available", sentence, status=503)


def _sign_in_failed(desk: Reception, sentence: str, status: int) -> Response:
    return _message(desk, "You are not signed in", sentence, status=status, link=HOME)


def _csrf(session_id: str) -> str:
    """Derive the form's token from the session id, which only this browser and we know."""
    return hashlib.sha256(f"casework form {session_id}".encode()).hexdigest()


async def _signed_in(parts: Parts, desk: Reception, request: Request) -> Caller | None:
    session_id = request.cookies.get(desk.cookie, "")
    person_id = await parts.sessions.find(session_id) if session_id else None
    if person_id is None:
        return None
    now = await parts.clock.now()
    person = person_today(parts.directory, person_id, now.astimezone(LONDON).date())
    if person is None:
        return None
    request.state.actor = person.id
    return Caller(person, now)


def _to_sign_in(path: str) -> Response:
    return RedirectResponse(f"/sign-in?next={quote(path, safe='')}", status_code=303)


@router.get(HOME, response_model=None)
async def see_my_cases(parts: The, desk: Desk, request: Request) -> Response:
    """Show the cases of the person who is signed in, newest first."""
    try:
        caller = await _signed_in(parts, desk, request)
        if caller is None:
            return _to_sign_in(HOME)
        asked = ListCases(at=caller.now, actor=caller.person.id, limit=100)
        reply = await look_through(parts, asked)
    except Unavailable:
        return _away(desk)
    session_id = request.cookies[desk.cookie]
    return desk.page(
        "cases.html", {"person": caller.person, "csrf": _csrf(session_id), "reply": reply, "local": _local}
    )


@router.get(HOME + "/{reference}", response_model=None)
async def see_case_page(parts: The, desk: Desk, request: Request, reference: str) -> Response:
    """Show one case, read-only; this is where the links in e-mails lead."""
    try:
        reference = parse_reference(reference)
    except NotAReference:
        return _not_found(desk)
    try:
        caller = await _signed_in(parts, desk, request)
        if caller is None:
            return _to_sign_in(f"{HOME}/{reference}")
        found = await look(parts, caller, reference)
    except Unavailable:
        return _away(desk)
    except NotFound:
        return _not_found(desk)
    session_id = request.cookies[desk.cookie]
    shared: dict[str, Any] = {
        "person": caller.person,
        "csrf": _csrf(session_id),
        "reference": reference,
        "local": _local,
    }
    if isinstance(found, CaseOut):
        return desk.page("case.html", shared | {"case": found, "names": _names(parts, found)})
    return desk.page("undecided.html", shared | _undecided(found))


def _undecided(found: PendingCase | RefusedOut) -> dict[str, str]:
    if isinstance(found, PendingCase):
        return {
            "heading": "Being processed",
            "sentence": "The request has been received safely and is waiting for a decision. You will be told.",
        }
    return {"heading": "Not accepted", "sentence": found.refusal.sentence}


def _names(parts: Parts, case: CaseOut) -> dict[str, str]:
    """Give the names of the people in a case, who all serve the council."""
    ids = {case.owner, *case.cc, *(event.actor for event in case.history)}
    people = {person_id: parts.directory.person(person_id) for person_id in ids}
    return {person_id: person.full_name if person else person_id for person_id, person in people.items()}


def _local(moment: Any) -> str:
    return str(moment.astimezone(LONDON).strftime("%-d %B %Y, %H:%M")) if moment else ""


@router.get("/sign-in", response_model=None)
async def sign_in(desk: Desk, request: Request, next: str = HOME) -> Response:  # noqa: A002  the parameter's name in the address
    """Send the browser to the issuer, with PKCE, state and nonce."""
    request.session["next"] = local_path(next)
    try:
        return await desk.sign_in.redirect(request, desk.callback_url)
    except SignInAway:
        return _issuer_away(desk)


@router.get("/sign-in/callback", response_model=None)
async def sign_in_callback(parts: The, desk: Desk, request: Request) -> Response:
    """Take the browser back from the issuer and begin a session."""
    target = local_path(request.session.pop("next", None))
    try:
        person_id = await desk.sign_in.person_of(request)
    except SignInAway:
        return _issuer_away(desk)
    except SignInFailed:
        return _sign_in_failed(desk, "The sign-in could not be completed. Start again.", 400)
    finally:
        request.session.clear()
    try:
        if person_today(parts.directory, person_id, await parts.today()) is None:
            return _sign_in_failed(
                desk, "The council has no such councillor or officer today. Ask Democratic Services.", 403
            )
        await _end_session(parts, desk, request)
        session_id = await parts.sessions.open(person_id)
    except Unavailable:
        return _away(desk)
    answer = RedirectResponse(target, status_code=303)
    answer.set_cookie(
        desk.cookie, session_id, max_age=_MAX_AGE, path="/", secure=desk.secure, httponly=True, samesite="lax"
    )
    return answer


@router.post("/sign-out", response_model=None)
async def sign_out(parts: The, desk: Desk, request: Request) -> Response:
    """End the session; only a form of ours may ask for it."""
    session_id = request.cookies.get(desk.cookie, "")
    sent = parse_qs((await request.body()).decode("latin-1")).get("csrf", [""])[0]
    foreign = request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
    if foreign or not secrets.compare_digest(sent.encode(), _csrf(session_id).encode()):
        sentence = "The request did not come from this site's own page. Use the sign-out button."
        return _message(desk, "You are still signed in", sentence, status=403, link=HOME)
    try:
        await _end_session(parts, desk, request)
    except Unavailable:
        return _away(desk)
    answer = RedirectResponse("/signed-out", status_code=303)
    answer.delete_cookie(desk.cookie, path="/", secure=desk.secure, httponly=True, samesite="lax")
    return answer


@router.get("/signed-out", response_model=None)
async def signed_out(desk: Desk) -> Response:
    """Say that the session has ended."""
    return _message(desk, "You are signed out", "Close the browser on a shared computer.", link=HOME)


@router.get("/static/casework.css", response_model=None)
async def style() -> Response:
    """Serve the style sheet."""
    return Response(STYLE.read_bytes(), media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


async def _end_session(parts: Parts, desk: Reception, request: Request) -> None:
    if session_id := request.cookies.get(desk.cookie):
        await parts.sessions.close(session_id)
