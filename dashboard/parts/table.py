"""A table of which one row can be chosen, by what it stands for and not by its place."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pandas as pd
import streamlit as st


def choose(key: str, rows: Mapping[str, Mapping[str, Any]], **options: Any) -> str | None:
    """Shows ``rows``, which have an id each; the chosen one's id, for as long as it is among them.

    ``options`` are those of `st.dataframe`.
    """
    ids = list(rows)
    # A browser says which place was chosen. Other rows are therefore another table: no place means two things in one.
    name = f"{key}_{sha256(' '.join(ids).encode()).hexdigest()[:16]}"
    chosen: str | None = st.session_state.get(_chosen(key))
    if chosen not in rows:
        chosen = None

    def hear() -> None:
        places = st.session_state[name].selection.rows
        st.session_state[_chosen(key)] = ids[places[0]] if places else None

    place: Any = None if chosen is None else {"selection": {"rows": [ids.index(chosen)], "columns": [], "cells": []}}
    st.dataframe(
        pd.DataFrame(list(rows.values())),
        key=name,
        hide_index=True,
        width="stretch",
        on_select=hear,
        selection_mode="single-row",
        selection_default=place,
        **options,
    )
    return chosen


def leave(key: str) -> None:
    """Nothing is chosen any more."""
    st.session_state.pop(_chosen(key), None)


def _chosen(key: str) -> str:
    return f"{key}_chosen"
