"""What waits and what the workers do, looked at again while there is anything."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import session, words
from dashboard.care import care
from dashboard.parts.figures import figures

PAUSE = 2.0
_BUSY = "performance_busy"
KINDS = {"control": "opens uploads", "classify": "judges photos"}


def work() -> None:
    """The queue and, for an admin, the workers; still once nothing waits and nobody works."""
    st.session_state.setdefault(_BUSY, True)
    st.fragment(_look, run_every=PAUSE if st.session_state[_BUSY] else None)()


def _look() -> None:
    with care():
        queue = session.client().queue()
        busy = bool(queue["ready"] or queue["leased"] or queue["uploads_waiting"])
        if busy != st.session_state[_BUSY]:
            st.session_state[_BUSY] = busy
            st.rerun()
        figures(
            {
                "photos waiting": f"{queue['items_ready']:,}",
                "uploads waiting": f"{queue['uploads_waiting']:,}",
                "batches in hand": f"{queue['leased']:,}",
                "longest wait": words.about(queue["oldest_seconds"]),
            }
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(said(queue), width="content")
            if not busy and st.button("Look again", icon=":material/refresh:", type="tertiary"):
                st.session_state[_BUSY] = True
                st.rerun()
        if session.person().admin:
            _workers(session.client().workers())


def said(queue: Mapping[str, Any]) -> str:
    """The queue in a sentence."""
    if not (queue["ready"] or queue["leased"] or queue["uploads_waiting"]):
        return "Nothing of yours waits or is being judged."
    few, many = (queue["lanes"][lane]["items_ready"] for lane in ("interactive", "bulk"))
    return (
        "A batch is up to 32 photos that a worker takes at once. "
        f"Jobs of a few photos go first: {few:,} of theirs wait, and {many:,} of larger jobs."
    )


def _workers(found: Sequence[Mapping[str, Any]]) -> None:
    if not found:
        st.warning("No worker is alive: jobs are accepted and wait until one is.", icon=":material/person_off:")
        return
    rows = [
        {
            "worker": worker["name"].split("@")[-1],
            "does": KINDS.get(worker["kind"], worker["kind"]),
            "state": worker["state"],
            "in hand": worker["holding"],
            "backend": worker["backend"] or "",
            "models": ", ".join(" ".join(model) for model in worker["models"]),
            "alive for": words.ago(worker["started_at"]).removesuffix(" ago"),
        }
        for worker in found
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
