"""XML that wants more than to be read: it is refused at once, and nothing it names is fetched."""

import time
from pathlib import Path

import pytest

from ops.importing.modern_gov import read_modern_gov
from ops.importing.refusals import ImportRefused
from ops.importing.source import MAX_BYTES, Fetched, fetch
from tests.ops.importing.councils import CORPUS

PLAIN = (CORPUS / "plain.xml").read_text(encoding="utf-8")
BODY = PLAIN.partition("?>")[2]
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def with_doctype(doctype: str, use: str) -> bytes:
    return (f'<?xml version="1.0"?>\n{doctype}' + BODY.replace("Ada Elm", use)).encode()


def refusal(content: bytes, charset: str | None = None) -> str:
    with pytest.raises(ImportRefused) as refused:
        read_modern_gov(Fetched(content, "members.xml", charset))
    return str(refused.value)


HOSTILE = {
    "billion laughs": with_doctype(f'<!DOCTYPE councillorsbyward [<!ENTITY l0 "ha">{LAUGHS}]>', "&l9;"),
    "quadratic growth": with_doctype(f'<!DOCTYPE councillorsbyward [<!ENTITY a "{"a" * 100_000}">]>', "&a;" * 1_000),
    "external entity": with_doctype(
        '<!DOCTYPE councillorsbyward [<!ENTITY who SYSTEM "file:///etc/hostname">]>', "&who;"
    ),
    "external entity of the web": with_doctype(
        '<!DOCTYPE councillorsbyward [<!ENTITY who SYSTEM "http://127.0.0.1:9/who">]>', "&who;"
    ),
    "external document type": with_doctype('<!DOCTYPE councillorsbyward SYSTEM "http://127.0.0.1:9/x.dtd">', "Ada"),
    "parameter entity": with_doctype(
        '<!DOCTYPE councillorsbyward [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]>', "Ada"
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_xml_is_refused_at_once(kind: str) -> None:
    began = time.monotonic()

    told = refusal(HOSTILE[kind])

    assert told == "members.xml: it has a DOCTYPE, as no list of councillors does, and is not read"
    assert time.monotonic() - began < 2


def test_xml_that_nests_without_end_is_refused() -> None:
    assert "nested deeper" in refusal(b"<councillorsbyward>" + b"<a>" * 1_000_000)


def test_ten_megabytes_of_wards_are_refused() -> None:
    ward = PLAIN.partition("<wards>")[2].partition("</ward>")[0] + "</ward>"
    content = PLAIN.replace(ward, ward * (10_000_000 // len(ward))).encode()
    assert 9_000_000 < len(content) < MAX_BYTES

    assert "more than 500 wards" in refusal(content)


def test_ten_megabytes_in_one_name_are_cut_off() -> None:
    content = PLAIN.replace("Ada Elm", "Ada " * 2_500_000).encode()

    roll = read_modern_gov(Fetched(content, "members.xml"))

    assert max(len(member.name) for member in roll.members) <= 4_000


def test_a_file_that_is_too_big_is_not_read_to_its_end(tmp_path: Path) -> None:
    big = tmp_path / "big.xml"
    with big.open("wb") as file:
        file.truncate(MAX_BYTES + 1)

    with pytest.raises(ImportRefused, match=r"big\.xml: more than 20 MB"):
        fetch(str(big))


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "utf-16", "utf-8-sig"])
def test_the_encoding_that_the_declaration_names_is_honoured(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = PLAIN.replace('encoding="utf-8"', f'encoding="{declared}"').replace("Ada Elm", "Zoë Élm")

    roll = read_modern_gov(Fetched(text.encode(encoding), "members.xml"))

    assert roll.members[0].name == "Zoë Élm"


def test_the_encoding_that_the_server_says_comes_before_the_declaration() -> None:
    content = PLAIN.replace("Ada Elm", "Zoë Élm").encode("iso-8859-1")

    roll = read_modern_gov(Fetched(content, "members.xml", "iso-8859-1"))

    assert roll.members[0].name == "Zoë Élm"


def test_bytes_that_are_not_what_they_say_are_refused_with_their_line() -> None:
    assert "line 10" in refusal(PLAIN.replace("Ada Elm", "Zoë Élm").encode("iso-8859-1"))


@pytest.mark.parametrize("name", ["klingon", "rot13", "base64"])
def test_an_encoding_nobody_knows_is_refused(name: str) -> None:
    assert "encoding" in refusal(PLAIN.replace('encoding="utf-8"', f'encoding="{name}"').encode())
    assert "encoding" in refusal(PLAIN.encode(), name)
