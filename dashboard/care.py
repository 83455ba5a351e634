"""What goes wrong is said in plain words with the request's id; a trace goes to the log and never to the page."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
import structlog

from client.errors import Refused, ShoeboxError, Unreachable
from dashboard import words

log = structlog.get_logger(__name__)

AWAY = (
    "Shoebox does not answer at present. Jobs that were accepted are safe; this page works again as soon as "
    "the API is back. On this machine, `shoebox status` says what is wrong, and `shoebox up` starts it."
)


@contextmanager
def care() -> Iterator[None]:
    """Shows whatever the block raises as a sentence in its place; Streamlit's own signals pass."""
    try:
        yield
    except ShoeboxError as error:
        show(error)
    except Exception as error:
        # How Streamlit stops and starts a script again; these are no errors.
        if type(error).__name__ in ("StopException", "RerunException"):
            raise
        reference = uuid.uuid4().hex[:8]
        log.exception("page_failed", reference=reference)
        st.error(
            f"Something went wrong on this page. It has been written down as {reference} in the dashboard's log "
            "(`shoebox logs dashboard`). Loading the page again often helps.",
            icon=":material/error:",
        )


def show(error: ShoeboxError) -> None:
    """An error of the API in words, where it happened."""
    if isinstance(error, Unreachable):
        st.error(AWAY, icon=":material/cloud_off:")
        return
    st.error("\n\n".join(words.plain(line) for line in _lines(error)), icon=":material/error:")


def sentence(error: ShoeboxError) -> str:
    """The same as text, where there is no Markdown."""
    return AWAY.replace("`", "") if isinstance(error, Unreachable) else "\n\n".join(_lines(error))


def _lines(error: ShoeboxError) -> list[str]:
    """What went wrong and, where there is one, the request's id."""
    if not isinstance(error, Refused):
        return [str(error)]
    wrong = [f"{one.get('field')}: {one.get('message')}" for one in error.errors]
    return [" ".join([str(error), *wrong]), *([f"Request {error.request_id}"] if error.request_id else [])]
