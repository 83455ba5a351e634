"""How quick each backend is here, measured on a worker with a photo of one's own."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import streamlit as st

from client.client import Client
from client.upload import Upload
from dashboard import session, words
from dashboard.parts.charts_speed import backends

SIDE = 2048
PAUSE = 0.5
USUAL = 40.0
"""Seconds that a measurement of eight backends takes on two cores."""


def benchmark() -> None:
    """The latest figures, and a button that measures anew (for admins)."""
    speaker = session.client()
    found = next((one for one in speaker.benchmarks() if one["state"] == "done"), None)
    if found is None:
        st.info("No backend was measured yet: measure them with one of your photos.", icon=":material/speed:")
    else:
        _figures(found)
    known = sorted(speaker.models(), key=lambda one: not one["default"])
    models = [f"{one['name']}@{one['version']}" for one in known]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = st.selectbox("Model to measure", models, width=220) if len(models) > 1 else next(iter(models), None)
        wanted = st.button("Measure now", icon=":material/timer:")
    if wanted:
        _measure(speaker, model)


def sentence(found: Mapping[str, Any]) -> str:
    """A benchmark's outcome in words."""
    fastest = next((one for one in found["backends"] if one["name"] == found["fastest"]), None)
    if fastest is None:
        return "No backend ran."
    times = f", {fastest['speedup']:.2g} times as quick as the slowest" if fastest["speedup"] else ""
    return f"The fastest here is **{fastest['name']}**: {fastest['batch_milliseconds']:.3g} ms a photo{times}."


def _figures(found: Mapping[str, Any]) -> None:
    ran = [one for one in found["backends"] if one["available"]]
    st.markdown(sentence(found))
    if ran:
        st.altair_chart(backends(ran, found["fastest"]), width="stretch")
    model = words.plain(f"{found['model']['name']} {found['model']['version']}")
    st.caption(f"Measured with {model}, {words.ago(found['finished_at'])}.")
    missing = [one for one in found["backends"] if not one["available"]]
    if missing:
        with st.expander(f"{words.amount(len(missing), 'backend')} did not run"):
            for one in missing:
                st.markdown(f"**{one['name']}**: {words.plain(one['reason'])}")


def _measure(speaker: Client, model: str | None) -> None:
    items, _ = speaker.page(None, limit=1, decision="accepted")
    if not items:
        st.info("This needs a photo that was tagged: submit one first.", icon=":material/info:")
        return
    picture = speaker.image(items[0].id, SIDE)
    photo = Upload("photo.jpg", "image/jpeg", lambda: [picture], len(picture), len(picture))
    bar = st.progress(0.0, "Measuring…")
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(speaker.benchmark, photo, model=model, timeout=20.0)
        while not answer.done():
            past = time.monotonic() - began
            text = f"A worker measures every backend: {words.span(past)}. It judges no other photo meanwhile."
            bar.progress(min(past / USUAL, 0.95), text)
            time.sleep(PAUSE)
    answer.result()
    st.toast("Measured.", icon=":material/timer:")
    st.rerun()
