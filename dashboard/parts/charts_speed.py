"""Charts of how much was done, how quickly, and how well."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import altair as alt
import pandas as pd

from dashboard.look import DECISIONS, LIGHT
from dashboard.parts.charts import HEIGHT, LINE

PERCENTILES: Mapping[str, str] = {
    "p50": "half of the photos",
    "p90": "90 of 100",
    "p95": "95 of 100",
    "p99": "99 of 100",
}
"""Each percentile as the photos that took no longer."""
SHADES = ("#0b6e69", "#3f9d96", "#8a6fb0", "#b0567f")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
FRAME = 60
"""Pixels of a chart's axis and title, which its height includes."""
RIGHT, WRONG = DECISIONS["accepted"], LINE


def busy(rows: Sequence[Mapping[str, Any]], by: str, ends: tuple[datetime, datetime]) -> Any:
    """A bar of ``count`` photos for each hour or day."""
    data = _timed(rows, by)
    return (
        alt.Chart(data, height=HEIGHT)
        .mark_bar(color=LIGHT["primaryColor"])
        .encode(
            x=_time(by, ends),
            x2="end:T",
            y2=alt.datum(0),
            y=alt.Y("count:Q", title=f"photos {'an hour' if by == 'hour' else 'a day'}", axis=alt.Axis(tickMinStep=1)),
            tooltip=[alt.Tooltip(f"{by}:N", title=f"{by} (UTC)"), alt.Tooltip("count", title="photos")],
        )
    )


def slow(rows: Sequence[Mapping[str, Any]], by: str, ends: tuple[datetime, datetime]) -> Any:
    """Lines of the percentiles over hours or days, each in its dash and colour."""
    data = _timed(rows, by).melt(["start", by, "count"], list(PERCENTILES), "percentile", "ms")
    data["photos"] = data["percentile"].map(dict(PERCENTILES))
    names = list(PERCENTILES.values())
    return (
        alt.Chart(data, height=HEIGHT)
        .mark_line(point=True)
        .encode(
            x=_time(by, ends),
            y=alt.Y("ms:Q", title="milliseconds a photo", scale=alt.Scale(zero=True)),
            color=alt.Color("photos:N", scale=alt.Scale(domain=names, range=list(SHADES)), legend=None),
            strokeDash=alt.StrokeDash("photos:N", scale=alt.Scale(domain=names, range=list(DASHES)), legend=None),
            tooltip=[alt.Tooltip(f"{by}:N", title=f"{by} (UTC)"), "photos", alt.Tooltip("ms", format=".3~g")],
        )
    )


def reviewed_days(rows: Sequence[Mapping[str, Any]], days: Sequence[str], axis: alt.X) -> Any:
    """Bars of reviewed verdicts a day: right ones below, wrong ones above."""
    long = [
        {"day": row["day"], "said": said, "count": count, "order": place}
        for row in rows
        for place, (said, count) in enumerate((("right", row["correct"]), ("wrong", row["reviewed"] - row["correct"])))
    ]
    return (
        alt.Chart(pd.DataFrame(long, columns=["day", "said", "count", "order"]), height=HEIGHT)
        .mark_bar()
        .encode(
            x=axis,
            y=alt.Y("count:Q", title="reviewed photos", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("said:N", scale=alt.Scale(domain=["right", "wrong"], range=[RIGHT, WRONG]), legend=None),
            order="order:Q",
            tooltip=["day", "said", alt.Tooltip("count", title="photos")],
        )
    )


def right_by_label(rows: Sequence[Mapping[str, Any]]) -> Any:
    """A bar for each label: the share of its reviewed photos that was right, with the counts beside it."""
    data = pd.DataFrame(
        [
            {
                "label": row["label"] or "(not tagged)",
                "share": row["correct"] / row["reviewed"],
                "text": f"{row['correct']:,} of {row['reviewed']:,}",
            }
            for row in rows
        ]
    ).sort_values("share")
    base = alt.Chart(data, height=FRAME + 28 * len(data)).encode(y=alt.Y("label:N", sort=None, title=None))
    bars = base.mark_bar(color=RIGHT).encode(
        x=alt.X(
            "share:Q", title="right", scale=alt.Scale(domain=[0, 1.18]), axis=alt.Axis(format="%", values=_QUARTERS)
        ),
        tooltip=["label", alt.Tooltip("share", format=".0%"), alt.Tooltip("text", title="photos")],
    )
    return bars + base.mark_text(align="left", dx=5, color=LINE).encode(x="share:Q", text="text:N")


def backends(rows: Sequence[Mapping[str, Any]], fastest: str | None) -> Any:
    """A bar of milliseconds for each backend that ran, the quickest first and darkest, with its figure beside it."""
    data = pd.DataFrame(
        [
            {
                "backend": row["name"],
                "ms": row["batch_milliseconds"],
                "alone": row["milliseconds"],
                "text": f"{row['batch_milliseconds']:.3g} ms" + (" · fastest" if row["name"] == fastest else ""),
                "fastest": row["name"] == fastest,
            }
            for row in sorted(rows, key=lambda one: one["batch_milliseconds"])
        ]
    )
    top = float(data["ms"].max()) * 1.25
    base = alt.Chart(data, height=FRAME + 32 * len(data)).encode(
        y=alt.Y("backend:N", sort=None, title=None, axis=alt.Axis(labelLimit=240))
    )
    bars = base.mark_bar().encode(
        x=alt.X("ms:Q", title="milliseconds a photo, in batches (less is better)", scale=alt.Scale(domain=[0, top])),
        color=alt.condition("datum.fastest", alt.value(LIGHT["primaryColor"]), alt.value("#8fa3a2")),
        tooltip=["backend", alt.Tooltip("ms", title="ms in batches"), alt.Tooltip("alone", title="ms alone")],
    )
    return bars + base.mark_text(align="left", dx=5, color=LINE, fontWeight=600).encode(x="ms:Q", text="text:N")


_QUARTERS = [0, 0.25, 0.5, 0.75, 1]


def _timed(rows: Sequence[Mapping[str, Any]], by: str) -> pd.DataFrame:
    data = pd.DataFrame(list(rows), columns=[by, "count", *PERCENTILES])
    length = 3_600_000 if by == "hour" else 86_400_000
    # Milliseconds instead of texts: the same moments whatever the browser's time zone.
    data["start"] = [_milliseconds(datetime.fromisoformat(text).replace(tzinfo=UTC)) for text in data[by]]
    data["end"] = data["start"] + length
    return data


def _time(by: str, ends: tuple[datetime, datetime]) -> alt.X:
    domain = [alt.DateTime(year=end.year, month=end.month, date=end.day, hours=end.hour, utc=True) for end in ends]
    shown = alt.Axis(format="%H:%M" if by == "hour" else "%m-%d", labelOverlap=True)
    return alt.X("start:T", title=f"{by} (UTC)", scale=alt.Scale(type="utc", domain=domain), axis=shown)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
