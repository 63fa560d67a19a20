"""Draws what a terminal shows, with its colors, as an SVG: standard input to standard output."""

import io
import re
import sys

from rich.console import Console
from rich.text import Text

WIDTH = 100

console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
console.print(Text.from_ansi(sys.stdin.read().rstrip()))
svg = console.export_svg(title="docker compose down -v", unique_id="refusal")
# The fonts of the reader's machine: a picture in a repository loads nothing.
svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
svg = svg.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas")
sys.stdout.write(re.sub(r"[ \t]+$", "", svg, flags=re.M))
