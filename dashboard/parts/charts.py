"""Charts that several pages draw: decisions in their colours, axes named, lines labelled."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd

from dashboard.look import DECISIONS

HEIGHT = 220
# From dark to light within each family, so that neighbours in a stack differ by lightness too.
SHADES: Mapping[str, Sequence[str]] = {
    "rejected": ("#a86400", "#e0a54a", "#7a4800", "#f0cd92", "#c7821c", "#5c3600", "#d9b27a", "#8f5a10"),
    "failed": ("#c2334d", "#e58a9b", "#8c1f33", "#f3bcc6"),
}
LEAST_DAYS = 14


def decisions(kinds: Sequence[str]) -> alt.Scale:
    """The colours of decisions, for those that are there."""
    return alt.Scale(domain=list(kinds), range=[DECISIONS[kind] for kind in kinds])


def days_between(first: date, last: date) -> list[str]:
    """All days in ISO form, so that a day without a photo leaves a gap; at least `LEAST_DAYS`, ending with ``last``."""
    first = min(first, last - timedelta(days=LEAST_DAYS - 1))
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def today() -> date:
    """Today as the server counts days: in UTC."""
    return datetime.now(UTC).date()


def day_axis(days: Sequence[str]) -> alt.X:
    """A band for each day; of many, some are named."""
    every = max(1, len(days) // 10)
    named = [day for place, day in enumerate(reversed(days)) if place % every == 0]
    axis = alt.Axis(title="day (UTC)", labelAngle=0, values=named, labelExpr="slice(datum.label, 5)", labelOverlap=True)
    return alt.X("day:O", scale=alt.Scale(domain=list(days)), axis=axis)


def stacked_days(rows: Sequence[Mapping[str, Any]], kinds: Sequence[str], colours: Sequence[str], what: str) -> Any:
    """Bars of ``count`` a ``day``, stacked by ``kind`` in the order of ``kinds``."""
    data = pd.DataFrame(list(rows), columns=["day", "kind", "count"])
    data["order"] = data["kind"].map({kind: place for place, kind in enumerate(kinds)})
    first = date.fromisoformat(min(data["day"])) if len(data) else today()
    return (
        alt.Chart(data, height=HEIGHT)
        .mark_bar()
        .encode(
            x=day_axis(days_between(first, today())),
            y=alt.Y("sum(count):Q", title=what, axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("kind:N", scale=alt.Scale(domain=list(kinds), range=list(colours)), legend=None),
            order="order:Q",
            tooltip=["day", alt.Tooltip("kind", title="reason"), alt.Tooltip("sum(count)", title=what)],
        )
    )


def lined_histogram(
    rows: Sequence[Mapping[str, Any]], lines: Mapping[str, float | None], title: str, span: tuple[float, float]
) -> Any:
    """Bars by decision from `bins.histogram`, with a labelled line at each of ``lines``; the first is drawn solid."""
    data = pd.DataFrame(list(rows), columns=["from", "to", "kind", "count"])
    kinds = [kind for kind in DECISIONS if kind in set(data["kind"])]
    bars = (
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=alt.X("from:Q", title=title, scale=alt.Scale(domain=list(span), nice=False)).bin("binned"),
            x2="to:Q",
            y=alt.Y("sum(count):Q", title="photos", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("kind:N", scale=decisions(kinds), legend=None),
            tooltip=[
                alt.Tooltip("from", format=".3~g"),
                alt.Tooltip("to", format=".3~g"),
                alt.Tooltip("kind", title="decision"),
                alt.Tooltip("count", title="photos"),
            ],
        )
    )
    drawn: list[Any] = [bars]
    for place, (text, at) in enumerate((name, line) for name, line in lines.items() if line is not None):
        mark = pd.DataFrame({"at": [at], "text": [f"{text} {at:.3g}"]})
        rule = alt.Chart(mark).mark_rule(strokeWidth=2, strokeDash=[1, 0] if not place else [5, 4], color=LINE)
        right = at > sum(span) / 2
        label = alt.Chart(mark).mark_text(
            align="right" if right else "left", dx=-6 if right else 6, dy=14 * place + 6, color=LINE, fontWeight=600
        )
        drawn += [rule.encode(x="at:Q"), label.encode(x="at:Q", y=alt.value(0), text="text:N")]
    return alt.layer(*drawn).properties(height=HEIGHT)


LINE = "#6b7780"
"""Grey that has 3 to 1 and more on both backgrounds."""
