"""The history's row of choices, kept in the page's address."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import words
from dashboard.selection import DECISIONS, FIELDS, REVIEWED, Selection, options, read, write

REVIEWED_WORDS = {"yes": "reviewed", "no": "not yet"}
WIDE = 170
"""Pixels: two stand side by side on a phone, and all in two rows on a desk."""


def choices(totals: Sequence[Mapping[str, Any]]) -> Selection:
    """Shows them, with the tags, reasons and models that ``totals`` have; what is chosen, and the address says so."""
    address = st.query_params.to_dict()
    if address != st.session_state.get("history_address"):
        for field, value in read(address).items():
            st.session_state[_key(field)] = value
    said = {field: st.session_state.get(_key(field)) for field in FIELDS}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control("Decision", DECISIONS, key=_key("decision"))
        st.segmented_control("Review", list(REVIEWED), key=_key("reviewed"), format_func=REVIEWED_WORDS.__getitem__)
        _pick("Tag", "label", options(totals, "label", said["label"]))
        _pick("Reason", "reason", sorted(options(totals, "reason", said["reason"]), key=words.reason))
        _pick("Model", "model", options(totals, "model", said["model"]))
        st.date_input("From", key=_key("from"), value=None, format="YYYY-MM-DD", width=WIDE)
        st.date_input("To", key=_key("to"), value=None, format="YYYY-MM-DD", width=WIDE)
        st.text_input("Name begins with", key=_key("name"), placeholder="any", width=WIDE, value=None)
    chosen = read(write({field: st.session_state.get(_key(field)) for field in FIELDS}))
    written = write(chosen)
    if written != address:
        st.query_params.from_dict(written)
    st.session_state["history_address"] = written
    return chosen


def clear() -> None:
    """Takes every choice back. As a callback: it must run before the row is shown."""
    st.query_params.clear()


def _pick(title: str, field: str, values: Sequence[str]) -> None:
    say = words.reason if field == "reason" else str
    st.selectbox(title, values, key=_key(field), index=None, placeholder="any", format_func=say, width=WIDE)


def _key(field: str) -> str:
    return f"history_{field}"
