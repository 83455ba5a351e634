"""What was asked of the API a moment ago, for one person, so that moving a slider does not ask it all again."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

Value = TypeVar("Value")
MOST = 64


def kept(what: str, key: object, seconds: float, ask: Callable[[], Value]) -> Value:
    """The answer of ``ask``, asked anew once it is older than ``seconds``; ``what`` and ``key`` name the question.

    It lies in the session, never beside it: what one owner saw no other does.
    """
    memory: dict[tuple[str, str], tuple[float, Any]] = st.session_state.setdefault("memory", {})
    name, now = (what, repr(key)), time.monotonic()
    if name in memory and now - memory[name][0] <= seconds:
        found: Value = memory[name][1]
        return found
    found = ask()
    if len(memory) >= MOST:
        memory.clear()
    memory[name] = now, found
    return found
