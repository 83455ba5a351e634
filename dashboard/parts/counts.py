"""A job's photos by fate, as one bar in the colours of the decisions."""

from html import escape

import streamlit as st

from client.values import Counts
from dashboard.look import DECISIONS
from dashboard.words import amount

FATES = ("accepted", "rejected", "failed", "canceled", "pending")


def bar(counts: Counts) -> None:
    """The bar with its legend; nothing while the number of photos is not known."""
    if not counts.total:
        return
    parts = [(fate, getattr(counts, fate)) for fate in FATES]
    pieces = "".join(
        f'<div style="width:{100 * count / counts.total:.3f}%;background:{DECISIONS[fate]}"></div>'
        for fate, count in parts
        if count
    )
    legend = "".join(
        f'<span><i style="background:{DECISIONS[fate]}"></i>{count:,} {escape(fate)}</span>'
        for fate, count in parts
        if count
    )
    told = ", ".join(f"{count:,} {fate}" for fate, count in parts if count)
    st.html(
        f'<div class="sb-bar" role="img" aria-label="{escape(amount(counts.total, "photo"))}: {escape(told)}">'
        f'{pieces}</div><div class="sb-legend">{legend}</div>'
    )
