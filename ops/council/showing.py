"""Shows differences between councils to a person, in plain words."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from ops.council.diff import Change, Difference, Differences, What

_SIGNS: Mapping[What, tuple[str, str]] = MappingProxyType(
    {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow"), "reordered": ("~", "yellow")}
)
_LONGEST = 80
"""Characters of a value; the whole of it is in the JSON."""


def render(found: Differences) -> RenderableType:
    """Show differences: a heading for each kind, below it a line for each part, and for each field that changed."""
    lines: list[Text] = []
    for kind, parts in groupby(found.entries, key=lambda each: each.kind):
        listed = list(parts)
        lines.append(Text(f"{kind}: {Differences(entries=tuple(listed)).summary}", style="bold"))
        lines += [line for each in listed for line in _lines(each)]
    return Group(*lines, Text(found.summary))


def _lines(found: Difference) -> Iterator[Text]:
    sign, style = _SIGNS[found.what]
    name = found.id or ("the order" if found.what == "reordered" else "")
    if found.what == "changed":
        if name:
            yield Text(f"  {sign} {name}", style=style)
        yield from (Text(f"    {_words(change.field)}: {_step(change)}") for change in found.changes)
    elif found.what == "reordered":
        yield Text(f"  {sign} {name}: {_moved(found.changes[0])}", style=style)
    else:
        values = ((change.field, change.new if found.what == "added" else change.old) for change in found.changes)
        said = "; ".join(f"{_words(field)} {_value(value)}" for field, value in values)
        yield Text(f"  {sign} {name}: {said}", style=style)


def _words(field: str) -> str:
    return field.replace("_", " ").replace(".", " / ")


def _step(change: Change) -> str:
    """Write old -> new; of two lists of words what came and what went."""
    if change.field.rpartition(".")[2] == "order":
        return _moved(change)
    if _is_words(change.old) and _is_words(change.new):
        came = [f"+{word}" for word in change.new if word not in change.old]
        went = [f"-{word}" for word in change.old if word not in change.new]
        if came or went:
            return _cut(" ".join((*came, *went)))
    return f"{_value(change.old)} -> {_value(change.new)}"


def _moved(change: Change) -> str:
    """Name the first that stands elsewhere."""
    first = next(new for old, new in zip(change.old, change.new, strict=True) if old != new)
    return f"{first} and others stand in another place"


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(each, dict | list) for each in value)


def _value(value: Any) -> str:
    if value is None or value in ([], {}):
        return "(none)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return _cut(", ".join(f"{_words(name)} {_value(each)}" for name, each in value.items() if each is not None))
    if isinstance(value, list):
        return _listed(value)
    return _cut(" ".join(str(value).split()))


def _listed(values: Sequence[Any]) -> str:
    names = [
        each.get("label") or each.get("text") or _value(each) if isinstance(each, dict) else each for each in values
    ]
    return _cut(", ".join(map(str, names)))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
