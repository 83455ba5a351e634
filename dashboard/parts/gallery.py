"""A grid of photos to look through and to review, by mouse, touch or keyboard."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from client.values import Item
from dashboard import session, words
from dashboard.look import DECISIONS
from dashboard.parts.previews import previews
from dashboard.parts.reviews import say, tell

PAGE = 48
DONE = "reviews_done"
_ASSETS = Path(__file__).parents[1] / "assets"
_gallery = st.components.v2.component(
    "shoebox_gallery",
    html=(_ASSETS / "gallery.html").read_text(),
    css=(_ASSETS / "gallery.css").read_text(),
    js=(_ASSETS / "gallery.js").read_text(),
)


def gallery(
    items: Sequence[Item],
    labels: Sequence[str],
    key: str,
    on_open: Callable[[Item], None],
    *,
    reviewing: bool = True,
) -> None:
    """Shows ``items``; ``labels`` are what a photo may be corrected to, the first nine by their number keys.

    ``on_open`` is called with the photo that somebody opens. Reviews go to the API at once, many in one call;
    without ``reviewing`` there are none.
    """
    by_id = {item.id: item for item in items}
    reviewing = reviewing and session.person().may("review")
    pictures = previews(session.client(), [item.id for item in items])
    done: int = st.session_state.get(DONE, 0)
    found = _gallery(
        key=key,
        data={
            "items": [_card(item, pictures[item.id]) for item in items],
            "labels": list(labels),
            "colours": dict(DECISIONS),
            "reviewing": reviewing,
            "done": done,
        },
        on_open_change=lambda: None,
        on_review_change=lambda: None,
    )
    fresh = [one for one in found.review or () if one["number"] > done]
    told = []
    for one in fresh:
        # Whatever comes of it: with what was refused the browser must not come again, and keep later ones waiting.
        st.session_state[DONE] = one["number"]
        told += say(session.client(), one)
    if fresh:
        tell(told)
        # What was kept is part of the items, which were read before.
        st.rerun()
    if found.open and found.open["id"] in by_id:
        on_open(by_id[found.open["id"]])


def _card(item: Item, picture: str | None) -> dict[str, Any]:
    sure = words.percent(item.confidence).replace(" ", "\u00a0")  # stays on one line
    caption = f"{item.label} {sure}" if item.label else words.reason(item.reason)
    review = None if item.review is None else {"label": item.review.label, "correct": item.review.correct}
    return {
        "id": item.id,
        "name": item.name,
        "src": picture,
        "caption": caption,
        "decision": item.decision,
        "said": item.label,
        "review": review,
    }
