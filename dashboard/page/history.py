"""The page "History"."""

import streamlit as st


def page() -> None:
    """Shows it."""
    st.title("History")
