"""Plots as SVG, small enough to be read as text."""

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _ROW, _LEFT, _RIGHT = 720, 26, 190, 60
_COLOURS = ("#2a6f97", "#c1666b", "#48a14d", "#d4a017", "#6a4c93", "#1b998b", "#e07a5f", "#555555")


def _svg(height: int, parts: Sequence[str]) -> str:
    size = f'width="{_WIDTH}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    return "\n".join([head, f'<rect width="{_WIDTH}" height="{height}" fill="white"/>', *parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = "#222") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def bars(title: str, values: Mapping[str, float], goals: Mapping[str, float]) -> str:
    """A bar for each value, and a line across it where its goal is, if it has one."""
    most = max(1.0, *values.values())
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    parts = [_text(10, 20, title)]
    for place, (name, value) in enumerate(values.items()):
        top = 36 + place * _ROW
        parts += [
            _text(_LEFT - 8, top + 14, name, "end"),
            f'<rect x="{_LEFT}" y="{top}" width="{value * scale:.1f}" height="18" fill="{_COLOURS[0]}"/>',
            _text(_LEFT + value * scale + 6, top + 14, f"{value:.2f}"),
        ]
        if name in goals:
            goal = _LEFT + goals[name] * scale
            parts.append(f'<path d="M{goal:.1f} {top - 3}V{top + 21}" stroke="{_COLOURS[1]}" stroke-width="2"/>')
    return _svg(36 + len(values) * _ROW + 10, parts)


def curves(title: str, across: Sequence[int], lines: Mapping[str, Sequence[float]]) -> str:
    """Milliseconds (from zero) over a count (by powers of ten)."""
    height, top, bottom, left, right = 360, 40, 40, 60, 190
    most = max(max(values) for values in lines.values()) * 1.05
    first, last = math.log10(across[0]), math.log10(across[-1])

    def x(count: int) -> float:
        return left + (math.log10(count) - first) / (last - first) * (_WIDTH - left - right)

    def y(value: float) -> float:
        return height - bottom - value / most * (height - top - bottom)

    parts = [_text(10, 20, title)]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = y(most * share)
        parts.append(f'<line x1="{left}" y1="{at:.1f}" x2="{_WIDTH - right}" y2="{at:.1f}" stroke="#ddd"/>')
        parts.append(_text(left - 6, at + 4, f"{most * share:.1f}", "end"))
    parts += [_text(x(count), height - bottom + 18, f"{count:,}", "middle") for count in across]
    for place, (name, values) in enumerate(lines.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        points = " ".join(f"{x(count):.1f},{y(value):.1f}" for count, value in zip(across, values, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(_WIDTH - right + 12, top + 14 + place * 18, name, colour=colour))
    return _svg(height, parts)
