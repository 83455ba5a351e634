"""A model: its card in a list, and all that is known about it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import measures, words
from dashboard.parts import charts_model
from dashboard.parts.figures import figures

FEW = 12
CARD = ("accuracy", "coverage", "accepted_accuracy")
MOST_BARS, MOST_SQUARES = 20, 30
THRESHOLDS: Mapping[str, str] = {
    "confidence": "least confidence of a tag",
    "novelty_normal": "most novelty, normal",
    "novelty_strict": "most novelty, strict",
    "gen_normal": "most doubt where no features are kept, normal",
    "gen_strict": "most doubt where no features are kept, strict",
}
"""Where its guards draw their lines, in words."""


def title(model: Mapping[str, Any]) -> str:
    """Name and version."""
    return f"{model['name']} {model['version']}"


def address(model: Mapping[str, Any]) -> str:
    """How jobs and addresses name it."""
    return f"{model['name']}@{model['version']}"


def card(model: Mapping[str, Any]) -> bool:
    """The model in short; whether its button was pressed."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### {words.plain(title(model))}", width="content")
            badges(model)
        st.write(words.plain(model["knows"]))
        st.caption(words.plain(labels(model["labels"])))
        said = measures.headline(model["figures"])
        if said:
            shown = {measures.NAMES[name]: share(said[name]) for name in CARD if name in said}
            figures(shown, width=138)
        else:
            st.caption("It was not measured.")
        return st.button("Look closer", key=f"look_{address(model)}", icon=":material/query_stats:")


def badges(model: Mapping[str, Any]) -> None:
    """What the version is for."""
    if model["default"]:
        st.badge("judges new jobs", icon=":material/check:", color="green")
    elif model["current"]:
        st.badge("current version", color="gray")
    if model["built_in"]:
        st.badge("came with Shoebox", color="gray")


def labels(names: list[str]) -> str:
    """The labels, or as many as fit."""
    left = len(names) - FEW
    return f"{words.amount(len(names), 'tag')}: {', '.join(names[:FEW])}" + (f" and {left:,} more" if left > 0 else "")


def share(value: float) -> str:
    """A share in [0, 1] with one digit after the point."""
    return f"{100 * value:.1f} %"


def closer(model: Mapping[str, Any]) -> None:
    """Everything about one model, from `Client.model`."""
    with st.container(horizontal=True, vertical_alignment="center"):
        badges(model)
    st.write(words.plain(model["knows"]))
    _measured(model)
    _charts(model)
    _report(model.get("report") or {})
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Where its guards draw their lines")
        rows = [(THRESHOLDS.get(name, name), value) for name, value in model["thresholds"].items() if value is not None]
        table = pd.DataFrame(rows, columns=["line", "at"])
        st.dataframe(
            table, hide_index=True, width="stretch", column_config={"at": st.column_config.NumberColumn(format="%.3f")}
        )
    with right:
        st.subheader("Facts")
        side = model["input_size"]
        st.markdown(
            f"**Network**: {words.plain(model['architecture'])}, reads {side} x {side} pixels  \n"
            f"**Licence**: {words.plain(model['licence'])}  \n**Checksum**: `{model['checksum']}`"
        )
        st.markdown(f"**Learnt from**: {words.plain(model['training_data'])}")
    with st.expander(f"All {words.amount(len(model['labels']), 'tag')}"):
        st.write(words.plain(", ".join(model["labels"])))
    if model.get("card"):
        with st.expander("Its card"):
            # A picture in a card would be fetched from wherever it lies.
            st.markdown(model["card"].replace("![", "["))


def _measured(model: Mapping[str, Any]) -> None:
    said = measures.headline(model["figures"])
    if not said:
        st.info("This model was not measured. `shoebox model evaluate` measures it on photos of yours.")
        return
    figures({measures.NAMES[name]: share(value) for name, value in said.items()}, width=190)
    count = measures.photos(model["figures"])
    lines = [f"Measured on {words.amount(count, 'photo')} that it did not learn from."] if count else []
    lines += [f"**{measures.NAMES[name]}**: {measures.MEANINGS[name]}" for name in said]
    st.caption("  \n".join(lines))


def _charts(model: Mapping[str, Any]) -> None:
    scores, found = measures.scores(model), measures.classification(model)
    if not scores:
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("By tag")
        st.caption("F1 is high only when the tag is both given rarely in error and seldom missed; 1 is perfect.")
        weakest = dict(sorted(scores.items(), key=lambda pair: pair[1])[:MOST_BARS])
        st.altair_chart(charts_model.by_label(weakest), width="stretch")
        if len(scores) > MOST_BARS:
            st.caption(f"The {MOST_BARS} weakest of {len(scores):,}.")
    with right:
        st.subheader("What it mixes up")
        names = list(found["per_label"])
        if len(names) <= MOST_SQUARES:
            st.caption("Photos by what they are and by what the model says of them.")
            st.altair_chart(charts_model.confusion(found["confusion"], names), width="stretch")
        else:
            pairs = pd.DataFrame(measures.confused(found["confusion"], names, MOST_BARS)).drop(columns="share")
            st.dataframe(pairs.rename(columns={"given": "it is", "guess": "the model says"}), hide_index=True)


def _report(report: Mapping[str, Any]) -> None:
    bins, curve = (report.get("reliability") or {}).get("after"), report.get("risk_coverage")
    if not bins and not curve:
        return
    left, right = st.columns(2, gap="large")
    if bins:
        with left:
            st.subheader("As sure as it is right?")
            st.caption("Bars that reach the dashed line: of the photos it is 80 % sure of, 80 % are right.")
            st.altair_chart(charts_model.reliability(bins), width="stretch")
    if curve:
        with right:
            st.subheader("Fewer tags, fewer errors")
            st.caption("Tagging only the photos that it is surest of leaves fewer errors among them.")
            st.altair_chart(charts_model.risk(curve), width="stretch")
    for strictness, kept in (report.get("strictness") or {}).items():
        told = f"{share(kept['coverage'])} tagged, {share(kept['accepted_accuracy'])} of them right"
        st.caption(f"With novelty {strictness}: {told}.")
