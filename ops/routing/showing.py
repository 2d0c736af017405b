"""Shows explanations, rehearsals and accuracy to a person."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ops.routing.accuracy import Accuracy
from ops.routing.explaining import Explanation, Stored
from ops.routing.rehearsal import Rehearsal
from shared.calendar import LONDON
from shared.council import Directory
from shared.council.wording import day, listed, team_name

Shown = str | RenderableType
"""A line of text, or a table."""

_PEOPLE = "(people decide)"
_RULES_NAMED = 5


def explanation(found: Explanation) -> Iterator[Shown]:
    """Say what was asked, what the answer is, and what became of each rule."""
    town = f" ({found.town})" if found.town and found.town != found.ward else ""
    yield f"{found.service} in {found.ward}{town}, raised on {day(found.on)}{_circumstances(found)}"
    yield f"under {found.source}, rules {found.rules_version}"
    yield ""
    yield found.sentence
    if found.on_duty:
        yield f"{found.duty} is {found.on_duty}"
    if found.rules:
        yield ""
        yield _grid(
            ("rule", "is for", "goes to", ""),
            [(rule.id, rule.condition, rule.team, rule.why) for rule in found.rules],
            strong={rule.id for rule in found.rules if rule.decides},
        )


def _circumstances(found: Explanation) -> str:
    said = [f"at {found.at.astimezone(LONDON):%H:%M}"] if found.at else []
    said += [f"with {', '.join(found.flags)}"] if found.flags else []
    said += [f"impact {found.impact}"] if found.impact != "routine" else []
    said += ["as cabinet business"] if found.capacity == "cabinet" else []
    said += ["urgent"] if found.urgent else []
    return "".join(f", {each}" for each in said)


def decisions(reference: str, found: Sequence[Stored]) -> Iterator[Shown]:
    """Say what was decided about a case, one decision after the other."""
    yield reference
    for each in found:
        yield ""
        number = f"council version {each.council_version}, " if each.council_version else ""
        yield f"{_moment(each.at)}: {_outcome(each)} ({number}rules {each.rules_version})"
        if each.inputs:
            yield f"  from {_inputs(each)}"
        yield f"  {each.sentence or 'No sentence: decided before decisions kept one.'}"


def _outcome(found: Stored) -> str:
    if found.team is None:
        between = f" between {listed(list(found.candidates))}" if found.candidates else ""
        return f"people decide{between}, {found.reason}"
    duty = f", on duty {found.duty}" if found.duty else ""
    parts = "".join(f", a part to {part.team}" for part in found.also)
    return f"to {found.team} by {found.rule}, {found.reason}{duty}{parts}"


def _inputs(found: Stored) -> str:
    given = {name: value for name, value in (found.inputs or {}).items() if value not in (None, [], "")}
    words = {name: " ".join(value) if isinstance(value, list) else value for name, value in given.items()}
    words |= {name: _moment(value) for name, value in words.items() if isinstance(value, datetime)}
    return ", ".join(f"{name} {value}" for name, value in words.items())


def rehearsal(found: Rehearsal, directory: Directory, source: str) -> Iterator[Shown]:
    """Say what would move, and where to."""
    day_of_all = f", all as if raised on {day(found.on)}" if found.on else ""
    yield (
        f"{found.replayed:,} of {found.decisions:,} decisions from {_moment(found.since)} to {_moment(found.until)}, "
        f"replayed under {source}, rules {found.rules_version}{day_of_all}:"
    )
    yield f"{found.moved:,} would move ({_share(found)}), {found.replayed - found.moved:,} would not"
    yield from (line for count, line in _asides(found) if count)
    if not found.moved:
        return

    def name(team: str | None) -> str:
        return _PEOPLE if team is None else team_name(team, directory)

    yield ""
    yield _grid(("from", "to", "cases"), [(name(each.before), name(each.after), each.cases) for each in found.moves])
    yield ""
    yield _grid(
        ("team", "before", "after", "change"),
        [
            (name(each.team), each.before, each.after, f"{each.after - each.before:+,}")
            for each in found.teams
            if each.before != each.after
        ],
    )
    yield ""
    yield _grid(("service", "cases", "would move"), [(each.service, each.cases, each.moved) for each in found.services])
    if found.cases:
        yield ""
        yield _grid(
            (f"first {len(found.cases):,} of {found.moved:,}", "service", "ward", "from", "to"),
            [(each.reference, each.service, each.ward, name(each.before), name(each.after)) for each in found.cases],
        )


def _share(found: Rehearsal) -> str:
    return f"{found.moved / found.replayed:.1%}" if found.replayed else "there is nothing to replay"


def _asides(found: Rehearsal) -> Iterator[tuple[int, str]]:
    yield found.to_people, f"{found.to_people:,} would go to people, who decide what no rule does"
    yield found.from_people, f"{found.from_people:,} that went to people would have a team"
    yield found.other_parts, f"{found.other_parts:,} would stay, and other teams would get a part of them"
    yield (
        found.without_inputs,
        f"{found.without_inputs:,} cannot be replayed: decided before decisions kept their inputs",
    )
    yield found.about_returns, f"{found.about_returns:,} left out: about cases that a team had given back"
    more = len(found.not_asked) - _RULES_NAMED
    named = ", ".join(found.not_asked[:_RULES_NAMED]) + (f" and {more} more" if more > 0 else "")
    yield (
        len(found.not_asked),
        f"not asked, because they begin later: {named}; --on DATE takes all cases to be raised on a day",
    )


def accuracies(found: Sequence[Accuracy]) -> RenderableType:
    """Show how often the rules were right."""
    routed, returned = sum(each.routed for each in found), sum(each.returned for each in found)
    rows = [(each.service, each.rules_version, each.routed, each.returned, f"{each.accuracy:.1%}") for each in found]
    rows.append(("all", "", routed, returned, f"{1 - returned / routed:.1%}"))
    return _grid(("service", "rules", "routed", "given back", "accuracy"), rows, strong={"all"})


def _grid(
    columns: Sequence[str], rows: Sequence[Sequence[str | int]], strong: frozenset[str] | set[str] = frozenset()
) -> Table:
    """Set words to the left and numbers to the right; rows that begin with a strong word stand out."""
    table = Table(box=None)
    for place, column in enumerate(columns):
        number = any(isinstance(row[place], int) or str(row[place])[:1] in {"+", "-"} for row in rows)
        table.add_column(column, justify="right" if number else "left", no_wrap=place == 0)
    for row in rows:
        style = "bold" if row[0] in strong else ""
        table.add_row(*(Text(f"{cell:,}" if isinstance(cell, int) else cell, style) for cell in row))
    return table


def _moment(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%Y-%m-%d %H:%M}"
