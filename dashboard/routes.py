"""Which pages there are, and how one leads to another."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.page import history, job, jobs, models, performance, rejections, submit, system


def pages() -> Sequence[Any]:
    """The navigation. A job is reached from lists, and by its address: ``/job?id=…``."""
    made = {
        "submit": st.Page(submit.page, title="Submit", icon=":material/add_photo_alternate:", default=True),
        "jobs": st.Page(jobs.page, title="Jobs", icon=":material/inventory_2:", url_path="jobs"),
        "job": st.Page(job.page, title="Job", icon=":material/photo_library:", url_path="job", visibility="hidden"),
        "history": st.Page(history.page, title="History", icon=":material/history:", url_path="history"),
        "rejections": st.Page(rejections.page, title="Rejections", icon=":material/block:", url_path="rejections"),
        "performance": st.Page(performance.page, title="Performance", icon=":material/speed:", url_path="performance"),
        "models": st.Page(models.page, title="Models", icon=":material/neurology:", url_path="models"),
        "system": st.Page(system.page, title="System", icon=":material/settings:", url_path="system"),
    }
    st.session_state["pages"] = made
    # Without headings between them: with any, Streamlit's list is none to a screen reader.
    return list(made.values())
