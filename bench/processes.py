"""Processes of others beside the bench: started, waited for, weighed, and gone afterwards."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import psutil

from model.heap import HUGE_PAGES

START_SECONDS = 120
WEIGH_SECONDS = 0.5


def as_ours() -> None:
    """Starts this process anew where it takes memory otherwise than Shoebox's own do, so that like is compared."""
    if not HUGE_PAGES.items() <= os.environ.items():
        os.execve(sys.executable, sys.orig_argv, os.environ | HUGE_PAGES)


@contextmanager
def started(command: list[str], folder: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process and whatever it starts, with ``folder`` for temporary files. All of them go at the end."""
    environment = os.environ | {"TMPDIR": folder, "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def until(works: Callable[[], object], excused: type[Exception], process: "subprocess.Popen[bytes]") -> None:
    """Calls ``works`` until it raises ``excused`` no more; raises it where ``process`` ended or took too long."""
    began = time.monotonic()
    while True:
        try:
            works()
            return
        except excused:
            if process.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise
            time.sleep(0.2)


@contextmanager
def memory_of(*pids: int) -> Iterator[list[float]]:
    """Megabytes that the processes and all below them hold together, looked at twice a second and at the end."""
    held, over = [], Event()

    def look() -> None:
        last = False
        while not last:
            last = over.wait(WEIGH_SECONDS)
            held.append(sum(map(_megabytes, itertools.chain.from_iterable(map(_tree, pids)))))

    thread = Thread(target=look)
    thread.start()
    try:
        yield held
    finally:
        over.set()
        thread.join()


def _tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _megabytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 1e6
    except psutil.NoSuchProcess:  # it has just ended
        return 0.0
