"""Reads what Democracy Club's LGSF keeps of a council's members: one JSON object each, in a list or in a folder.

The one rule: LGSF does not say whether an address is for work, so only one of the council's own domain or of .gov.uk is
taken.
"""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from ops.importing.modern_gov import addresses_in
from ops.importing.records import Member, Roll, WardRoll
from ops.importing.refusals import ImportRefused
from ops.importing.source import MAX_BYTES, Fetched, Progress, fetch, is_address, refuse_a_page
from ops.importing.words import decoded, is_vacancy, party_name, person_name, slug_of, ward_key

_MOST_FILES = 2_000


def _text(value: Any) -> Any:
    return "" if value is None else str(value) if isinstance(value, int) else value


_Text = Annotated[str, BeforeValidator(_text)]


class _Listed(BaseModel):
    """One member as LGSF keeps them; photograph and page are not read."""

    model_config = ConfigDict(extra="ignore")

    raw_identifier: _Text = ""
    raw_name: _Text
    raw_party: _Text = ""
    raw_division: _Text
    email: _Text = ""
    standing_down: Any = None


_Every = TypeAdapter(list[_Listed])


def fetch_lgsf(source: str, progress: Progress | None = None) -> list[Fetched]:
    """Read a file, a web address, or every JSON file of a folder.

    Raises:
        ImportRefused: it cannot be read, or is too big.
    """
    folder = Path(source)
    if is_address(source) or not folder.is_dir():
        return [fetch(source, progress)]
    files = sorted(folder.glob("*.json"))[: _MOST_FILES + 1]
    if not files or len(files) > _MOST_FILES:
        raise ImportRefused(f"{source}: {len(files) or 'no'} JSON files: name a folder of one council's members")
    found, size = [], 0
    for file in files:
        found.append(fetch(str(file), progress))
        size += len(found[-1].content)
        if size > MAX_BYTES:
            raise ImportRefused(f"{source}: more than {MAX_BYTES // 1_000_000} MB: this is no list of members")
    return found


def read_lgsf(files: list[Fetched], mail_domain: str) -> Roll:
    """Read the files into neutral records.

    Raises:
        ImportRefused: a file is something else, or nobody is named.
    """
    wards: dict[str, WardRoll] = {}
    for file in files:
        for given in _listed(file):
            division = decoded(given.raw_division)
            if not division:
                raise ImportRefused(f"{file.name}: {person_name(given.raw_name)!r} has no raw_division")
            roll = wards.setdefault(ward_key(division), WardRoll(division))
            if is_vacancy(given.raw_name):
                roll.vacant += 1
            else:
                roll.members.append(_member(given, roll.title, mail_domain))
    if not any(roll.members for roll in wards.values()):
        raise ImportRefused(f"{files[0].name}: it names no member")
    return Roll(tuple(wards.values()))


def _listed(file: Fetched) -> list[_Listed]:
    text = file.text()
    refuse_a_page(file, text, "the JSON of LGSF")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ImportRefused(f"{file.name}{where}: is not JSON") from None
    try:
        return _Every.validate_python(document if isinstance(document, list) else [document])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        number, *field = first["loc"]
        where = f"member {int(number) + 1}" + "".join(f", {name}" for name in field)
        raise ImportRefused(f"{file.name} {where}: {first['msg']}") from None


def _member(given: _Listed, ward: str, mail_domain: str) -> Member:
    own = tuple(email for email in addresses_in(given.email) if _is_for_work(email, mail_domain))
    return Member(
        external_id=slug_of(decoded(given.raw_identifier)),
        name=person_name(given.raw_name),
        ward=ward,
        party=party_name(given.raw_party),
        emails=own,
        standing_down=bool(given.standing_down),
    )


def _is_for_work(email: str, mail_domain: str) -> bool:
    domain = email.casefold().rpartition("@")[2]
    return domain == mail_domain or domain.endswith((f".{mail_domain}", ".gov.uk"))
