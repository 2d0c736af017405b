"""Reads what is to be imported from a file or a web address, bounded in size, time and trust.

The one rule: an address is followed within its own host only, and never from https down to http.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from ops.importing.refusals import ImportRefused

MAX_BYTES = 20_000_000
MODERN_GOV_METHOD = "/mgWebService.asmx/GetCouncillorsByWard"
_TIMEOUT = httpx2.Timeout(20, connect=10)
_PATIENCE = 120.0
"""Seconds for the whole answer, however slowly it drips."""
_MOST_REDIRECTS = 3
_PORTS = {"http": 80, "https": 443}

Progress = Callable[[int, int | None], None]
"""Is told how many bytes are here and, where that is known, of how many."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was read, and where from; `charset` is what the web server says, if it says."""

    content: bytes
    name: str
    charset: str | None = None

    def text(self) -> str:
        """Decode the content: by its byte order mark, else as the server says, else as UTF-8.

        Raises:
            ImportRefused: it is something else.
        """
        encoding = mark_of(self.content) or self.charset or "utf-8"
        try:
            return self.content.decode(encoding).removeprefix("\ufeff")
        except LookupError:
            raise ImportRefused(f"{self.name}: the server says charset {encoding!r}, which nobody knows") from None
        except UnicodeDecodeError as error:
            line = self.content.count(b"\n", 0, error.start) + 1
            message = f"{self.name} line {line}: is not {encoding}: save it as UTF-8 and import the file"
            raise ImportRefused(message) from None


def mark_of(content: bytes) -> str | None:
    """Give the encoding that a byte order mark names."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else None


def is_address(source: str) -> bool:
    """Say whether a source is a web address."""
    return source.casefold().startswith(("http://", "https://"))


def fetch(source: str, progress: Progress | None = None) -> Fetched:
    """Read a source whole.

    Raises:
        ImportRefused: it cannot be read, is too big or too slow, or leads to another host.
    """
    tell = progress or (lambda _done, _total: None)
    return _downloaded(source, tell) if is_address(source) else _read(Path(source), tell)


def _read(path: Path, tell: Progress) -> Fetched:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImportRefused(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > MAX_BYTES:
        raise _too_big(path.name)
    tell(len(content), len(content))
    return Fetched(content, path.name)


def _downloaded(source: str, tell: Progress) -> Fetched:
    host = "the host"
    try:
        url = httpx2.URL(source)
        if not url.host:
            raise ImportRefused("this web address names no host")
        host = url.host
        with httpx2.Client(timeout=_TIMEOUT, headers={"Accept-Encoding": "identity"}) as client:
            return _followed(client, url, tell)
    except httpx2.InvalidURL as error:
        raise ImportRefused(f"this is no web address, or leads to none: {error}") from None
    except httpx2.TimeoutException:
        raise ImportRefused(f"{host} does not answer in time: try again, or import a saved file") from None
    except httpx2.HTTPError as error:
        raise ImportRefused(f"{host} does not answer ({type(error).__name__}): is the address right?") from None


def _followed(client: httpx2.Client, url: httpx2.URL, tell: Progress) -> Fetched:
    for _ in range(_MOST_REDIRECTS + 1):
        with _answer(client, url) as answer:
            if not answer.has_redirect_location:
                return _body(answer, url, tell)
            following = url.join(answer.headers["Location"])
        _refuse_to_stray(url, following)
        url = following
    raise ImportRefused(f"{url.host} redirects more than {_MOST_REDIRECTS} times: give the last address itself")


@contextmanager
def _answer(client: httpx2.Client, url: httpx2.URL) -> Iterator[httpx2.Response]:
    with client.stream("GET", url, follow_redirects=False) as answer:
        yield answer


def _refuse_to_stray(url: httpx2.URL, following: httpx2.URL) -> None:
    """Refuse a redirect to another host, another port, or from https to http.

    Raises:
        ImportRefused: it is one.
    """
    if following.scheme not in _PORTS or (url.scheme, following.scheme) == ("https", "http"):
        raise ImportRefused(f"{url.host} redirects to {following.scheme}, which is not followed: give an https address")
    same_port = url.scheme != following.scheme or _port(url) == _port(following)
    if following.host != url.host or not same_port:
        where = following.host + (f":{following.port}" if following.port else "")
        raise ImportRefused(f"{url.host} redirects to {where}: give that address if you trust it")


def _port(url: httpx2.URL) -> int:
    return url.port or _PORTS[url.scheme]


def _body(answer: httpx2.Response, url: httpx2.URL, tell: Progress) -> Fetched:
    if answer.status_code != httpx2.codes.OK:
        raise ImportRefused(f"{url.host} answers {answer.status_code} {answer.reason_phrase}: is the address right?")
    stated = answer.headers.get("Content-Length", "")
    total = int(stated) if stated.isdecimal() else None
    if total is not None and total > MAX_BYTES:
        raise _too_big(url.host)
    content, until = bytearray(), time.monotonic() + _PATIENCE
    for more in answer.iter_bytes():
        content += more
        if len(content) > MAX_BYTES:
            raise _too_big(url.host)
        if time.monotonic() > until:
            raise ImportRefused(f"{url.host} takes longer than {_PATIENCE:.0f} s: save the answer and import the file")
        tell(len(content), total)
    return Fetched(bytes(content), url.host, answer.charset_encoding)


def _too_big(name: str) -> ImportRefused:
    return ImportRefused(f"{name}: more than {MAX_BYTES // 1_000_000} MB: this is no list of that kind")


def refuse_a_page(fetched: Fetched, text: str, wanted: str) -> None:
    """Refuse a web page where something else was wanted.

    Raises:
        ImportRefused: the text is one.
    """
    if text.lstrip().startswith("<"):
        raise ImportRefused(f"{fetched.name}: this is a web page or XML, not {wanted}: look at it in a browser first")


def modern_gov_address(source: str) -> str:
    """Give the address of the list of councillors where only a council's site is named."""
    if not is_address(source):
        return source
    try:
        url = httpx2.URL(source)
    except httpx2.InvalidURL:
        return source  # refused when it is read
    return str(url.copy_with(path=MODERN_GOV_METHOD)) if url.path in {"", "/"} and not url.query else source
