"""The models that are installed: cards, one looked at closely, two compared."""

import streamlit as st

from dashboard import session, words
from dashboard.parts.model_card import address, card, closer, title
from dashboard.parts.model_compare import compare

COLUMNS = 2


def page() -> None:
    """All models, or the one that the address names."""
    wanted = st.query_params.get("model")
    if wanted:
        found = session.client().model(wanted)
        st.title(words.plain(title(found)))
        if st.button("All models", icon=":material/arrow_back:", type="tertiary"):
            st.query_params.clear()
            st.rerun()
        closer(found)
        return
    st.title("Models")
    models = sorted(session.client().models(), key=lambda one: (not one["default"], one["name"], one["version"]))
    if not models:
        st.info("No model is installed. `shoebox model add` adds one.", icon=":material/info:")
        return
    st.caption(
        "New jobs are judged by the default unless they name another. On the command line, `shoebox model promote "
        "NAME@VERSION` changes it; old verdicts keep their version."
    )
    for start in range(0, len(models), COLUMNS):
        for column, model in zip(st.columns(COLUMNS, gap="medium"), models[start : start + COLUMNS], strict=False):
            with column:
                if card(model):
                    st.query_params["model"] = address(model)
                    st.rerun()
    if len(models) > 1:
        st.subheader("Compare two")
        compare(models)
