"""The frame around every page: sign-in, navigation, and who is here."""

from pathlib import Path

import streamlit as st

from client.errors import Refused, ShoeboxError
from dashboard import session, words
from dashboard.care import care, show
from dashboard.parts import style
from dashboard.routes import pages

ICON = str(Path(__file__).with_name("assets") / "icon.svg")


def main() -> None:
    """Runs once for every change on the page."""
    # Streamlit would fetch an icon of its own font from the network.
    st.set_page_config(page_title="Shoebox", page_icon=ICON, layout="wide", initial_sidebar_state="auto")
    style.apply()
    try:
        ready = session.signed_in()
    except ShoeboxError as error:
        show(error)
        with st.container(horizontal=True):
            st.button("Try again", icon=":material/refresh:")
            if session.known_elsewhere() and st.button("Sign out", icon=":material/logout:"):
                session.sign_out()
        return
    if not ready:
        _sign_in()
        return
    chosen = st.navigation(pages())
    _who()
    with care():
        chosen.run()


def _who() -> None:
    someone = session.person()
    st.logo(ICON, size="large")
    with st.sidebar:
        st.caption(f"Photos of **{words.plain(someone.owner)}**" + (" · admin" if someone.admin else ""))
        if not session.automatic() and st.button("Sign out", icon=":material/logout:", type="tertiary"):
            session.sign_out()
            st.rerun()


def _sign_in() -> None:
    with st.container(width=440, horizontal_alignment="left"):
        st.title("Shoebox")
        if session.settings().dashboard_sign_in == "oidc":
            st.write("Sign in to see your photos and their tags.")
            if st.button("Sign in", type="primary", icon=":material/login:"):
                st.login()
            return
        st.write("Sign in with your key. `shoebox keys create` makes one; whoever runs this Shoebox can do it for you.")
        with st.form("sign-in", border=False):
            key = st.text_input("Key", type="password", autocomplete="current-password")
            if st.form_submit_button("Sign in", type="primary", icon=":material/login:"):
                _try(key)


def _try(key: str) -> None:
    if not key.strip():
        st.error("Please enter a key.")
        return
    try:
        session.sign_in(key.strip())
    except Refused as error:
        if error.status != 401:
            show(error)
            return
        st.error("This key is unknown or was revoked.")
    except ShoeboxError as error:
        show(error)
    else:
        st.rerun()


main()
