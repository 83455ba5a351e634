"""Pictures are decoded in child processes, so that the worst of files costs no more than itself."""

import contextlib
import itertools
import math
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import PriorityQueue, SimpleQueue
from typing import Any, Self

import numpy as np

from model import raster, wire
from model.decode import Decoded
from model.limits import Limits
from model.sandbox_process import DecoderProcess, crashed
from model.statistics import NAMES

Work = Callable[[DecoderProcess], object]


class PoolClosed(RuntimeError):
    """The pool was closed before this picture was decoded."""


OVERTAKEN = 256
"""An urgent picture goes before so many that came before it, and not before more: none waits for good."""


@dataclass(frozen=True, slots=True, order=True)
class _Task:
    """What waits for a child, in the order of ``turn``; what ends a thread is no ``work`` at all and comes last."""

    turn: float
    number: int
    future: Future[Any] = field(compare=False, default_factory=Future)
    work: Work | None = field(compare=False, default=None)


class DecodePool:
    """``workers`` threads, each with a child process of its own. Close it, or use it as a context manager.

    The children start side by side and the constructor does not wait for them to be ready (about 0.3 s). ``timed`` is
    told in those threads how many seconds each picture took, whatever came of it.
    """

    def __init__(self, workers: int, limits: Limits, timed: Callable[[float], object] = lambda seconds: None) -> None:
        if workers < 1:
            raise ValueError("a decode pool needs at least one worker")
        self._limits = limits
        self._timed = timed
        self._queue: PriorityQueue[_Task] = PriorityQueue()
        self._turns = itertools.count()
        self._closed = False
        self._children = [DecoderProcess(limits) for _ in range(workers)]
        started: SimpleQueue[Exception | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, args=(child, started), name=f"decode-{number}", daemon=True)
            for number, child in enumerate(self._children)
        ]
        for thread in self._threads:
            thread.start()
        failures = [failure for failure in (started.get() for _ in self._threads) if failure]
        if failures:
            self.close()
            raise failures[0]

    def submit(self, read: Callable[[], bytes | memoryview], size: int, *, urgent: bool = False) -> Future[Decoded]:
        """Decode what ``read`` returns to ``[size, size, 3]``. ``read`` is called in a thread of the pool.

        The ``urgent`` goes before what waits (see `OVERTAKEN`).
        The future raises ``Unreadable`` for all about the picture, ``PoolClosed``, or whatever ``read`` raised.
        """

        def work(child: DecoderProcess) -> Decoded:
            data = self._bounded(read())
            facts, payload = child.ask(wire.Task.DECODE, size, data)
            try:
                return _decoded(facts, payload, size, len(data))
            except (ValueError, struct.error):  # a child that makes no sense is as good as dead
                child.stop()
                raise crashed(len(data)) from None

        return self._enqueue(work, urgent)

    def preview(self, data: bytes | memoryview, size: int) -> bytes:
        """A JPEG without metadata that fits in ``size`` x ``size``; waits for it. ``Unreadable`` or ``PoolClosed``."""

        def work(child: DecoderProcess) -> bytes:
            return bytes(child.ask(wire.Task.PREVIEW, size, self._bounded(data))[1])

        made: bytes = self._enqueue(work).result()
        return made

    def pids(self) -> list[int]:
        """The process ids of the children that live now."""
        return [pid for child in self._children if (pid := child.pid) is not None]

    def close(self) -> None:
        """End all children, also those at work, and wait until they are gone. May be called again."""
        self._closed = True
        for _ in self._threads:
            self._queue.put(_Task(math.inf, next(self._turns)))
        for child in self._children:
            child.kill()
        for thread in self._threads:
            thread.join()
        while not self._queue.empty():  # what came in beside the closing
            task = self._queue.get()
            if task.work is not None and task.future.set_running_or_notify_cancel():
                task.future.set_exception(PoolClosed())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bounded(self, data: bytes | memoryview) -> bytes | memoryview:
        if len(data) > self._limits.max_file_bytes:
            raise raster.file_too_large(len(data), self._limits)
        return data

    def _enqueue(self, work: Work, urgent: bool = False) -> Future[Any]:
        if self._closed:
            raise PoolClosed("the decode pool is closed")
        number = next(self._turns)
        task = _Task(number - OVERTAKEN if urgent else number, number, work=work)
        self._queue.put(task)
        return task.future

    def _serve(self, child: DecoderProcess, started: "SimpleQueue[Exception | None]") -> None:
        """The life of one thread. It starts its child itself: the kernel ends a child with the thread that began it."""
        try:
            child.start()
        except (OSError, MemoryError) as error:
            started.put(error)
            return
        started.put(None)
        while (task := self._queue.get()).work is not None:
            self._run(child, task.future, task.work)
            del task  # a result nobody waits for any more need not be kept until the next picture
            if not self._closed:
                # Comes up again, and is told, with the next picture; that waits for ever where this thread ends.
                with contextlib.suppress(OSError, MemoryError):
                    child.start()
        child.stop()

    def _run(self, child: DecoderProcess, future: Future[Any], work: Work) -> None:
        if not future.set_running_or_notify_cancel():
            return
        began = time.perf_counter()
        try:
            if self._closed:
                raise PoolClosed("the decode pool is closed")
            result = work(child)
        except BaseException as error:
            # Closing ends a child under its picture, which is no judgement on the picture.
            future.set_exception(PoolClosed("the decode pool is closed") if self._closed else error)
        else:
            future.set_result(result)
        finally:
            self._timed(time.perf_counter() - began)


def _decoded(facts: bytes, payload: memoryview, size: int, length: int) -> Decoded:
    """The child's answer as a value. ``ValueError`` or ``struct.error`` when it makes no sense."""
    width, height, name, measured = wire.unpack_decoded(facts, len(NAMES))
    if min(width, height) < 1 or not all(map(math.isfinite, measured)):
        raise ValueError("the decoder's facts do not fit together")
    pixels = np.frombuffer(payload, dtype=np.uint8).reshape(size, size, 3)
    return Decoded(pixels, width, height, length, name, measured)
