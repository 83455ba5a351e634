"""All photos of all jobs: narrowed, looked at, reviewed and taken home."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from client.values import Item
from dashboard import session, words
from dashboard.memory import kept
from dashboard.parts import counts
from dashboard.parts.choices import choices, clear
from dashboard.parts.export import export
from dashboard.parts.gallery import gallery
from dashboard.parts.labels import labels_of
from dashboard.parts.pages import paged, turn
from dashboard.parts.photo import photo
from dashboard.selection import Selection, countable, counted, filters
from dashboard.way import go

GROUPS = ("decision", "reason", "label", "model")
FRESH = 5.0


def page() -> None:
    """Shows it."""
    st.title("History")
    everything = _totals({})
    if not everything:
        _nothing()
        return
    chosen = choices(everything)
    if chosen["from"] and chosen["to"] and chosen["from"] > chosen["to"]:
        st.warning("The first day lies after the last one, so no photo fits.", icon=":material/date_range:")
        return
    _counts(chosen)
    found, following = paged("history", None, filters(chosen))
    if not found:
        st.info("No photo fits these choices.", icon=":material/filter_alt_off:")
        st.button("Show all photos", icon=":material/restart_alt:", on_click=clear)
        return
    labels = {name: labels_of(*name) for name in dict.fromkeys((item.model, item.version) for item in found)}

    def opened(item: Item) -> None:
        photo(item, labels[item.model, item.version], way=True)

    gallery(
        found, list(dict.fromkeys(label for known in labels.values() for label in known)), "history_gallery", opened
    )
    turn("history", following, words.amount(len(found), "photo") + " on this page, newest job first")


def _counts(chosen: Selection) -> None:
    asked = filters(chosen)
    total = None
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        if countable(chosen):
            total = counted(_totals({name: asked[name] for name in ("from_", "to")}), chosen)
            st.markdown(f"**{words.amount(total.total or 0, 'photo')}**", width="content")
        else:
            st.caption("By name and by review, photos are found but not counted beforehand.", width="content")
        if st.button("Export", icon=":material/download:", help="All photos that fit, as a file"):
            export(asked)
    if total is not None:
        counts.bar(total)


def _totals(days: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = kept("totals", days, FRESH, lambda: session.client().stats(GROUPS, **days)["data"])
    return rows


def _nothing() -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown("#### No photos yet")
        st.write("Every photo that was judged will be found here, whichever job it came with.")
        if st.button("Submit photos", type="primary", icon=":material/add_photo_alternate:"):
            go("submit")
