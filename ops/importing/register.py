"""The council's own record of its members while an import works on it: councillors, seats and wards as plain rows."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from ops.importing.refusals import ImportRefused
from ops.importing.rows import CsvFile, Row
from ops.importing.words import listed, person_key, ward_key
from shared.council import Ward

SEATS = Ward.model_fields["seats"].default
"""How many councillors a ward elects where its row does not say."""
_WIDTH = 3
_PREFIX = "cllr-"


class Register:
    """The rows of councillors.csv and seats.csv, read by date."""

    def __init__(self, folder: Path, on: date) -> None:
        """Read the files of a council that has been checked."""
        self.on = on
        self.councillors = CsvFile.read(
            folder, "councillors.csv", ("id", "name", "title", "email", "party", "external_id")
        )
        self.seats = CsvFile.read(folder, "seats.csv", ("councillor", "ward", "valid_from", "valid_to", "end_reason"))
        self.places = Places(folder, on)
        officers = CsvFile.read(folder, "officers.csv", ("id", "email"))
        self._staff = {officers.get(row, "email").casefold(): officers.get(row, "id") for row in officers.rows}

    def people(self) -> Iterator[tuple[str, Row]]:
        """Give every councillor there is or was, by id."""
        for row in self.councillors.rows:
            yield self.councillors.get(row, "id"), row

    def name_of(self, person: str) -> str:
        """Name a councillor as a sentence does."""
        row = self.councillors.find("id", person)
        return f"{self.councillors.get(row, 'name')} ({person})" if row else person

    def sitting(self, person: str) -> list[Row]:
        """Give the seats a councillor holds today."""
        return [row for row in self.seats_of(person) if self.begins(row) <= self.on <= self.ends(row)]

    def sitting_or_to_come(self, person: str) -> list[Row]:
        """Give the seats of a councillor that are not over."""
        return [row for row in self.seats_of(person) if self.ends(row) >= self.on]

    def seats_of(self, person: str) -> list[Row]:
        """Give every seat of a councillor, past and to come."""
        return [row for row in self.seats.rows if self.seats.get(row, "councillor") == person]

    def sitting_in(self, ward: str) -> list[Row]:
        """Give the seats held today in a ward."""
        return [
            row
            for row in self.seats.rows
            if self.seats.get(row, "ward") == ward and self.begins(row) <= self.on <= self.ends(row)
        ]

    def is_councillor(self, person: str) -> bool:
        """Say whether an id is a councillor's."""
        return self.councillors.find("id", person) is not None

    def ward_of(self, seat: Row) -> str:
        """Give the ward of a seat."""
        return self.seats.get(seat, "ward")

    def begins(self, seat: Row) -> date:
        """Give the first day of a seat."""
        said = self.seats.get(seat, "valid_from")
        return date.fromisoformat(said) if said else date.min

    def ends(self, seat: Row) -> date:
        """Give the last day of a seat."""
        said = self.seats.get(seat, "valid_to")
        return date.fromisoformat(said) if said else date.max

    def end(self, seat: Row, on: date) -> None:
        """End a seat on a day, but not before it began."""
        self.seats.put(seat, "valid_to", max(on, self.begins(seat)).isoformat())

    def begin(self, person: str, ward: str, on: date) -> None:
        """Begin a seat."""
        self.seats.append({"councillor": person, "ward": ward, "valid_from": on.isoformat()})

    def row_of(self, person: str) -> Row:
        """Give the row of a councillor who is there.

        Raises:
            LookupError: there is none of that id.
        """
        row = self.councillors.find("id", person)
        if row is None:
            raise LookupError(f"councillors.csv has no {person}")
        return row

    def email_of(self, row: Row) -> str:
        """Give the address of a councillor."""
        return self.councillors.get(row, "email")

    def key_of(self, row: Row) -> str:
        """Give the key of a councillor's name."""
        return person_key(self.councillors.get(row, "name"))

    def external_id_of(self, row: Row) -> str:
        """Give the id of a councillor in the source."""
        return self.councillors.get(row, "external_id")

    def owner_of(self, address: str) -> str | None:
        """Say whose an e-mail address is, officer or councillor."""
        same = address.casefold()
        for person, row in self.people():
            if self.email_of(row).casefold() == same:
                return person
        return self._staff.get(same)

    def add(self, name: str, email: str, party: str, external_id: str) -> str:
        """Add a councillor under the next free id; gives the id."""
        numbers = [int(number) for person, _ in self.people() if (number := person.removeprefix(_PREFIX)).isdecimal()]
        person = f"{_PREFIX}{max(numbers, default=0) + 1:0{_WIDTH}}"
        self.councillors.append(
            {
                "id": person,
                "title": "Councillor",
                "name": name,
                "email": email,
                "party": party,
                "external_id": external_id,
            }
        )
        return person


class Places:
    """The wards that hold on a day, found by title."""

    def __init__(self, folder: Path, on: date) -> None:
        """Read wards.csv."""
        self._on = on
        self._file = CsvFile.read(folder, "wards.csv", ("code", "name", "town", "valid_from", "valid_to", "seats"))
        self._rows = {self._file.get(row, "code"): row for row in self._file.rows if self._holds(row, on)}
        self._by_title = {ward_key(self._file.get(row, "name")): code for code, row in self._rows.items()}

    def _holds(self, row: Row, on: date) -> bool:
        first, last = self._file.get(row, "valid_from"), self._file.get(row, "valid_to")
        return (not first or date.fromisoformat(first) <= on) and (not last or on <= date.fromisoformat(last))

    @property
    def codes(self) -> list[str]:
        """The codes of every ward, in the order of the file."""
        return list(self._rows)

    def code_of(self, title: str) -> str | None:
        """Find the ward of a title, however it is spelt."""
        return self._by_title.get(ward_key(title))

    def name_of(self, code: str) -> str:
        """Give the name of a ward."""
        return self._file.get(self._rows[code], "name")

    def first_day(self, code: str) -> date:
        """Give the day a ward began."""
        said = self._file.get(self._rows[code], "valid_from")
        return date.fromisoformat(said) if said else date.min

    def seats(self, code: str) -> int:
        """Say how many councillors a ward elects."""
        said = self._file.get(self._rows[code], "seats")
        return int(said) if said else SEATS

    def refuse_unknown(self, titles: list[str], aliases: list[str]) -> None:
        """Refuse wards the council does not have, and codes that no ward has.

        Raises:
            ImportRefused: there are some.
        """
        for code in aliases:
            if code and code not in self._rows:
                raise ImportRefused(f"--ward: on {self._on} the council has no ward {code!r}: see wards.csv")
        if titles:
            raise ImportRefused(
                f"on {self._on} the council has no ward {listed(map(repr, titles))}. Add it to wards.csv, or say which "
                f"ward it is with --ward '{titles[0]}=CODE', or leave it out with --ward '{titles[0]}='"
            )
