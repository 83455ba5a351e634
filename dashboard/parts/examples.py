"""A few photos for each reason."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from client.values import Item
from dashboard import guards, session, words
from dashboard.memory import kept
from dashboard.parts.gallery import gallery
from dashboard.parts.labels import labels_of
from dashboard.parts.photo import photo
from dashboard.selection import write
from dashboard.way import go

REASONS = 6
PHOTOS = 6
FRESH = 60.0


def examples(counts: Mapping[str, int], days: Mapping[str, Any]) -> None:
    """The newest photos of the most frequent reasons, with a way to all of them."""
    for reason, count in list(counts.items())[:REASONS]:
        found = kept("examples", (reason, days), FRESH, partial(_newest, reason, days))
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{words.reason(reason).capitalize()}** · {words.amount(count, 'photo')}", width="content")
            if st.button("See all", key=f"all_{reason}", icon=":material/arrow_forward:", type="tertiary"):
                go("history", **write({"reason": reason, "from": days.get("from_")}))
        st.caption(guards.sentence(reason))
        if found:
            show(found, f"examples_{reason}")
        else:
            st.caption("Their jobs were deleted, so there is none to show.")
    left = len(counts) - REASONS
    if left > 0:
        st.caption(f"{words.amount(left, 'more reason')} can be chosen in the history.")


def show(found: list[Item], key: str) -> None:
    """A small gallery to look at and to open, without reviewing."""

    def opened(item: Item) -> None:
        photo(item, labels_of(item.model, item.version), way=True)

    gallery(found, (), key, opened, reviewing=False)


def _newest(reason: str, days: Mapping[str, Any]) -> list[Item]:
    return session.client().page(None, limit=PHOTOS, reason=reason, **days)[0]
