"""The parent's hold on one decoder process: start it, ask it, judge how it ended, start another."""

import contextlib
import fcntl
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from model import raster, wire
from model.heap import HUGE_PAGES
from model.limits import Limits
from model.statistics import NAMES
from model.verdict import Reason, Score, Unreadable

log = logging.getLogger(__name__)

_PROGRAM = ("-P", "-m", "model.sandbox_child")
_ROOT = str(Path(__file__).resolve().parents[1])
# All that a decoder may know of our environment: how to load libraries. No addresses, no keys.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
# One thread, one heap: more would reserve address space that the limit on memory could not tell from use.
_ALONE = {"PYTHONPATH": _ROOT, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
_FIXED = _ALONE | HUGE_PAGES
_START_SECONDS = 60.0
_PIPE_BYTES = 256 * 1024


class DecoderMissing(RuntimeError):
    """A decoder process could not be started at all: the installation is broken, not the picture."""


class _Late(Exception):
    """The deadline passed while we waited for the child."""


class _Gone(Exception):
    """The child ended, or answered nonsense, which is treated alike."""


class DecoderProcess:
    """One child at a time, used by one thread; :meth:`kill` may be called from any."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False

    @property
    def pid(self) -> int | None:
        """The child's process id, ``None`` while there is none."""
        process = self._process
        return None if process is None else process.pid

    def start(self) -> None:
        """Start a child unless there is one; does not wait until it is ready. ``OSError`` when that fails."""
        if self._process is not None:
            return
        arguments = [str(os.getpid()), json.dumps(asdict(self._limits))]
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        process = subprocess.Popen(
            [sys.executable, *_PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            env=environment | _FIXED,
            start_new_session=True,  # a signal to our group is ours to handle; a decoder ends when we do
        )
        assert process.stdin is not None and process.stdout is not None
        self._write_end, self._read_end = process.stdin.fileno(), process.stdout.fileno()
        self._writable, self._readable = select.poll(), select.poll()
        self._writable.register(self._write_end, select.POLLOUT)
        self._readable.register(self._read_end, select.POLLIN)
        for end in (self._write_end, self._read_end):
            os.set_blocking(end, False)
            with contextlib.suppress(OSError, AttributeError):  # larger pipes are faster, smaller ones do as well
                fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._process, self._ready = process, False

    def stop(self, patience: float = 0.0) -> int | None:
        """End the child after ``patience`` seconds and wait for it; its exit status, negative for a signal."""
        process, self._process = self._process, None
        if process is None:
            return None
        with process:
            try:
                return process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                return process.wait()

    def kill(self) -> None:
        """End the child at once; who waits for its answer gets a refusal."""
        process = self._process
        if process is not None:
            process.kill()

    def ask(self, task: wire.Task, size: int, data: bytes | memoryview) -> tuple[bytes, memoryview]:
        """The child's answer: facts and raw bytes. ``Unreadable`` for whatever is wrong with the picture, or was
        caused by it; then this object has no child until the next :meth:`start`. ``DecoderMissing``.
        """
        self.start()
        self._wait_until_ready()
        deadline = time.monotonic() + self._limits.decode_seconds
        try:
            self._send(wire.REQUEST.pack(task, size, len(data)), data, deadline)
            status, facts, payload = self._receive_reply(task, size, deadline)
            if status == wire.Status.DONE:
                return facts, payload
            refusal = _refusal(status, facts, len(data))
        except _Late:
            self.stop()
            raise _ended(-signal.SIGPROF, len(data)) from None
        except _Gone:
            raise _ended(self.stop(patience=1.0), len(data)) from None
        except MemoryError:  # of this process; an answer half read must not become the next picture's
            self.stop()
            raise
        if refusal.reason is Reason.OUT_OF_MEMORY:
            self.stop()  # what a decoder that failed so leaves behind would count against the next picture
        raise refusal

    def _wait_until_ready(self) -> None:
        if self._ready:
            return
        try:
            word = bytearray(len(wire.READY))
            self._receive(word, 0, len(word), time.monotonic() + _START_SECONDS)
            self._ready = word == wire.READY
        except (_Late, _Gone):
            self._ready = False
        if not self._ready:
            raise DecoderMissing(f"the decoder process could not start (exit status {self.stop(patience=1.0)})")

    # Each call that may wait gives the interpreter away and has to get it back, beside as many threads as there are
    # decoders. Header and file in one call, the whole answer in another, and facts that are no JSON: 16 decoders that
    # take 6 ms for a photo were kept at 2,200 photos/s instead of 1,850.

    def _send(self, header: bytes, data: bytes | memoryview, deadline: float) -> None:
        parts = [memoryview(header), memoryview(data)]
        while True:
            sent = self._sent(parts)
            while parts and sent >= len(parts[0]):
                sent -= len(parts.pop(0))
            if not parts:
                return
            parts[0] = parts[0][sent:]
            if not self._writable.poll(_milliseconds_until(deadline)):
                raise _Late

    def _sent(self, parts: list[memoryview]) -> int:
        """How many bytes of ``parts`` the pipe takes now."""
        try:
            return os.writev(self._write_end, parts)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            raise _Gone from None

    def _receive(self, frame: bytearray, got: int, wanted: int, deadline: float) -> int:
        """Reads into ``frame``, of which ``got`` bytes are there, until it has ``wanted`` or more; how many it has."""
        with memoryview(frame) as whole:
            while got < wanted:
                if not self._readable.poll(_milliseconds_until(deadline)):
                    raise _Late
                more = os.readv(self._read_end, [whole[got:]])
                if not more:
                    raise _Gone
                got += more
        return got

    def _receive_reply(self, task: wire.Task, size: int, deadline: float) -> tuple[int, bytes, memoryview]:
        """One whole reply, of the lengths it must have: a child taken over by a picture may say anything."""
        # A preview's length is told by its header; a decoded picture's is known, so that one read may get it all.
        frame = bytearray(wire.REPLY.size if task is wire.Task.PREVIEW else wire.decoded_bytes(size, len(NAMES)))
        got = self._receive(frame, 0, wire.REPLY.size, deadline)
        status, facts, length = wire.REPLY.unpack_from(frame)
        if status != wire.Status.DONE:
            fits = length == 0
        else:
            fits = length <= wire.MAX_PREVIEW if task is wire.Task.PREVIEW else length == size * size * 3
        if not fits or facts > wire.MAX_FACTS:
            raise _Gone
        start = wire.REPLY.size + facts
        end = start + length
        frame += bytes(max(0, end - len(frame)))
        if self._receive(frame, got, end, deadline) > end:
            raise _Gone
        return status, bytes(frame[wire.REPLY.size : start]), memoryview(frame)[start:end]


def crashed(size: int) -> Unreadable:
    """The refusal of a picture, a file of ``size`` bytes, that broke its decoder."""
    explanation = "The program that reads pictures broke down on this one; the file may be damaged."
    return Unreadable(Reason.DECODER_CRASHED, explanation, size=size)


def _refusal(status: int, told: bytes, size: int) -> Unreadable:
    try:
        status, facts = wire.Status(status), json.loads(told)
    except ValueError:
        raise _Gone from None
    if not isinstance(facts, dict):
        raise _Gone
    if status == wire.Status.BUG:
        log.error("decoding a picture of %d bytes failed in our own code:\n%s", size, facts.get("traceback"))
        return Unreadable(Reason.INTERNAL_ERROR, "Shoebox made a mistake while reading this picture.", size=size)
    try:
        scores = {
            str(name): Score(float(value), None if limit is None else float(limit))
            for name, (value, limit) in facts["scores"].items()
        }
        return Unreadable(Reason(facts["reason"]), str(facts["explanation"]), size=size, scores=scores)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _Gone from None


def _ended(status: int | None, size: int) -> Unreadable:
    """What a child's exit status says about the picture it had."""
    if status == -signal.SIGPROF:
        return Unreadable(Reason.TIMEOUT, "Reading this picture took too long, so it was stopped.", size=size)
    if status == wire.EXIT_OUT_OF_MEMORY:
        return raster.out_of_memory(size)
    return crashed(size)


def _milliseconds_until(deadline: float) -> float:
    return max(0.0, (deadline - time.monotonic()) * 1000)
