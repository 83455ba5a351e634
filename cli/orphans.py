"""Processes that outlived a supervisord which was killed."""

import contextlib
import os
import signal
import time
from pathlib import Path

_PATIENCE = 6.0


def end_orphans(socket: Path) -> int:
    """Ends every process that was started by the supervisord of ``socket``; returns how many there were.

    Needs Linux' /proc; elsewhere nothing is found.
    """
    found = _children_of(socket)
    for pid, parent in found.items():
        # Their own children end with them; a worker still needs its decoders to finish what it has in hand.
        if parent not in found:
            _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    while (left := _children_of(socket)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        _send(pid, signal.SIGKILL)
    return len(found)


def _children_of(socket: Path) -> dict[int, int]:
    """Process ids with their parents'."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if _ours(folder, socket):
                found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found.pop(os.getpid(), None)
    return found


def _ours(folder: Path, socket: Path) -> bool:
    # supervisord leaves its address in the environment of its children, and theirs inherit it. Redis writes its title
    # over its environment, but works in a folder of its own. A zombie has neither: it counts as gone.
    if b"SUPERVISOR_SERVER_URL=unix://" + os.fsencode(socket) in (folder / "environ").read_bytes().split(b"\0"):
        return True
    redis = (folder / "comm").read_text().strip() in ("redis-server", "valkey-server")
    return redis and (folder / "cwd").resolve() == (socket.parent.parent / "broker").resolve()


def _send(pid: int, which: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, which)
