"""Long lists, a page at a time."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from client.values import Item
from dashboard import session
from dashboard.parts.gallery import PAGE


def paged(name: str, job: str | None, filters: Mapping[str, Any]) -> tuple[list[Item], str | None]:
    """The items of the page that ``turn`` has come to, of a job or of the history, and where the next begins.

    With other ``filters`` the list begins anew. ``name`` tells one list from another.
    """
    wanted = (job, sorted((key, str(value)) for key, value in filters.items()))
    place = st.session_state.setdefault(f"pages_{name}", {})
    if place.get("wanted") != wanted:
        place.update(wanted=wanted, starts=[None])
    return session.client().page(job, after=place["starts"][-1], limit=PAGE, **filters)


def turn(name: str, following: str | None, words: str) -> None:
    """Buttons to the pages before and after, with what is shown between them; nothing where one page is all."""
    starts: list[str | None] = st.session_state[f"pages_{name}"]["starts"]
    if len(starts) == 1 and following is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center"):
        if st.button("Before", icon=":material/arrow_back:", disabled=len(starts) == 1, key=f"before_{name}"):
            starts.pop()
            st.rerun()
        st.caption(words)
        if st.button("After", icon=":material/arrow_forward:", disabled=following is None, key=f"after_{name}"):
            starts.append(following)
            st.rerun()
