"""Plots as SVG that takes its colours from the page, so that one drawing serves by day and by night."""

import io
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, LINE = "#1d2733", "#5b6777", "#d8dee7"
KNOWN, OUTSIDE = "#2f6fde", "#8d55c7"
ACCEPTED, REJECTED, FAILED = "#1b8a5a", "#b86e00", "#cf3f4f"
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    KNOWN: "--known",
    OUTSIDE: "--outside",
    ACCEPTED: "--accepted",
    REJECTED: "--rejected",
    FAILED: "--failed",
}
"""Each colour with the page's variable that takes its place."""

WIDTH, HEIGHT = 400.0, 270.0
"""Points. About a phone's width, so that the letters keep their size there."""

_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # names may hold dollars
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "lines.linewidth": 2.0,
    "figure.constrained_layout.use": True,
}
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def plot(paint: Callable[[Axes], None], says: str, height: float = HEIGHT) -> str:
    """An SVG element, ``WIDTH`` by ``height`` points, painted by ``paint``. ``says`` is what it shows, for screen
    readers; no two plots of a page may say the same, for the names within a plot are made from it."""
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": says}), warnings.catch_warnings():
        # Names in other scripts are drawn by the reader's fonts, not by the one that places them here.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        paint(figure.add_subplot())
        return _svg(figure, says)


def _svg(figure: Figure, says: str) -> str:
    target = io.StringIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(target, format="svg", transparent=True, metadata=metadata)
    text = target.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Names of the drawing's own parts would stand twice on a page of several; those that are referred to have no "_".
    text = re.sub(r' id="[\w.]+_\d+"', "", text)
    box = re.search(r'viewBox="[\d. ]+"', text)
    assert box is not None
    head = f'<svg {box[0]} role="img" aria-label="{escape(says)}">'
    text = head + text[text.index(">") + 1 :]
    text = text.replace("'DejaVu Sans'", _FONT).replace("xlink:href", "href")
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return text
