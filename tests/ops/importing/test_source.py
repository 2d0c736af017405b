"""What is read from a file or an address: bounded, and never led away to where nobody sent it."""

from pathlib import Path

import httpx2
import pytest

from ops.importing import source
from ops.importing.refusals import ImportRefused
from ops.importing.source import Fetched, fetch, modern_gov_address
from tests.ops.importing.web import leads_to, never_ends, says, serving


def refusal(address: str) -> str:
    with pytest.raises(ImportRefused) as refused:
        fetch(address)
    return str(refused.value)


def test_a_file_is_read_whole_and_its_size_is_told(tmp_path: Path) -> None:
    file = tmp_path / "members.xml"
    file.write_bytes(b"<x/>")
    told: list[tuple[int, int | None]] = []

    found = fetch(str(file), lambda done, total: told.append((done, total)))

    assert (found.content, found.name) == (b"<x/>", "members.xml")
    assert told == [(4, 4)]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refusal(str(tmp_path / "nowhere.xml")).endswith("nowhere.xml: cannot be read (No such file or directory)")


def test_an_address_is_read_with_the_charset_it_says() -> None:
    told: list[tuple[int, int | None]] = []
    with serving({"/members": says(b"<x/>", "text/xml; charset=iso-8859-1")}) as address:
        found = fetch(f"{address}/members", lambda done, total: told.append((done, total)))

    assert (found.content, found.name, found.charset) == (b"<x/>", "127.0.0.1", "iso-8859-1")
    assert told == [(4, 4)]


def test_a_redirect_on_the_same_host_is_followed_three_times() -> None:
    answers = {f"/{n}": leads_to(f"/{n + 1}") for n in range(4)} | {"/4": says(b"<x/>")}
    with serving(answers) as address:
        assert fetch(f"{address}/1").content == b"<x/>"
        assert refusal(f"{address}/0") == "127.0.0.1 redirects more than 3 times: give the last address itself"


def test_a_redirect_elsewhere_is_refused_and_nothing_is_asked_there() -> None:
    asked: list[str] = []
    with serving({"/": lambda request: asked.append(request.path)}) as other:
        port = httpx2.URL(other).port
        answers = {
            "/nowhere": leads_to("http://x.example:many"),
            "/port": leads_to(other),
            "/host": leads_to("http://members.example/x"),
            "/file": leads_to("file:///etc"),
        }
        with serving(answers) as address:
            assert refusal(f"{address}/port") == (
                f"127.0.0.1 redirects to 127.0.0.1:{port}: give that address if you trust it"
            )
            assert "redirects to members.example" in refusal(f"{address}/host")
            assert "no web address, or leads to none" in refusal(f"{address}/nowhere")
            assert "redirects to file, which is not followed" in refusal(f"{address}/file")

    assert asked == []


def test_a_redirect_from_https_down_to_http_is_refused() -> None:
    with pytest.raises(ImportRefused, match="redirects to http, which is not followed"):
        source._refuse_to_stray(httpx2.URL("https://a.example/x"), httpx2.URL("http://a.example/x"))

    source._refuse_to_stray(httpx2.URL("http://a.example/x"), httpx2.URL("https://a.example/x"))


def test_an_answer_that_never_ends_is_cut_off() -> None:
    with serving({"/": never_ends}) as address:
        assert refusal(address + "/") == "127.0.0.1: more than 20 MB: this is no list of that kind"


def test_an_answer_that_says_it_is_too_long_is_not_read() -> None:
    def long(request: object) -> None:
        request.send_response(200)  # type: ignore[attr-defined]  # the server's own handler
        request.send_header("Content-Length", "20000001")  # type: ignore[attr-defined]  # as above
        request.end_headers()  # type: ignore[attr-defined]  # as above

    with serving({"/": long}) as address:
        assert "more than 20 MB" in refusal(address + "/")


def test_an_error_page_is_refused_with_its_status() -> None:
    with serving({"/": says(b"gone", status=404)}) as address:
        assert refusal(address + "/") == "127.0.0.1 answers 404 Not Found: is the address right?"


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "https://127.0.0.1:9/"])
def test_a_host_that_does_not_answer_is_named(address: str) -> None:
    assert refusal(address).startswith("127.0.0.1 does not answer (ConnectError)")


@pytest.mark.parametrize("address", ["http://", "http://[", "https:///members"])
def test_an_address_without_a_host_is_refused(address: str) -> None:
    assert "address" in refusal(address)


def test_a_password_in_an_address_is_never_repeated() -> None:
    assert "hunter2" not in refusal("http://user:hunter2@127.0.0.1:9/")


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (
            "https://smallham.moderngov.example",
            "https://smallham.moderngov.example/mgWebService.asmx/GetCouncillorsByWard",
        ),
        ("http://m.example:81/", "http://m.example:81/mgWebService.asmx/GetCouncillorsByWard"),
        ("https://m.example/own/list.xml", "https://m.example/own/list.xml"),
        ("saved.xml", "saved.xml"),
        ("http://m.example:many", "http://m.example:many"),
    ],
)
def test_the_site_of_a_council_is_enough(said: str, asked: str) -> None:
    assert modern_gov_address(said) == asked


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        ("\ufeffZoë".encode(), None),
        ("\ufeffZoë".encode(), "iso-8859-1"),
        ("Zoë".encode("utf-16"), None),
        ("Zoë".encode("iso-8859-1"), "iso-8859-1"),
        ("Zoë".encode(), None),
    ],
)
def test_a_text_is_decoded_by_its_mark_then_as_the_server_says(content: bytes, charset: str | None) -> None:
    assert Fetched(content, "x.csv", charset).text() == "Zoë"


def test_a_text_that_is_not_utf8_is_refused_with_its_line() -> None:
    with pytest.raises(ImportRefused, match=r"x\.csv line 2: is not utf-8: save it as UTF-8"):
        Fetched("a\nZoë".encode("iso-8859-1"), "x.csv").text()
