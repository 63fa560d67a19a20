"""Plots as SVG, readable on a light and a dark page; standard library only."""

import math
from html import escape

STYLE = """\
<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.small { font-size: 10px; fill: #59636e }
.title { font-weight: 600 }
line, path { fill: none; stroke: #8c959f }
.grid { stroke: #d1d9e0 }
.time { stroke: #0969da; stroke-width: 2 }
.memory { stroke: #bf8700; stroke-width: 2; stroke-dasharray: 4 3 }
.limit { stroke: #cf222e; stroke-width: 2 }
.bar { fill: #0969da }
.above { fill: #cf222e }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .small { fill: #9198a1 } .grid { stroke: #3d444d }
}
</style>
"""


def svg(width, height, body):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        f"{STYLE}{body}</svg>\n"
    )


def text(x, y, content, classes="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}" text-anchor="{anchor}">{escape(content)}</text>\n'


def curves(all_curves, columns=3):
    """A small plot for each curve: time and memory against the size, both relative to the smallest size, on logarithmic axes."""
    wide, high, edge = 300, 210, 40
    body = ""
    for at, curve in enumerate(all_curves):
        left, top = at % columns * wide, at // columns * high
        body += f'<g transform="translate({left} {top})">\n{_curve(curve, wide, high, edge)}</g>\n'
    rows = -(-len(all_curves) // columns)
    return svg(wide * columns, high * rows, body)


def _curve(curve, wide, high, edge):
    sizes = [size for size, _ in curve.points]
    span = math.log2(sizes[-1] / sizes[0]) or 1
    # One more than linear would need.
    tallest = max(
        span,
        *(math.log2(measured.seconds / curve.points[0][1].seconds) for _, measured in curve.points),
        *(math.log2(measured.memory / curve.points[0][1].memory) for _, measured in curve.points),
    )

    def x(size):
        return edge + (wide - 2 * edge) * math.log2(size / sizes[0]) / span

    def y(ratio):
        return high - edge - (high - 2 * edge - 12) * max(0, math.log2(ratio)) / tallest

    body = text(edge, 18, curve.command, "title") + text(edge, 32, f"{sizes[-1]:,} {curve.unit}", "small")
    body += f'<line x1="{x(sizes[0]):.1f}" y1="{y(1):.1f}" x2="{x(sizes[-1]):.1f}" y2="{y(sizes[-1] / sizes[0]):.1f}" class="grid"/>\n'
    body += f'<line x1="{edge}" y1="{high - edge}" x2="{wide - edge}" y2="{high - edge}"/>\n'
    for size in sizes:
        body += text(x(size), high - edge + 14, f"{size:,}", "small", "middle")
    for name, value in [("time", lambda one: one.seconds), ("memory", lambda one: one.memory)]:
        first = value(curve.points[0][1])
        points = " L".join(f"{x(size):.1f} {y(value(one) / first):.1f}" for size, one in curve.points)
        body += f'<path d="M{points}" class="{name}"/>\n'
    last = curve.points[-1][1]
    body += text(edge, high - 8, f"{last.seconds:.2f} s (line), {last.memory / 2**20:.0f} MiB (dashed); thin: linear", "small")
    return body


def ratios(rows):
    """A bar for each ratio, with its limit as a line. A row has a name, a ratio, a limit or None, and a note."""
    wide, left, step = 900, 360, 26
    largest = max([1.0, *(row["ratio"] for row in rows), *(row["limit"] or 0 for row in rows)])

    def x(ratio):
        return left + (wide - left - 150) * ratio / largest

    body = text(16, 22, "Time against the plain tool: 1 is as long as without safe-compose", "title")
    for at, row in enumerate(rows):
        top = 36 + at * step
        above = row["limit"] is not None and row["ratio"] > row["limit"]
        body += text(left - 8, top + 14, row["name"], "", "end")
        body += f'<rect x="{left}" y="{top + 3}" width="{x(row["ratio"]) - left:.1f}" height="15" class="{"above" if above else "bar"}"/>\n'
        label = f'{row["ratio"]:.2f}' + (f' (limit {row["limit"]:g})' if row["limit"] is not None else "")
        place = max(x(row["ratio"]), x(row["limit"] or 0))
        if row["limit"] is not None:
            body += f'<line x1="{x(row["limit"]):.1f}" y1="{top}" x2="{x(row["limit"]):.1f}" y2="{top + 21}" class="limit"/>\n'
        body += text(place + 6, top + 15, label, "small")
    bottom = 36 + len(rows) * step
    body += f'<line x1="{x(1):.1f}" y1="32" x2="{x(1):.1f}" y2="{bottom}" class="grid"/>\n'
    return svg(wide, bottom + 12, body)
