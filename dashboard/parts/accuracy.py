"""How often reviewers agreed with the tags."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import streamlit as st

from dashboard import session, words
from dashboard.parts.charts import day_axis, days_between, today
from dashboard.parts.charts_speed import RIGHT, WRONG, reviewed_days, right_by_label
from dashboard.parts.figures import figures, legend
from dashboard.way import go


def accuracy(days: Mapping[str, Any]) -> None:
    """By day of review and by label."""
    speaker = session.client()
    by_day = speaker.review_stats("day", **days)
    if not by_day["reviewed"]:
        st.info(
            "Nothing was reviewed in these days, so nobody can say how often the tags are right.",
            icon=":material/rate_review:",
        )
        if st.button("Review photos", icon=":material/history:"):
            go("history", reviewed="no")
        return
    figures(
        {
            "reviewed": f"{by_day['reviewed']:,}",
            "right": f"{by_day['correct']:,}",
            "share right": words.percent(by_day["correct"] / by_day["reviewed"]),
        }
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**By day of review**")
        axis_days = days_between(date.fromisoformat(min(row["day"] for row in by_day["data"])), today())
        st.altair_chart(reviewed_days(by_day["data"], axis_days, day_axis(axis_days)), width="stretch")
        legend({"right": RIGHT, "wrong": WRONG})
    with right:
        st.markdown("**By tag**")
        st.altair_chart(right_by_label(speaker.review_stats("label", **days)["data"]), width="stretch")
