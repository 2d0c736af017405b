"""A mail server for development that delivers nothing: it keeps the last mails in memory and shows them.

Beside the mails stand the calls that its duty desk takes: `ops.duty_desk`.

The one rule: everything a mail brings is text from a stranger; it reaches a page escaped, or in a sandboxed frame.
"""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import email
import email.message
import email.policy
import html
import itertools
import re
import ssl
import warnings
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any

import fastapi
import pydantic
import pydantic_settings
import uvicorn
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from fastapi.responses import HTMLResponse

from ops.arguments import parsed
from ops.duty_desk import LONGEST_WAIT, Calls, router_of, table_of

CAPACITY = 5_000
_LARGEST_MAIL = 2 * 1024 * 1024  # bytes

_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_LINK = re.compile(r"https?://[^\s<>\"']+")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body {{ font: 1rem/1.5 sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }} th, td {{ border-bottom: 1px solid #bbb; padding: .3rem .6rem;
text-align: left; vertical-align: top }} pre {{ white-space: pre-wrap }} iframe {{ width: 100%; height: 40rem;
border: 1px solid #bbb }}</style></head><body><main>{body}</main></body></html>
"""


class Settings(pydantic_settings.BaseSettings):
    """Settings of the development inbox: arguments first, then `CASEWORK_INBOX_…`."""

    model_config = pydantic_settings.SettingsConfigDict(
        env_prefix="CASEWORK_INBOX_", cli_prog_name="python -m ops.inbox", cli_kebab_case=True
    )

    host: str = pydantic.Field("127.0.0.1", description="Address both servers listen on.")
    smtp_port: int = pydantic.Field(1025, ge=0, le=65535, description="Port of the mail server.")
    http_port: int = pydantic.Field(8025, ge=0, le=65535, description="Port of the pages and the API.")
    user: str | None = pydantic.Field(None, description="Name a sender must log in with; nobody must if unset.")
    password: pydantic.SecretStr | None = pydantic.Field(None, description="Password that belongs to the user.")
    certificate: pydantic.FilePath | None = pydantic.Field(None, description="PEM file; turns STARTTLS on.")
    key: pydantic.FilePath | None = pydantic.Field(None, description="PEM file of the certificate's private key.")


@dataclasses.dataclass(frozen=True)
class Mail:
    """One mail as it arrived."""

    id: int
    received_at: dt.datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    headers: dict[str, str]
    text: str
    html: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the mail as the API shows it."""
        return {
            "id": self.id,
            "received_at": self.received_at.isoformat(),
            "from": self.sender,
            "to": list(self.recipients),
            "subject": self.subject,
            "headers": self.headers,
            "text": self.text,
            "html": self.html,
        }


def _part(message: email.message.EmailMessage, kind: str) -> str | None:
    """Return a mail's text or HTML body, None when it has none; bytes that are no text become U+FFFD."""
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return None
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return None
    try:
        return payload.decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:
        return payload.decode("utf-8", errors="replace")


class Inbox:
    """The last mails, oldest first; their ids rise by one and are never used again, even after `clear`."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._mails: deque[Mail] = deque(maxlen=capacity)
        self._ids = itertools.count(1)
        self._arrived = asyncio.Condition()
        self.calls = Calls(capacity)

    async def receive(self, sender: str, recipients: Iterable[str], content: bytes) -> Mail:
        """Keep one mail; beyond the capacity the oldest goes."""
        message = email.message_from_bytes(content, policy=email.policy.default)
        headers: dict[str, str] = {}
        for name, value in message.items():
            headers[name] = f"{headers[name]}\n{value}" if name in headers else str(value)
        mail = Mail(
            id=next(self._ids),
            received_at=dt.datetime.now(dt.UTC),  # noqa: TID251  a mail's date is technical time
            sender=sender,
            recipients=tuple(recipients),
            subject=str(message.get("subject", "")),
            headers=headers,
            text=_part(message, "plain") or "",
            html=_part(message, "html"),
        )
        async with self._arrived:
            self._mails.append(mail)
            self._arrived.notify_all()
        return mail

    def find(self, to: str | None = None, subject: str | None = None, after: int = 0) -> list[Mail]:
        """Return the mails that fit, oldest first.

        Args:
            to: one recipient's whole address, in any case.
            subject: a part of the subject, in any case.
            after: an id; only later mails.
        """
        return [
            mail
            for mail in self._mails
            if mail.id > after
            and (to is None or to.casefold() in (recipient.casefold() for recipient in mail.recipients))
            and (subject is None or subject.casefold() in mail.subject.casefold())
        ]

    async def wait(self, within: float, to: str | None, subject: str | None, after: int) -> list[Mail]:
        """Return the mails that fit, waiting up to `within` seconds for the first."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within), self._arrived:
                await self._arrived.wait_for(lambda: self.find(to, subject, after))
        return self.find(to, subject, after)

    def get(self, number: int) -> Mail | None:
        """Return one mail, None when it never came or is gone."""
        return next((mail for mail in self._mails if mail.id == number), None)

    def clear(self) -> None:
        """Forget every mail and every call."""
        self._mails.clear()
        self.calls.clear()


class _Handler:
    """What aiosmtpd calls."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802  its name
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        mail = await self._inbox.receive(envelope.mail_from or "", envelope.rcpt_tos, content)
        return f"250 kept as {mail.id}"


def _server(inbox: Inbox, settings: Settings) -> SMTP:
    """Return the protocol for one connection."""
    tls = None
    if settings.certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(settings.certificate, settings.key)

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        password = "" if settings.password is None else settings.password.get_secret_value()
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            (settings.user or "").encode(),
            password.encode(),
        )
        # handled=False: aiosmtpd then sends the 535 itself; with True a refused client would wait for its timeout
        return AuthResult(success=right, handled=False)

    with warnings.catch_warnings():
        # aiosmtpd warns of a login without TLS; whoever sets a user and no certificate wants just that, on loopback
        warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
        return SMTP(
            _Handler(inbox),
            data_size_limit=_LARGEST_MAIL,
            enable_SMTPUTF8=True,
            tls_context=tls,
            authenticator=authenticate if settings.user else None,
            auth_required=settings.user is not None,
            auth_require_tls=tls is not None,
        )


async def listen(inbox: Inbox, settings: Settings) -> asyncio.Server:
    """Start the mail server in this event loop; the caller closes it."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _server(inbox, settings), settings.host, settings.smtp_port)


def _linked(text: str) -> str:
    """Return text escaped, its web addresses as links."""
    pieces, end = [], 0
    for found in _LINK.finditer(text):
        address = html.escape(found.group())
        pieces += [
            html.escape(text[end : found.start()]),
            f'<a href="{address}" rel="noopener noreferrer">{address}</a>',
        ]
        end = found.end()
    return "".join([*pieces, html.escape(text[end:])])


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    headers = {"content-security-policy": _CONTENT_SECURITY_POLICY, "x-content-type-options": "nosniff"}
    return HTMLResponse(_PAGE.format(title=html.escape(title), body=body), status, headers)


def _list(mails: list[Mail]) -> str:
    rows = "".join(
        f"<tr><td>{mail.id}<td>{mail.received_at:%H:%M:%S}<td>{html.escape(', '.join(mail.recipients))}"
        f'<td><a href="/messages/{mail.id}">{html.escape(mail.subject or "(no subject)")}</a>'
        for mail in reversed(mails)
    )
    return (
        f"<h1>Inbox</h1><p>{len(mails)} mails, newest first. Nothing here was delivered to anybody.</p>"
        f"<table><thead><tr><th>No.<th>At (UTC)<th>To<th>Subject</thead><tbody>{rows}</tbody></table>"
    )


def _one(mail: Mail) -> str:
    headers = "".join(f"<tr><th>{html.escape(k)}<td>{html.escape(v)}" for k, v in mail.headers.items())
    frame = ""
    if mail.html is not None:
        frame = f'<h2>HTML</h2><iframe sandbox="" title="HTML part" srcdoc="{html.escape(mail.html)}"></iframe>'
    return (
        f'<p><a href="/">Inbox</a></p><h1>{html.escape(mail.subject or "(no subject)")}</h1>'
        f"<p>From {html.escape(mail.sender)} to {html.escape(', '.join(mail.recipients))}</p>"
        f"<h2>Text</h2><pre>{_linked(mail.text)}</pre>{frame}<h2>Headers</h2><table>{headers}</table>"
    )


def create_app(inbox: Inbox, settings: Settings | None = None) -> fastapi.FastAPI:
    """Return the pages and the API over an inbox; with settings it starts and stops the mail server too."""

    @contextlib.asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
        if settings is None:
            yield
            return
        async with await listen(inbox, settings):
            yield

    app = fastapi.FastAPI(title="Development inbox", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(router_of(inbox.calls))

    @app.get("/", response_class=HTMLResponse)
    async def index() -> HTMLResponse:
        return _page("Inbox", _list(inbox.find()) + table_of(inbox.calls.find()))

    @app.get("/messages/{number}", response_class=HTMLResponse)
    async def show(number: int) -> HTMLResponse:
        mail = inbox.get(number)
        if mail is None:
            return _page("No such mail", f'<h1>No mail {number}</h1><p><a href="/">Inbox</a></p>', 404)
        return _page(mail.subject or "(no subject)", _one(mail))

    @app.get("/api/messages")
    async def messages(
        to: str | None = None,
        subject: str | None = None,
        after: int = 0,
        wait: Annotated[float, fastapi.Query(ge=0, le=LONGEST_WAIT)] = 0,
    ) -> list[dict[str, Any]]:
        return [mail.as_json() for mail in await inbox.wait(wait, to, subject, after)]

    @app.delete("/api/messages", status_code=204)
    async def clear() -> None:
        inbox.clear()

    @app.get("/livez")
    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    return app


def main() -> None:
    """Serve until the process is told to stop."""
    settings = parsed(Settings)
    app = create_app(Inbox(), settings)
    uvicorn.run(app, host=settings.host, port=settings.http_port, log_level="warning", lifespan="on")


if __name__ == "__main__":
    main()
