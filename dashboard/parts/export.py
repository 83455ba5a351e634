"""A selection of the history as a file."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st

from dashboard import session

FORMATS = {"csv": ("CSV table", "text/csv"), "jsonl": ("JSON lines", "application/x-ndjson")}


@st.dialog("Export this selection")
def export(filters: Mapping[str, Any]) -> None:
    """All its photos, newest first, not only those on the page; fetched once the format is chosen."""
    # The file is fetched where there is no session any more.
    speaker = session.client()
    kind = st.radio("Format", list(FORMATS), format_func=lambda one: FORMATS[one][0])

    def fetch() -> bytes:
        with TemporaryDirectory() as folder:
            return speaker.export(kind, Path(folder) / "photos", **filters).read_bytes()

    st.download_button(
        "Download",
        fetch,
        f"photos.{kind}",
        FORMATS[kind][1],
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )
