"""The page "Submit"."""

import streamlit as st


def page() -> None:
    """Shows it."""
    st.title("Submit")
