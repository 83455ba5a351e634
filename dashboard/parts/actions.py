"""What can be done about a job: stop it, try again what failed, run it with another model, take its results home."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from client.values import JobView
from dashboard import session, words
from dashboard.way import go

FORMATS = {
    "xlsx": ("Excel workbook", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "csv": ("CSV table", "text/csv"),
    "jsonl": ("JSON lines", "application/x-ndjson"),
    "sidecars.zip": ("XMP sidecars", "application/zip"),
}


def actions(job: JobView) -> None:
    """Buttons in a row. Raises `ShoeboxError` where the API says no."""
    someone = session.person()
    with st.container(horizontal=True, vertical_alignment="center"):
        if someone.may("submit"):
            if not job.finished:
                _button("Cancel", ":material/stop_circle:", job, lambda: _cancel(job))
            if job.finished and job.counts.failed:
                _button("Retry failed", ":material/replay:", job, lambda: _retry(job))
            if (
                job.finished
                and job.counts.total
                and st.button("Run again with another model", icon=":material/model_training:", key=f"rerun-{job.id}")
            ):
                rerun(job)
        if job.counts.done and st.button("Download", icon=":material/download:", key=f"download-{job.id}"):
            download(job)


def _button(text: str, icon: str, job: JobView, act: Callable[[], None]) -> None:
    if st.button(text, icon=icon, key=f"{text}-{job.id}"):
        act()


def _cancel(job: JobView) -> None:
    session.client().cancel(job.id)
    st.toast("The job is being stopped; verdicts so far are kept.", icon=":material/stop_circle:")
    st.rerun()


def _retry(job: JobView) -> None:
    go("job", id=session.client().retry(job.id).id)


@st.dialog("Run again with another model")
def rerun(job: JobView) -> None:
    """All photos of the job once more, as a new job, without another upload."""
    models = {f"{one['name']} {one['version']}": one for one in session.client().models()}
    if not models:
        st.info("No model is installed. `shoebox model add` adds one.", icon=":material/info:")
        return
    others = [name for name in models if name != f"{job.model} {job.version}"] or list(models)
    chosen = st.selectbox("Model", others)
    st.caption(words.plain(models[chosen]["knows"]))
    novelty = st.segmented_control(
        "Unfamiliar photos", ["strict", "normal", "off"], default=job.raw["params"].get("novelty", "normal")
    )
    st.caption("The old verdicts stay with the old job.")
    if st.button("Run", type="primary", icon=":material/play_arrow:"):
        one = models[chosen]
        go("job", id=session.client().rerun(job.id, f"{one['name']}@{one['version']}", novelty=novelty).id)


@st.dialog("Download results")
def download(job: JobView) -> None:
    """A file of all verdicts; it is fetched only once its format is chosen."""
    kind = st.radio("Format", list(FORMATS), format_func=lambda one: FORMATS[one][0])

    speaker = session.client()  # the file is fetched in a thread that knows no session

    def fetch() -> bytes:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "results"
            if kind == "sidecars.zip":
                return speaker.sidecars(job.id, path).read_bytes()
            return speaker.results(job.id, kind, path).read_bytes()

    name = f"{job.id}.{kind}" if "." not in kind else f"{job.id}-{kind}"
    st.download_button(
        "Download", fetch, name, FORMATS[kind][1], type="primary", icon=":material/download:", on_click="ignore"
    )
