"""A mail sent over SMTP comes out as JSON, and its page runs nothing of it."""

import asyncio
import email.policy
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import httpx2
import pydantic
import pytest

from ops.inbox import Inbox, Settings, create_app, listen
from ops.stack.ports import free_port

EVIL = '<script>alert("caught")</script>'


def letter(subject: str = "[CW-00000-00000] Missed bin", to: str = "a.hartley@council.example") -> EmailMessage:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = "casework@council.example"
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = "<notice.1@council.example>"
    message.set_content(f"See http://127.0.0.1:8080/casework/CW-00000-00000?a=1&b=2 {EVIL} José")
    message.add_alternative(f"<p title='x'>Dear Councillor</p>{EVIL}", subtype="html")
    return message


@pytest.fixture
def settings() -> Settings:
    return Settings(smtp_port=free_port())


@pytest.fixture
def inbox() -> Inbox:
    return Inbox(capacity=3)


@pytest.fixture
async def api(inbox: Inbox, settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(create_app(inbox))
    async with (
        await listen(inbox, settings),
        httpx2.AsyncClient(transport=transport, base_url="http://inbox") as client,
    ):
        yield client


async def send(settings: Settings, *messages: EmailMessage, login: tuple[str, str] | None = None) -> None:
    def deliver() -> None:
        with smtplib.SMTP(settings.host, settings.smtp_port, timeout=10) as client:
            if login is not None:
                client.login(*login)
            for message in messages:
                client.send_message(message)

    await asyncio.to_thread(deliver)


async def found(api: httpx2.AsyncClient, **query: str | float) -> list[dict[str, Any]]:
    answer = await api.get("/api/messages", params=query)
    assert answer.status_code == httpx2.codes.OK
    mails: list[dict[str, Any]] = answer.json()
    return mails


async def test_a_mail_comes_out_as_json(api: httpx2.AsyncClient, settings: Settings) -> None:
    await send(settings, letter())

    [mail] = await found(api)

    assert mail["id"] == 1
    assert mail["from"] == "casework@council.example"
    assert mail["to"] == ["a.hartley@council.example"]
    assert mail["subject"] == "[CW-00000-00000] Missed bin"
    assert mail["headers"]["Message-ID"] == "<notice.1@council.example>"
    assert "José" in mail["text"]
    assert mail["html"].startswith("<p title='x'>Dear Councillor</p>")
    assert mail["received_at"].endswith("+00:00")


async def test_mails_are_found_by_recipient_subject_and_number(api: httpx2.AsyncClient, settings: Settings) -> None:
    await send(settings, letter("Received"), letter("Answered", to="b.osei@council.example"), letter("Closed"))

    assert [mail["id"] for mail in await found(api, to="A.Hartley@council.example")] == [1, 3]
    assert [mail["id"] for mail in await found(api, subject="answer")] == [2]
    assert [mail["id"] for mail in await found(api, after=1)] == [2, 3]
    assert await found(api, to="hartley@council.example") == []


async def test_a_request_that_waits_gets_the_mail_as_it_arrives(api: httpx2.AsyncClient, settings: Settings) -> None:
    waiting = asyncio.create_task(found(api, subject="Closed", wait=20))

    await send(settings, letter("Closed"))

    assert [mail["subject"] for mail in await waiting] == ["Closed"]


async def test_the_oldest_mail_goes_when_the_inbox_is_full(api: httpx2.AsyncClient, settings: Settings) -> None:
    await send(settings, *(letter(f"No. {number}") for number in range(1, 6)))

    assert [mail["id"] for mail in await found(api)] == [3, 4, 5]


async def test_numbers_go_on_after_the_inbox_was_emptied(api: httpx2.AsyncClient, settings: Settings) -> None:
    await send(settings, letter())

    await api.delete("/api/messages")
    emptied = await found(api)
    await send(settings, letter())

    assert emptied == []
    assert [mail["id"] for mail in await found(api)] == [2]


async def test_pages_escape_everything_a_mail_brings(api: httpx2.AsyncClient, settings: Settings) -> None:
    await send(settings, letter(subject=EVIL))

    for path in ("/", "/messages/1"):
        page = await api.get(path)
        assert EVIL not in page.text
        assert "<script" not in page.text
        assert "&lt;script&gt;alert(&quot;caught&quot;)&lt;/script&gt;" in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'")


async def test_the_html_part_is_shown_in_a_sandboxed_frame_and_links_in_the_text_work(
    api: httpx2.AsyncClient, settings: Settings
) -> None:
    await send(settings, letter())

    page = (await api.get("/messages/1")).text

    assert '<iframe sandbox="" title="HTML part" srcdoc="&lt;p title=&#x27;x&#x27;&gt;Dear Councillor' in page
    assert '<a href="http://127.0.0.1:8080/casework/CW-00000-00000?a=1&amp;b=2" rel="noopener noreferrer">' in page


async def test_a_mail_that_is_gone_is_said_so(api: httpx2.AsyncClient) -> None:
    page = await api.get("/messages/7")

    assert page.status_code == httpx2.codes.NOT_FOUND
    assert "No mail 7" in page.text


async def test_a_mail_in_an_unknown_charset_is_still_kept(inbox: Inbox) -> None:
    content = b"Subject: odd\r\nContent-Type: text/plain; charset=klingon-1\r\n\r\nqapla' \xff\r\n"

    mail = await inbox.receive("a@council.example", ["b@council.example"], content)

    assert mail.text.startswith("qapla'")


CALL = {
    "id": "n-1",
    "why": "new-danger",
    "reference": "CW-00000-00000",
    "link": "http://127.0.0.1:8080/casework/CW-00000-00000",
    "service": "Dangerous waste",
    "ward": "Abbey",
    "team": {"id": "response", "name": "Environment Response"},
    "officer": None,
    "level": 0,
    "round": 0,
}


async def test_a_call_comes_out_as_json_and_is_found_by_its_reference(api: httpx2.AsyncClient) -> None:
    for told in (CALL, CALL | {"reference": "CW-11111-11111"}, CALL | {"why": "unacknowledged"}):
        assert (await api.post("/duty", json=told)).status_code == httpx2.codes.ACCEPTED

    every = (await api.get("/api/calls")).json()
    found = (await api.get("/api/calls", params={"reference": "CW-00000-00000", "after": 1})).json()

    assert [(call["id"], call["told"]["why"]) for call in every] == [
        (1, "new-danger"),
        (2, "new-danger"),
        (3, "unacknowledged"),
    ]
    assert every[0]["told"] == CALL
    assert every[0]["received_at"].endswith("+00:00")
    assert [call["id"] for call in found] == [3]


async def test_a_request_that_waits_gets_the_call_as_it_comes(api: httpx2.AsyncClient) -> None:
    waiting = asyncio.create_task(api.get("/api/calls", params={"reference": "CW-00000-00000", "wait": 20}))

    await api.post("/duty", json=CALL)

    assert [call["told"]["reference"] for call in (await waiting).json()] == ["CW-00000-00000"]


async def test_calls_stand_beside_the_mails_and_go_with_them(api: httpx2.AsyncClient, settings: Settings) -> None:
    await send(settings, letter())
    await api.post("/duty", json=CALL)
    await api.post("/duty", json=CALL | {"officer": {"id": "off-1", "name": "Cleo Cedar"}})

    page = (await api.get("/")).text
    await api.delete("/api/messages")

    assert "Missed bin" in page
    assert "<td>Environment Response<td>new-danger<td>" in page
    assert "<td>Cleo Cedar<td>" in page
    assert '<a href="http://127.0.0.1:8080/casework/CW-00000-00000"' in page
    assert (await api.get("/api/calls")).json() == []


async def test_the_page_escapes_everything_a_call_brings(api: httpx2.AsyncClient) -> None:
    await api.post("/duty", json=dict.fromkeys(CALL, EVIL))
    await api.post("/duty", json=CALL | {"team": {"name": EVIL}, "link": "javascript:alert(1)", "round": ["x"]})
    await api.post("/duty", json={})

    page = (await api.get("/")).text

    assert "<script" not in page
    assert 'href="javascript' not in page


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"\xff", 400), (b"[" * 60_000, 400), (b"[]", 422), (b'"x"', 422), (b" " * 65_537, 413)],
    ids=["empty", "half", "no text", "deep", "list", "text", "large"],
)
async def test_what_is_no_call_is_refused(api: httpx2.AsyncClient, body: bytes, status: int) -> None:
    assert (await api.post("/duty", content=body)).status_code == status
    assert (await api.get("/api/calls")).json() == []


async def test_a_wrong_password_is_refused_at_once_and_the_right_one_taken(inbox: Inbox) -> None:
    settings = Settings(smtp_port=free_port(), user="casework", password=pydantic.SecretStr("right"))
    async with await listen(inbox, settings):
        with pytest.raises(smtplib.SMTPAuthenticationError, match="535"):
            await send(settings, letter(), login=("casework", "wrong"))
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            await send(settings, letter())
        await send(settings, letter(), login=("casework", "right"))

    assert len(inbox.find()) == 1


async def test_the_app_starts_and_stops_the_mail_server(inbox: Inbox, settings: Settings) -> None:
    app = create_app(inbox, settings)

    async with app.router.lifespan_context(app):
        await send(settings, letter())
    with pytest.raises(ConnectionRefusedError):
        await send(settings, letter())

    assert len(inbox.find()) == 1
