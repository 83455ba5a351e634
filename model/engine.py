"""Photos in, verdicts out: decoders work ahead in their own processes while the network runs in the caller's thread."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from model import selfcheck
from model.backends.base import Backend, DeviceOutOfMemory, Outputs
from model.backends.batches import rehearsed
from model.bundle import Bundle
from model.decode import Decoded
from model.flight import Flight, Ready, Seen
from model.guard import Guard, failure
from model.photo import Key, Photo
from model.room import Room, reserve
from model.sandbox import DecodePool
from model.verdict import Options, Reason, Unreadable, Verdict

PATIENCE = 0.05
"""Seconds for which decoded photos wait for more before a part-filled batch runs."""

HELD_BACK = 0.5
"""Seconds for which urgent photos may keep the others from the network, however many are urgent."""

CALM = 5.0
"""Seconds after the last urgent photo for which other batches stay at a quarter: the next one waits for less."""

PULSE = 1.0
"""Seconds without a photo after which whoever waits for verdicts is heard (a photo may take longer than a lease)."""


class Engine:
    """One bundle on one backend beside one pool of decoders. Used by one thread at a time.

    It owns the backend, and the pool unless ``shares_pool``: then several engines decode in the same processes, one
    after the other, and whoever opened the pool closes it after them.
    Where memory lacks, batches are halved, and stay small for a while, also in later runs (`Room`).
    A photo is in memory from when a decoder takes it until its verdict; two batches, or four photos for each decoder,
    are under way at most.
    """

    def __init__(
        self, bundle: Bundle, backend: Backend, pool: DecodePool, batch_size: int = 16, *, shares_pool: bool = False
    ) -> None:
        self.bundle = bundle
        self.backend = backend
        self.batch_size = batch_size
        self._shares_pool = shares_pool
        self._guard = Guard.of(bundle)
        self._pool = pool
        self._window = max(2 * batch_size, 4 * len(pool.pids()))
        self._room = Room(batch_size)
        self._urged = -CALM

    def judge(
        self,
        photos: Iterable[Photo[Key]],
        meanwhile: Callable[[], object] = lambda: None,
        first: Callable[[], Iterable[Photo[Key]]] = tuple,
        timed: Callable[[int, float], object] = lambda photos, seconds: None,
    ) -> Generator[tuple[Key, Verdict], None, None]:
        """A verdict for every photo, as each is ready, in any order. See `judge_together`."""
        with closing(self.judge_together(photos, meanwhile, first, timed)) as found:
            for verdicts in found:
                yield from verdicts

    def judge_together(
        self,
        photos: Iterable[Photo[Key]],
        meanwhile: Callable[[], object] = lambda: None,
        first: Callable[[], Iterable[Photo[Key]]] = tuple,
        timed: Callable[[int, float], object] = lambda photos, seconds: None,
    ) -> Generator[list[tuple[Key, Verdict]], None, None]:
        """The verdicts on all photos, in any order; those that are known at the same moment come together.

        ``photos`` is pulled as room appears, never far ahead; ``first`` is asked between batches for a few that are
        begun whether there is room or not. What is wrong with a picture is its verdict. Whatever else ``read``,
        ``photos`` or ``first`` raises ends the run, as does closing the generator; nothing stays behind either way.
        ``meanwhile`` is called each `PULSE` for which no photo comes out of its decoder, ``timed`` after each batch
        with its photos and the network's seconds.
        """
        source = iter(photos)
        flight = Flight[Key](self._pool, self.bundle.input_size)
        ready = Ready[Key]()
        dry = False
        short: deque[Photo[Key]] = deque()
        alone: Photo[Key] | None = None
        ran = time.monotonic()
        try:
            while not dry or flight or ready or short:
                if short and not flight and not ready:
                    alone = short.popleft()
                    flight.start(alone)
                if not short and alone is None:
                    for photo in first():
                        flight.start(photo)
                while not dry and not short and alone is None and len(flight) + len(ready) < self._window:
                    pulled = next(source, None)
                    if pulled is None:
                        dry = True
                    else:
                        flight.start(pulled)
                if flight.urgent:
                    self._urged = time.monotonic()
                room = self._share()
                hurry = time.monotonic() - ran < HELD_BACK
                full = ready.urgent > 0 or (len(ready) >= room and not (flight.urgent and hurry))
                # A full batch waits for nothing, a part of one for a little, none at all for as long as it takes.
                landed = flight.landed(0 if full else PATIENCE if ready else PULSE)
                if flight and not landed and not ready:
                    meanwhile()
                refused = []
                for photo, future in landed:
                    if isinstance(future.exception(), MemoryError) and photo is not alone:
                        # It is tried again while nothing else takes memory.
                        short.append(photo)
                        self._room.lacking(len(flight) + len(ready) + 1)
                        continue
                    alone = None if photo is alone else alone
                    seen = self._look(photo, future)
                    if isinstance(seen, Verdict):
                        refused.append((photo.key, seen))
                    else:
                        ready.add(seen)
                if refused:
                    yield refused
                if ready.urgent and (hurry or not ready.others):
                    yield from self._settle(ready.urgent_batch(room), timed)
                elif ready.others and not (flight.urgent and hurry) and (len(ready) >= room or not landed):
                    ran = time.monotonic()
                    yield from self._settle(ready.batch(room), timed)
        finally:
            flight.abandon()

    def judge_one(self, data: bytes, options: Options | None = None) -> Verdict:
        """The verdict on one picture's bytes."""
        [(_, verdict)] = self.judge([Photo(None, lambda: data, options or Options())])
        return verdict

    def warm_up(self) -> None:
        """Runs a full batch and smaller ones, so that the first photo does not wait for the backend's set-up.

        What a full batch is here, is found out on the way. Raises `DeviceOutOfMemory` where not even one fits.
        """
        with reserve():
            while self._room.size > 1 and self._outputs(self._blank(self._room.size)) is None:
                self._room.lacking(self._room.size)
            for size in rehearsed(self._room.size, self.backend.device):
                self._outputs(self._blank(size))
            self.backend.run(self._blank(1)())

    def _share(self) -> int:
        """Photos in the next batch, at most."""
        room = self._room.size
        return room if time.monotonic() - self._urged > CALM else max(1, room // 4)

    def _blank(self, count: int) -> Callable[[], NDArray[np.uint8]]:
        size = self.bundle.input_size
        return lambda: np.zeros((count, size, size, 3), np.uint8)

    def self_check(self) -> None:
        """Raises `selfcheck.SelfCheckFailed` when the backend does not repeat the bundle's reference figures."""
        selfcheck.check(self.backend, self.bundle)

    def close(self) -> None:
        """Ends the backend, and the decoders unless they are shared; a second call does nothing."""
        if not self._shares_pool:
            self._pool.close()
        self.backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _look(self, photo: Photo[Key], future: Future[Decoded]) -> Verdict | Seen[Key]:
        """The guards before the network: could the file be read, does it look like a photo?"""
        try:
            decoded = future.result()
        except Unreadable as refusal:
            return self._signed(refusal.verdict())
        except MemoryError:
            return self._signed(failure(Reason.OUT_OF_MEMORY))
        verdict, scores = self._guard.look(decoded.statistics)
        seen = Seen(photo, decoded, scores)
        return seen if verdict is None else self._described(verdict, seen, None)

    def _settle(
        self, batch: list[Seen[Key]], timed: Callable[[int, float], object]
    ) -> Iterator[list[tuple[Key, Verdict]]]:
        """The network and the guards after it. Where the device lacks room, the run goes on by halves."""
        while batch:
            part = batch[: self._room.size]
            started = time.perf_counter()
            outputs = self._outputs(partial(_stacked, part))
            seconds = time.perf_counter() - started
            if outputs is None and len(part) > 1:
                self._room.lacking(len(part))
                continue
            batch = batch[len(part) :]
            if outputs is None:
                yield [(part[0].photo.key, self._described(failure(Reason.OUT_OF_MEMORY), part[0], None))]
                continue
            timed(len(part), seconds)
            verdicts = self._guard.judge(outputs, [seen.photo.options for seen in part])
            spent = seconds * 1000 / len(part)
            yield [(s.photo.key, self._described(v, s, spent)) for s, v in zip(part, verdicts, strict=True)]

    def _outputs(self, batch: Callable[[], NDArray[np.uint8]]) -> Outputs | None:
        """What the network says of a batch; None where there is no memory for it, or for making it."""
        try:
            return self.backend.run(batch())
        except (DeviceOutOfMemory, MemoryError):
            return None

    def _described(self, verdict: Verdict, seen: "Seen[Key]", spent: float | None) -> Verdict:
        return self._signed(
            verdict,
            scores={**seen.scores, **verdict.scores},
            width=seen.decoded.width,
            height=seen.decoded.height,
            bytes=seen.decoded.bytes,
            inference_ms=spent,
        )

    def _signed(self, verdict: Verdict, **facts: Any) -> Verdict:
        bundle = self.bundle
        return replace(
            verdict,
            model=bundle.name,
            version=bundle.version,
            checksum=bundle.checksum,
            backend=self.backend.name,
            **facts,
        )


def _stacked(batch: list[Seen[Key]]) -> NDArray[np.uint8]:
    return np.stack([seen.decoded.pixels for seen in batch])
