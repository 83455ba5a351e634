"""The page "Rejections"."""

import streamlit as st


def page() -> None:
    """Shows it."""
    st.title("Rejections")
