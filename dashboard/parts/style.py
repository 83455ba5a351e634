"""The few rules of style that Streamlit's theme has no option for."""

from pathlib import Path

import streamlit as st

CSS = Path(__file__).parents[1] / "assets" / "page.css"


def apply() -> None:
    """Adds them to the page."""
    st.html(CSS)
