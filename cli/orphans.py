"""Processes that outlived a supervisord which was killed."""

import contextlib
import os
import signal
import time
from pathlib import Path

_PATIENCE = 8.0


def end_orphans(socket: Path) -> int:
    """Ends every process that was started by the supervisord of ``socket``; returns how many there were.

    supervisord leaves its address in the environment of its children, and theirs inherit it. It can be read on
    Linux only; elsewhere nothing is found.
    """
    found = _children_of(socket)
    for pid in found:
        _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    while (left := _children_of(socket)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        _send(pid, signal.SIGKILL)
    return len(found)


def _children_of(socket: Path) -> list[int]:
    mark = b"SUPERVISOR_SERVER_URL=unix://" + os.fsencode(socket)
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # A zombie's environment is empty: it counts as gone.
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark in variables and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def _send(pid: int, which: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, which)
