"""A lint over message models: is there a field that could hold what somebody typed?"""

import types
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, StringConstraints

from shared.events import Code, Moment

HASH = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
SAFE = (Code, HASH, Moment, date, int, bool, type(None))
"""Types that cannot hold free text; with tuples, enumerations and models of them, all that an event is made of."""


def loose_fields(model: type[BaseModel], *, skip: frozenset[str] = frozenset(), place: str = "") -> list[str]:
    """Name the fields, at any depth, whose type could hold free text."""
    hints = get_type_hints(model, include_extras=True)
    return [
        found
        for name in model.model_fields
        if name not in skip
        for found in _loose(hints[name], f"{place or model.__name__}.{name}")
    ]


def _loose(annotation: Any, place: str) -> Iterator[str]:
    if any(annotation == safe for safe in SAFE) or get_origin(annotation) is Literal:
        return
    if get_origin(annotation) in {Union, types.UnionType, tuple}:
        for part in get_args(annotation):
            if part is not Ellipsis:
                yield from _loose(part, place)
    elif get_origin(annotation) is Annotated and get_args(annotation)[0] is not str:
        yield from _loose(get_args(annotation)[0], place)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from loose_fields(annotation, place=place)
    else:
        yield place
