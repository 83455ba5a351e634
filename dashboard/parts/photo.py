"""One photo, opened: its tags, what each guard measured against its line, and why, in words."""

from html import escape
from typing import Any, NoReturn

import altair as alt
import pandas as pd
import streamlit as st

from client.values import Item
from dashboard import session, words
from dashboard.look import DECISIONS
from dashboard.parts.previews import previews
from dashboard.parts.reviews import say, tell
from dashboard.way import go

LARGE = 1024


@st.dialog("Photo", width="large")
def photo(item: Item, labels: tuple[str, ...], *, way: bool = False) -> None:
    """The dialog; it closes when something was said, and the page shows it. ``way``: a button leads to its job."""
    left, right = st.columns([3, 2])
    picture = previews(session.client(), [item.id], LARGE)[item.id]
    with left:
        if picture is None:
            st.info("There is no preview: the upload is gone, or it was never a picture that can be read.")
        else:
            st.html(f'<img class="sb-photo" src="{picture}" alt="{escape(item.name)}">')
        st.caption(words.plain(_facts(item)))
    with right:
        st.html(f'<span class="sb-decision" style="background:{DECISIONS[item.decision]}">{item.decision}</span>')
        st.write(words.plain(item.explanation))
        if item.tags:
            st.altair_chart(_tags(item), width="stretch")
        st.dataframe(_scores(item), hide_index=True, width="stretch")
        if session.person().may("review"):
            _review(item, labels)
        where = f" on {item.raw['backend']}" if item.raw.get("backend") else ""
        st.caption(words.plain(f"Judged by {item.model} {item.version}{where}"))
        if way and st.button("Open its job", icon=":material/photo_library:", width="stretch"):
            go("job", id=item.job)


def _facts(item: Item) -> str:
    raw = item.raw
    parts = [item.name]
    if raw.get("width") and raw.get("height"):
        parts.append(f"{raw['width']:,} x {raw['height']:,} pixels")
    if raw.get("bytes"):
        parts.append(words.size(raw["bytes"]))
    return " · ".join(parts)


def _tags(item: Item) -> alt.Chart:
    rows = pd.DataFrame({"tag": [tag.label for tag in item.tags], "confidence": [tag.confidence for tag in item.tags]})
    chart: alt.Chart = (
        alt.Chart(rows, height=max(40, 28 * len(rows)))
        .mark_bar(color=DECISIONS["accepted"])
        .encode(
            x=alt.X("confidence:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", title=None, tickCount=3)),
            y=alt.Y("tag:N", sort=None, title=None),
            tooltip=["tag", alt.Tooltip("confidence", format=".1%")],
        )
    )
    return chart


def _scores(item: Item) -> pd.DataFrame:
    rows = [
        {
            "measured": words.guard(name),
            "value": None if score["value"] is None else round(score["value"], 3),
            "line": None if score["threshold"] is None else round(score["threshold"], 3),
        }
        for name, score in item.raw["scores"].items()
    ]
    return pd.DataFrame(rows, columns=["measured", "value", "line"])


def _review(item: Item, labels: tuple[str, ...]) -> None:
    if item.review is not None:
        text = "confirmed" if item.review.correct else f"the right label is {item.review.label or 'none of these'}"
        st.success(words.plain(f"Reviewed: {text}."), icon=":material/check:")
    one, other = st.columns(2)
    if one.button("Confirm", icon=":material/check:", width="stretch", shortcut="y"):
        _said(item, correct=True)
    if other.button("None of these", icon=":material/close:", width="stretch", shortcut="n"):
        _said(item, label=None)
    right = st.selectbox("Correct to", labels, index=None, placeholder="the right label")
    if right:
        _said(item, label=right)


def _said(item: Item, **what: Any) -> NoReturn:
    tell(say(session.client(), {"ids": [item.id], **what}))
    st.rerun()
