"""The plots of a report, each from its part of the findings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from model.report.svg import ACCEPTED, INK, KNOWN, MUTED, OUTSIDE, REJECTED, plot

MOST_LABELS = 20
"""Beyond this many labels a confusion matrix has no room for its numbers."""


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    """Given labels down, guesses across; each row's colour is its share. Squares of more than 20 labels are bare."""
    cells = np.asarray(counts, dtype=np.float64)
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    few = len(labels) <= MOST_LABELS
    right = np.eye(len(labels), dtype=np.bool_)
    # Mistakes are rare: a tenth of a row must be seen.
    strength = np.where(right, 0.62 * shares, np.minimum(0.75, 2.5 * shares))

    def paint(axes: Axes) -> None:
        for row, column in np.argwhere(cells > 0):
            colour, alpha = (KNOWN if row == column else REJECTED), strength[row, column]
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, color=colour, alpha=alpha, lw=0))
            if few:
                size = 11 if len(labels) <= 10 else 7
                axes.text(column, row, f"{cells[row, column]:.0f}", ha="center", va="center", fontsize=size)
        axes.grid(False)
        axes.set_aspect("equal")
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        names = [_short(label) for label in labels] if few else []
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("what the model says")
        axes.set_ylabel("what the folder says")

    return plot(paint, "Confusion matrix", height=360)


def reliability(bins: Sequence[Mapping[str, Any]], says: str) -> str:
    """The share that is right in each part of confidence, against the diagonal of a model that is never too sure."""
    width = 1 / len(bins)
    filled = [(i, part) for i, part in enumerate(bins) if part["photos"]]
    most = max(part["photos"] for _, part in filled)

    def paint(axes: Axes) -> None:
        places = [(i + 0.5) * width for i, _ in filled]
        axes.bar(places, [part["accuracy"] for _, part in filled], width * 0.9, color=KNOWN, alpha=0.75, label="right")
        sure = [part["confidence"] for _, part in filled]
        axes.plot([0, 1], [0, 1], color=MUTED, lw=1.2, ls=(0, (4, 3)))
        axes.scatter(sure, [part["accuracy"] for _, part in filled], s=12, color=INK, zorder=3)
        axes.bar(places, [-0.14 * part["photos"] / most for _, part in filled], width * 0.9, color=MUTED, alpha=0.5)
        axes.axhline(0, color=MUTED, lw=0.8)
        axes.text(0.01, -0.045, "how many photos", color=MUTED, fontsize=9.5, va="top")
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.16, 1.02)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
        _percents(axes, "how sure the model is", "share that is right")

    return plot(paint, says)


def risk_coverage(curve: Mapping[str, Sequence[float]], at: Mapping[str, float], aurc: float) -> str:
    """Errors among the surest photos, by their share. ``at`` is what the guards together reach."""

    def paint(axes: Axes) -> None:
        axes.fill_between(curve["coverage"], curve["risk"], color=KNOWN, alpha=0.15, lw=0)
        axes.plot(curve["coverage"], curve["risk"], color=KNOWN)
        risk = 1 - at["accepted_accuracy"]
        axes.plot([at["coverage"]], [risk], "o", color=ACCEPTED, ms=8, zorder=4, clip_on=False)
        axes.annotate(
            "with all guards",
            (at["coverage"], risk),
            (-10, 9),
            textcoords="offset points",
            ha="right",
            color=ACCEPTED,
            fontweight="bold",
        )
        axes.text(0.03, 0.93, f"AURC {aurc:.4f}", transform=axes.transAxes, color=MUTED)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, max(0.02, *curve["risk"], risk) * 1.18)
        _percents(axes, "share of photos that get a tag", "share of wrong tags")

    return plot(paint, "Risk against coverage")


def novelty(
    edges: Sequence[float],
    known: Sequence[int],
    outside: Sequence[int] | None,
    limits: Mapping[str, float | None],
    names: tuple[str, str],
) -> str:
    """Novelty scores of known photos and, if any, of one set from outside, as shares, with the thresholds."""
    sides, places = np.diff(edges), np.asarray(edges[:-1])

    def paint(axes: Axes) -> None:
        for counts, colour, name in ((known, KNOWN, names[0]), (outside, OUTSIDE, names[1])):
            if counts is not None:
                shares = np.asarray(counts) / max(sum(counts), 1)
                axes.bar(places, shares, sides, align="edge", color=colour, alpha=0.6, lw=0, label=_short(name, 28))
        normal, strict = limits["novelty_normal"], limits["novelty_strict"]
        if normal is not None:
            axes.axvspan(normal, edges[-1], color=REJECTED, alpha=0.09, lw=0)
            axes.axvline(normal, color=REJECTED, lw=1.8, label="limit, normal")
        if strict is not None:
            axes.axvline(strict, color=REJECTED, lw=1.5, ls=(0, (3, 2)), label="limit, strict")
        axes.set_xlim(edges[0], edges[-1])
        axes.yaxis.set_major_formatter(_percent)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel("novelty score: the further right, the stranger")
        axes.set_ylabel("share of pictures")
        axes.margins(y=0.12)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, columnspacing=1.4, handlelength=1.4)

    return plot(paint, f"Novelty scores of {names[0]}" + (f" and {names[1]}" if outside is not None else ""))


def history(epochs: Sequence[Mapping[str, Any]], lines: Mapping[str, str], says: str, *, shares: bool) -> str | None:
    """Training curves: ``lines`` maps a key of the history to its words. ``None`` where the history has no such key."""
    drawn = {key: words for key, words in lines.items() if any(key in epoch for epoch in epochs)}
    if not drawn:
        return None

    def paint(axes: Axes) -> None:
        for (key, words), colour, dash in zip(drawn.items(), (KNOWN, OUTSIDE, MUTED), ("-", "--", ":"), strict=False):
            seen = [(number, epoch[key]) for number, epoch in enumerate(epochs, 1) if key in epoch]
            axes.plot(*zip(*seen, strict=True), color=colour, ls=dash, marker="o", ms=4, label=words)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        if shares:
            axes.yaxis.set_major_formatter(_percent)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)

    return plot(paint, says)


def _percents(axes: Axes, across: str, up: str) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_percent)
    axes.set_xlabel(across)
    axes.set_ylabel(up)


def _percent(value: float, _: object = None) -> str:
    return f"{round(100 * value, 2):g} %" if value >= 0 else ""


def _short(text: str, most: int = 16) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
