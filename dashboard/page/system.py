"""The page "System"."""

import streamlit as st


def page() -> None:
    """Shows it."""
    st.title("System")
