"""Charts of how good a model is."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from dashboard.look import DECISIONS, LIGHT
from dashboard.parts.charts import HEIGHT, LINE
from dashboard.parts.charts_speed import FRAME

MAIN = LIGHT["primaryColor"]
SIDE = 340


def by_label(scores: Mapping[str, float]) -> Any:
    """A bar for each label's F1, the weakest on top, with its figure beside it."""
    data = pd.DataFrame({"label": list(scores), "f1": list(scores.values())}).sort_values("f1")
    base = alt.Chart(data, height=FRAME + 24 * len(data)).encode(y=alt.Y("label:N", sort=None, title=None))
    x = alt.X("f1:Q", title="F1", scale=alt.Scale(domain=[0, 1.12]), axis=alt.Axis(values=[0, 0.5, 1], format=".1f"))
    bars = base.mark_bar(color=MAIN).encode(x=x, tooltip=["label", alt.Tooltip("f1", format=".3f", title="F1")])
    return bars + base.mark_text(align="left", dx=5, color=LINE).encode(x="f1:Q", text=alt.Text("f1:Q", format=".2f"))


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> Any:
    """True labels down, the model's across; a square's strength is its share of the row."""
    data = pd.DataFrame(
        [
            {"given": labels[i], "guess": labels[j], "photos": count, "share": count / max(sum(row), 1)}
            for i, row in enumerate(counts)
            for j, count in enumerate(row)
            if count
        ]
    )
    base = alt.Chart(data, height=max(SIDE, 26 * len(labels) + FRAME)).encode(
        x=alt.X("guess:N", sort=list(labels), title="the model says", axis=alt.Axis(labelAngle=-40)),
        y=alt.Y("given:N", sort=list(labels), title="it is"),
    )
    squares = base.mark_rect(color=MAIN).encode(
        opacity=alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.12, 1]), legend=None),
        tooltip=[
            alt.Tooltip("given", title="it is"),
            alt.Tooltip("guess", title="the model says"),
            "photos",
            alt.Tooltip("share", format=".1%"),
        ],
    )
    return squares + base.mark_text().encode(
        text="photos:Q", color=alt.condition("datum.share > 0.4", alt.value("#ffffff"), alt.value(LINE))
    )


def reliability(bins: Sequence[Mapping[str, Any]]) -> Any:
    """The share that is right in each part of confidence, against the line of one that is as sure as right."""
    width = 1 / len(bins)
    data = pd.DataFrame(
        [
            {"from": place * width, "to": (place + 1) * width, "right": part["accuracy"], "photos": part["photos"]}
            for place, part in enumerate(bins)
            if part["photos"]
        ]
    )
    axis = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1])
    bars = (
        alt.Chart(data)
        .mark_bar(color=MAIN)
        .encode(
            x=alt.X("from:Q", title="how sure the model is", scale=alt.Scale(domain=[0, 1]), axis=axis).bin("binned"),
            x2="to:Q",
            y=alt.Y("right:Q", title="share that is right", scale=alt.Scale(domain=[0, 1]), axis=axis),
            tooltip=[alt.Tooltip("right", format=".1%"), "photos"],
        )
    )
    ideal = alt.Chart(pd.DataFrame({"x": [0, 1], "y": [0, 1]})).mark_line(color=LINE, strokeDash=[5, 4])
    return alt.layer(bars, ideal.encode(x="x:Q", y="y:Q")).properties(height=HEIGHT + FRAME)


def risk(curve: Mapping[str, Sequence[float]]) -> Any:
    """Errors among the surest photos, by how many of them are taken."""
    data = pd.DataFrame({"coverage": curve["coverage"], "risk": curve["risk"]})
    return (
        alt.Chart(data, height=HEIGHT + FRAME)
        .mark_line(color=MAIN, interpolate="step-after")
        .encode(
            x=alt.X("coverage:Q", title="share of photos tagged, the surest first", axis=alt.Axis(format="%")),
            y=alt.Y("risk:Q", title="share of them that is wrong", axis=alt.Axis(format=".1%")),
            tooltip=[alt.Tooltip("coverage", format=".1%"), alt.Tooltip("risk", format=".2%")],
        )
    )


def changes(found: Mapping[str, float]) -> Any:
    """A bar to the right for each label that the second model is better at, to the left where it is worse."""
    data = pd.DataFrame({"label": list(found), "change": list(found.values())})
    most = max(0.01, *(abs(value) for value in found.values())) * 1.25
    base = alt.Chart(data, height=FRAME + 26 * len(data)).encode(y=alt.Y("label:N", sort=None, title=None))
    x = alt.X("change:Q", title="change in F1", scale=alt.Scale(domain=[-most, most]), axis=alt.Axis(format="+.2f"))
    bars = base.mark_bar().encode(
        x=x,
        color=alt.condition("datum.change >= 0", alt.value(DECISIONS["accepted"]), alt.value(DECISIONS["failed"])),
        tooltip=["label", alt.Tooltip("change", format="+.3f")],
    )
    text = base.encode(x="change:Q", text=alt.Text("change:Q", format="+.3f"))
    better = text.transform_filter("datum.change >= 0").mark_text(align="left", dx=5, color=LINE)
    return bars + better + text.transform_filter("datum.change < 0").mark_text(align="right", dx=-5, color=LINE)
