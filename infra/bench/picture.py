"""Cost per call against calls, as an SVG. Pure."""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 200, 24, 48
COLOURS = ("#0b6e4f", "#c0392b", "#5d6d7e", "#b9770e", "#6c3483")

Points = Sequence[tuple[int, float]]


def drawn(lines: Mapping[str, Points]) -> str:
    """Milliseconds of CPU a second and call (up) against live calls (right), both in powers of ten."""
    points = [point for line in lines.values() for point in line]
    most_calls = max(calls for calls, _ in points)
    least, most = min(ms for _, ms in points), max(ms for _, ms in points)
    low, high = 10 ** math.floor(math.log10(least)), 10 ** math.ceil(math.log10(most))
    first = min(calls for calls, _ in points)

    def x(calls: float) -> float:
        share = math.log(calls / first) / (math.log(most_calls / first) or 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(ms: float) -> float:
        share = math.log(ms / low) / (math.log(high / low) or 1)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="13" role="img">',
        "<title>CPU of one live call against the number of live calls</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for tick in _ticks(low, high):
        parts.append(
            f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>'
            f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end" fill="#333333">{tick:g}</text>'
        )
    for calls in sorted({calls for calls, _ in points}):
        parts.append(
            f'<text x="{x(calls):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle" fill="#333333">{calls:,}</text>'
        )
    parts.append(
        f'<text x="{LEFT}" y="{HEIGHT - 8}" fill="#333333">live calls</text>'
        f'<text x="8" y="14" fill="#333333">ms of CPU a second, for one call</text>'
    )
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x(calls):.1f},{y(ms):.1f}" for calls, ms in line)
        last_calls, last_ms = line[-1]
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x(calls):.1f}" cy="{y(ms):.1f}" r="3.5" fill="{colour}"/>' for calls, ms in line]
        parts.append(
            f'<text x="{x(last_calls) + 10:.1f}" y="{y(last_ms) + 4:.1f}" fill="{colour}">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _ticks(low: float, high: float) -> list[float]:
    powers = range(round(math.log10(low)), round(math.log10(high)) + 1)
    found = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return [tick for tick in found if low <= tick <= high * 1.001]
