"""How each part of the service is."""

from collections.abc import Mapping

import streamlit as st

from dashboard import session, words
from dashboard.care import care

PAUSE = 5.0
PARTS: Mapping[str, str] = {
    "database": "Database",
    "blobs": "Store of uploads",
    "broker": "Message broker",
    "control_workers": "Workers that open uploads",
    "classify_workers": "Workers that judge photos",
    "model": "Model for new jobs",
}
OVERALL: Mapping[str, str] = {
    "ready": "All is well.",
    "degraded": "Jobs are accepted, but may wait.",
    "unavailable": "No job can be accepted at present.",
}
ICONS: Mapping[str, str] = {
    "ok": ":material/check_circle:",
    "degraded": ":material/warning:",
    "down": ":material/error:",
}
COLOURS: Mapping[str, str] = {"ok": "green", "degraded": "orange", "down": "red"}


def health() -> None:
    """Each part with its sentence, looked at again every few seconds."""
    st.fragment(_look, run_every=PAUSE)()


def _look() -> None:
    with care():
        found = session.client().health()
        st.markdown(f"**{OVERALL.get(found['status'], found['status'])}**")
        for name, part in found["parts"].items():
            with st.container(horizontal=True, vertical_alignment="center"):
                status = part["status"]
                st.badge(status, icon=ICONS.get(status), color=COLOURS.get(status, "gray"))  # type: ignore[arg-type]
                st.markdown(f"{PARTS.get(name, name)}: {words.plain(part['detail'])}", width="content")
