"""Turns what was read into models, one table per kind of thing, and keeps for each model the place it came from.

A row that is no valid model still counts as known by its id: one mistake is reported once, not again by everything
that refers to it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from shared.council.base import CouncilModel
from shared.council.columns import WORD_LISTS
from shared.council.problems import Problem, nearest
from shared.council.reading import Entry, Source

Model = TypeVar("Model", bound=CouncilModel)


@dataclass(slots=True)
class Table(Generic[Model]):
    """The models of one kind, each with its place; `complete` is false when a file of them could not be read."""

    what: str
    complete: bool
    key: str = "id"
    """The field that tells its parts apart."""
    pairs: list[tuple[Entry, Model]] = field(default_factory=list)
    ids: dict[str, Entry] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[Entry, Model]]:
        """Give each model with its place, in the order of the files."""
        return iter(self.pairs)

    @property
    def models(self) -> tuple[Model, ...]:
        """The models in the order of the files."""
        return tuple(model for _, model in self.pairs)

    def unknown(self, entry: Entry, column: str, word: str | None) -> Iterator[Problem]:
        """Yield a problem when a field refers to something that is not in this table."""
        if word is not None and self.complete and word not in self.ids:
            yield entry.problem(
                "unknown-reference",
                f"{column}: there is no {self.what} {word!r}",
                f"Correct {column}: {nearest(word, self.ids)}",
                column,
            )


def table(
    source: Source, what: str, model: type[Model], entries: Iterable[Entry], key: str, *files: str
) -> Table[Model]:
    """Validate entries into a table, noting every invalid field and every id that stands twice."""
    found: Table[Model] = Table(what, complete=not source.unreadable.intersection(files), key=key)
    for entry in entries:
        name = entry.values.get(key)
        if isinstance(name, str):
            if name in found.ids:
                first = found.ids[name]
                message = f"{what} {name!r} stands already in {first.file} line {first.line_of((key,))}"
                source.problems.append(
                    entry.problem("duplicate-id", message, f"Give it another {key}, or remove one", key)
                )
                continue
            found.ids[name] = entry
        valid = validated(source, entry, model)
        if valid is not None:
            found.pairs.append((entry, valid))
    return found


def validated(source: Source, entry: Entry, model: type[Model], values: dict[str, Any] | None = None) -> Model | None:
    """Make a model of an entry, or note a problem for each of its invalid fields."""
    raw = dict(entry.values if values is None else values)
    for column in WORD_LISTS:
        if isinstance(raw.get(column), str):
            raw[column] = raw[column].split()
    try:
        return model.model_validate(raw)
    except ValidationError as refusal:
        errors = refusal.errors(include_url=False)
        paths = [tuple(error["loc"]) for error in errors]
        for error in errors:
            path = tuple(error["loc"])
            if any(deeper[: len(path)] == path and deeper != path for deeper in paths):
                continue  # the list is too short only because its items are wrong
            name = ".".join(str(part) for part in path)
            said = error["msg"].removeprefix("Value error, ")
            message = f"{name}: {said}" if name else said
            source.problems.append(
                entry.problem("field", message, _fix(model, error["type"], path, error["input"]), *path)
            )
        return None


def _fix(model: type[CouncilModel], kind: str, path: tuple[int | str, ...], given: object) -> str:
    """Say what to do about an invalid field."""
    name = str(path[-1]) if path else ""
    if kind == "missing":
        return f"Add {name!r}"
    if kind == "extra_forbidden":
        return f"Remove {name!r}, or {nearest(name, model.model_fields)}"
    if kind == "string_type":
        return f"Write {given!r} in quotes if it is meant as a text"
    if not path:
        return "Change the fields named"
    if isinstance(given, dict | list):
        return f"Change {name!r}" if isinstance(path[-1], str) else "Change the fields named"
    return f"Change {name!r}, which is now {str(given)[:80]!r}"
