"""Who is at the page, and the client that speaks for them. Keys stay in this process: no page and no URL has one."""

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import streamlit as st

from client.client import Client
from client.errors import ShoeboxError
from configuration import load
from dashboard.identity import owner_of
from settings import LOOPBACK, Settings


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in: their client, whose photos they see, and what they may do."""

    client: Client
    owner: str
    scopes: frozenset[str]

    @property
    def admin(self) -> bool:
        """Whether they see keys, workers and the system."""
        return "admin" in self.scopes

    def may(self, scope: str) -> bool:
        """Whether they may submit, read or review."""
        return self.admin or scope in self.scopes


@cache
def settings() -> Settings:
    """The settings, read once."""
    return load()


def person() -> Person:
    """Whoever signed in to this session. Only pages that `app` shows call this."""
    return cast(Person, st.session_state["person"])


def client() -> Client:
    """Their client."""
    return person().client


def signed_in() -> bool:
    """Whether somebody is; where nobody has to sign in, this does it. Raises `ShoeboxError` when the API is away."""
    if "person" in st.session_state:
        return True
    chosen = settings()
    if chosen.dashboard_sign_in == "oidc":
        if not known_elsewhere():
            return False
        sign_in(_local_key(), act_for=owner_of(_user()))
        return True
    if automatic():
        sign_in(_local_key())
        return True
    return False


def sign_in(key: str, act_for: str | None = None) -> None:
    """Makes the session that of the key's owner. Raises `Refused` for a key that is not good, `ShoeboxError` else."""
    chosen = settings()
    made = Client(chosen.server_url or chosen.url, key, patience=3.0, act_for=act_for)
    try:
        found = made.me()
    except ShoeboxError:
        made.close()
        raise
    st.session_state["person"] = Person(made, found["owner"], frozenset(found["scopes"]))


def sign_out() -> None:
    """Forgets the key, and all that was seen and chosen with it: whoever comes next may be somebody else."""
    found = st.session_state.get("person")
    if found is not None:
        found.client.close()
    st.session_state.clear()
    st.query_params.clear()
    if settings().dashboard_sign_in == "oidc":
        st.logout()
        # The browser is on its way out; another run would meet the old cookie and sign them in again.
        st.stop()


def automatic() -> bool:
    """Whether nobody has to sign in here, so that signing out would make no sense.

    A loopback address that has a public one besides is behind a proxy: then anybody could come.
    """
    chosen = settings()
    here = chosen.host in LOOPBACK and not chosen.public_url and not chosen.dashboard_origins
    return chosen.dashboard_sign_in == "auto" and here and bool(_local_key())


def known_elsewhere() -> bool:
    """Whether somebody signed in through OpenID Connect, if only to be refused here."""
    return settings().dashboard_sign_in == "oidc" and bool(_user().get("is_logged_in"))


def _user() -> dict[str, Any]:
    return dict(st.user.to_dict())


def _local_key() -> str:
    chosen = settings()
    if chosen.server_key.get_secret_value():
        return chosen.server_key.get_secret_value()
    try:
        return chosen.key_path.read_text().strip()
    except OSError:
        return ""
