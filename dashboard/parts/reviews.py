"""What somebody said of photos, taken to the API."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from client.client import Client
from client.errors import Refused, ShoeboxError, Unreachable
from dashboard import words
from dashboard.care import sentence

OF_ONE = frozenset({404, 410, 422})
"""Answers that are about one photo among several: the others may well be reviewed."""
Told = tuple[str, str]
"""A sentence and its icon."""


def say(speaker: Client, said: Mapping[str, Any]) -> list[Told]:
    """Sends what was said of the photos ``ids``: ``correct``, a ``label`` or ``undo``. Returns what is to be told.

    One photo that cannot be reviewed does not keep the others from it, and nothing is raised: what is not kept is told.
    """
    ids: Sequence[str] = said["ids"]
    refused = _sent(speaker, said, ids)
    told = []
    if len(refused) < len(ids) and not said.get("undo"):
        told.append((f"{words.amount(len(ids) - len(refused), 'photo')} reviewed", ":material/check:"))
    if refused:
        why = sentence(next(iter(refused.values())))
        told.append((f"{words.amount(len(refused), 'photo')} not reviewed. {why}", ":material/error:"))
    return told


def tell(told: Sequence[Told]) -> None:
    """Shows it for a few seconds, whatever the page does."""
    for text, icon in told:
        st.toast(words.plain(text), icon=icon)


def _sent(speaker: Client, said: Mapping[str, Any], ids: Sequence[str]) -> dict[str, ShoeboxError]:
    """The photos of which it was not kept, and why."""
    if not said.get("undo"):
        what = {"correct": True} if said.get("correct") else {"label": said.get("label")}
        try:
            speaker.review_many([{"id": one, **what} for one in ids])
        except ShoeboxError as error:
            if not isinstance(error, Refused) or error.status not in OF_ONE:
                return dict.fromkeys(ids, error)
        else:
            return {}
    refused: dict[str, ShoeboxError] = {}
    for place, one in enumerate(ids):
        try:
            _one(speaker, said, one)
        except Unreachable as error:
            return refused | dict.fromkeys(ids[place:], error)
        except ShoeboxError as error:
            refused[one] = error
    return refused


def _one(speaker: Client, said: Mapping[str, Any], item: str) -> None:
    if said.get("undo"):
        speaker.unreview(item)
    elif said.get("correct"):
        speaker.confirm(item)
    else:
        speaker.review(item, said.get("label"))
