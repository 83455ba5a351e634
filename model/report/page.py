"""The findings as one HTML file that needs nothing else."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from model.report import plots
from model.report.judged import LAYERS

TEMPLATE = "page.html.jinja"
STYLE = "page.css"
LISTED = 50
"""Unreadable files listed by name."""

LOSSES = {"loss": "training loss", "entropy": "validation loss"}
SHARES = {"accuracy": "validation accuracy"}


def page(found: Mapping[str, Any], thumbnails: Mapping[tuple[str, str], bytes]) -> str:
    """The page of `findings`. ``thumbnails`` maps (set, name) to a JPEG; a picture without one is shown as a blank."""
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "number": number, "words": words}

    def thumbnail(title: str, name: str) -> str | None:
        data = thumbnails.get((title, name))
        return None if data is None else "data:image/jpeg;base64," + base64.b64encode(data).decode()

    drawn = {name: None if svg is None else Markup(svg) for name, svg in _plots(found).items()}
    return environment.get_template(TEMPLATE).render(
        **found,
        style=Markup((here / STYLE).read_text()),
        plots=drawn,
        novelty_plots={name: Markup(svg) for name, svg in _novelty_plots(found).items()},
        thumbnail=thumbnail,
        layer_names=tuple(LAYERS),
        listed=LISTED,
        confused=_confused(found),
    )


def _plots(found: Mapping[str, Any]) -> dict[str, str | None]:
    labels, history = found["model"]["labels"], found["history"]
    figures = found["classification"]
    return {
        "confusion": plots.confusion(figures["confusion"], labels),
        "before": plots.reliability(found["reliability"]["before"], "Reliability before temperature scaling"),
        "after": plots.reliability(found["reliability"]["after"], "Reliability after temperature scaling"),
        "risk": plots.risk_coverage(found["risk_coverage"], found["strictness"]["normal"], figures["aurc"]),
        "losses": plots.history(history, LOSSES, "Loss by epoch", shares=False),
        "accuracy": plots.history(history, SHARES, "Accuracy by epoch", shares=True),
    }


def _novelty_plots(found: Mapping[str, Any]) -> dict[str, str]:
    scores, title, limits = found["novelty"], found["data"]["title"], found["model"]["thresholds"]
    sets: dict[str, Any] = scores["outside"] or {title: None}
    return {
        name: plots.novelty(scores["edges"], scores["known"], counts, limits, (title, name))
        for name, counts in sets.items()
    }


def _confused(found: Mapping[str, Any], most: int = 5) -> list[dict[str, Any]]:
    """The pairs of labels that are most often taken for each other, given label first."""
    labels, cells = found["model"]["labels"], found["classification"]["confusion"]
    pairs = [
        {"given": labels[i], "guess": labels[j], "photos": count}
        for i, row in enumerate(cells)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(pairs, key=lambda pair: -int(pair["photos"]))[:most]


def percent(share: float, digits: int = 1) -> str:
    """A share in words: ``94.2 %``, which no line may break."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def number(count: int) -> str:
    """A count with its thousands apart."""
    return f"{count:,}"


def words(code: str) -> str:
    """A reason or decision for people: ``low_confidence`` as ``low confidence``."""
    return code.replace("_", " ")
