"""Small pictures of photos, kept for the session."""

import base64
import math
import time
from collections.abc import Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor

import streamlit as st

from client.client import Client
from client.errors import Refused, ShoeboxError

SIDE = 320
"""Pixels of a preview's longer side: sharp in the grid on a screen of double density, 15 kB each."""
MOST = 480
FOR_GOOD = frozenset({404, 410, 422})
"""Answers that stay: the photo is gone, its upload is, or it was never a picture."""
AGAIN = 10.0
"""Seconds after which a preview that could not be had otherwise is asked for once more."""
Kept = MutableMapping[tuple[str, int], tuple[str | None, float]]


def previews(speaker: Client, ids: Iterable[str], side: int = SIDE) -> dict[str, str | None]:
    """Small pictures as ``data:`` URLs by item; ``None`` where there is none."""
    return fetched(st.session_state.setdefault("previews", {}), speaker, list(ids), side)


def fetched(kept: Kept, speaker: Client, ids: list[str], side: int) -> dict[str, str | None]:
    """The same from what is ``kept``: each picture with the moment until which it holds, on the monotonic clock."""
    if len(kept) > MOST:
        kept.clear()
    now = time.monotonic()
    missing = [one for one in ids if kept.get((one, side), (None, -math.inf))[1] <= now]
    with ThreadPoolExecutor(4) as pool:
        for one, found in zip(missing, pool.map(lambda each: _preview(speaker, each, side), missing), strict=True):
            kept[one, side] = found
    return {one: kept[one, side][0] for one in ids}


def _preview(speaker: Client, item: str, side: int) -> tuple[str | None, float]:
    try:
        return "data:image/jpeg;base64," + base64.b64encode(speaker.image(item, side)).decode(), math.inf
    except Refused as error:
        if error.status in FOR_GOOD:
            return None, math.inf
    except ShoeboxError:
        pass
    return None, time.monotonic() + AGAIN
