"""A browser signs in with PKCE and gets tokens that verify; everything else is refused in words."""

import base64
import hashlib
import json
import pathlib
import re
import urllib.parse
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from joserfc import jwk, jwt

from ops.issuer import create_app
from ops.sign_in import CODE_LIFETIME, Client, Issuer, Person, read_people
from ops.signing import KeyFileError, Signer

URL = "http://127.0.0.1:8090"
REDIRECT = "http://127.0.0.1:8080/auth/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
QUERY = {
    "client_id": "casework-gateway",
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "openid",
    "state": "state-1",
    "nonce": "nonce-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
NOW = 1_800_000_000


class Clock:
    """A clock that moves when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def people(tmp_path: pathlib.Path) -> pathlib.Path:
    file = tmp_path / "people.json"
    council = [
        {"id": "cllr-hartley", "name": "Alice Hartley", "about": "Councillor, Millbrook"},
        {"id": "cllr-osei", "name": "Ben <b>Osei</b>", "about": 'Councillor, "Harbour"'},
        {"id": "off-lindqvist", "name": "Cara Lindqvist", "about": "Officer, Waste", "team": "ignored"},
    ]
    file.write_text(json.dumps(council))
    return file


@pytest.fixture
def signer(tmp_path: pathlib.Path) -> Signer:
    made = Signer.from_folder(tmp_path / "state", URL)
    return Signer(made._key, URL, now=lambda: NOW)


@pytest.fixture
async def browser(people: pathlib.Path, signer: Signer, clock: Clock) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(Issuer(Client("casework-gateway", (REDIRECT,)), read_people(people), signer, clock))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=URL) as client:
        yield client


async def code_for(browser: httpx2.AsyncClient, sub: str = "cllr-hartley") -> str:
    answer = await browser.post("/authorize", data={**QUERY, "sub": sub})
    assert answer.status_code == httpx2.codes.SEE_OTHER
    address, _, query = answer.headers["location"].partition("?")
    parameters = dict(urllib.parse.parse_qsl(query))
    assert address == REDIRECT
    assert parameters["state"] == "state-1"
    return parameters["code"]


async def swap(browser: httpx2.AsyncClient, code: str, /, **other: str) -> httpx2.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "client_id": "casework-gateway",
        "code_verifier": VERIFIER,
    }
    return await browser.post("/token", data={**form, **other})


async def verified(browser: httpx2.AsyncClient, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token that verifies against what the issuer publishes."""
    configuration = (await browser.get("/.well-known/openid-configuration")).json()
    keys = jwk.KeySet.import_key_set((await browser.get(configuration["jwks_uri"])).json())
    decoded = jwt.decode(token, keys, algorithms=configuration["id_token_signing_alg_values_supported"])
    return decoded.header, decoded.claims


async def test_the_page_offers_everybody_with_names_escaped(browser: httpx2.AsyncClient) -> None:
    page = await browser.get("/authorize", params=QUERY)

    assert page.status_code == httpx2.codes.OK
    assert page.text.count('name="sub"') == 3
    assert "Ben &lt;b&gt;Osei&lt;/b&gt;" in page.text
    assert "<b>" not in page.text


async def test_the_search_box_filters_by_name_and_role_and_keeps_the_request(browser: httpx2.AsyncClient) -> None:
    page = await browser.get("/authorize", params={**QUERY, "q": "officer LIND"})

    assert re.findall(r'name="sub" value="([^"]+)"', page.text) == ["off-lindqvist"]
    assert page.text.count('name="state" value="state-1"') == 2  # the search form and the one person's


async def test_what_a_request_brings_is_escaped(browser: httpx2.AsyncClient) -> None:
    evil = '"><script>alert(1)</script>'

    page = await browser.get("/authorize", params={**QUERY, "state": evil, "q": evil})
    refused = await browser.get("/authorize", params={**QUERY, "redirect_uri": evil})

    assert "<script" not in page.text + refused.text


async def test_signing_in_gives_an_id_token_for_the_client(browser: httpx2.AsyncClient) -> None:
    answer = await swap(browser, await code_for(browser))

    _, claims = await verified(browser, answer.json()["id_token"])

    assert answer.headers["cache-control"] == "no-store"
    assert claims == {
        "iss": URL,
        "sub": "cllr-hartley",
        "aud": "casework-gateway",
        "name": "Alice Hartley",
        "nonce": "nonce-1",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 3600,
    }


async def test_signing_in_gives_an_access_token_for_the_api(browser: httpx2.AsyncClient) -> None:
    answer = (await swap(browser, await code_for(browser))).json()

    header, claims = await verified(browser, answer["access_token"])

    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert header["typ"] == "at+jwt"
    assert (claims["iss"], claims["sub"], claims["aud"]) == (URL, "cllr-hartley", "casework-api")
    assert (claims["nbf"], claims["iat"], claims["exp"]) == (NOW, NOW, NOW + 3600)
    assert len(claims["jti"]) >= 12


async def test_the_command_line_gets_an_access_token(browser: httpx2.AsyncClient) -> None:
    answer = await browser.post("/dev/token", json={"sub": "off-lindqvist"})

    _, claims = await verified(browser, answer.json()["access_token"])

    assert (claims["sub"], claims["client_id"]) == ("off-lindqvist", "casework-cli")


async def test_a_token_for_nobody_is_refused_with_the_nearest_ids(browser: httpx2.AsyncClient) -> None:
    answer = await browser.post("/dev/token", json={"sub": "cllr-hartly"})

    assert answer.status_code == httpx2.codes.NOT_FOUND
    assert answer.json()["error"] == "unknown_person"
    assert "did you mean cllr-hartley" in answer.json()["error_description"]


async def test_an_unknown_person_cannot_be_picked(browser: httpx2.AsyncClient) -> None:
    answer = await browser.post("/authorize", data={**QUERY, "sub": "mallory"})

    assert answer.status_code == httpx2.codes.BAD_REQUEST
    assert "nobody in the people file has the id" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_redirect_uri_is_refused_without_redirecting(browser: httpx2.AsyncClient, method: str) -> None:
    form = {**QUERY, "sub": "cllr-hartley", "redirect_uri": REDIRECT + "/../evil"}

    answer = await browser.request(method, "/authorize", **{"params" if method == "GET" else "data": form})  # type: ignore[arg-type]  # one of two

    assert answer.status_code == httpx2.codes.BAD_REQUEST
    assert "location" not in answer.headers
    assert "start the issuer with --redirect-uri" in answer.text


async def test_an_unknown_client_is_refused(browser: httpx2.AsyncClient) -> None:
    answer = await browser.get("/authorize", params={**QUERY, "client_id": "another"})

    assert answer.status_code == httpx2.codes.BAD_REQUEST
    assert "client_id must be casework-gateway" in answer.text


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("response_type", "token", "unsupported_response_type"),
        ("scope", "email", "invalid_scope"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
    ],
)
async def test_a_request_we_do_not_serve_is_told_to_the_client(
    browser: httpx2.AsyncClient, field: str, value: str, error: str
) -> None:
    answer = await browser.get("/authorize", params={**QUERY, field: value})

    parameters = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.headers["location"]).query))
    assert answer.headers["location"].startswith(REDIRECT)
    assert (parameters["error"], parameters["state"]) == (error, "state-1")


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("code_verifier", VERIFIER + "x", "invalid_grant"),
        ("code_verifier", "", "invalid_grant"),
        ("redirect_uri", "http://127.0.0.1:8080/", "invalid_grant"),
        ("client_id", "another", "invalid_grant"),
        ("code", "made-up", "invalid_grant"),
        ("grant_type", "password", "unsupported_grant_type"),
    ],
)
async def test_a_code_is_worth_nothing_to_another(
    browser: httpx2.AsyncClient, field: str, value: str, error: str
) -> None:
    answer = await swap(browser, await code_for(browser), **{field: value})

    assert answer.status_code == httpx2.codes.BAD_REQUEST
    assert answer.json()["error"] == error


async def test_a_code_works_once(browser: httpx2.AsyncClient) -> None:
    code = await code_for(browser)

    first = await swap(browser, code)
    second = await swap(browser, code)

    assert (first.status_code, second.status_code) == (200, 400)


async def test_a_wrong_verifier_uses_the_code_up(browser: httpx2.AsyncClient) -> None:
    code = await code_for(browser)

    await swap(browser, code, code_verifier="guess")

    assert (await swap(browser, code)).status_code == httpx2.codes.BAD_REQUEST


async def test_a_code_is_worth_nothing_after_a_minute(browser: httpx2.AsyncClient, clock: Clock) -> None:
    code = await code_for(browser)

    clock.now += CODE_LIFETIME

    assert (await swap(browser, code)).json()["error"] == "invalid_grant"


async def test_only_the_public_key_is_published(browser: httpx2.AsyncClient) -> None:
    [key] = (await browser.get("/jwks")).json()["keys"]

    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_the_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: pathlib.Path) -> None:
    first = Signer.from_folder(tmp_path / "state", URL)
    second = Signer.from_folder(tmp_path / "state", URL)

    assert first.key_id == second.key_id
    assert (tmp_path / "state" / "issuer-key.json").stat().st_mode & 0o777 == 0o600


def test_a_key_file_others_can_read_is_refused(tmp_path: pathlib.Path) -> None:
    Signer.from_folder(tmp_path, URL)
    (tmp_path / "issuer-key.json").chmod(0o644)

    with pytest.raises(KeyFileError, match="readable by others: chmod 600"):
        Signer.from_folder(tmp_path, URL)


def test_a_broken_key_file_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "issuer-key.json").touch(mode=0o600)

    with pytest.raises(KeyFileError, match="holds no key"):
        Signer.from_folder(tmp_path, URL)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('[{"id": "a"}]', r"people.json: 0.name: Field required"),
        ("{}", r"people.json: the file: Input should be a valid array"),
        ('[{"id": "a", "name": "A"}, {"id": "a", "name": "B"}]', "the id a stands in it twice"),
    ],
)
def test_a_broken_people_file_is_refused_with_the_place(people: pathlib.Path, content: str, complaint: str) -> None:
    people.write_text(content)

    with pytest.raises(ValueError, match=complaint):
        read_people(people)


def test_a_person_needs_an_id_and_a_name() -> None:
    with pytest.raises(ValueError, match="at least 1 character"):
        Person(id="", name="Nobody")


async def test_programs_in_containers_are_told_their_own_address(people: pathlib.Path, signer: Signer) -> None:
    app = create_app(Issuer(Client("casework-gateway", ()), read_people(people), signer), "http://issuer:8090/")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://issuer:8090") as client:
        configuration = (await client.get("/.well-known/openid-configuration")).json()

    assert configuration["issuer"] == URL
    assert configuration["authorization_endpoint"] == f"{URL}/authorize"
    assert configuration["token_endpoint"] == "http://issuer:8090/token"
    assert configuration["jwks_uri"] == "http://issuer:8090/jwks"
