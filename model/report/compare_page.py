"""The findings of a comparison as one HTML file that needs nothing else."""

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from model.limits import Limits
from model.report.compare import GOOD, chance
from model.report.pictures import careful
from model.sandbox import DecodePool
from model.verdict import Unreadable

TEMPLATE, STYLE = "page.compare.html.jinja", "page.css"
THUMBNAIL = 220
"""Pixels of a thumbnail's longer side."""
SHEET = 60
"""Photos on each of the two sheets."""


def page(found: Mapping[str, Any], read: Callable[[str], bytes]) -> str:
    """The page of `compare.compare`; ``read`` gives a photo's bytes, for small copies without metadata."""
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": _percent, "points": _points, "chance": chance, "words": _words}
    names = [photo["name"] for sheet in ("fixed", "broken") for photo in found[sheet][:SHEET]]
    return environment.get_template(TEMPLATE).render(
        **found, style=Markup((here / STYLE).read_text()), good=GOOD, sheet=SHEET, pictures=_thumbnails(names, read)
    )


def _thumbnails(names: Sequence[str], read: Callable[[str], bytes]) -> dict[str, str]:
    made: dict[str, str] = {}
    with DecodePool(1, Limits()) as pool:
        for name in names:
            try:
                data = pool.preview(careful(read, name), THUMBNAIL)
            except Unreadable:  # it was readable a moment ago; the page shows a blank
                continue
            made[name] = "data:image/jpeg;base64," + base64.b64encode(data).decode()
    return made


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f} %"


def _points(pair: tuple[float | None, float | None]) -> str:
    old, new = pair
    return "" if old is None or new is None else f"{100 * (new - old):+.1f}"


def _words(code: str) -> str:
    return code.replace("_", " ")
