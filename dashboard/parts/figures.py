"""Figures in a row, and a chart's legend that wraps on a phone."""

from collections.abc import Mapping
from html import escape

import streamlit as st

NARROW = 150
"""Pixels: two figures stand side by side on a phone."""


def figures(said: Mapping[str, str], width: int = NARROW) -> None:
    """Numbers with their names."""
    with st.container(horizontal=True):
        for name, value in said.items():
            st.metric(name, value, width=width)


def legend(colours: Mapping[str, str]) -> None:
    """What each colour stands for."""
    parts = "".join(
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in colours.items()
    )
    st.html(f'<div class="sb-legend">{parts}</div>')
