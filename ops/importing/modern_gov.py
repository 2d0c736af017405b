"""Reads the answer of ModernGov's `GetCouncillorsByWard`, as stated in docs/council-imports.md.

The one rule: only what is listed in `_WANTED` is ever kept. Home addresses, telephone numbers, surgeries and
photographs pass by and reach no variable of ours.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException, DTDForbidden
from defusedxml.ElementTree import DefusedXMLParser

from ops.importing.records import Member, Roll, Term, WardRoll
from ops.importing.refusals import ImportRefused
from ops.importing.source import Fetched, mark_of
from ops.importing.words import decoded, is_vacancy, lines_of, party_name, person_name, slug_of

_ROOT = "councillorsbyward"
_WARD = (_ROOT, "wards", "ward")
_COUNCILLOR = (*_WARD, "councillors", "councillor")
_TERM = (*_COUNCILLOR, "termsofoffice", "termofoffice")
_WANTED = {
    (*_WARD, "wardtitle"),
    (*_WARD, "councillors", "councillorcount"),
    (*_COUNCILLOR, "councillorid"),
    (*_COUNCILLOR, "fullusername"),
    (*_COUNCILLOR, "politicalpartytitle"),
    (*_COUNCILLOR, "keyposts"),
    (*_COUNCILLOR, "workaddress", "email"),
    (*_TERM, "startdate"),
    (*_TERM, "enddate"),
}
_DEEPEST = 32
_MOST_WARDS, _MOST_MEMBERS = 500, 2_000
_LONGEST = 4_000
_FIRST_YEAR = 1950
"""Before it lies only what databases write for "no date", such as 30/12/1899."""
_DATE = re.compile(r"\d{1,2}/\d{1,2}/\d{4}")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")

_Path = tuple[str, ...]
_Record = dict[str, str]


def read_modern_gov(fetched: Fetched) -> Roll:
    """Read the answer into neutral records.

    Raises:
        ImportRefused: it is something else, hostile, or names nobody.
    """
    target = _Listening(fetched.name)
    mark = mark_of(fetched.content)
    parser = DefusedXMLParser(target=target, encoding=None if mark else fetched.charset, forbid_dtd=True)
    try:
        parser.feed(fetched.content)
        parser.close()
    except DTDForbidden as error:
        if error.name.casefold() == "html":
            raise _page(fetched, "it begins with <!DOCTYPE html>") from None
        raise ImportRefused(
            f"{fetched.name}: it has a DOCTYPE, as no list of councillors does, and is not read"
        ) from None
    except DefusedXmlException:
        raise ImportRefused(f"{fetched.name}: it declares entities, as no list of councillors does") from None
    except ParseError as error:
        line, column = error.position
        if not target.begun:
            raise _page(fetched, f"it is no XML in line {line}") from None
        raise ImportRefused(f"{fetched.name} line {line}, column {column + 1}: is not well-formed XML") from None
    except (LookupError, ValueError):  # of the encoding it names
        raise ImportRefused(f"{fetched.name}: it names an encoding nobody knows: save it as UTF-8") from None
    roll = Roll(tuple(target.wards), tuple(target.notes))
    if not roll.members:
        raise ImportRefused(f"{fetched.name}: it lists {len(roll.wards)} wards and no councillor: try again later")
    return roll


def _page(fetched: Fetched, why: str) -> ImportRefused:
    return ImportRefused(
        f"{fetched.name}: this is a web page, not a list of councillors ({why}). Give the address that ends in "
        "GetCouncillorsByWard, with https, or save its answer and import the file"
    )


class _Listening:
    """Hears the parser and keeps what is wanted, ward by ward."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._path: list[str] = []
        self._text: list[str] | None = None
        self._ward: _Record = {}
        self._member: _Record = {}
        self._term: _Record = {}
        self._terms: list[Term] = []
        self._roll = WardRoll("")
        self._number = 0
        self.begun = False
        self.wards: list[WardRoll] = []
        self.notes: list[str] = []

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        """Hear that an element begins."""
        name = tag.rpartition("}")[2].casefold()
        if not self.begun and name != _ROOT:
            shown = re.sub(r"[^\w:-]", "", name)[:40]
            raise ImportRefused(
                f"{self._name}: this is a web page or another list: its root is <{shown}>, not <{_ROOT}>. Give the "
                "address that ends in GetCouncillorsByWard, with https, or save its answer and import the file"
            )
        self.begun = True
        self._path.append(name)
        if len(self._path) > _DEEPEST:
            raise ImportRefused(f"{self._name}: nested deeper than any list of councillors")
        path = tuple(self._path)
        self._text = [] if path in _WANTED else None
        if path == _WARD:
            self._ward, self._roll = {}, WardRoll("")
        elif path == _COUNCILLOR:
            self._member, self._terms = {}, []
        elif path == _TERM:
            self._term = {}

    def data(self, text: str) -> None:
        """Hear a text; it is kept only where one is wanted."""
        if self._text is not None and sum(map(len, self._text)) < _LONGEST:
            self._text.append(text)

    def end(self, _tag: str) -> None:
        """Hear that an element ends."""
        path = tuple(self._path)
        if self._text is not None:
            self._record_of(path)[path[-1]] = "".join(self._text)[:_LONGEST]
            self._text = None
        elif path == _TERM:
            self._terms.append(Term(_date(self._term.get("startdate", "")), _date(self._term.get("enddate", ""))))
        elif path == _COUNCILLOR:
            self._take_member()
        elif path == _WARD:
            self._take_ward()
        self._path.pop()

    def close(self) -> None:
        """Hear that this is all."""

    def _record_of(self, path: _Path) -> _Record:
        """Give the record that a wanted text belongs to."""
        if path[: len(_TERM)] == _TERM:
            return self._term
        return self._member if path[: len(_COUNCILLOR)] == _COUNCILLOR else self._ward

    def _take_member(self) -> None:
        self._number += 1
        if self._number > _MOST_MEMBERS:
            raise ImportRefused(f"{self._name}: more than {_MOST_MEMBERS} councillors, as no council has")
        given = self._member
        if is_vacancy(given.get("fullusername", "")):
            self._roll.vacant += 1
            return
        self._roll.members.append(
            Member(
                external_id=slug_of(decoded(given.get("councillorid", ""))),
                name=person_name(given["fullusername"]),
                ward="",
                party=party_name(given.get("politicalpartytitle", "")),
                emails=tuple(addresses_in(given.get("email", ""))),
                terms=tuple(self._terms),
                posts=lines_of(given.get("keyposts", "")),
            )
        )

    def _take_ward(self) -> None:
        roll = self._roll
        roll.title = decoded(self._ward.get("wardtitle", ""))
        counted = self._ward.get("councillorcount", "").strip()
        listed = len(roll.members) + roll.vacant
        if counted.isdecimal() and int(counted) != listed:
            self.notes.append(f"{roll.title}: the source says {counted} councillors and lists {listed}")
        if not roll.title:
            if roll.members:
                raise ImportRefused(f"{self._name}: ward {len(self.wards) + 1} of the list has no title")
            return
        roll.members = [replace(member, ward=roll.title) for member in roll.members]
        self.wards.append(roll)
        if len(self.wards) > _MOST_WARDS:
            raise ImportRefused(f"{self._name}: more than {_MOST_WARDS} wards, as no council has")


def _date(text: str) -> date | None:
    """Read `dd/mm/yyyy`; anything else, such as "unspecified", says nothing."""
    found = _DATE.search(text)
    try:
        said = datetime.strptime(found.group(), "%d/%m/%Y").date() if found else None  # noqa: DTZ007  only its date
    except ValueError:
        return None
    return said if said and said.year >= _FIRST_YEAR else None


def addresses_in(text: str) -> Iterator[str]:
    """Find the e-mail addresses in a text, in order, each once."""
    seen: set[str] = set()
    for found in _EMAIL.findall(decoded(text)):
        address = found.strip(".'").removeprefix("mailto:")
        if address.casefold() not in seen:
            seen.add(address.casefold())
            yield address
