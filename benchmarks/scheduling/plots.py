"""Line charts with logarithmic axes as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import log

_WIDTH, _HEIGHT = 800, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 250, 50, 55
#: A palette that people who see few colours can tell apart (Okabe and Ito).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

Point = tuple[float, float]


class _Axis:
    """From values to places on the sheet."""

    def __init__(self, values: Sequence[float], start: int, end: int, logarithmic: bool) -> None:
        self.logarithmic = logarithmic
        self.low, self.high = (min(values), max(values)) if logarithmic else (0.0, max(values))
        self.start, self.end = start, end

    def place(self, value: float) -> float:
        """Where a value is, in the units of the sheet."""
        low, high = self.low, self.high
        share = log(value / low) / log(high / low) if self.logarithmic else (value - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values to write beside it."""
        if not self.logarithmic:
            step = 10.0 ** (len(str(int(self.high))) - 1)
            step = step if self.high / step >= 4 else step / 4
            return [step * number for number in range(int(self.high / step) + 1)]
        steps = [factor * 10.0**power for power in range(-3, 6) for factor in (1, 2, 5)]
        return [step for step in steps if self.low <= step <= self.high]


def chart(
    title: str, across: str, up: str, lines: Mapping[str, Sequence[Point]], *, logarithmic: bool, dots: bool = True
) -> str:
    """One chart: named lines of points."""
    points = [point for line in lines.values() for point in line]
    x = _Axis([point[0] for point in points], _LEFT, _WIDTH - _RIGHT, logarithmic)
    y = _Axis([point[1] for point in points], _HEIGHT - _BOTTOM, _TOP, logarithmic)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        _text(_LEFT, 26, title, 'font-size="15" font-weight="bold"'),
        *_grid(x, y),
        _text((x.start + x.end) / 2, _HEIGHT - 14, across, 'text-anchor="middle"'),
        _text(-(y.start + y.end) / 2, 18, up, 'text-anchor="middle" transform="rotate(-90)"'),
    ]
    for number, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{x.place(a):.1f},{y.place(b):.1f}" for a, b in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if dots:
            parts += [f'<circle cx="{x.place(a):.1f}" cy="{y.place(b):.1f}" r="3" fill="{colour}"/>' for a, b in line]
        height = _TOP + 12 + 22 * number
        parts.append(f'<rect x="{x.end + 14}" y="{height - 9}" width="16" height="4" fill="{colour}"/>')
        parts.append(_text(x.end + 36, height, name, ""))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _grid(x: _Axis, y: _Axis) -> list[str]:
    parts = []
    for tick in x.ticks():
        place = x.place(tick)
        parts.append(f'<path d="M{place:.1f} {y.start}V{y.end}" stroke="#ddd"/>')
        parts.append(_text(place, y.start + 18, f"{tick:g}", 'text-anchor="middle"'))
    for tick in y.ticks():
        place = y.place(tick)
        parts.append(f'<path d="M{x.start} {place:.1f}H{x.end}" stroke="#ddd"/>')
        parts.append(_text(x.start - 8, place + 4, f"{tick:g}", 'text-anchor="end"'))
    return parts


def _text(x: float, y: float, text: str, how: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="#222" {how}>{escape(text)}</text>'
