"""How much is judged, how quickly and how well, what waits, and which backend is the fastest here."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import streamlit as st

from dashboard import session
from dashboard.memory import kept
from dashboard.parts.accuracy import accuracy
from dashboard.parts.benchmark import benchmark
from dashboard.parts.charts import today
from dashboard.parts.charts_speed import PERCENTILES, SHADES, busy, slow
from dashboard.parts.figures import figures, legend
from dashboard.parts.work import work

PERIODS = {"2 days": ("hour", 2), "7 days": ("hour", 7), "30 days": ("day", 30), "90 days": ("day", 90)}
FRESH = 10.0


def page() -> None:
    """Shows it."""
    st.title("Performance")
    st.subheader("Now")
    work()
    st.subheader("Speed")
    chosen = st.segmented_control("Period", list(PERIODS), default="2 days", key="performance_period") or "2 days"
    by, length = PERIODS[chosen]
    days = {"from_": today() - timedelta(days=length - 1)}
    _speed(by, days)
    st.subheader("Right or wrong")
    accuracy(days)
    if session.person().admin:
        st.subheader("Backends")
        benchmark()


def _speed(by: str, days: dict[str, Any]) -> None:
    speaker = session.client()
    found = kept("latency", (by, days), FRESH, lambda: speaker.latency(by, **days))
    total = found["total"]
    if not total["count"]:
        st.info("No photo went through the network in these days.", icon=":material/info:")
        return
    most = max(found["data"], key=lambda row: row["count"])
    figures(
        {
            "photos": f"{total['count']:,}",
            "half within": f"{total['p50']:.3g} ms",
            "95 of 100 within": f"{total['p95']:.3g} ms",
            f"most in {'an hour' if by == 'hour' else 'a day'}": f"{most['count']:,}",
        }
    )
    ends = (datetime.combine(days["from_"], time(), UTC), datetime.combine(today() + timedelta(days=1), time(), UTC))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Throughput**")
        st.altair_chart(busy(found["data"], by, ends), width="stretch")
    with right:
        st.markdown("**Time in the network**")
        st.altair_chart(slow(found["data"], by, ends), width="stretch")
        legend(dict(zip(PERCENTILES.values(), SHADES, strict=True)))
    st.caption(_by_backend(speaker.latency("backend", **days)["data"]))


def _by_backend(rows: list[dict[str, Any]]) -> str:
    said = [f"{row['backend']}: half within {row['p50']:.3g} ms, {row['count']:,} photos" for row in rows]
    return "Backends: " + "; ".join(said) + ". Times are exact to 5 %."
