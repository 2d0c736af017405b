"""A small client of RabbitMQ's management API, as much of it as the stack, the command line and the tests need.

The one rule: names go into a path quoted; the API takes `/` in a vhost's name only as `%2F`.
"""

import base64
import hashlib
import secrets
import ssl
import types
import urllib.parse
from collections.abc import Mapping
from typing import Any, Self

import httpx2

_ALL = {"configure": ".*", "write": ".*", "read": ".*"}


class ManagementError(RuntimeError):
    """The management API refused a request or could not be reached; `status` is None when it could not be reached."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def password_hash(password: str) -> str:
    """Return the salted hash a definitions file carries (rabbit_password_hashing_sha256: 4 bytes of salt, SHA-256)."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def quoted(name: str) -> str:
    """Return a name as one segment of a path."""
    return urllib.parse.quote(name, safe="")


class Management:
    """One broker's management API; a context manager, or `close()` it.

    Args:
        url: `http://user:password@host:port` or https, without a path. `?cafile=<PEM file>` names a private authority
            to trust, as in the broker's address; else those of the system are trusted.
        timeout: seconds per request.
    """

    def __init__(self, url: str, timeout: float = 10) -> None:
        parts = urllib.parse.urlsplit(url)
        self.user = urllib.parse.unquote(parts.username or "guest")
        password = urllib.parse.unquote(parts.password or "guest")
        host = parts.netloc.rpartition("@")[2]
        authority = dict(urllib.parse.parse_qsl(parts.query)).get("cafile")
        trust = ssl.create_default_context(cafile=authority) if parts.scheme == "https" else True
        self._client = httpx2.Client(
            base_url=f"{parts.scheme}://{host}/api/",
            auth=(self.user, password),
            timeout=timeout,
            trust_env=False,
            verify=trust,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def request(self, method: str, path: str, body: object | None = None) -> Any:
        """Send one request; return the decoded answer, None when it has no body.

        Args:
            method: the HTTP method.
            path: below `/api/`, its names quoted.
            body: sent as JSON.

        Raises:
            ManagementError: refused or unreachable.
        """
        try:
            answer = self._client.request(method, path, json=body)
        except httpx2.HTTPError as error:
            raise ManagementError(f"{method} {path}: {type(error).__name__}: {error}") from error
        if answer.is_error:
            raise ManagementError(f"{method} {path}: {answer.status_code} {answer.text[:300]}", answer.status_code)
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        """Read."""
        return self.request("GET", path)

    def put(self, path: str, body: object) -> None:
        """Create or replace."""
        self.request("PUT", path, body)

    def post(self, path: str, body: object) -> Any:
        """Send."""
        return self.request("POST", path, body)

    def delete(self, path: str) -> None:
        """Delete; what is not there is no error."""
        try:
            self.request("DELETE", path)
        except ManagementError as error:
            if error.status != httpx2.codes.NOT_FOUND:
                raise

    def create_vhost(self, name: str) -> None:
        """Create a vhost in which this client's user may do everything."""
        self.put(f"vhosts/{quoted(name)}", {})
        self.put(f"permissions/{quoted(name)}/{quoted(self.user)}", _ALL)

    def delete_vhost(self, name: str) -> None:
        """Delete a vhost with every queue and exchange in it."""
        self.delete(f"vhosts/{quoted(name)}")

    def queues(self, vhost: str = "/") -> list[dict[str, Any]]:
        """Return every queue of a vhost as the API describes it; counts lag up to five seconds."""
        found: list[dict[str, Any]] = self.get(f"queues/{quoted(vhost)}")
        return found

    def import_definitions(self, definitions: Mapping[str, Any]) -> None:
        """Load users, permissions, exchanges, queues and bindings into the broker; what is there stays."""
        self.post("definitions", dict(definitions))

    def is_ready(self) -> bool:
        """Say whether the API answers our user."""
        try:
            self.get("whoami")
        except ManagementError:
            return False
        return True
