"""Confidence and novelty against their lines, and what other lines would change, from the scores that are stored."""

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import streamlit as st

from client.errors import Refused
from client.values import Item
from dashboard import bins, guards, session, words
from dashboard.care import care
from dashboard.look import DECISIONS
from dashboard.memory import kept
from dashboard.parts.charts import lined_histogram
from dashboard.parts.examples import show
from dashboard.parts.figures import figures, legend
from dashboard.whatif import change, measured, usual

MOST = 5000
SHOWN = 6
FRESH = 60.0
Scores = Mapping[str, Any]


def lines(days: Mapping[str, Any]) -> None:
    """The body of a fragment: moving a slider asks the API for nothing but the few photos that are shown."""
    with care():
        models = kept("models", "", FRESH, session.client().models)
        names = sorted({one["name"] for one in models})
        current = next((one["name"] for one in models if one["default"]), next(iter(names), None))
        place = names.index(current) if current in names else 0
        name = st.selectbox("Model", names, index=place, key="lines_model", width=220) if len(names) > 1 else current
        if name is None:
            st.info("No model is installed, so there are no lines to try.", icon=":material/info:")
            return
        confidence, novelty = (_scores(guard, name, days) for guard in ("confidence", "novelty"))
        photos = measured(confidence, novelty)
        if not photos:
            st.info(f"The model {words.plain(name)} has judged no photo in these days.", icon=":material/info:")
            return
        left, right = st.columns(2, gap="large")
        with left:
            least = _guard("confidence", "Least confidence", confidence, (0.0, 1.0))
        with right:
            most = _guard(
                "novelty", "Most novelty", novelty, bins.span(novelty["values"], usual(novelty["thresholds"]))
            )
        _outcome(photos, least if least is not None else 0.0, most)
        if not (confidence["complete"] and novelty["complete"]):
            st.caption(f"Reckoned from the newest {len(photos):,} photos.")
        if any(one["name"] == name and one["categories"] for one in models):
            st.caption("Wider categories, which may stand in for a label that is not sure enough, are not reckoned in.")


def _scores(guard: str, model: str | None, days: Mapping[str, Any]) -> Scores:
    return kept(
        "scores",
        (guard, model, days),
        FRESH,
        lambda: session.client().scores(guard, model=model, limit=MOST, **days),
    )


def _guard(name: str, title: str, scores: Scores, span: tuple[float, float]) -> float | None:
    """One guard's histogram with its slider, and where the slider stands; ``None`` where no photo has such a score."""
    st.markdown(f"**{name.capitalize()}**")
    st.caption(guards.SENTENCES[name])
    values, line = scores["values"], usual(scores["thresholds"])
    if not values:
        st.caption("No photo here has this score.")
        return None
    low, high = span
    start = float(line if line is not None else (low if name == "confidence" else max(high, *values)))
    step = 0.01 if high - low < 10 else 0.1
    room = st.container()
    tried = st.slider(
        title,
        # On the grid of the steps, and beyond both ends of the chart.
        min_value=math.floor(min(low, start) / step) * step,
        max_value=math.ceil(max(high, start) / step) * step,
        value=start,
        step=step,
        key=f"lines_{name}_{start:.4f}",
    )
    drawn = {"line": line} | ({"tried" if line is not None else "line tried": tried} if tried != start else {})
    with room:
        rows = bins.histogram(values, scores["decisions"], low, high)
        st.altair_chart(lined_histogram(rows, drawn, name, (low, high)), width="stretch")
        legend({kind: colour for kind, colour in DECISIONS.items() if kind in scores["decisions"]})
    if max(values) > high:
        st.caption("The last bar holds all that lies farther out.")
    return tried


def _outcome(photos: list[Any], least: float, most: float | None) -> None:
    found = change(photos, least, most)
    figures(
        {
            "tagged now": f"{found.before:,}",
            "with these lines": f"{found.after:,}",
            "would gain tags": f"{len(found.gained):,}",
            "would lose tags": f"{len(found.lost):,}",
        }
    )
    if not found.gained and not found.lost:
        st.caption("Move a line to see which photos would change.")
        return
    for title, ids, key in (
        ("Would be tagged", found.gained, "gained"),
        ("Would not be tagged any more", found.lost, "lost"),
    ):
        if ids:
            more = (
                f" · the newest {SHOWN} of {len(ids):,}"
                if len(ids) > SHOWN
                else f" · {words.amount(len(ids), 'photo')}"
            )
            st.markdown(f"**{title}**{more}")
            show(_items(ids[:SHOWN]), f"lines_{key}")


def _items(ids: tuple[str, ...]) -> list[Item]:
    """The photos; those whose job was deleted meanwhile are left out."""
    speaker = session.client()

    def ask(one: str) -> Item | None:
        try:
            return speaker.item(one)
        except Refused as error:
            if error.status in (404, 410):
                return None
            raise

    def all_of_them() -> list[Item]:
        with ThreadPoolExecutor(4) as pool:
            return [item for item in pool.map(ask, ids) if item is not None]

    return kept("items", ids, FRESH, all_of_them)
