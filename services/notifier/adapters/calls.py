"""Calls whoever is on duty: a webhook of the council's own that rings a telephone, pages, or writes into a duty log.

Public facts and names at work only. Answers are sorted here, once: 2xx is a yes; a 4xx that would be the same another
time is final; whatever may be put right, our token included, is tried again within seconds.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
from pydantic import SecretStr

from services.notifier.domain import Notice, why_called
from services.notifier.ports import Call, CannotBeWritten, Delayed, Doubtful, Kept, Outcome, Refused, Taken
from shared.council import Directory

_STEPS = 3
"""Connecting, sending and waiting for the answer: each may take `timeout`."""
_FOR_NOW = {401, 403, 407, 408, 421, 425, 429}
"""4xx that are about us or about this moment, never about the call: a wrong token is put right, and then it is made."""
_UNSENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)
"""Errors before the other side has seen anything of the call."""


class DirectoryCallWriter:
    """Writes what is said in a call, with the council's names of now."""

    def __init__(self, directory: Callable[[], Directory], public_url: str) -> None:
        """Ask `directory` anew for every call."""
        self._directory = directory
        self._public_url = public_url.rstrip("/")

    def write(self, notice: Notice) -> Call:
        """Write the call of a notice; a name that is not known any more is its id."""
        directory, facts = self._directory(), notice.facts
        if facts.team is None:
            raise CannotBeWritten("no-team")
        service, ward = directory.service(notice.service), directory.ward(notice.ward)
        team, officer = directory.team(facts.team), directory.officer(facts.officer) if facts.officer else None
        return Call(
            id=notice.id,
            why=why_called(notice),
            reference=notice.reference,
            link=f"{self._public_url}/casework/{notice.reference}",
            service=service.name if service else notice.service,
            ward=ward.name if ward else notice.ward,
            team=(facts.team, team.name if team else facts.team),
            officer=(facts.officer, officer.full_name if officer else facts.officer) if facts.officer else None,
            level=facts.level,
            round=facts.round,
        )


def body_of(call: Call) -> dict[str, Any]:
    """Write a call as JSON."""
    officer = {"id": call.officer[0], "name": call.officer[1]} if call.officer else None
    return call._asdict() | {"team": {"id": call.team[0], "name": call.team[1]}, "officer": officer}


class WebhookDutyCaller:
    """Hands calls to one address, each over a connection of its own: one kept open may be dead when it matters."""

    def __init__(
        self,
        url: str,
        *,
        token: SecretStr | None = None,
        timeout: float = 5.0,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """Remember where calls go; nothing connects yet.

        Args:
            url: the address.
            token: sent as a bearer token.
            timeout: seconds every single step may take.
            trusted: whom to trust; the system's authorities when left out.
        """
        self._url, self._within = url, _STEPS * timeout
        self._headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        self._client = httpx2.AsyncClient(
            timeout=timeout,
            verify=trusted or ssl.create_default_context(),
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    async def open(self) -> None:
        """Do nothing: each call finds out by itself."""

    async def post(self, written: Call, hand_over: Callable[[], Awaitable[bool]]) -> Outcome:
        """Make one call and sort the answer."""
        if not await hand_over():
            return Kept()
        headers = self._headers | {"Idempotency-Key": written.id}
        try:
            async with (
                asyncio.timeout(self._within),
                # The status is the answer; whatever else comes is not read.
                self._client.stream("POST", self._url, json=body_of(written), headers=headers) as answer,
            ):
                return _sorted(answer.status_code)
        except _UNSENT:
            return Delayed("no-connection")
        except (httpx2.HTTPError, TimeoutError):
            return Doubtful("no-answer")

    async def close(self) -> None:
        """Let go of what is open."""
        await self._client.aclose()


def _sorted(code: int) -> Outcome:
    if httpx2.codes.is_success(code):
        return Taken()
    if httpx2.codes.is_server_error(code) or code in _FOR_NOW:
        return Delayed(f"http-{code}")
    return Refused(f"http-{code}")  # a redirect, too: it names another address than the one set
