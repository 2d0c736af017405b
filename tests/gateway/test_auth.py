"""A token is believed only if everything about it is as the settings want it."""

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from services.gateway.auth import FRESH_FOR, STALE_EVERY, Jwks, Tokens
from services.gateway.domain import Away, Unauthenticated
from tests.gateway.issuer import (
    AUDIENCE,
    ISSUER,
    TECHNICAL,
    FakeIssuer,
    claims,
    ec_key,
    raw_token,
    rsa_key,
    token,
)


class Monotonic:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def tokens(issuer: FakeIssuer, monotonic: Monotonic | None = None, algorithms: tuple[str, ...] = ("RS256",)) -> Tokens:
    client = httpx2.AsyncClient(transport=issuer.transport)
    keys = Jwks(f"{ISSUER}/jwks", client, monotonic or Monotonic())
    return Tokens(issuer=ISSUER, audience=AUDIENCE, algorithms=algorithms, keys=keys, now=lambda: TECHNICAL)


def signed(header: dict[str, Any], key: RSAKey | ECKey | None = None, **changed: Any) -> str:
    complete = {"alg": "RS256", "kid": "key-1", "typ": "at+jwt"} | header
    return jwt.encode(complete, claims(**changed), key or rsa_key(), default_type=None)


async def refusal(text: str | None, issuer: FakeIssuer | None = None) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as refused:
        await tokens(issuer or FakeIssuer()).person_of(text)
    return refused.value


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "JWT"])
async def test_a_good_token_says_who_sent_it(typ: str) -> None:
    assert await tokens(FakeIssuer()).person_of(f"Bearer {signed({'typ': typ})}") == "cllr-moss"


async def test_the_forger_of_these_tests_signs_truly() -> None:
    assert await tokens(FakeIssuer()).person_of(f"Bearer {truly_signed({})}") == "cllr-moss"


async def test_an_issuer_may_sign_with_an_elliptic_curve() -> None:
    issuer = FakeIssuer()
    issuer.keys = [ec_key()]
    text = jwt.encode({"alg": "ES256", "kid": "ec-1", "typ": "JWT"}, claims(), ec_key())

    assert await tokens(issuer, algorithms=("ES256",)).person_of(f"bearer {text}") == "cllr-moss"


async def test_several_audiences_are_good_if_ours_is_one() -> None:
    assert await tokens(FakeIssuer()).person_of(f"Bearer {token(aud=['other', AUDIENCE])}") == "cllr-moss"


def truly_signed(header: dict[str, Any], **changed: Any) -> str:
    """Sign with our issuer's own key whatever the header says: only the header is wrong."""
    complete = {"alg": "RS256", "typ": "JWT", "kid": "key-1"} | header
    payload = raw_token({name: value for name, value in complete.items() if value}, claims(**changed), b"")
    signing = payload.rpartition(".")[0]
    signature = rsa_key().private_key.sign(signing.encode(), PKCS1v15(), SHA256())  # type: ignore[union-attr]  # it is private
    return signing + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def public_pem() -> bytes:
    return rsa_key().as_pem(private=False)


def hmac_with_the_public_key() -> str:
    def part(value: Any) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signing = part({"alg": "HS256", "kid": "key-1", "typ": "JWT"}) + b"." + part(claims())
    signature = hmac.new(public_pem(), signing, hashlib.sha256).digest()
    return (signing + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def tampered() -> str:
    header, _, signature = token().split(".")
    payload = base64.urlsafe_b64encode(json.dumps(claims(sub="off-hale")).encode()).rstrip(b"=").decode()
    return f"{header}.{payload}.{signature}"


def embedded_key() -> str:
    own = RSAKey.generate_key(2048)
    header = {"alg": "RS256", "typ": "JWT", "kid": "key-1", "jwk": own.as_dict(private=False)}
    return jwt.encode(header, claims(), own)


FORGERIES = {
    "signed with the public key as an HMAC secret": hmac_with_the_public_key,
    "not signed": lambda: raw_token({"alg": "none", "typ": "JWT", "kid": "key-1"}, claims(), b""),
    "not signed, in other letters": lambda: raw_token({"alg": "NoNe", "typ": "JWT", "kid": "key-1"}, claims(), b""),
    "signed with a stranger's key under our key id": lambda: signed({}, RSAKey.generate_key(2048)),
    "with an unknown key id": lambda: signed({"kid": "key-9"}),
    "with claims changed after signing": tampered,
    "for another audience": lambda: token(aud="payroll"),
    "from another issuer": lambda: token(iss="http://evil.example"),
    "with its key inside": embedded_key,
    "with an address of its key": lambda: truly_signed({"jku": "http://evil.example/jwks"}),
    "with an address of its certificate": lambda: truly_signed({"x5u": "http://evil.example/x5u"}),
    "with a critical extension nobody knows": lambda: truly_signed({"crit": ["bork"], "bork": True}),
    "signed with an algorithm that is not pinned": lambda: jwt.encode(
        {"alg": "RS512", "kid": "key-1", "typ": "JWT"}, claims(), rsa_key(), algorithms=["RS512"]
    ),
    "signed by another kind of key": lambda: jwt.encode(
        {"alg": "ES256", "kid": "key-1", "typ": "JWT"}, claims(), ec_key()
    ),
    "with a symmetric secret": lambda: jwt.encode(
        {"alg": "HS256", "kid": "key-1", "typ": "JWT"}, claims(), OctKey.import_key("a secret that is long enough....")
    ),
    "with a certificate inside": lambda: truly_signed({"x5c": ["MIIB"]}),
    "of another type": lambda: signed({"typ": "secevent+jwt"}),
    "without a type": lambda: truly_signed({"typ": None}),
    "an ID token": lambda: token(nonce="n-1"),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_forged_token_is_refused(forge: Any) -> None:
    refused = await refusal(f"Bearer {forge()}")

    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="casework", error="invalid_token"'


@pytest.mark.parametrize("name", ["exp", "nbf", "iat", "iss", "aud", "sub"])
async def test_a_token_without_a_needed_claim_is_refused(name: str) -> None:
    assert (await refusal(f"Bearer {token(**{name: None})}")).code == "invalid-token"  # type: ignore[arg-type]  # a claim left out


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"exp": int(TECHNICAL) - 61}, "expired-token"),
        ({"nbf": int(TECHNICAL) + 61}, "invalid-token"),
        ({"iat": int(TECHNICAL) + 61}, "invalid-token"),
        ({"exp": "tomorrow"}, "invalid-token"),
        ({"sub": 7}, "invalid-token"),
        ({"sub": ""}, "invalid-token"),
    ],
)
async def test_times_may_be_a_minute_off_and_no_more(changed: dict[str, Any], code: str) -> None:
    assert (await refusal(f"Bearer {token(**changed)}")).code == code


async def test_a_clock_that_is_a_minute_off_is_borne() -> None:
    text = token(nbf=int(TECHNICAL) + 60, iat=int(TECHNICAL) + 60)
    late = token(exp=int(TECHNICAL) - 59)
    checked = tokens(FakeIssuer())

    assert await checked.person_of(f"Bearer {text}") == "cllr-moss"
    assert await checked.person_of(f"Bearer {late}") == "cllr-moss"


@pytest.mark.parametrize(
    "text",
    ["", "Bearer", "Bearer ", "Basic dTpw", "Bearer a.b", "Bearer a.b.c", "Bearer ....", "Bearer " + "x" * 9000, "🙂"],
)
async def test_what_is_no_token_is_refused(text: str) -> None:
    assert (await refusal(text)).status == 401


async def test_no_token_at_all_is_asked_for_without_blame() -> None:
    refused = await refusal(None)

    assert (refused.code, refused.headers["WWW-Authenticate"]) == ("missing-token", 'Bearer realm="casework"')


async def test_a_key_for_encryption_signs_nothing() -> None:
    issuer = FakeIssuer()
    own = RSAKey.generate_key(2048, {"kid": "key-enc", "use": "enc"})
    issuer.keys = [own]
    text = jwt.encode(
        {"alg": "RS256", "kid": "key-enc", "typ": "JWT"},
        claims(),
        RSAKey.import_key(own.as_dict(private=True) | {"use": "sig"}),
    )

    assert (await refusal(f"Bearer {text}", issuer)).code == "invalid-token"


async def test_a_thousand_unknown_keys_cause_two_fetches() -> None:
    issuer, monotonic = FakeIssuer(), Monotonic()
    checked = tokens(issuer, monotonic)

    for number in range(1000):
        with pytest.raises(Unauthenticated):
            await checked.person_of(
                f"Bearer {raw_token({'alg': 'RS256', 'typ': 'JWT', 'kid': f'k{number}'}, claims())}"
            )

    assert issuer.fetches == 2


async def test_a_new_key_is_found_after_a_minute() -> None:
    issuer, monotonic = FakeIssuer(), Monotonic()
    checked = tokens(issuer, monotonic)
    new = rsa_key("key-2")
    text = f"Bearer {signed({'kid': 'key-2'}, new)}"
    with pytest.raises(Unauthenticated):
        await checked.person_of(text)

    issuer.keys = [rsa_key(), new]
    with pytest.raises(Unauthenticated):
        await checked.person_of(text)
    monotonic.at += 60

    assert await checked.person_of(text) == "cllr-moss"
    assert issuer.fetches == 3


async def test_known_keys_serve_on_while_the_issuer_is_away() -> None:
    issuer, monotonic = FakeIssuer(), Monotonic()
    checked = tokens(issuer, monotonic)
    await checked.person_of(f"Bearer {token()}")

    issuer.away = True
    monotonic.at += FRESH_FOR + 1

    assert await checked.person_of(f"Bearer {token()}") == "cllr-moss"
    assert await checked.person_of(f"Bearer {token()}") == "cllr-moss"
    assert issuer.fetches == 2  # nobody waits for an issuer that has just been found away
    issuer.away = False
    monotonic.at += STALE_EVERY
    await checked.person_of(f"Bearer {token()}")
    assert issuer.fetches == 3


async def test_without_any_key_nobody_is_judged() -> None:
    issuer = FakeIssuer()
    issuer.away = True

    with pytest.raises(Away) as away:
        await tokens(issuer).person_of(f"Bearer {token()}")

    assert (away.value.status, away.value.code) == (503, "issuer-away")


def test_an_algorithm_that_is_not_ours_cannot_be_configured() -> None:
    keys = Jwks(f"{ISSUER}/jwks", httpx2.AsyncClient())

    with pytest.raises(ValueError, match="token algorithms"):
        Tokens(issuer=ISSUER, audience=AUDIENCE, algorithms=("HS256",), keys=keys)
