"""One job: how far it is, and every photo of it to look at and to review."""

import streamlit as st

from client.values import Item, JobView
from dashboard import session, words
from dashboard.care import care
from dashboard.parts import counts
from dashboard.parts.actions import actions
from dashboard.parts.gallery import gallery
from dashboard.parts.labels import labels_of
from dashboard.parts.pages import paged, turn
from dashboard.parts.photo import photo
from dashboard.way import go

PAUSE = 1.0
DECISIONS = ("accepted", "rejected", "failed")


def page() -> None:
    """The job that the address names."""
    wanted = st.query_params.get("id")
    if not wanted:
        st.title("Job")
        st.write("This page shows one job. Choose one from the list.")
        if st.button("To the jobs", icon=":material/inventory_2:", type="primary"):
            go("jobs")
        return
    job = session.client().job(wanted).view
    st.title(words.plain(job.sources[0].name) if job.sources else "Job")
    st.fragment(_progress, run_every=None if job.finished else PAUSE)(wanted)
    if job.counts.done:
        _photos(job)
    elif job.finished:
        st.info("This job has no photos.", icon=":material/info:")


def _progress(wanted: str) -> None:
    with care():
        job = session.client().job(wanted).view
        if job.finished and st.session_state.get("job_running") == wanted:
            del st.session_state["job_running"]
            st.rerun()
        if not job.finished:
            st.session_state["job_running"] = wanted
        st.caption(_about(job))
        counts.bar(job.counts)
        for text, icon in ((job.waiting_for, ":material/hourglass_empty:"), (job.message, ":material/error:")):
            if text:
                st.warning(words.plain(text), icon=icon)
        for source in job.sources:
            if source.message:
                st.warning(words.plain(f"{source.name}: {source.message}"), icon=":material/folder_off:")
        actions(job)


def _about(job: JobView) -> str:
    parts = [job.state if job.state != "completed" else "finished"]
    if job.counts.total is not None:
        parts.append(words.amount(job.counts.total, "photo"))
    if job.rate and not job.finished:
        parts.append(f"{job.rate:,.1f} a second")
    if job.eta_seconds is not None and not job.finished:
        parts.append(f"{words.span(job.eta_seconds)} left")
    if job.seconds is not None:
        parts.append(f"took {words.span(job.seconds)}")
    if job.counts.skipped:
        parts.append(f"{words.amount(job.counts.skipped, 'file')} left out that are no photos")
    parts += [f"sent {words.ago(job.raw['submitted_at'])}", words.plain(f"judged by {job.model} {job.version}")]
    return " · ".join(parts)


def _photos(job: JobView) -> None:
    labels = labels_of(job.model, job.version)
    if not labels:
        name = words.plain(f"{job.model} {job.version}")
        st.caption(f"The model {name} was removed: its tags can be confirmed or not, but not corrected.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        decision = st.segmented_control("Decision", DECISIONS, key="job_decision")
        label = None
        if labels:
            label = st.selectbox("Tag", labels, index=None, placeholder="any", key="job_label", width=200)
        reasons = sorted(words.REASONS, key=words.reason)
        reason = st.selectbox(
            "Reason", reasons, index=None, placeholder="any", format_func=words.reason, key="job_reason", width=260
        )
        unreviewed = st.toggle("Not reviewed yet", key="job_unreviewed")
    filters = {"decision": decision, "label": label, "reason": reason, "reviewed": False if unreviewed else None}
    found, following = paged("job", job.id, filters)
    if not found:
        st.info("No photo here fits these choices.", icon=":material/filter_alt_off:")
        return

    def opened(item: Item) -> None:
        photo(item, labels)

    gallery(found, labels, key="job_gallery", on_open=opened)
    turn("job", following, f"photos {found[0].position + 1:,} to {found[-1].position + 1:,}")
