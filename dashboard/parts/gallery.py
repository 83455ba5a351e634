"""A grid of photos to look through and to review, by mouse, touch or keyboard."""

import base64
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import streamlit as st

from client.client import Client
from client.errors import Refused, ShoeboxError
from client.values import Item
from dashboard import session, words
from dashboard.look import DECISIONS

PAGE = 48
SIDE = 320
"""Pixels of a preview's longer side: sharp in the grid on a screen of double density, 15 kB each."""
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
    for one in fresh:
        say(one)
        st.session_state[DONE] = one["number"]
    if fresh:
        # What was said is part of the items, which were read before.
        st.rerun()
    if found.open and found.open["id"] in by_id:
        on_open(by_id[found.open["id"]])


def say(said: dict[str, Any]) -> None:
    """Sends what somebody said of several photos; what cannot be reviewed is told and left."""
    ids: list[str] = said["ids"]
    speaker = session.client()
    if said.get("undo"):
        for one in ids:
            try:
                speaker.unreview(one)
            except Refused as error:
                if error.status != 404:
                    raise
        return
    what = {"correct": True} if said.get("correct") else {"label": said.get("label")}
    try:
        speaker.review_many([{"id": one, **what} for one in ids])
    except Refused as error:
        if error.status != 422:
            raise
        st.toast(str(error), icon=":material/info:")
        return
    st.toast(f"{words.amount(len(ids), 'photo')} reviewed", icon=":material/check:")


def previews(speaker: Client, ids: Iterable[str], side: int = SIDE) -> dict[str, str | None]:
    """Small pictures as ``data:`` URLs by item; ``None`` where there is none any more or never was."""
    kept: dict[tuple[str, int], str | None] = st.session_state.setdefault("previews", {})
    wanted = list(ids)
    missing = [one for one in wanted if (one, side) not in kept]
    if len(kept) > 10 * PAGE:
        kept.clear()
        missing = wanted
    with ThreadPoolExecutor(4) as pool:
        for one, picture in zip(missing, pool.map(lambda each: _preview(speaker, each, side), missing), strict=True):
            kept[one, side] = picture
    return {one: kept.get((one, side)) for one in wanted}


def _preview(speaker: Client, item: str, side: int) -> str | None:
    try:
        return "data:image/jpeg;base64," + base64.b64encode(speaker.image(item, side)).decode()
    except ShoeboxError:  # gone, expired, or never a picture
        return None


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
