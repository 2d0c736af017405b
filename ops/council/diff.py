"""What is different between two councils, part by part and field by field, for people and for programs.

The one rule: two councils without a difference here are the same to the last value and order (equal digests), and two
that are the same have none. Parts and their keys come from the lists the reader uses, so a new kind is compared, too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from shared.council import Council
from shared.council.columns import CSV_TABLES, YAML_LISTS

What = Literal["added", "removed", "changed", "reordered"]
Fields = Mapping[str, Any]
_KEYS = ("id", "code")
"""Fields that tell the items of a list apart, where the list says no other."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Change(_Frozen):
    """A field with another value; one inside a part of a part has a path, `form.questions.colour.label`."""

    field: str
    old: Any = None
    new: Any = None


class Difference(_Frozen):
    """A part that is in one council only, or is not the same in both, or stands elsewhere among its kind."""

    kind: str
    """What it is, in a word: `ward`, `grant`, `rule`; `council`, `policies` and `calendar` there is one of."""
    id: str
    """Empty where there is one of its kind, and for the order of a kind."""
    what: What
    changes: tuple[Change, ...] = ()
    """Of an added part all that it says, of a removed one what it said."""


class Differences(_Frozen):
    """All differences, by kind in the order of a council's files, and within a kind: changed, added, removed."""

    entries: tuple[Difference, ...] = ()

    def __bool__(self) -> bool:
        """Say whether there is any."""
        return bool(self.entries)

    def of(self, kind: str, *whats: What) -> list[Difference]:
        """List those of a kind, all or only some."""
        return [each for each in self.entries if each.kind == kind and (not whats or each.what in whats)]

    def count(self, what: What) -> int:
        """Count the parts that are new, gone, changed, or the kinds that are in another order."""
        return sum(each.what == what for each in self.entries)

    @property
    def summary(self) -> str:
        """Say in a line what there is."""
        whats: tuple[What, ...] = ("added", "changed", "removed", "reordered")
        return ", ".join(f"{number} {what}" for what in whats if (number := self.count(what))) or "no difference"


class _Kind(NamedTuple):
    """The parts of one kind in a council, by id and in their order; `single` where there is only one."""

    name: str
    parts: Mapping[str, Fields]
    single: bool = False


def differences(old: Council, new: Council) -> Differences:
    """Compare two councils."""
    pairs = zip(_kinds(old), _kinds(new), strict=True)
    return Differences(entries=tuple(found for before, after in pairs for found in _between(before, after)))


def _between(before: _Kind, after: _Kind) -> Iterator[Difference]:
    kind = before.name
    for name, fields in after.parts.items():
        if name in before.parts and (changes := tuple(_changes("", before.parts[name], fields))):
            yield Difference(kind=kind, id="" if after.single else name, what="changed", changes=changes)
    for name, fields in after.parts.items():
        if name not in before.parts:
            yield _whole(kind, name, "added", fields)
    for name, fields in before.parts.items():
        if name not in after.parts:
            yield _whole(kind, name, "removed", fields)
    if (order := _order(list(before.parts), list(after.parts))) is not None:
        yield Difference(kind=kind, id="", what="reordered", changes=(order,))


def _whole(kind: str, name: str, what: Literal["added", "removed"], fields: Fields) -> Difference:
    side = "new" if what == "added" else "old"
    said = {
        field: value
        for field, value in fields.items()
        if value not in (None, "", [], {}) and not (field in _KEYS and str(value) == name)
    }
    changes = tuple(Change.model_validate({"field": field, side: value}) for field, value in said.items())
    return Difference(kind=kind, id=name, what=what, changes=changes)


def _order(old: Sequence[str], new: Sequence[str]) -> Change | None:
    """Compare the order of what both have."""
    before, after = [name for name in old if name in new], [name for name in new if name in old]
    return Change(field="order", old=before, new=after) if before != after else None


def _kinds(council: Council) -> Iterator[_Kind]:
    """Take a council apart, in the order of its fields; a councillor's seats are parts of their own."""
    values = council.model_dump(mode="json")
    yield _Kind("council", {"": {name: value for name, value in values.items() if not _is_parts(value)}}, single=True)
    for name, value in values.items():
        if isinstance(value, dict):
            yield _Kind(name, {"": value}, single=True)
        elif name == "councillors":
            members = [{field: each for field, each in member.items() if field != "seats"} for member in value]
            yield _Kind("councillor", _by_key(members, "id"))
            yield _Kind("seat", _seats(value))
        elif _is_parts(value):
            yield _Kind(_what(name), _by_key(value, _key(name)))


def _is_parts(value: Any) -> bool:
    return isinstance(value, list | dict)


def _what(field: str) -> str:
    if listed := CSV_TABLES.get(field) or YAML_LISTS.get(field):
        return listed.what
    return field.removesuffix("s")


def _key(field: str) -> str:
    if table := CSV_TABLES.get(field):
        return next(iter(table.columns))
    return YAML_LISTS[field].key if field in YAML_LISTS else "code"


def _seats(councillors: Sequence[Fields]) -> Mapping[str, Fields]:
    """Name each seat by who holds it, where and since when; their order counts for each councillor alone."""
    rows = [
        {"seat": f"{member['id']} {seat['ward']} {seat['valid_from'] or '(always)'}", **seat}
        for member in sorted(councillors, key=lambda each: str(each["id"]))
        for seat in member["seats"]
    ]
    return {
        name: {field: row[field] for field in row if field != "seat"} for name, row in _by_key(rows, "seat").items()
    }


def _by_key(rows: Sequence[Fields], key: str) -> Mapping[str, Fields]:
    """Name every part by its key; a second one of the same name has its number."""
    seen: Counter[str] = Counter()
    found: dict[str, Fields] = {}
    for row in rows:
        name = str(row[key])
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} ({seen[name]})"] = row
    return found


def _changes(path: str, old: Any, new: Any) -> Iterator[Change]:
    """Go down as far as both sides have the same shape."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys((*new, *old)):
            yield from _changes(f"{path}.{name}" if path else name, old.get(name), new.get(name))
    elif (keys := _shared_key(old, new)) is not None:
        before, after = _by_key(old, keys), _by_key(new, keys)
        for name in dict.fromkeys((*after, *before)):
            yield from _changes(f"{path}.{name}", before.get(name), after.get(name))
        if order := _order(list(before), list(after)):
            yield order.model_copy(update={"field": f"{path}.order"})
    else:
        yield Change(field=path, old=old, new=new)


def _shared_key(old: Any, new: Any) -> str | None:
    """Find the field that tells the items of both lists apart."""
    if not (isinstance(old, list) and isinstance(new, list)) or not (old and new):
        return None
    items = (*old, *new)
    return next((key for key in _KEYS if all(isinstance(each, dict) and key in each for each in items)), None)
