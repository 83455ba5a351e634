"""From one page to another."""

from typing import NoReturn

import streamlit as st


def go(page: str, **query: str) -> NoReturn:
    """Leaves for the page of that name in `routes.pages`, with ``query`` in its address."""
    st.switch_page(st.session_state["pages"][page], query_params=query)
    raise AssertionError("switch_page does not return")
