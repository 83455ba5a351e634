"""The page "Performance"."""

import streamlit as st


def page() -> None:
    """Shows it."""
    st.title("Performance")
