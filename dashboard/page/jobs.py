"""All jobs: what runs, what came out, and what can be done about it."""

from itertools import islice
from typing import Any

import streamlit as st

from client.errors import ShoeboxError
from client.values import JobView
from dashboard import session, words
from dashboard.care import care, show
from dashboard.parts.actions import actions
from dashboard.parts.table import choose
from dashboard.way import go

SHOWN = 100
PAUSE = 2.0
STATES = ("all", "running", "finished")
OUTCOMES = {
    "all_accepted": "all tagged",
    "partial": "some tagged",
    "none_accepted": "none tagged",
    "empty": "no photos",
}


def page() -> None:
    """The table, refreshed while anything runs and still afterwards."""
    st.title("Jobs")
    if "jobs_running" not in st.session_state:
        st.session_state["jobs_running"] = True
    st.fragment(_table, run_every=PAUSE if st.session_state["jobs_running"] else None)()


def _table() -> None:
    with care():
        found = list(islice(session.client().jobs(), SHOWN + 1))
        running = any(not job.finished for job in found)
        if running != st.session_state["jobs_running"]:
            st.session_state["jobs_running"] = running
            st.rerun()
        if not found:
            _nothing()
            return
        st.caption(_summary(found))
        shown = {job.id: job for job in found[:SHOWN]}
        chosen = choose(
            "jobs",
            {name: _row(job) for name, job in shown.items()},
            height="auto",
            row_height=40,
            column_config={
                "progress": st.column_config.ProgressColumn("progress", min_value=0, max_value=1, format="percent"),
                "tagged": st.column_config.NumberColumn(format="localized"),
                "rejected": st.column_config.NumberColumn(format="localized"),
                "failed": st.column_config.NumberColumn(format="localized"),
                "photos": st.column_config.NumberColumn(format="localized"),
            },
        )
        if len(found) > SHOWN:
            st.caption(f"The newest {SHOWN} jobs are shown; older photos are in the history.")
        if chosen is None:
            st.caption("Choose a job in the first column to open it, stop it, or run it again.")
            return
        _chosen(shown[chosen])


def _chosen(job: JobView) -> None:
    with st.container(border=True):
        st.subheader(words.plain(_name(job)))
        if job.waiting_for:
            st.warning(words.plain(job.waiting_for), icon=":material/hourglass_empty:")
        if job.message:
            st.error(words.plain(job.message), icon=":material/error:")
        left, right = st.columns([1, 3])
        if left.button("Open", type="primary", icon=":material/photo_library:", width="stretch"):
            go("job", id=job.id)
        with right:
            try:
                actions(job)
            except ShoeboxError as error:
                show(error)


def _row(job: JobView) -> dict[str, Any]:
    counts = job.counts
    return {
        "upload": _name(job),
        "state": OUTCOMES.get(job.outcome or "", job.state) if job.state == "completed" else job.state,
        "progress": counts.done / counts.total if counts.total else (1.0 if job.finished else 0.0),
        "photos": counts.total,
        "tagged": counts.accepted,
        "rejected": counts.rejected,
        "failed": counts.failed,
        "per second": None if job.rate is None else round(job.rate, 1),
        "left": words.span(job.eta_seconds) if not job.finished and job.eta_seconds is not None else "",
        "model": f"{job.model} {job.version}",
        "sent": words.ago(job.raw["submitted_at"]),
    }


def _name(job: JobView) -> str:
    first = job.sources[0].name if job.sources else job.id
    more = len(job.sources) - 1
    return first if more < 1 else f"{first} and {more:,} more"


def _summary(found: list[JobView]) -> str:
    running = [job for job in found if not job.finished]
    if not running:
        return "Nothing is running."
    left = sum(job.counts.pending for job in running)
    return f"{words.amount(len(running), 'job')} running, {words.amount(left, 'photo')} to go."


def _nothing() -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown("#### No jobs yet")
        st.write("Send photos or a ZIP, and the job appears here at once.")
        if st.button("Submit photos", type="primary", icon=":material/add_photo_alternate:"):
            go("submit")
