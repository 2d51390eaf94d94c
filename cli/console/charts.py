"""Charts as SVG, drawn by the server: text that can be read and printed, no script. Beside each is a table. Pure.

Presentation is by class (static/console.css): the pages' policy allows no inline style.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from cli.console.words import STEPS, rounded_up
from cli.terminal import safe

WIDTH, NARROW, HEIGHT, LEFT, TOP, BOTTOM = 640, 420, 186, 44, 14, 24


def bars(title: str, values: Sequence[tuple[str, float]], unit: str = "") -> Markup:
    """A bar for each value, under its label; `unit` stands before the numbers."""
    top = rounded_up(max((value for _, value in values), default=0))
    height, step = HEIGHT - BOTTOM - TOP, (WIDTH - LEFT) / max(1, len(values))
    every = max(1, -(-len(values) // 12))  # labels that would touch are left out
    parts = [_line(TOP + height, ""), _line(TOP, f"{unit}{top:g}"), _line(TOP + height / 2, f"{unit}{top / 2:g}")]
    for index, (label, value) in enumerate(values):
        tall, x = height * value / top, LEFT + index * step
        parts.append(
            f'<rect class="bar" x="{x + step * 0.12:.1f}" y="{TOP + height - tall:.1f}" width="{step * 0.76:.1f}" '
            f'height="{tall:.1f}" rx="2"><title>{escape(safe(label))}: {unit}{value:g}</title></rect>'
        )
        if index % every == 0:
            parts.append(
                f'<text class="label" x="{x + step / 2:.1f}" y="{HEIGHT - 6}" text-anchor="middle">'
                f"{escape(safe(label))}</text>"
            )
    return _svg("bars", title, WIDTH, HEIGHT, parts)


def waterfall(steps: Mapping[str, Any]) -> Markup:
    """The answer budget: from the first step to the first word, a bar from each step to the next."""
    reached = sorted((float(at), name) for name, at in steps.items() if name in STEPS)
    if len(reached) < 2:
        return Markup()
    first, whole, row = reached[0][0], max(0.001, reached[-1][0] - reached[0][0]), 22
    left, right = 84, 62
    scale = (NARROW - left - right) / whole
    parts = []
    for index, (at, name) in enumerate(reached[1:]):
        previous, y = reached[index][0], 4 + index * row
        long = max(1.5, (at - previous) * scale)
        x = left + (previous - first) * scale
        parts.append(f'<text class="label" x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<rect class="bar" x="{x:.1f}" y="{y + 2}" width="{long:.1f}" height="14" rx="2">'
            f"<title>{escape(STEPS[name])}: {round((at - previous) * 1000)} ms</title></rect>"
        )
        parts.append(
            f'<text class="label" x="{min(x + long + 6, NARROW - right + 6):.1f}" y="{y + 13}">'
            f"{round((at - first) * 1000)} ms</text>"
        )
    title = "From OpenAI's first word of the call to the agent's first word"
    return _svg("waterfall", title, NARROW, 8 + row * (len(reached) - 1), parts)


def _line(y: float, label: str) -> str:
    text = f'<text class="label" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
    return f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>{text}'


def _svg(kind: str, title: str, width: int, height: float, parts: Sequence[str]) -> Markup:
    opening = f'<svg class="chart {kind}" viewBox="0 0 {width} {height:g}" role="img" aria-label="{escape(title)}">'
    return Markup(f"{opening}{''.join(parts)}</svg>")  # noqa: S704  made of numbers and escaped text
