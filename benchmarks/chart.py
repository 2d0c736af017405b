"""A chart of the pipeline as SVG, written by hand: bars need no library."""

from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.comparison import Pipeline, Side

_LEFT, _WIDE, _ROW, _BAR = 120, 460, 30, 18
_COLOURS = ("#1d4f91", "#3b7dc4", "#7fb2e5", "#b9d5f1", "#8a6d3b", "#d9a441")
_ABOUT = "Cases a second, and processor time a case, by variant"
_STYLE = "font: 13px sans-serif; fill: #222"


def chart(found: Pipeline) -> str:
    """Draw cases a second with their spread, and where the processor time of a case goes."""
    sides = found.sides
    body = [*_rates(sides, 30), *_costs(sides, 30 + 50 + _ROW * len(sides))]
    height = 2 * (50 + _ROW * len(sides)) + 60
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" role="img" aria-label="{_ABOUT}">',
            f'<rect width="720" height="{height}" fill="#fff"/>',
            *body,
            "</svg>\n",
        ]
    )


def _rates(sides: Sequence[Side], top: float) -> Iterator[str]:
    yield _text(10, top, "Cases a second: median, lowest to highest", bold=True)
    most = max(side.cases_per_second.highest for side in sides)
    for place, side in enumerate(sides):
        y, rate = top + 15 + _ROW * place, side.cases_per_second
        low, high = (_LEFT + _WIDE * value / most for value in (rate.lowest, rate.highest))
        yield _text(10, y + 14, side.name)
        yield _bar(_LEFT, y, _WIDE * rate.median / most, _COLOURS[0])
        yield f'<path d="M{low:.1f} {y + 9:.1f}H{high:.1f}" stroke="#222" stroke-width="2"/>'
        yield _text(max(high, _LEFT) + 8, y + 14, f"{rate.median:.0f}")


def _costs(sides: Sequence[Side], top: float) -> Iterator[str]:
    yield _text(10, top, "Processor time a case, microseconds: medians by process", bold=True)
    most = max(sum(part.median for part in side.cpu_us_by_process.values()) for side in sides)
    for place, side in enumerate(sides):
        y, x = top + 15 + _ROW * place, float(_LEFT)
        yield _text(10, y + 14, side.name)
        for colour, part in zip(_COLOURS, side.cpu_us_by_process.values(), strict=False):
            yield _bar(x, y, _WIDE * part.median / most, colour)
            x += _WIDE * part.median / most
        yield _text(x + 8, y + 14, f"{side.cpu_us.median:,.0f}")
    y = top + 30 + _ROW * len(sides)
    for place, (colour, name) in enumerate(zip(_COLOURS, sides[0].cpu_us_by_process, strict=False)):
        yield _bar(10 + 110 * place, y, 14, colour)
        yield _text(30 + 110 * place, y + 14, name)


def _bar(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" style="{_STYLE}"{weight}>{escape(text)}</text>'
