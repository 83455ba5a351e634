"""Why photos were not tagged: by reason and day, by job, with examples, and what other lines would change."""

from datetime import timedelta
from itertools import islice
from typing import Any

import streamlit as st

from dashboard import session, words
from dashboard.memory import kept
from dashboard.parts.charts import SHADES, stacked_days, today
from dashboard.parts.examples import examples
from dashboard.parts.figures import figures, legend
from dashboard.parts.lines import lines
from dashboard.parts.table import choose, leave
from dashboard.way import go

PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90, "all": None}
FRESH = 15.0
LATEST = 12


def page() -> None:
    """Shows it."""
    st.title("Rejections")
    chosen = st.segmented_control("Period", list(PERIODS), default="30 days", key="rejections_period") or "all"
    length = PERIODS[chosen]
    days = {} if length is None else {"from_": today() - timedelta(days=length - 1)}
    rows: list[dict[str, Any]] = kept(
        "stopped", days, FRESH, lambda: session.client().stats(["day", "decision", "reason"], **days)["data"]
    )
    if not rows:
        _nothing(bool(days))
        return
    stopped = [row for row in rows if row["decision"] != "accepted"]
    _figures(rows, stopped)
    if stopped:
        st.subheader("By reason and day")
        _by_day(stopped)
    st.subheader("What other lines would change")
    st.fragment(lines)(days)
    if stopped:
        st.subheader("By job")
        _by_job()
        st.subheader("Examples")
        examples(_by_reason(stopped), days)


def _figures(rows: list[dict[str, Any]], stopped: list[dict[str, Any]]) -> None:
    total = sum(row["count"] for row in rows)
    sums = {name: sum(row["count"] for row in rows if row["decision"] == name) for name in ("rejected", "failed")}
    reasons = _by_reason(stopped)
    figures(
        {
            "photos judged": f"{total:,}",
            "rejected": f"{sums['rejected']:,}",
            "share rejected": words.percent(sums["rejected"] / total),
            "failed": f"{sums['failed']:,}",
        }
    )
    if reasons:
        name, count = next(iter(reasons.items()))
        st.caption(f"The most frequent reason: {words.reason(name)} ({words.amount(count, 'photo')}).")
    else:
        st.success("Every photo of these days was tagged.", icon=":material/check:")


def _by_day(stopped: list[dict[str, Any]]) -> None:
    used: dict[str, str] = {}
    for decision, shades in SHADES.items():
        reasons = _by_reason([row for row in stopped if row["decision"] == decision])
        for place, name in enumerate(reasons):
            used[words.reason(name)] = shades[place % len(shades)]
    rows = [{"day": row["day"], "kind": words.reason(row["reason"]), "count": row["count"]} for row in stopped]
    st.altair_chart(stacked_days(rows, list(used), list(used.values()), "photos not tagged"), width="stretch")
    legend(used)


def _by_reason(stopped: list[dict[str, Any]]) -> dict[str, int]:
    """Counts by reason, the most frequent first."""
    found: dict[str, int] = {}
    for row in stopped:
        found[row["reason"]] = found.get(row["reason"], 0) + row["count"]
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def _by_job() -> None:
    jobs = [job for job in islice(session.client().jobs(), 3 * LATEST) if job.counts.total and job.counts.done][:LATEST]
    rows = {
        job.id: {
            "upload": job.sources[0].name if job.sources else job.id,
            "share rejected": 100 * job.counts.rejected / job.counts.done,
            "rejected": job.counts.rejected,
            "failed": job.counts.failed,
            "photos": job.counts.total,
            "model": f"{job.model} {job.version}",
            "sent": words.ago(job.raw["submitted_at"]),
        }
        for job in jobs
    }
    chosen = choose(
        "rejections",
        rows,
        column_config={
            "share rejected": st.column_config.ProgressColumn(min_value=0, max_value=100, format="%.0f %%"),
            **{name: st.column_config.NumberColumn(format="localized") for name in ("rejected", "failed", "photos")},
        },
    )
    st.caption("The latest jobs, in whatever period. Choose one in the first column to open it.")
    if chosen is not None:
        leave("rejections")
        go("job", id=chosen)


def _nothing(narrowed: bool) -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown("#### No photos " + ("in these days" if narrowed else "yet"))
        st.write("Once photos were judged, this page shows which were not tagged, and why.")
        if st.button("Submit photos", type="primary", icon=":material/add_photo_alternate:"):
            go("submit")
