"""How photos are to be judged: the model and its options, with defaults that need no thought."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import words

NOVELTY: Mapping[str, str] = {"strict": "reject readily", "normal": "normal", "off": "never reject"}
OTHERS = {
    False: "Other photos are rejected, with the reason.",
    True: "Photos of other things are not looked for: they may get a tag as well.",
}
MOST_TAGS = 20
TAGS = 3


def options(models: list[dict[str, Any]]) -> dict[str, Any]:
    """Says what the model knows and offers the options, folded away; returns the upload's fields, without defaults.

    ``models`` are as the API lists them; at least one.
    """
    ordered = sorted(models, key=lambda one: (not one["default"], not one["current"], one["name"], one["version"]))
    by_name = {f"{one['name']} {one['version']}": one for one in ordered}
    told = st.empty()
    with st.expander("Options", icon=":material/tune:"):
        left, right = st.columns(2, gap="large")
        with left:
            name = st.selectbox(
                "Model",
                list(by_name),
                format_func=lambda one: f"{one} (default)" if by_name[one]["default"] else one,
                key="submit_model",
            )
            model = by_name[name]
            found: dict[str, Any] = {"model": None if model["default"] else f"{model['name']}@{model['version']}"}
            found |= {"min_confidence": _confidence(model), "novelty": _novelty()}
        with right:
            found |= _labels(model) | {"top_k": _top()}
    knows = words.plain(model["knows"])
    told.markdown(f"**{words.plain(name)}** judges your photos. {knows} {OTHERS[found['novelty'] == 'off']}")
    return {key: value for key, value in found.items() if value not in (None, [])}


def _confidence(model: dict[str, Any]) -> float | None:
    own = -(-100 * model["thresholds"]["confidence"] // 1)
    chosen = st.slider(
        "Least confidence of a tag",
        int(own),
        99,
        int(own),
        format="%d %%",
        key=f"submit_confidence_{model['name']}_{model['version']}",
        help=f"{words.percent(own / 100)} is the model's own line. More means fewer tagged photos, and surer tags.",
    )
    return None if chosen == int(own) else chosen / 100


def _novelty() -> str | None:
    chosen = st.radio(
        "Photos unlike those that the model knows",
        list(NOVELTY),
        index=1,
        format_func=NOVELTY.__getitem__,
        horizontal=True,
        key="submit_novelty",
    )
    return None if chosen == "normal" else chosen


def _labels(model: dict[str, Any]) -> dict[str, Any]:
    known = sorted({*model["labels"], *model["categories"]})
    which = f"{model['name']}_{model['version']}"
    only = st.multiselect("Only these tags", known, placeholder="all", key=f"submit_allow_{which}")
    never = st.multiselect("Never these tags", known, placeholder="none", key=f"submit_deny_{which}")
    both = sorted({*only} & {*never})
    if both:
        names = words.plain(", ".join(both))
        st.warning(f"{names}: never wins where a tag stands in both lists.", icon=":material/info:")
    return {"allow": only, "deny": never}


def _top() -> int | None:
    chosen = st.number_input("Most tags of a photo", 1, MOST_TAGS, TAGS, key="submit_top")
    return None if chosen == TAGS else int(chosen)
