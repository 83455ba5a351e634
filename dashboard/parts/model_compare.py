"""Two models side by side: their figures, tag by tag, and on photos that both have judged."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import pandas as pd
import streamlit as st

from client.values import Item, JobView
from dashboard import measures, session, words
from dashboard.memory import kept
from dashboard.parts import charts_model
from dashboard.parts.examples import show
from dashboard.parts.figures import figures
from dashboard.parts.model_card import address, share, title

JOBS, PHOTOS, PAIRS = 200, 500, 3
EXAMPLES = 6
FRESH = 60.0
NOT_MEASURED = "not said"


def compare(models: Sequence[Mapping[str, Any]]) -> None:
    """Two choices, and what differs."""
    names = {title(one): one for one in models}
    with st.container(horizontal=True):
        first = st.selectbox("First", list(names), key="compare_first", width=220)
        second = st.selectbox("Second", list(names), index=1, key="compare_second", width=220)
    if first == second:
        st.caption("Choose two that differ.")
        return
    one, other = _whole(names[first]), _whole(names[second])
    _figures(one, other)
    found = measures.differences(measures.scores(one), measures.scores(other))
    if found:
        st.markdown(f"**Tag by tag**: what {words.plain(title(other))} does better, and what worse")
        st.altair_chart(charts_model.changes(found), width="stretch")
    else:
        st.caption("They have no tag in common that was measured for both.")
    _together(names[first], names[second])


def _whole(model: Mapping[str, Any]) -> dict[str, Any]:
    name = address(model)
    return kept("model", name, FRESH, lambda: session.client().model(name))


def _figures(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    said = [measures.headline(model["figures"]) for model in (one, other)]
    first, second = (words.plain(title(model)) for model in (one, other))
    rows = [
        {"": name, first: _at(said[0], key), second: _at(said[1], key)}
        for key, name in measures.NAMES.items()
        if any(key in each for each in said)
    ]
    counts = [measures.photos(model["figures"]) for model in (one, other)]
    rows.append(
        {
            "": "measured on",
            **{
                name: NOT_MEASURED if count is None else f"{count:,} photos"
                for name, count in zip((first, second), counts, strict=True)
            },
        }
    )
    rows.append({"": "tags", first: f"{len(one['labels']):,}", second: f"{len(other['labels']):,}"})
    st.table(pd.DataFrame(rows).set_index(""))
    st.caption(
        "Figures of different test photos tell little: `shoebox model compare` judges the same photos with both."
    )


def _at(figures: Mapping[str, float], key: str) -> str:
    return share(figures[key]) if key in figures else NOT_MEASURED


def _together(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    st.markdown("**On photos that both have judged**")
    jobs = kept("jobs", "", FRESH, lambda: list(islice(session.client().jobs(), JOBS)))
    pairs = reruns(jobs, (one["name"], one["version"]), (other["name"], other["version"]))
    if not pairs:
        st.caption("None yet: open a job and run it again with the other model.")
        return
    judged = kept("judged", [(a.id, b.id) for a, b in pairs], FRESH, lambda: _judged(pairs))
    said = measures.agreement(judged)
    agreed = said["same tag"] + said["both not tagged"]
    figures({"photos": f"{len(judged):,}", "agree": words.percent(agreed / len(judged) if judged else None)})
    st.caption(" · ".join(f"{name}: {count:,}" for name, count in said.items() if count))
    apart = [second for first, second in judged if first.label != second.label][:EXAMPLES]
    if apart:
        st.markdown(f"**Where they differ**, as {words.plain(title(other))} has it")
        show(apart, "compare_apart")


def reruns(jobs: Sequence[JobView], one: tuple[str, str], other: tuple[str, str]) -> list[tuple[JobView, JobView]]:
    """The newest pairs of a finished job and its run with the other model, in the order of the models asked for."""
    by_id = {job.id: job for job in jobs if job.finished}
    found = []
    for job in by_id.values():
        before = by_id.get(job.raw.get("retry_of") or "")
        if before is None:
            continue
        models = (before.model, before.version), (job.model, job.version)
        if models in ((one, other), (other, one)):
            found.append((before, job) if models == (one, other) else (job, before))
    return found[:PAIRS]


def _judged(pairs: Sequence[tuple[JobView, JobView]]) -> list[tuple[Item, Item]]:
    speaker = session.client()
    found: list[tuple[Item, Item]] = []
    for first, second in pairs:
        found += measures.paired(*(speaker.page(job.id, limit=PHOTOS)[0] for job in (first, second)))
    return found
