"""How the service is and how it is set up; keys."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import session, words
from dashboard.parts.figures import figures
from dashboard.parts.health import health
from dashboard.parts.keys import keys

LIMITS: Mapping[str, str] = {
    "max_upload_bytes": "largest upload",
    "max_files": "most files in an upload",
    "max_entries": "most files in a ZIP",
    "max_file_bytes": "largest photo",
    "max_pixels": "most pixels of a photo",
    "decode_seconds": "longest time to open a photo",
    "decode_memory_bytes": "most memory to open a photo",
    "min_free_bytes": "space that is kept free",
    "blobs_quota_bytes": "most room for uploads",
    "shard_items": "photos that a worker takes at once",
    "auth_failures_per_minute": "failed sign-ins in a minute",
    "ticket_minutes": "time to begin an upload from a page",
}
KEPT: Mapping[str, str] = {"keep_uploads_days": "uploads", "keep_results_days": "results"}
UNLIMITED = frozenset({"blobs_quota_bytes"})
"""Limits that are none at 0."""
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
BROKERS = {"embedded": "comes with Shoebox", "external": "a server of your own"}


def page() -> None:
    """Shows it."""
    st.title("System")
    st.subheader("Health")
    health()
    if not session.person().admin:
        st.caption("Whoever runs this Shoebox sees more here: storage, limits and keys.")
        return
    found = session.client().system()
    st.subheader("Set-up")
    uploads = found["uploads"]
    figures(
        {
            "version": found["version"],
            "running for": words.about(found["uptime_seconds"]),
            "uploads kept": f"{uploads['count']:,}",
            "their size": words.size(uploads["bytes"]),
            "free space": "-" if uploads["free_bytes"] is None else words.size(uploads["free_bytes"]),
        }
    )
    database, broker = DATABASES.get(found["database"], found["database"]), BROKERS.get(found["redis"], found["redis"])
    st.caption(f"Database: {database} · Redis: {broker}")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Limits")
        rows = [{"limit": LIMITS.get(name, name), "at": said(name, value)} for name, value in found["limits"].items()]
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", height="content")
    with right:
        st.subheader("Retention")
        _retention(found["retention"])
    st.subheader("Keys")
    keys()


def said(name: str, value: float) -> str:
    """A limit with its unit, which its name tells."""
    if name in UNLIMITED and not value:
        return "no limit"
    if name.endswith("bytes"):
        return words.size(value)
    units = {"seconds": "s", "minutes": "min", "days": "days"}
    unit = next((short for long, short in units.items() if name.endswith(f"_{long}")), "")
    return f"{value:,.10g} {unit}".strip()


def _retention(found: Mapping[str, Any]) -> None:
    if not found:
        st.write("Uploads and results stay until they are deleted.")
        return
    rows = [
        {"what": KEPT.get(name, name.replace("_", " ")), "deleted after": said(name, value)}
        for name, value in found.items()
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", height="content")
