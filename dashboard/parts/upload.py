"""Choosing photos in the browser, and sending them from there: their bytes never come through this process."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from client.errors import ShoeboxError
from dashboard import session
from dashboard.care import sentence
from dashboard.way import go

_ASSETS = Path(__file__).parents[1] / "assets"
# One module for the browser, in files by noun.
SCRIPTS = ("upload_zip.js", "upload_files.js", "upload_send.js", "upload_paint.js", "upload.js")
_upload = st.components.v2.component(
    "shoebox_upload",
    html=(_ASSETS / "upload.html").read_text(),
    css=(_ASSETS / "upload.css").read_text(),
    js="\n".join((_ASSETS / name).read_text() for name in SCRIPTS),
)
_ANSWER = "upload_answer"


def upload(params: Mapping[str, Any]) -> None:
    """The place to drop photos, with all that follows; it leads to the job. ``params`` are the upload's fields."""
    settings = session.settings()
    found = _upload(
        key="upload",
        data={
            "owner": session.person().owner,
            "api": {"url": settings.public_url.rstrip("/"), "port": settings.port},
            "params": pairs(params),
            "largest": settings.max_file_bytes,
            "most": settings.max_upload_bytes,
            "answer": st.session_state.get(_ANSWER),
        },
        on_ask_change=lambda: None,
        on_done_change=lambda: None,
    )
    if found.done:
        st.session_state.pop(_ANSWER, None)
        go("job", id=str(found.done["job"]))
    if found.ask:
        st.session_state[_ANSWER] = {"ask": found.ask["ask"], **_leave()}
        st.rerun()


def pairs(params: Mapping[str, Any]) -> list[list[str]]:
    """Fields of a query: once for each value of a list, without what was not given."""
    found = []
    for name, value in params.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is not None:
                found.append([name, str(one)])
    return found


def _leave() -> dict[str, str]:
    """A ticket, made at the moment at which it is needed; or why there is none."""
    try:
        return {"ticket": session.client().ticket().ticket}
    except ShoeboxError as error:
        return {"trouble": sentence(error)}
