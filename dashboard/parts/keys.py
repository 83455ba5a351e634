"""Keys: which there are, a new one shown once, and one ended for good (for admins)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import session, words
from dashboard.parts.table import choose, leave

SCOPES: Mapping[str, str] = {
    "submit": "send photos",
    "read": "see jobs, photos and tags",
    "review": "say which tags are right",
    "admin": "all of this, and keys, workers and the system",
}
EVERYTHING = "do everything here"
OWNER = re.compile(r"[A-Za-z0-9._@-]{1,64}")


def keys() -> None:
    """The list, a button that makes one, and a button that revokes the chosen one."""
    found = session.client().keys()
    alive = [key for key in found if key["revoked_at"] is None]
    everything = False
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Make a key", icon=":material/add:", type="primary"):
            make()
        if len(alive) < len(found):
            everything = st.toggle("Show revoked keys", key="keys_revoked")
    shown = {key["id"]: key for key in (found if everything else alive)}
    chosen = choose("keys", {name: _row(key) for name, key in shown.items()})
    if chosen is None:
        st.caption("Choose a key in the first column to revoke it.")
        return
    key = shown[chosen]
    if key["revoked_at"] is not None:
        st.caption(f"{words.plain(key['name'])} was revoked {words.ago(key['revoked_at'])}.")
    elif st.button(f"Revoke {words.plain(key['name'])}", icon=":material/key_off:"):
        revoke(key)


def said(scopes: Sequence[str]) -> str:
    """What a key may do, in words."""
    return EVERYTHING if "admin" in scopes else ", ".join(SCOPES[one] for one in SCOPES if one in scopes)


@st.dialog("Make a key", on_dismiss="rerun")
def make() -> None:
    """Its secret is in this dialog alone, and gone with it."""
    if st.session_state.get("key_done"):
        st.rerun()
    room = st.empty()
    with room.form("key", border=False):
        name = st.text_input("What it is for", placeholder="phone", max_chars=200)
        owner = st.text_input("Whose photos it sees", placeholder=session.person().owner, max_chars=64)
        st.markdown("What it may do")
        given = [
            scope
            for scope, text in SCOPES.items()
            if st.checkbox(f"{scope}: {text}", value=scope in ("submit", "read"), key=f"scope_{scope}")
        ]
        wanted = st.form_submit_button("Make it", type="primary", icon=":material/key:")
    if not wanted:
        return
    wrong = mistake(name, owner, given)
    if wrong:
        st.error(wrong, icon=":material/error:")
        return
    made = session.client().create_key(name.strip(), given, owner.strip() or None)
    room.empty()
    st.success("This is the key. It is shown this once: copy it now.", icon=":material/key:")
    st.code(made["secret"], language=None, wrap_lines=True)
    st.caption(f"{words.plain(made['name'])}: photos of {words.plain(made['owner'])}; it may {said(made['scopes'])}.")
    st.button("Done", key="key_done")


def mistake(name: str, owner: str, scopes: Sequence[str]) -> str | None:
    """What is wrong with a wish for a key, as a sentence; ``None`` where nothing is."""
    if not name.strip():
        return "Please say what the key is for."
    if owner.strip() and not OWNER.fullmatch(owner.strip()):
        return "An owner's name has letters, digits and . _ @ - only, at most 64 of them."
    return None if scopes else "Please choose at least one thing that it may do."


@st.dialog("Revoke this key?")
def revoke(key: Mapping[str, Any]) -> None:
    """Asks once more: whoever uses the key is shut out for good."""
    name, owner = words.plain(key["name"]), words.plain(key["owner"])
    st.write(f"**{name}** (photos of {owner}) stops working at once, and cannot be brought back.")
    with st.container(horizontal=True):
        if st.button("Revoke", type="primary", icon=":material/key_off:", key="revoke_yes"):
            session.client().revoke_key(key["id"])
            leave("keys")
            st.rerun()
        if st.button("Keep it", key="revoke_no"):
            st.rerun()


def _row(key: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "for": key["name"],
        "photos of": key["owner"],
        "may": said(key["scopes"]),
        "made": words.ago(key["created_at"]),
        "state": "revoked" if key["revoked_at"] else "in use",
    }
