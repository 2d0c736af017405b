"""The pages: sign-in at an issuer, a session that only this browser has, and a case to read."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from services.gateway.ports import Letter
from shared.commands import (
    AnswerView,
    CaseReply,
    CasesReply,
    CaseSummary,
    EventView,
    FormView,
    Refusal,
    RefusedCase,
    reference_for,
)
from tests.gateway.fakes import NOW, House, view
from tests.gateway.issuer import ISSUER, FakeIssuer

REFERENCE = reference_for("exampleton", "cllr-moss", "key-0001")
PAGE = f"/casework/{REFERENCE}"
POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"


class Outline(HTMLParser):
    """What a page is made of: its elements, their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


class TwoHosts(httpx2.AsyncBaseTransport):
    """A browser's network: the gateway and the issuer."""

    def __init__(self, gateway: httpx2.AsyncBaseTransport, issuer: FakeIssuer) -> None:
        self._gateway, self._issuer = gateway, issuer

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        found = self._issuer.transport if request.url.host == urlsplit(ISSUER).hostname else self._gateway
        return await found.handle_async_request(request)


def browser(house: House) -> httpx2.AsyncClient:
    transport = TwoHosts(httpx2.ASGITransport(app=house.app()), house.issuer)
    return httpx2.AsyncClient(transport=transport, base_url=house.base)


async def signed_in(client: httpx2.AsyncClient, target: str = PAGE) -> httpx2.Response:
    return await client.get(target, follow_redirects=True)


def form_of(page: httpx2.Response) -> dict[str, str]:
    [field] = [each for each in Outline(page.text).all("input") if each["name"] == "csrf"]
    return {"csrf": str(field["value"])}


async def test_a_link_in_a_mail_leads_through_sign_in_to_the_case() -> None:
    house = House()

    async with browser(house) as client:
        page = await signed_in(client)

    assert (page.status_code, page.url.path) == (200, PAGE)
    assert REFERENCE_IN_VIEW in page.text
    assert list(house.sessions.people.values()) == ["cllr-moss"]
    assert house.intake.queries[-1].actor == "cllr-moss"


REFERENCE_IN_VIEW = "Damp and mould"


async def test_the_issuer_is_asked_with_pkce_state_and_nonce() -> None:
    async with browser(House()) as client:
        answer = await client.get("/sign-in")

    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["http://gateway.example/sign-in/callback"]
    assert len(asked["state"][0]) > 20
    assert len(asked["nonce"][0]) > 10
    assert (asked["scope"], asked["client_id"]) == (["openid"], ["casework-gateway"])


@pytest.mark.parametrize(("secure", "name"), [(True, "__Host-casework"), (False, "casework")])
async def test_the_session_cookie_is_for_this_browser_and_this_host(secure: bool, name: str) -> None:  # noqa: FBT001  a parameter
    house = House(secure=secure)

    async with browser(house) as client:
        page = await signed_in(client)

    answer = page.history[-1]
    [cookie] = [each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{name}=")]
    attributes = {part.strip().casefold() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert ("secure" in attributes) is secure
    assert not any(part.startswith("domain") for part in attributes)
    [session_id] = house.sessions.people
    assert session_id in cookie
    assert len(session_id) >= 43


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/dev", "/casework/../dev", "javascript:alert(1)"],
)
async def test_sign_in_leads_to_no_other_address(target: str) -> None:
    async with browser(House()) as client:
        page = await client.get("/sign-in", params={"next": target}, follow_redirects=True)

    assert (page.status_code, str(page.url)) == (200, "http://gateway.example/casework")


async def test_a_callback_that_nobody_began_signs_nobody_in() -> None:
    house = House()

    async with browser(house) as client:
        answer = await client.get("/sign-in/callback?code=x&state=forged")

    assert answer.status_code == 400
    assert house.sessions.people == {}
    assert "forged" not in answer.text


async def test_a_callback_cannot_be_used_in_another_browser() -> None:
    house = House()
    app = house.app()
    gateway = httpx2.ASGITransport(app=app)

    async with httpx2.AsyncClient(transport=TwoHosts(gateway, house.issuer), base_url=house.base) as mine:
        to_issuer = await mine.get("/sign-in")
        back = await mine.get(to_issuer.headers["Location"])
    async with httpx2.AsyncClient(transport=gateway, base_url=house.base) as theirs:
        answer = await theirs.get(back.headers["Location"])

    assert (answer.status_code, house.sessions.people) == (400, {})


async def test_an_id_token_for_another_sign_in_is_refused() -> None:
    house = House()
    house.issuer.nonce = "of-another-sign-in"

    async with browser(house) as client:
        page = await signed_in(client)

    assert (page.status_code, house.sessions.people) == (400, {})


async def test_a_person_the_council_does_not_know_today_is_not_signed_in() -> None:
    house = House()
    house.issuer.person = "cllr-gone"

    async with browser(house) as client:
        page = await signed_in(client)

    assert (page.status_code, house.sessions.people) == (403, {})


async def test_a_session_ends_when_its_person_leaves_the_council() -> None:
    house = House()

    async with browser(house) as client:
        await signed_in(client)
        for session_id in house.sessions.people:
            house.sessions.people[session_id] = "cllr-gone"
        answer = await client.get(PAGE)

    assert answer.status_code == 303


async def test_an_issuer_that_is_away_is_said_plainly() -> None:
    house = House()
    house.issuer.away = True

    async with browser(house) as client:
        page = await signed_in(client)

    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")


async def test_not_there_not_yours_and_no_reference_look_the_same() -> None:
    house = House()

    async with browser(house) as client:
        await signed_in(client)
        house.intake.answers[CaseReply] = CaseReply()
        hidden = await client.get(PAGE)
        malformed = await client.get("/casework/CW-00000-00001")

    assert (hidden.status_code, malformed.status_code) == (404, 404)
    assert hidden.text == malformed.text
    assert REFERENCE not in hidden.text


async def test_a_stranger_learns_nothing_about_a_case() -> None:
    house = House()

    async with browser(house) as client:
        answer = await client.get(PAGE)

    assert (answer.status_code, answer.headers["Location"]) == (303, f"/sign-in?next=%2Fcasework%2F{REFERENCE}")
    assert house.intake.queries == []


async def test_a_case_page_is_made_for_every_reader() -> None:
    house = House()

    async with browser(house) as client:
        page = Outline((await signed_in(client)).text)

    assert page.all("html") == [{"lang": "en-GB"}]
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert len(page.all("h2")) >= 3
    assert len(page.all("caption")) == len(page.all("table")) >= 3
    assert all(each["scope"] in {"row", "col"} for each in page.all("th"))
    assert page.all("title")
    assert page.all("a")[0]["href"] == "#main"


async def test_no_page_has_script_style_or_anything_from_elsewhere() -> None:
    house = House()

    async with browser(house) as client:
        pages = [await signed_in(client), await client.get("/casework"), await client.get("/docs")]

    for answer in pages:
        page = Outline(answer.text)
        assert answer.status_code == 200
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert {tag for tag, _ in page.elements} & {"script", "style", "iframe", "img"} == set()
        assert not any("style" in attributes or "onclick" in attributes for _, attributes in page.elements)
        assert [each["href"] for each in page.all("link")] == ["/static/casework.css"]


async def test_what_people_wrote_is_text_and_nothing_else() -> None:
    house = House()
    hostile = '"><img src=x onerror=alert(1)>'
    house.intake.answers[CaseReply] = CaseReply(
        view=view(
            REFERENCE,
            description=hostile,
            location=hostile,
            form=FormView(version="f", answers=(AnswerView(question="q", label=hostile, answer="x", said=hostile),)),
            history=(EventView(id="e1", seq=1, type="x", at=NOW, actor="off-reed", data={}, text={"text": hostile}),),
        )
    )

    async with browser(house) as client:
        page = Outline((await signed_in(client)).text)

    assert page.all("img") == []
    assert page.all("script") == []
    assert sum(hostile in words for words in page.words) == 5


async def test_people_are_called_by_their_names() -> None:
    async with browser(House()) as client:
        page = await signed_in(client)

    assert "Councillor Alex Fern" in page.text
    assert "cllr-fern" not in page.text


async def test_the_style_sheet_is_served_from_here() -> None:
    async with browser(House()) as client:
        answer = await client.get("/static/casework.css")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")


async def test_my_cases_are_listed_with_links() -> None:
    house = House()
    summary = CaseSummary(
        reference=REFERENCE,
        kind="case",
        status="answered",
        service="damp",
        ward="elm",
        lane="normal",
        team="housing",
        owner="cllr-moss",
        level=0,
        summary="Damp <b>wall</b>",
        raised_at=NOW,
        updated_at=NOW,
        due=None,
        relation="owner",
    )
    house.intake.answers[CasesReply] = CasesReply(cases=(summary,), total=1)

    async with browser(house) as client:
        page = Outline((await signed_in(client, "/casework")).text)

    assert {"href": PAGE} in page.all("a")
    assert page.all("b") == []


async def test_a_pending_and_a_refused_request_have_a_page() -> None:
    house = House()
    letter = Letter("c-1", "t", "raise", REFERENCE, "case", "cllr-moss", "", NOW, "intake.commands", b"", "")
    await house.outbasket.keep(letter, taken=True)
    house.intake.answers[CaseReply] = CaseReply()

    async with browser(house) as client:
        pending = await signed_in(client)
        refusal = Refusal(code="unknown-ward", sentence="Choose one of your wards.", kind="invalid")
        refused_case = RefusedCase(reference=REFERENCE, refusal=refusal, at=NOW)
        house.intake.answers[CaseReply] = CaseReply(refused=refused_case)
        refused = await client.get(PAGE)

    assert "Being processed" in pending.text
    assert "Choose one of your wards." in refused.text


async def test_a_page_says_so_when_intake_is_away() -> None:
    house = House()

    async with browser(house) as client:
        await signed_in(client)
        house.intake.away = True
        answers = [await client.get(PAGE), await client.get("/casework")]

        house.clock.away = True
        answers += [await client.get(PAGE), await client.get("/sign-in", follow_redirects=True)]

    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in answers] == [(503, "10")] * 4
    assert all(answer.headers["content-type"].startswith("text/html") for answer in answers)


async def test_sign_out_ends_the_session() -> None:
    house = House()

    async with browser(house) as client:
        page = await signed_in(client)
        answer = await client.post("/sign-out", data=form_of(page))
        after = await client.get(PAGE)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/signed-out")
    assert house.sessions.people == {}
    assert after.status_code == 303


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        ({}, {}),
        ({"csrf": "0" * 64}, {}),
        ({"csrf": "é"}, {}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
        (None, {"Sec-Fetch-Site": "same-site"}),
    ],
)
async def test_no_other_site_can_sign_somebody_out(data: dict[str, str] | None, headers: dict[str, str]) -> None:
    house = House()

    async with browser(house) as client:
        page = await signed_in(client)
        sent: Any = form_of(page) if data is None else data
        answer = await client.post("/sign-out", data=sent, headers=headers)

    assert (answer.status_code, len(house.sessions.people)) == (403, 1)


async def test_each_sign_in_begins_a_new_session_and_ends_the_old_one() -> None:
    house = House()

    async with browser(house) as client:
        await signed_in(client)
        first = set(house.sessions.people)
        await client.get("/sign-in", follow_redirects=True)

    assert len(house.sessions.people) == 1
    assert first & set(house.sessions.people) == set()
