"""Sending photos: choose them, say how they are judged, and see them on their way."""

import streamlit as st

from dashboard import session
from dashboard.care import care
from dashboard.parts.options import options
from dashboard.parts.upload import upload


def page() -> None:
    """What the model knows, the options, and the place to drop photos."""
    st.title("Submit photos")
    if not session.person().may("submit"):
        st.info(
            "Your key lets you look at photos and not send any. Whoever runs this Shoebox can give you one that does.",
            icon=":material/lock:",
        )
        return
    models = session.client().models()
    if not models:
        st.info("There is no model yet. `shoebox model add` installs one.", icon=":material/neurology:")
        return
    params = options(models)
    st.fragment(_upload)(params)


def _upload(params: dict[str, object]) -> None:
    with care():
        upload(params)
