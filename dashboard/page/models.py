"""The page "Models"."""

import streamlit as st


def page() -> None:
    """Shows it."""
    st.title("Models")
